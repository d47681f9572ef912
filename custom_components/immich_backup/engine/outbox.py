"""Single uploads that were asked for: queued in the ledger, so that none is lost."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
import os

from ..immich.errors import ImmichError, PermissionMissingError, UnavailableError
from .access import AccessError, look_at
from .active_run import ActiveRun
from .clock import Clock
from .events import Event, StatusChanged
from .ledger import Ledger, LedgerError, files, outbox
from .ledger.folders import OUTBOX
from .ledger.outbox import Posted
from .ledger.rows import FileRow, Stamp
from .link import HaltedError, LinkDownError, ServerLink
from .model import FileState, Reason, RunTrigger, Source, Wish
from .organise.albums import Albums
from .organise.singles import ROOT, Singles
from .organise.wishes import grant
from .runner import Runner

# The files' paths begin at the root, and so does the folder that they are filed under.
_SOURCE = Source(ROOT, None)
_RETRY = 60.0


class UploadState(StrEnum):
    """What became of one upload."""

    UPLOADED = "uploaded"
    DUPLICATE = "duplicate"
    DECLINED = "declined"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadItem:
    """A file to upload; ``path`` is absolute and without links.

    A ``spooled`` file is our own copy, removed once it is proven on the server.
    """

    path: str
    wish: Wish
    spooled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOutcome:
    """What became of one upload; ``problem`` says what its wish lacks, if anything."""

    path: str
    state: UploadState
    reason: Reason
    detail: str | None = None
    asset_id: str | None = None
    sha1: str | None = None
    problem: str | None = None


class Outbox:
    """Sends what was posted: at once, or when the server is back."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        pool: Executor,
        clock: Clock,
        emit: Callable[[Event], None],
        paused: Callable[[], bool],
        connect: Callable[[], Awaitable[None]],
        new_runner: Callable[..., Runner],
        singles: Singles,
    ) -> None:
        """Take what it works with.

        While it is ``paused`` nothing is sent. ``connect`` makes sure that the server is
        known; ``new_runner`` makes the runner of a run, with its own ``sources``,
        ``unsettle`` and ``unexpected``. ``singles`` puts right what was stored.
        """
        self._ledger = ledger
        self._link = link
        self._pool = pool
        self._clock = clock
        self._emit = emit
        self._paused = paused
        self._connect = connect
        self._new_runner = new_runner
        self._singles = singles
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._link_changed = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        # What became of the uploads that someone waits for, by number, and how many do.
        self._awaited: dict[int, UploadOutcome | None] = {}
        self._waiting: Counter[int] = Counter()

    async def upload(self, items: Sequence[UploadItem]) -> list[UploadOutcome]:
        """Upload files now; those for which the server is away wait, also over a restart.

        One outcome for each item, in their order. Raises LedgerError.
        """
        outcomes: list[UploadOutcome | int] = []
        for item in items:
            try:
                number = await self._post(item)
            except AccessError as err:
                outcomes.append(
                    UploadOutcome(
                        path=item.path,
                        state=UploadState.FAILED,
                        reason=Reason.VANISHED,
                        detail=str(err),
                    )
                )
            else:
                self._awaited[number] = None
                self._waiting[number] += 1
                outcomes.append(number)
        self._emit(StatusChanged())
        try:
            await self._work_while_linked()
            await self._note_unfinished()
            return [
                self._awaited.get(outcome) or _lost(item)
                if isinstance(outcome, int)
                else outcome
                for item, outcome in zip(items, outcomes, strict=True)
            ]
        finally:
            numbers = [outcome for outcome in outcomes if isinstance(outcome, int)]
            self._waiting.subtract(numbers)
            for number in set(numbers):
                if not self._waiting[number]:
                    del self._waiting[number], self._awaited[number]

    async def _note_unfinished(self) -> None:
        """Note how far those uploads are that someone waits for."""
        refused: list[int] = []
        for posted in await self._ledger.run(outbox.posted):
            if posted.id in self._awaited:
                self._awaited[posted.id] = _outcome(posted)
                if posted.state is FileState.PARKED and not posted.spooled:
                    refused.append(posted.id)
        # Whoever asked knows now, and has the file.
        await self._ledger.run(outbox.close, refused)

    async def _work_while_linked(self) -> None:
        """Send what is due; do not wait for a server that turns out to be away."""
        work = asyncio.create_task(self._locked_work())
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        while self._link.trouble is None and not work.done():
            self._link_changed.clear()
            change = asyncio.create_task(self._link_changed.wait())
            await asyncio.wait({work, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
        if work.done():
            await work

    async def _locked_work(self) -> None:
        """Work alone."""
        async with self._lock:
            await self._work()

    async def tend(self) -> None:
        """Send what waits whenever there is reason to; runs until it is cancelled."""
        while True:
            delay = None
            with suppress(LedgerError):
                await self._locked_work()
                if await self._ledger.run(outbox.posted, _PENDING, 1):
                    delay = _RETRY
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()

    async def retry(self) -> int:
        """Let failed and parked uploads be tried again, now; return how many."""
        count = await self._ledger.run(
            lambda con: files.retry(con, [outbox.number(con)])
        )
        if count:
            self.wake()
        return count

    def wake(self) -> None:
        """Look again: the server came or went, or a person acted."""
        self._wake.set()
        self._link_changed.set()

    async def stop(self) -> None:
        """End what is under way; it is queued in the ledger."""
        for work in self._working:
            work.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _post(self, item: UploadItem) -> int:
        """Queue a file and return its number; raises AccessError."""
        path = os.fsencode(item.path)
        stamp = await asyncio.get_running_loop().run_in_executor(
            self._pool, look_at, ROOT, path
        )
        return await self._ledger.run(
            lambda con: outbox.post(con, path, stamp, item.wish, spooled=item.spooled)
        )

    async def _work(self) -> None:
        """Send what is due, and finish what is stored."""
        if not (self._link.trouble or self._link.halt or self._paused()):
            with suppress(LinkDownError, HaltedError):
                if await self._ledger.run(outbox.posted, _PENDING, 1):
                    await self._connect()
                    await self._send()
        with suppress(LinkDownError, HaltedError):
            while ended := await self._ledger.run(outbox.posted, _ENDED):
                await self._finish(ended)

    async def _finish(self, ended: Sequence[Posted]) -> None:
        """Put right what was stored, grant what was wished, and close it.

        Raises LinkDownError, HaltedError: then it is tried again later.
        """
        put_right = await self._singles.put_right()
        for posted in ended:
            problem = put_right.problems.get(posted.id)
            # The still of a live photo stands for its video.
            if posted.asset_id not in put_right.videos:
                problem = await self._grant(posted) or problem
            if posted.id in self._awaited:
                self._awaited[posted.id] = _outcome(posted, problem)
            await self._ledger.run(outbox.close, [posted.id])
            if posted.spooled:
                await self._remove_copy(posted)
            self._emit(StatusChanged())

    async def _send(self) -> None:
        """Take what is queued through the steps of every file."""
        number = await self._ledger.run(outbox.number)

        def sources() -> Mapping[int, Source]:
            return {} if self._paused() else {number: _SOURCE}

        async def restamp(file: FileRow, stamp: Stamp) -> None:
            await self._ledger.run(outbox.restamp, file, stamp)
            # Whoever writes it may not be done; at once would be too soon.
            await self._ledger.run(
                files.fail,
                replace(file, stamp=stamp, sha1=None),
                Reason.CHANGED,
                None,
                self._clock.time() + _RETRY,
            )

        run = ActiveRun(
            id="",
            trigger=RunTrigger.UPLOAD,
            folders=set(),
            started=self._clock.time(),
            folder_id=lambda _number: OUTBOX,
        )
        runner = self._new_runner(
            run,
            sources=sources,
            source=lambda number: sources().get(number),
            unsettle=restamp,
            unexpected=lambda _number: None,
        )
        await runner.drain()

    async def _grant(self, posted: Posted) -> str | None:
        """Grant an upload's wish; return what could not be done, or None.

        Raises LinkDownError, HaltedError: then it is tried again later.
        """
        if (
            not posted.wish
            or posted.asset_id is None
            or posted.state is not FileState.PROTECTED
        ):
            return None
        try:
            albums = Albums(self._link.client, self._ledger, self._clock)
            await grant(albums, self._ledger, posted.wish, [posted.asset_id])
        except PermissionMissingError as err:
            # The file is safe; one refused permission costs one feature only.
            return str(err)
        except UnavailableError as err:
            raise LinkDownError(str(err)) from err
        except ImmichError as err:
            return str(err)
        return None

    async def _remove_copy(self, posted: Posted) -> None:
        """Remove our own copy of what the server certainly has, or someone declined."""

        def remove() -> None:
            with suppress(OSError):
                os.unlink(posted.path)
                # Each copy has a folder of its own.
                os.rmdir(os.path.dirname(posted.path))

        await asyncio.get_running_loop().run_in_executor(self._pool, remove)


_PENDING = (FileState.WAITING, FileState.FAILED)
_ENDED = (FileState.PROTECTED, FileState.DECLINED)


def _outcome(posted: Posted, problem: str | None = None) -> UploadOutcome:
    """Return what became of a posted file, as far as it is known now."""
    match posted.state:
        case FileState.PROTECTED if posted.reason is Reason.UPLOADED:
            state = UploadState.UPLOADED
        case FileState.PROTECTED:
            state = UploadState.DUPLICATE
        case FileState.DECLINED:
            state = UploadState.DECLINED
        case FileState.PARKED:
            state = UploadState.FAILED
        case _:
            state = UploadState.WAITING
    return UploadOutcome(
        path=os.fsdecode(posted.path),
        state=state,
        reason=posted.reason,
        detail=posted.detail,
        asset_id=posted.asset_id,
        sha1=posted.sha1.hex() if posted.sha1 else None,
        problem=problem,
    )


def _lost(item: UploadItem) -> UploadOutcome:
    """Return the outcome of an upload whose row another call has closed."""
    return UploadOutcome(
        path=item.path, state=UploadState.WAITING, reason=Reason.QUEUED
    )
