"""When a folder is scanned again."""

import pytest

from custom_components.immich_backup.engine.detect.scan_timer import ScanTimer

HOUR = 3600.0


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return monotonic seconds."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Return a clock."""
    return Time()


@pytest.mark.parametrize(
    ("took", "doubtful", "polling", "pause"),
    [
        (1, False, False, HOUR),
        (1, False, True, 60),
        (30, False, True, 600),
        (30, False, False, HOUR),
        (1, True, False, 30),
        (30, True, True, 30),
    ],
)
def test_pauses(
    time: Time, took: float, doubtful: bool, polling: bool, pause: float
) -> None:
    """The next scan comes as late as what watches the folder allows."""
    timer = ScanTimer(time)
    assert timer.due
    began, time.now = time.now, time.now + took
    timer.ended(began, doubtful=doubtful, polling=polling)
    assert timer.due_at == time.now + pause
    time.now += pause - 0.5
    assert not timer.due
    time.now += 0.5
    assert timer.due


@pytest.mark.parametrize(("took", "pause"), [(1, 60), (30, 600)])
def test_scan_that_has_a_cause(time: Time, took: float, pause: float) -> None:
    """It comes early, but scans do not follow each other without a pause."""
    timer = ScanTimer(time)
    began, time.now = time.now, time.now + took
    ended = time.now
    timer.ended(began, doubtful=False, polling=False)
    timer.scan_soon()
    assert timer.due_at == ended + pause
    time.now += pause + 1
    assert timer.due
    timer.scan_soon()
    # It is not put off.
    assert timer.due_at == ended + pause
    timer.scan_now()
    assert timer.due_at == time.now


def test_cause_long_after_a_scan(time: Time) -> None:
    """Nothing keeps it from being due at once."""
    timer = ScanTimer(time)
    timer.ended(time.now, doubtful=False, polling=False)
    time.now += 120
    timer.scan_soon()
    assert timer.due


def test_polling_begins(time: Time) -> None:
    """What is no longer watched is not left alone for an hour."""
    timer = ScanTimer(time)
    timer.ended(time.now, doubtful=False, polling=False)
    timer.begin_polling()
    assert timer.due_at == time.now + 60
    time.now += 50
    timer.begin_polling()
    assert timer.due_at == time.now + 10
