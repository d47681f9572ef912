"""What there is to tell: several runs and folders in a few sentences that are true."""

from dataclasses import replace
import json
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers.json import json_bytes
import pytest

from custom_components.immich_backup.const import CONF_EVENTS, SUBENTRY_NOTIFICATION
from custom_components.immich_backup.engine.events import RunFinished
from custom_components.immich_backup.engine.model import (
    RunCounts,
    RunOutcome,
    RunPart,
    RunReport,
    RunTrigger,
)
from custom_components.immich_backup.notifications import (
    Notification,
    Occasion,
    notification_of,
)
from custom_components.immich_backup.occasions import (
    News,
    gather,
    news_of,
    note_told,
    note_well,
    worth_telling,
)

COMPLETED = Occasion.COMPLETED
WITH_ERRORS = Occasion.COMPLETED_WITH_ERRORS
FAILED = Occasion.FAILED
UNAVAILABLE = Occasion.FOLDER_UNAVAILABLE
OVERDUE = Occasion.OVERDUE


def news(occasion: Occasion, folders: str, **values: Any) -> News:
    """Return news of folders, each called by one letter."""
    return News(occasion=occasion, folders=list(folders), **values)


def gathered(*happened: News) -> list[tuple[Occasion, str, int, int]]:
    """Return what is told of it: occasion, folders, how many stored and failed."""
    told: list[News] = []
    for one in happened:
        gather(told, one)
    return [
        (one.occasion, "".join(one.folders), one.uploaded, one.failed) for one in told
    ]


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (
            [news(COMPLETED, "a", uploaded=2), news(COMPLETED, "b", uploaded=3)],
            [(COMPLETED, "ab", 5, 0)],
        ),
        # What failed was stored since.
        (
            [
                news(WITH_ERRORS, "a", uploaded=2, failed=1),
                news(COMPLETED, "a", uploaded=1),
            ],
            [(COMPLETED, "a", 3, 0)],
        ),
        (
            [news(FAILED, "a", error="x"), news(COMPLETED, "ab", uploaded=1)],
            [(COMPLETED, "ab", 1, 0)],
        ),
        # It says nothing of another folder.
        (
            [news(FAILED, "a", error="x"), news(COMPLETED, "b", uploaded=1)],
            [(FAILED, "a", 0, 0), (COMPLETED, "b", 1, 0)],
        ),
        (
            [
                news(WITH_ERRORS, "a", uploaded=2, failed=1),
                news(WITH_ERRORS, "b", uploaded=1, failed=2),
            ],
            [(WITH_ERRORS, "ab", 3, 3)],
        ),
        # What could not be stored is counted anew by each run.
        (
            [
                news(WITH_ERRORS, "ab", uploaded=2, failed=3),
                news(WITH_ERRORS, "a", uploaded=1, failed=1),
            ],
            [(WITH_ERRORS, "ab", 3, 3)],
        ),
        (
            [
                news(WITH_ERRORS, "a", uploaded=2, failed=3),
                news(WITH_ERRORS, "ab", uploaded=1, failed=1),
            ],
            [(WITH_ERRORS, "ab", 3, 1)],
        ),
        # Only the folder that is away is away.
        (
            [news(COMPLETED, "a", uploaded=2), news(UNAVAILABLE, "b")],
            [(UNAVAILABLE, "b", 0, 0), (COMPLETED, "a", 2, 0)],
        ),
        (
            [news(UNAVAILABLE, "a"), news(OVERDUE, "a"), news(UNAVAILABLE, "b")],
            [(UNAVAILABLE, "ab", 0, 0), (OVERDUE, "a", 0, 0)],
        ),
        # It was backed up since, so it is back.
        (
            [
                news(UNAVAILABLE, "ab"),
                news(OVERDUE, "a"),
                news(COMPLETED, "a", uploaded=2),
            ],
            [(UNAVAILABLE, "b", 0, 0), (COMPLETED, "a", 2, 0)],
        ),
        # Two kinds of news become one by a run over all of it.
        (
            [
                news(COMPLETED, "a", uploaded=2),
                news(FAILED, "b", error="x"),
                news(COMPLETED, "ab", uploaded=1),
            ],
            [(COMPLETED, "ab", 3, 0)],
        ),
    ],
)
def test_gathered(
    happened: list[News], told: list[tuple[Occasion, str, int, int]]
) -> None:
    """What is told of several runs is how things stand after the last of them."""
    assert gathered(*happened) == told


