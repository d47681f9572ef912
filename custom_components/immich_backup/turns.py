"""Much to do in the event loop at once, done a little at a time."""

import asyncio
from collections import deque
from collections.abc import Callable
import time

# Seconds for which other things in the event loop wait at most.
_TURN = 0.004


class Turns:
    """Calls functions in their order; others have their turn in between.

    Hundreds of folders have thousands of entities, which all change when a run begins.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with nothing to do."""
        self._loop = loop
        self._pending: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def add(self, function: Callable[[], None]) -> None:
        """Call a function soon, after those that were added before; in the loop."""
        self._pending.append(function)
        self._schedule()

    def _schedule(self) -> None:
        """Go on in the next turn of the loop, if there is anything to do."""
        if self._pending and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        """Call functions until it is the turn of others."""
        self._scheduled = False
        end = time.monotonic() + _TURN
        try:
            while self._pending and time.monotonic() < end:
                self._pending.popleft()()
        finally:
            # What one of them raises, the loop logs.
            self._schedule()
