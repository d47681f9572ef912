"""The sentences that people read about files and about what stops them."""

from dataclasses import replace

import pytest

from custom_components.immich_backup.engine.model import (
    FileReport,
    FileState,
    Halt,
    Reason,
)
from custom_components.immich_backup.engine.texts import (
    halt_text,
    reason_text,
    retry_text,
    upload_text,
)

REPORT = FileReport(
    folder="camera",
    path="one.jpg",
    size=1,
    modified=0.0,
    state=FileState.UNWANTED,
    reason=Reason.RULE,
    detail=None,
    rule="no pics",
    criterion="extension, size",
    sha1=None,
    asset_id=None,
    proof=None,
    proof_at=None,
    attempts=0,
    next_try=None,
)
TURN = "It waits for its turn"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Left out by the rule “no pics” (its extension, its size)"),
        ({"criterion": "every file"}, "Left out by the rule “no pics” (every file)"),
        (
            {"reason": Reason.KIND, "detail": "captured, pixels"},
            (
                "The folder does not back up files of this type; not known of this file:"
                " the day it was taken, its pixels"
            ),
        ),
        (
            {"reason": Reason.KIND, "detail": "zones, template; No, no: 1"},
            (
                "The folder does not back up files of this type; not known of this file:"
                " the zone it was taken in, its template (No, no: 1)"
            ),
        ),
        (
            {"reason": Reason.OTHER_KEPT, "detail": "one.NEF"},
            "Another picture of the same shot is kept instead: one.NEF",
        ),
        ({"state": FileState.WAITING, "reason": Reason.QUEUED}, TURN),
        (
            {"state": FileState.WAITING, "reason": Reason.PROOF_LOST},
            f"The server no longer has it. {TURN}",
        ),
        (
            {"state": FileState.PARKED, "reason": Reason.REFUSED, "detail": "Bad name"},
            "The server refused it: Bad name",
        ),
    ],
)
def test_reasons(changes: dict[str, object], text: str) -> None:
    """Each state says why, and what it waits for."""
    assert reason_text(replace(REPORT, **changes), TURN) == text  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", Reason)
def test_uploads_promise_nothing(reason: Reason) -> None:
    """Nobody watches a single upload for later changes."""
    text = upload_text(reason, None, TURN)
    assert text
    assert "backed up once" not in text or reason is Reason.NEW


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ("asset.upload", "The API key lacks the permission asset.upload"),
        (
            "Forbidden resource",
            "The API key lacks a permission; the server says: Forbidden resource",
        ),
    ],
)
def test_permissions(detail: str, text: str) -> None:
    """A permission is named if the server names one."""
    assert halt_text(Halt.PERMISSION, detail) == text


@pytest.mark.parametrize("halt", Halt)
def test_halts_are_sentences(halt: Halt) -> None:
    """Every cause is said in words, not in an identifier."""
    text = halt_text(halt, "The ledger can't be written")
    assert text.startswith("The ")
    assert " " in text


@pytest.mark.parametrize(
    ("count", "trouble", "text"),
    [
        (0, None, "No file has failed"),
        (0, "The server is away", "No file has failed"),
        (1, None, "1 file is tried again"),
        (
            2,
            "The server is away",
            "2 files are tried again once that is possible. The server is away",
        ),
    ],
)
def test_retries(count: int, trouble: str | None, text: str) -> None:
    """What is tried, and what keeps it."""
    assert retry_text(count, trouble) == text
