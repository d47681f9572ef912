"""How fast bytes go out, over the last seconds."""

from collections import deque
from collections.abc import Callable

_WINDOW = 10.0


class Meter:
    """Adds up bytes in steps of a second; forgets what is older than 10 s."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take the time from this clock."""
        self._monotonic = monotonic
        self._steps: deque[tuple[int, int]] = deque(maxlen=int(_WINDOW) + 1)

    def add(self, count: int) -> None:
        """Note bytes that went out now."""
        second = int(self._monotonic())
        if self._steps and self._steps[-1][0] == second:
            count += self._steps.pop()[1]
        self._steps.append((second, count))

    def rate(self) -> float:
        """Return bytes per second over the last 10 s."""
        oldest = self._monotonic() - _WINDOW
        return sum(count for second, count in self._steps if second > oldest) / _WINDOW
