"""What the demonstration tells while it keeps running."""

from pathlib import Path
from typing import Any

import pytest

from demo.demonstration import Demonstration, Options


def state(run_id: str, event: str = "completed", **counts: int) -> dict[str, Any]:
    """Return the state of the entity that tells of the folder's runs."""
    return {
        "state": "2026-11-25T08:00:00.000+00:00",
        "attributes": {
            "event_type": event,
            "run_id": run_id,
            "trigger": "new_media",
            "started": "2026-11-25T08:00:00+00:00",
            "uploaded": counts.get("uploaded", 0),
            "failed": counts.get("failed", 0),
            "examples": ["one.jpg"],
            "failing": [],
        },
    }


def test_every_run_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An account that is loaded again shows its last run again, which is not a new one."""
    demonstration = Demonstration(Options(home=tmp_path))
    for shown in (
        state("a", "started"),
        state("a", "progress", uploaded=1),
        state("a", uploaded=2),
        {},
        {"state": "unavailable", "attributes": {}},
        state("a", uploaded=2),
        state("a", uploaded=2),
        state("b"),
        state("c", "completed_with_errors", failed=1),
    ):
        demonstration._tell_run(shown)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "uploaded 2, failed 0: one.jpg",
        "uploaded 0, failed 1: one.jpg",
    ]
