"""Keeps the account connected, and remembers whose it is and what the server takes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
import sqlite3

from ..immich.errors import ImmichError
from .ledger import Ledger, LedgerError, arranging, contents, files, runs
from .link import HaltedError, LinkDownError, ServerLink
from .media_types import DEFAULT_EXTENSIONS, extensions_of, from_text, to_text
from .model import Reason
from .rules import MediaKind

# Seconds between looks whether the cause of a halt went away by itself.
_HALT_RETRY = 600.0
# Values of the account in the ledger.
_USER = "user"
_NAME = "user_name"
_EXTENSIONS = "extensions"
_ADDRESS = "address"


class Connection:
    """Connects at start, and again whenever the server was away."""

    def __init__(
        self,
        ledger: Ledger,
        link: ServerLink,
        *,
        connected: Callable[[], None],
        extensions_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """Tell by ``connected`` that uploads are possible again."""
        self.extensions: Mapping[str, MediaKind] = DEFAULT_EXTENSIONS
        self._ledger = ledger
        self._link = link
        self._connected = connected
        self._extensions_changed = extensions_changed
        self._wake = asyncio.Event()

    async def load(self) -> None:
        """Read what the ledger remembers; raises LedgerError."""
        user, name, extensions = await self._ledger.run(
            _load, self._link.client.address
        )
        self._link.expected_user, self._link.expected_name = user, name
        self.extensions = from_text(extensions)

    def wake(self) -> None:
        """Look again what is to be done: something about the link changed."""
        self._wake.set()

    async def ensure(self) -> None:
        """Know the server, its user and what it takes; wait a little for it.

        Raises LinkDownError, HaltedError, LedgerError.
        """
        if self._link.user is None:
            await self._link.call(self._connect)

    async def keep(self) -> None:
        """Stay connected until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._delay()):
                    await self._wake.wait()
                self._wake.clear()
            except TimeoutError:
                await self._act()

    async def adopt_user(self) -> None:
        """Take the server's user as ours: nothing that is known is proven any more.

        Raises LedgerError.
        """

        def adopt(con: sqlite3.Connection) -> None:
            contents.lose_all(con)
            arranging.forget_albums(con)
            _set_user(con, None, None)

        await self._ledger.run(adopt)
        self._link.adopt_user()
        self._wake.set()

    def _delay(self) -> float | None:
        """Return the seconds until something is to be done; None: until a change."""
        if self._link.halt is not None:
            return _HALT_RETRY
        if self._link.error is not None:
            return self._link.probe_delay()
        if self._link.user is None:
            return 0.0
        return self._link.pause_left

    async def _act(self) -> None:
        """Do what is due: look after a halt, connect, or end a pause."""
        link = self._link
        with suppress(ImmichError, LinkDownError, HaltedError, LedgerError):
            if link.halt is not None:
                await link.probe_halt()
            elif link.error is not None or link.user is None:
                await self._connect()
            else:
                link.end_pause()
        if link.usable:
            self._connected()

    async def _connect(self) -> None:
        """Connect, and remember what the server says.

        Raises ImmichError, HaltedError, LedgerError.
        """
        link = self._link
        before = link.expected_user, link.expected_name
        await link.connect()
        if (user := (link.expected_user, link.expected_name)) != before:
            await self._ledger.run(_set_user, *user)
        assert link.media_types is not None
        extensions = extensions_of(link.media_types)
        if extensions and extensions != self.extensions:
            self.extensions = extensions
            await self._ledger.run(runs.set_value, _EXTENSIONS, to_text(extensions))
            await self._ledger.run(files.retry_reasons, (Reason.UNSUPPORTED,))
            await self._extensions_changed()


def _set_user(con: sqlite3.Connection, user: str | None, name: str | None) -> None:
    """Remember whose the account is."""
    runs.set_value(con, _USER, user)
    runs.set_value(con, _NAME, name)


def _load(
    con: sqlite3.Connection, address: str
) -> tuple[str | None, str | None, str | None]:
    """Return the user's id and name and the extensions.

    What may have been cured since is tried again.
    """
    cured = [Reason.UNREADABLE]
    if runs.get_value(con, _ADDRESS) != address:
        runs.set_value(con, _ADDRESS, address)
        cured += [Reason.TOO_LARGE, Reason.REFUSED, Reason.NOT_VERIFIED]
    files.retry_reasons(con, cured)
    user, name, extensions = (
        runs.get_value(con, key) for key in (_USER, _NAME, _EXTENSIONS)
    )
    return user, name, extensions
