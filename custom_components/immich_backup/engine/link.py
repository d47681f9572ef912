"""The link to the server: whether it can be used, and when to try again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import random
import time
from typing import NoReturn

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
from .texts import halt_text

# Seconds between probes of a server that is away: quick at first, at most one request
# in 30 s later on.
_PROBES = (2.0, 4.0, 8.0, 16.0, 30.0)
# How long a request waits for a server that restarts before the run gives up.
PATIENCE = 45.0
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
        """Keep what must be done about what; the text is a sentence."""
        super().__init__(halt_text(halt, detail))
        self.halt = halt


class ServerLink:
    """Shared by everything that asks the server; remembers whether it works.

    ``error`` says why the server can't be reached, ``trouble`` also why it takes no
    uploads. ``expected_user`` is the id of the user whose proofs we hold, whose name was
    ``expected_name``: with another one nothing goes on until a person says so.
    """

    def __init__(
        self,
        client: ImmichClient,
        emit: Callable[[Event], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use this client; tell changes by ``emit``."""
        self.client = client
        self.user: User | None = None
        self.version: ServerVersion | None = None
        self.media_types: MediaTypes | None = None
        self.expected_user: str | None = None
        self.expected_name: str | None = None
        self.error: str | None = None
        self.halt: Halt | None = None
        self.halt_detail: str | None = None
        self._emit = emit
        self._monotonic = monotonic
        self._failed_probes = 0
        self._pauses = 0
        self._pause_end = 0.0
        self._pause_error: str | None = None
        # Bytes that are on their way, and those that arrived since the quota was asked.
        self._sending = 0
        self._sent = 0
        # What the halt is about: the room or the permission that is missing.
        self._room_needed = 0
        self._permission: str | None = None

    @property
    def trouble(self) -> str | None:
        """Return why nothing can be uploaded at the moment; None if all is well."""
        return self.error or self._pause_error

    @property
    def usable(self) -> bool:
        """Return whether there is no reason to expect an upload to fail."""
        return self.trouble is None and self.halt is None and self.user is not None

    @property
    def pause_left(self) -> float | None:
        """Return the seconds until uploads are to be tried again; None without pause."""
        if self._pause_error is None:
            return None
        return max(0.0, self._pause_end - self._monotonic())

    async def connect(self) -> None:
        """Ask who we are and what the server takes; raises ImmichError, HaltedError."""
        try:
            version = await self.client.require_supported()
            user = await self.client.me()
            media_types = await self.client.media_types()
        except ImmichError as err:
            self.note_failure(err)
            raise
        self.version, self.media_types = version, media_types
        self.note_success()
        self._take_user(user)

    async def call[T](self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the server; wait a little for one that is away.

        Raises LinkDownError, HaltedError.
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
                raise LinkDownError(str(err)) from err
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
        Raises HaltedError.
        """
        try:
            user = await self.client.me()
        except ImmichError as err:
            self.note_failure(err)
            return False
        self.note_success()
        self._take_user(user)
        return True

    async def recover(self, error: ImmichError) -> None:
        """Wait until a server that failed works again; LinkDownError if it does not."""
        self.note_failure(error)
        waited = 0.0
        for pause in _PROBES:
            wait = max(_jitter(pause), getattr(error, "retry_after", None) or 0.0)
            waited += wait
            if waited > PATIENCE:
                break
            await asyncio.sleep(wait)
            self.check()
            if await self.healthy():
                return
            self.check()
        raise LinkDownError(self.error or str(error))

    @asynccontextmanager
    async def room_for(self, size: int) -> AsyncIterator[None]:
        """Take these bytes out of the user's quota while they are sent.

        Raises HaltedError, before anything is sent, when there is no room for them:
        the server would say so only after the last byte.
        """
        if self._lacks(size):
            await self.healthy()
            if self._lacks(size):
                self._room_needed = size
                self.stop(Halt.QUOTA, "The user's quota has no room for the next file")
        self._sending += size
        try:
            yield
            self._sent += size
        finally:
            self._sending -= size

    def pause(self, error: str, at_least: float = 0.0) -> None:
        """Send no uploads to a server that fails on every one of them.

        Each pause in a row is longer, until an upload succeeds.
        """
        before = self.trouble
        seconds = _jitter(_PAUSES[min(self._pauses, len(_PAUSES) - 1)])
        self._pauses += 1
        self._pause_end = self._monotonic() + max(seconds, at_least)
        self._pause_error = error
        self._tell_trouble(before)

    def end_pause(self) -> None:
        """Try uploads again."""
        before = self.trouble
        self._pause_error = None
        self._tell_trouble(before)

    def upload_succeeded(self) -> None:
        """Note that uploads work."""
        self._pauses = 0

    def probe_delay(self) -> float:
        """Return the seconds until the next probe of a server that is away."""
        delay = _PROBES[min(self._failed_probes, len(_PROBES) - 1)]
        self._failed_probes += 1
        return _jitter(delay)

    async def probe_halt(self) -> None:
        """See whether the cause of a halt is gone by itself; raises ImmichError."""
        match self.halt:
            case Halt.PERMISSION if self._permission is not None:
                key = await self.client.api_key()
                gone = not key.missing(frozenset((self._permission,)))
            case Halt.QUOTA | Halt.OTHER_USER:
                self.user, self._sent = await self.client.me(), 0
                gone = not (
                    self._is_other(self.user)
                    or (self.halt is Halt.QUOTA and self._lacks(self._room_needed))
                )
            case Halt.SERVER_TOO_OLD:
                await self.client.require_supported()
                gone = True
            case Halt.UNAUTHORISED:
                await self.client.api_key()
                gone = True
            case _:
                gone = False
        if gone:
            self._end_halt()

    def note_success(self) -> None:
        """Note that the server answered."""
        self._failed_probes = 0
        before, self.error = self.trouble, None
        self._tell_trouble(before)

    def note_failure(self, error: ImmichError) -> None:
        """Note what an error says about the server; raises HaltedError for some."""
        if isinstance(error, UnauthorisedError):
            self.stop(Halt.UNAUTHORISED, str(error))
        elif isinstance(error, PermissionMissingError):
            self._permission = error.permission
            self.stop(Halt.PERMISSION, error.permission or str(error))
        elif isinstance(error, ServerTooOldError):
            self.stop(Halt.SERVER_TOO_OLD, error.version)
        elif isinstance(error, UnavailableError | ProtocolError):
            before, self.error = self.trouble, str(error)
            self._tell_trouble(before)

    def stop(self, halt: Halt, detail: str) -> NoReturn:
        """Halt until a person acts or the cause is gone; raises HaltedError."""
        if self.halt is not halt or self.halt_detail != detail:
            self.halt, self.halt_detail = halt, detail
            self._emit(Halted(halt, detail))
        raise HaltedError(halt, detail)

    def quota_exceeded(self, size: int, detail: str) -> NoReturn:
        """Halt because the server had no room for these bytes; raises HaltedError."""
        self._room_needed = size
        self.stop(Halt.QUOTA, detail)

    async def retry(self) -> None:
        """Try again because a person asked, or it is time to.

        A halt whose cause the server can be asked about ends only if that is gone.
        Raises LinkDownError, HaltedError.
        """
        self.end_pause()
        if self.halt is Halt.QUOTA:
            # There may be room for other files.
            self._end_halt()
        elif self.halt is not None:
            try:
                await self.probe_halt()
            except ImmichError as err:
                self.note_failure(err)
                raise LinkDownError(str(err)) from err
            self.check()

    def resume(self) -> None:
        """Try again after a halt, because a person acted.

        Another user stays another user: only adopting them goes on from there.
        """
        if self.halt is not Halt.OTHER_USER:
            self._end_halt()

    def adopt_user(self) -> None:
        """Take whoever the server says we are from now on."""
        self.expected_user = self.expected_name = None
        self.user = None
        self._end_halt()

    def _end_halt(self) -> None:
        """Go on."""
        if self.halt is not None:
            self.halt = self.halt_detail = None
            self._emit(Halted(None, None))

    def _take_user(self, user: User) -> None:
        """Remember the user; raises HaltedError when it is another one."""
        self.user, self._sent = user, 0
        if self._is_other(user):
            self.stop(Halt.OTHER_USER, user.id)
        self.expected_user, self.expected_name = user.id, user.name or user.email

    def _is_other(self, user: User) -> bool:
        """Return whether a user is not the one whose proofs we hold."""
        return self.expected_user not in (None, user.id)

    def _lacks(self, size: int) -> bool:
        """Return whether the quota, as far as it is known, has no room for a file."""
        left = None if self.user is None else self.user.quota_left
        return left is not None and size > left - self._sent - self._sending

    def _tell_trouble(self, before: str | None) -> None:
        """Tell when uploads become impossible, and when they become possible again."""
        if (before is None) != (self.trouble is None):
            self._emit(ServerChanged(self.trouble))


def _jitter(seconds: float) -> float:
    """Return about so many seconds, so that many clients do not come at once."""
    return seconds * random.uniform(0.9, 1.2)
