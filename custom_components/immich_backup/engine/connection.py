"""Connecting: who we are for the server, what it takes, and when to ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from ..immich.errors import ImmichError, UnavailableError
from .ledger import Ledger, LedgerError, runs
from .link import HaltedError, LinkDownError, ServerLink
from .media_types import DEFAULT_EXTENSIONS, extensions_of, from_text, to_text
from .model import Halt
from .rules import MediaKind

# Seconds between tries when a person must act, but time may have done so.
_HALT_RETRY = 600.0
# Values of the account in the ledger.
_USER = "user"
_EXTENSIONS = "extensions"


class Connection:
    """Keeps the link to the server usable, from the start and after it was away."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        connected: Callable[[], None],
        take_extensions: Callable[[], Awaitable[None]],
    ) -> None:
        """Call ``connected`` when the server answers, ``take_extensions`` when needed."""
        self.extensions: Mapping[str, MediaKind] = DEFAULT_EXTENSIONS
        self._ledger = ledger
        self._link = link
        self._connected = connected
        self._take_extensions = take_extensions
        self._changed = asyncio.Event()
        self._pause: float | None = None

    async def load(self) -> None:
        """Take from the ledger what the server said it takes; raises LedgerError."""
        self.extensions = from_text(await self._ledger.run(runs.get_value, _EXTENSIONS))

    def changed(self) -> None:
        """Look again: the link's state changed."""
        self._changed.set()

    def pause(self, seconds: float) -> None:
        """Ask the server again only after so many seconds."""
        self._pause = seconds
        self._changed.set()

    async def connect(self) -> None:
        """Connect, and take what the server says into account.

        Raises ImmichError, HaltedError, LedgerError.
        """
        await self._link.connect()
        assert self._link.user is not None
        known = await self._ledger.run(runs.get_value, _USER)
        if known is None:
            await self.adopt_user()
        elif known != self._link.user.id:
            self._link.stop(Halt.OTHER_USER, self._link.user.id)
        assert self._link.media_types is not None
        extensions = extensions_of(self._link.media_types)
        if extensions != self.extensions:
            self.extensions = extensions
            await self._ledger.run(runs.set_value, _EXTENSIONS, to_text(extensions))
            await self._take_extensions()

    async def adopt_user(self) -> None:
        """Remember the server's user as ours."""
        if self._link.user is not None:
            await self._ledger.run(runs.set_value, _USER, self._link.user.id)

    async def ensure(self) -> None:
        """Be connected; wait a little for a server that is away.

        Raises LinkDownError, HaltedError, ImmichError, LedgerError.
        """
        if self._link.user is None:
            with suppress(UnavailableError):
                await self.connect()
        if self._link.user is None:
            await self._link.call(self.connect)

    async def tend(self) -> None:
        """Connect at start, and again whenever the server was away; runs on."""
        while True:
            try:
                async with asyncio.timeout(self._delay()):
                    await self._changed.wait()
                self._changed.clear()
                continue
            except TimeoutError:
                self._pause = None
            self._link.resume()
            with suppress(ImmichError, LinkDownError, HaltedError, LedgerError):
                await self.connect()
                self._connected()

    def _delay(self) -> float | None:
        """Return the seconds until the server is asked again; None: not by itself."""
        if self._link.halt in (Halt.UNAUTHORISED, Halt.OTHER_USER):
            return None
        if self._link.halt is not None:
            return _HALT_RETRY
        if self._pause is not None:
            return self._pause
        if self._link.error is not None:
            return self._link.probe_delay()
        return 0.0 if self._link.user is None else None
