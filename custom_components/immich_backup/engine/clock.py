"""Where the engine gets the time from, so that tests can turn the clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and the server, monotonic time for everything else."""

    def time(self) -> float:
        """Return seconds since the epoch; may jump."""

    def monotonic(self) -> float:
        """Return seconds that only grow; starts anywhere."""


class SystemClock:
    """The machine's own clocks."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some point before."""
        return time.monotonic()