def test_bounded() -> None:
    """However much happens, a few sentences are told."""
    occasions = [one for one in Occasion if one is not Occasion.PROGRESS]
    told: list[News] = []
    for number in range(500):
        gather(
            told,
            News(
                occasion=occasions[number % 5],
                folders=[f"folder{number}"],
                failed=1,
                failing=[f"{number}.jpg"],
                examples=[f"{number}.jpg"],
                assets=[f"{number}"],
            ),
        )
    assert len(told) == 5
    for one in told:
        assert max(len(one.failing), len(one.examples)) <= 3
        assert len(one.assets) <= 6


def report(**changes: Any) -> RunReport:
    """Return a run of one folder that ended."""
    values: dict[str, Any] = {
        "id": "1",
        "trigger": RunTrigger.MANUAL,
        "folders": ("a",),
        "started": 1.0,
        "finished": 2.0,
        "outcome": RunOutcome.WITH_ERRORS,
        "counts": RunCounts(uploaded=1, failed=1),
    }
    return RunReport(**{**values, **changes})


def test_can_be_stored() -> None:
    """What is told can be stored and sent, whatever bytes a file's name has."""
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    one = news_of(
        RunFinished(report(examples=(name,), failing=(name,), error=f"No {name}")),
        ["a"],
    )
    assert one is not None
    assert one.failing == one.examples == ["caf�.jpg"]
    assert one.error == "No caf�.jpg"
    assert News.of(json.loads(json_bytes(one.as_dict()))) == one


def test_idle_folders_are_not_named() -> None:
    """Of a run over many folders those are named in which there was something to do."""
    counts = RunCounts(uploaded=1)
    run = report(
        folders=("a", "b", "c"),
        counts=counts,
        outcome=RunOutcome.COMPLETED,
        parts={"b": RunPart(counts=counts), "c": RunPart()},
    )
    one = news_of(RunFinished(run), ["a", "b", "c"])
    assert one is not None
    assert one.named == ["b"]
    # Yet it says of all of them that they are well.
    assert one.covers(news(FAILED, "abc"))
    idle = news_of(RunFinished(replace(run, parts={})), ["a", "b", "c"])
    assert idle is not None
    assert idle.named == ["a", "b", "c"]
    failed = news_of(
        RunFinished(replace(run, outcome=RunOutcome.FAILED)), ["a", "b", "c"]
    )
    assert failed is not None
    assert failed.named == ["a", "b", "c"]


def notification(*events: Occasion) -> Notification:
    """Return a notification that tells of this."""
    return notification_of(
        ConfigSubentry(
            data={CONF_EVENTS: [one.value for one in events]},  # type: ignore[arg-type]
            subentry_type=SUBENTRY_NOTIFICATION,
            title="Phones",
            unique_id=None,
        )
    )


def failing(folders: str, *names: str, uploaded: int = 0) -> News:
    """Return news of files that failed."""
    return news(
        WITH_ERRORS,
        folders,
        uploaded=uploaded,
        failed=len(names),
        failing=list(names),
    )


def test_told_once() -> None:
    """What fails is told once, until something about it changes."""
    bad = notification(WITH_ERRORS, FAILED)
    told: list[News] = []
    first = failing("a", "1.jpg", uploaded=2)
    assert worth_telling(first, bad, told)
    note_told(told, first)
    again = failing("a", "1.jpg", uploaded=5)
    assert not worth_telling(again, bad, told)
    # Who wants to know what is stored is told that.
    assert worth_telling(again, notification(COMPLETED, WITH_ERRORS), told)
    assert worth_telling(failing("a", "1.jpg", "2.jpg"), bad, told)
    # Another folder that is well changes nothing.
    note_well(told, news(COMPLETED, "b"))
    assert not worth_telling(again, bad, told)
    note_well(told, news(COMPLETED, "a"))
    assert worth_telling(again, bad, told)


def test_failure_of_all_told_once() -> None:
    """What makes runs fail is told once for all folders, until one succeeds."""
    bad = notification(FAILED)
    told: list[News] = []
    note_told(told, news(FAILED, "a", error="Away"))
    assert not worth_telling(news(FAILED, "b", error="Away"), bad, told)
    assert worth_telling(news(FAILED, "b", error="Full"), bad, told)
    note_well(told, news(COMPLETED, "c"))
    assert worth_telling(news(FAILED, "a", error="Away"), bad, told)


def test_what_is_remembered_is_bounded() -> None:
    """However many folders fail, few of them are remembered."""
    told: list[News] = []
    for number in range(100):
        one = news(WITH_ERRORS, "", failed=1, failing=[f"{number}.jpg"])
        one.folders = [str(number)]
        note_told(told, one)
    assert len(told) == 20
    assert told[-1].failing == ["99.jpg"]
