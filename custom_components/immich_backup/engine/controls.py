"""What a person switched for the whole account; the ledger keeps it over a restart."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import math
import sqlite3

from .clock import Clock
from .ledger import Ledger, LedgerError, runs
from .pacing import Pacer

# What files wait for in a pause, in words for people.
END_OF_PAUSE = "The end of the pause"

# Values of the account in the ledger.
_AUTOMATIC = "automatic"
_LIMIT = "limit"
_PAUSED_UNTIL = "paused_until"
_ON, _OFF = "on", "off"
# Seconds between looks whether a pause is over: wall time may jump.
_LOOK_INTERVAL = 30.0


class Controls:
    """Whether runs start by themselves, whether there is a pause, and how fast it goes."""

    def __init__(
        self, ledger: Ledger, clock: Clock, changed: Callable[[], None]
    ) -> None:
        """Begin with everything allowed; ``changed`` is told of every change."""
        self.pacer = Pacer(clock.monotonic)
        self._ledger = ledger
        self._clock = clock
        self._changed = changed
        self._automatic = True
        self._paused_until = -math.inf
        self._wake = asyncio.Event()

    async def load(self) -> None:
        """Read what the ledger remembers; raises LedgerError."""

        def read(con: sqlite3.Connection) -> list[str | None]:
            keys = (_AUTOMATIC, _LIMIT, _PAUSED_UNTIL)
            return [runs.get_value(con, key) for key in keys]

        automatic, limit, paused_until = await self._ledger.ask(read)
        self._automatic = automatic != _OFF
        self.pacer.set_limit(_number(limit, 0.0))
        self._paused_until = _number(paused_until, -math.inf)

    @property
    def automatic(self) -> bool:
        """Return whether runs start by themselves."""
        return self._automatic

    async def set_automatic(self, on: bool) -> None:
        """Switch whether runs start by themselves; what is asked for still runs.

        Raises LedgerError.
        """
        await self._ledger.run(runs.set_value, _AUTOMATIC, _ON if on else _OFF)
        self._automatic = on
        self._changed()

    @property
    def limit(self) -> float:
        """Return how many bytes per second may be sent; 0 is no limit."""
        return self.pacer.limit

    async def set_limit(self, limit: float) -> None:
        """Let at most this many bytes per second be sent, 0: any; raises LedgerError."""
        await self._ledger.run(runs.set_value, _LIMIT, repr(limit))
        self.pacer.set_limit(limit)
        self._changed()

    @property
    def paused_until(self) -> float | None:
        """Return when the pause ends (epoch seconds, infinite: never); None if none."""
        return self._paused_until if self.paused else None

    @property
    def paused(self) -> bool:
        """Return whether nothing is sent at present."""
        return self._clock.time() < self._paused_until

    async def pause(self, until: float = math.inf) -> None:
        """Send nothing until then (epoch seconds), or until ``resume``.

        What is on its way is abandoned and waits. Raises LedgerError.
        """
        await self._set_pause(until)

    async def resume(self) -> None:
        """End the pause; raises LedgerError."""
        await self._set_pause(None)

    async def keep(self) -> None:
        """End a pause when it is over; runs until it is cancelled."""
        while True:
            self._wake.clear()
            delay = None
            if self._paused_until > -math.inf:
                left = self._paused_until - self._clock.time()
                if left <= 0:
                    # What can't be recorded is over all the same.
                    with suppress(LedgerError):
                        await self.resume()
                    self._paused_until = -math.inf
                    continue
                delay = min(left, _LOOK_INTERVAL)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()

    async def _set_pause(self, until: float | None) -> None:
        """Record and begin or end a pause."""
        value = None if until is None else repr(until)
        await self._ledger.run(runs.set_value, _PAUSED_UNTIL, value)
        self._paused_until = -math.inf if until is None else until
        self._wake.set()
        self._changed()


def _number(text: str | None, default: float) -> float:
    """Return a number that the ledger holds as text."""
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
