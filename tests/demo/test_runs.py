"""What the demonstration notes of runs."""

import asyncio
from typing import Any

import pytest

from demo.runs import RunLog

FOLDER = "event.samples_backup"
# 2026-11-25, 08:00 UTC.
EIGHT = 1795593600.0


def change(event: str, run_id: str, **values: Any) -> dict[str, Any]:
    """Return what Home Assistant tells when an event entity changes."""
    attributes = {
        "event_type": event,
        "run_id": run_id,
        "trigger": "trigger",
        "started": "2026-11-25T08:00:00+00:00",
        **values,
    }
    return {"data": {"entity_id": FOLDER, "new_state": {"attributes": attributes}}}


async def test_waits_for_the_run_that_began_after() -> None:
    """Neither an earlier run nor one of another cause counts."""
    log = RunLog(since=EIGHT - 3600)
    waiting = asyncio.create_task(log.wait_for(FOLDER, "trigger", EIGHT - 60))
    log._hear(change("completed", "old", started="2026-11-25T07:30:00+00:00"))
    log._hear(change("started", "other", trigger="new_media"))
    log._hear({"data": {"entity_id": FOLDER, "new_state": None}})
    log._hear({"data": {"entity_id": "sun.sun", "new_state": {"attributes": {}}}})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    log._hear(change("started", "new"))
    assert (await waiting).id == "new"


def test_the_last_run_is_shown_again() -> None:
    """What Home Assistant shows of a run before its start did not happen now."""
    log = RunLog(since=EIGHT + 60)
    log._hear(change("completed", "old", uploaded=3))
    assert log.of(FOLDER) == []
    log._hear(change("completed", "new", started="2026-11-25T08:02:00+00:00"))
    assert [run.id for run in log.of(FOLDER)] == ["new"]


async def test_waits_for_the_end() -> None:
    """A run goes on until it is said how it ended."""
    log = RunLog(since=EIGHT)
    log._hear(change("started", "a"))
    ending = asyncio.create_task(log.wait_for_end(FOLDER, "a"))
    log._hear(change("progress", "a", uploaded=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(ending), 0.05)
    log._hear(change("completed", "a", uploaded=3, duplicates=2))
    run = await ending
    assert (run.outcome, run.uploaded, run.duplicates) == ("completed", 3, 2)
    assert log.of(FOLDER) == [run]
    assert run.started == EIGHT
