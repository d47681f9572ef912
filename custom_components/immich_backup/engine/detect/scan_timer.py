"""When a folder is scanned again: soon if there is cause, else after a while."""

from collections.abc import Callable
import math

# Seconds between full scans: events may have been lost without a word.
_INTERVAL = 3600.0
# Seconds between scans of a folder without events; more for one that takes long.
_POLL_INTERVAL = 60.0
_POLL_SHARE = 20
# Seconds between scans of a folder that may not be the right one.
_DOUBT_INTERVAL = 30.0
# Seconds between scans that are not asked for by a person.
_PAUSE = 60.0


class ScanTimer:
    """Knows when the next full scan of one folder is due; the first one is at once."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take the time from this clock, in seconds."""
        self._monotonic = monotonic
        self.due_at = monotonic()
        self._ended_at = -math.inf
        self._took = 0.0

    @property
    def due(self) -> bool:
        """Return whether it is time for a scan."""
        return self._monotonic() >= self.due_at

    def scan_now(self) -> None:
        """Let a scan be due at once."""
        self.due_at = self._monotonic()

    def scan_soon(self) -> None:
        """Let a scan be due early, but not right after the last one."""
        earliest = self._ended_at + max(_PAUSE, self._took * _POLL_SHARE)
        self.due_at = min(self.due_at, max(self._monotonic(), earliest))

    def begin_polling(self) -> None:
        """Let the next scan be due as early as that of a folder without events."""
        self.due_at = min(self.due_at, self._monotonic() + _POLL_INTERVAL)

    def ended(self, began: float, *, doubtful: bool, polling: bool) -> None:
        """Note that a scan ended that began then, in monotonic seconds.

        ``doubtful`` says that the folder may not be the right one, ``polling`` that it
        is not watched by events.
        """
        self._ended_at = self._monotonic()
        self._took = self._ended_at - began
        if doubtful:
            pause = _DOUBT_INTERVAL
        elif polling:
            pause = max(_POLL_INTERVAL, self._took * _POLL_SHARE)
        else:
            pause = _INTERVAL
        self.due_at = self._ended_at + pause
