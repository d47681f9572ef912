"""The link to the server: whether it can be used, and when to try again."""

import asyncio
from collections.abc import Awaitable, Callable
import logging
import random

from ..immich import ImmichClient, MediaTypes, ServerVersion, User
from ..immich.errors import (
    ImmichError,
    PermissionMissingError,
    ProtocolError,
    ServerTooOldError,
    UnauthorisedError,
    UnavailableError,
)
from .events import Event, Halted, ServerChanged
from .model import Halt

_LOGGER = logging.getLogger(__name__)

# Seconds between probes of a server that is away: quick at first, at most one request
# in 30 s later on.
_PROBES = (2.0, 4.0, 8.0, 16.0, 30.0)
# How long a request waits for a server that restarts before the run gives up.
_PATIENCE = 45.0
# How often a request that fails on a server that works is sent.
_TRIES = 3
# Seconds until uploads are tried again after the server failed on all of them although
# it answers (its disk is full, say).
_PAUSES = (30.0, 60.0, 300.0, 900.0, 1800.0)


class LinkDownError(Exception):
    """The server can't be used now; the text says why. Files keep waiting."""


class HaltedError(Exception):
    """A person must do something first; files keep waiting."""

    def __init__(self, halt: Halt, detail: str) -> None:
        """Keep what must be done about what."""
        super().__init__(detail)
        self.halt = halt


class ServerLink:
    """Shared by everything that asks the server; remembers whether it works."""

    def __init__(self, client: ImmichClient, emit: Callable[[Event], None]) -> None:
        """Use this client; tell changes by ``emit``."""
        self.client = client
        self.user: User | None = None
        self.version: ServerVersion | None = None
        self.media_types: MediaTypes | None = None
        self.error: str | None = None
        self.halt: Halt | None = None
        self.halt_detail: str | None = None
        self._emit = emit
        self._failed_probes = 0
        self._trips = 0
        self._lock = asyncio.Lock()

    @property
    def usable(self) -> bool:
        """Return whether there is no reason to expect a request to fail."""
        return self.error is None and self.halt is None and self.user is not None

    async def connect(self) -> None:
        """Ask who we are and what the server takes; raises LinkDown or HaltedError."""
        async with self._lock:
            try:
                version = await self.client.require_supported()
                user = await self.client.me()
                media_types = await self.client.media_types()
            except ImmichError as err:
                self.note_failure(err)
                raise
        self.version, self.user, self.media_types = version, user, media_types
        self.note_success()

    async def call[T](self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the server; wait a little for one that is away.

        Raises LinkDownError, HaltedError, or ImmichError for what concerns only this
        request.
        """
        for _ in range(_TRIES):
            self.check()
            try:
                result = await ask()
            except (UnavailableError, ProtocolError) as err:
                error: ImmichError = err
                await self.recover(err)
            except ImmichError as err:
                self.note_failure(err)
                raise
            else:
                self.note_success()
                return result
        # The server works, but not for this.
        raise LinkDownError(str(error)) from error

    def check(self) -> None:
        """Raise HaltedError when a person must act first."""
        if self.halt is not None:
            raise HaltedError(self.halt, self.halt_detail or "")

    async def healthy(self) -> bool:
        """Return whether the server works apart from what just failed.

        A ping answers even without a database, so the user is asked for.
        """
        try:
            self.user = await self.client.me()
        except ImmichError as err:
            self.note_failure(err)
            return False
        self.note_success()
        return True

    async def recover(self, error: ImmichError) -> None:
        """Wait until a server that failed works again; LinkDownError if it does not."""
        self.note_failure(error)
        waited = 0.0
        for pause in _PROBES:
            wait = max(_jitter(pause), getattr(error, "retry_after", None) or 0.0)
            waited += wait
            if waited > _PATIENCE:
                break
            await asyncio.sleep(wait)
            self.check()
            if await self.healthy():
                return
            self.check()
        raise LinkDownError(self.error or str(error))

    def trip(self, error: str) -> float:
        """Stop uploading to a server that fails on every upload; return for how long.

        The time grows until an upload succeeds.
        """
        pause = _PAUSES[min(self._trips, len(_PAUSES) - 1)]
        self._trips += 1
        self._set_error(error)
        return _jitter(pause)

    def upload_succeeded(self) -> None:
        """Note that uploads work."""
        self._trips = 0

    def probe_delay(self) -> float:
        """Return the seconds until the next probe of a server that is away."""
        delay = _PROBES[min(self._failed_probes, len(_PROBES) - 1)]
        self._failed_probes += 1
        return _jitter(delay)

    def note_success(self) -> None:
        """Note that the server answered."""
        self._failed_probes = 0
        self._set_error(None)

    def note_failure(self, error: ImmichError) -> None:
        """Note what an error says about the server; raises HaltedError for some."""
        if isinstance(error, UnauthorisedError):
            self.stop(Halt.UNAUTHORISED, str(error))
        elif isinstance(error, PermissionMissingError):
            self.stop(Halt.PERMISSION, error.permission or str(error))
        elif isinstance(error, ServerTooOldError):
            self.stop(Halt.SERVER_TOO_OLD, error.version)
        elif isinstance(error, UnavailableError | ProtocolError):
            self._set_error(str(error))

    def stop(self, halt: Halt, detail: str) -> None:
        """Halt until a person acts; raises HaltedError."""
        if self.halt is not halt or self.halt_detail != detail:
            self.halt, self.halt_detail = halt, detail
            self._emit(Halted(halt, detail))
        raise HaltedError(halt, detail)

    def resume(self) -> None:
        """Try again after a halt: a person acted, or time passed."""
        if self.halt is not None:
            self.halt = self.halt_detail = None
            self._emit(Halted(None, None))

    def _set_error(self, error: str | None) -> None:
        """Tell when the server goes away and when it comes back."""
        changed = (error is None) != (self.error is None)
        self.error = error
        if changed:
            self._emit(ServerChanged(error))


def _jitter(seconds: float) -> float:
    """Return about so many seconds, so that many clients do not come at once."""
    return seconds * random.uniform(0.9, 1.2)
