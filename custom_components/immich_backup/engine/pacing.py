"""How fast bytes may go out: a limit that all uploads of an account share."""

import asyncio
from collections.abc import Callable

# Seconds that one piece may take, so that many uploads share a limit evenly.
_PIECE_SECONDS = 0.1
_LEAST_PIECE = 4 * 1024
# More is not read, and not handed to the connection, at once.
LARGEST_PIECE = 1024 * 1024


class Pacer:
    """Gives each piece of an upload its moment, one after the other."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin without a limit; take the time from this clock."""
        self._monotonic = monotonic
        self._limit = 0.0
        # When everything that was let through has gone out, at the limit.
        self._free = 0.0
        self._changed = asyncio.Event()

    @property
    def limit(self) -> float:
        """Return the limit in bytes per second; 0 is none."""
        return self._limit

    def set_limit(self, limit: float) -> None:
        """Let this many bytes per second go out from now on; 0 is no limit."""
        self._limit = limit
        self._free = self._monotonic()
        # Whoever waits for a moment at the old limit asks for one at the new.
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def piece(self) -> int:
        """Return how many bytes should be sent at once."""
        if not self._limit:
            return LARGEST_PIECE
        return min(max(int(self._limit * _PIECE_SECONDS), _LEAST_PIECE), LARGEST_PIECE)

    async def wait(self, count: int) -> None:
        """Wait until this many bytes may go out."""
        while self._limit:
            now = self._monotonic()
            moment = max(now, self._free)
            self._free = moment + count / self._limit
            try:
                async with asyncio.timeout(moment - now):
                    await self._changed.wait()
            except TimeoutError:
                return
