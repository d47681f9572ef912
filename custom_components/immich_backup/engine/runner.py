"""One run: takes waiting files through the steps hash, ask, upload, verify.

The only place that knows the order of these steps. Everything is recorded in the ledger
before the next step begins, so that an end at any moment loses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import islice
import os
import random

from ..immich.errors import (
    ConnectionFailedError,
    ImmichError,
    NotFoundError,
    ProtocolError,
    QuotaExceededError,
    RefusedError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from .access import AccessError, ChangedError, UnreadableError, VanishedError, look_at
from .clock import Clock
from .events import Event, FileTooLarge, RunProgress
from .hashing import hash_file
from .ledger import Ledger, LedgerError, contents, files
from .ledger.rows import ContentRow, FileRow, Stamp
from .link import PATIENCE, HaltedError, LinkDownError, ServerLink
from .model import (
    Fate,
    Proof,
    Reason,
    RunCounts,
    RunPart,
    RunReport,
    RunTrigger,
    Source,
)
from .upload import upload_file
from .verify import Finding, Presence, find

_CLAIM = 200
# More are claimed when fewer than this are in the pipeline.
_LOW_WATER = 64
# A claimed batch is hashed in parts of about this size, so that uploads begin early.
_HASH_BYTES = 256 * 1024 * 1024
_QUEUE = 32
_VERIFY_BATCH = 100
_VERIFY_DELAY = 1.0
_PROGRESS_SECONDS = 10.0
_FIRST_RETRY = 30.0
# Seconds between uploads to a server that asks for fewer of them.
_SHORT_PAUSE = 1.0
_VERIFY_TRIES = 3
# So many uploads failed in a row on a server that otherwise works: it is the server.
_FAILURES_IN_A_ROW = 3
_EXAMPLES = 3


class UploadsFailError(LinkDownError):
    """The server answers, but fails on one upload after the other.

    ``retry_after`` is how many seconds it asked to be left alone, if it did.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep how long to wait at least."""
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(kw_only=True)
class ActiveRun:
    """A run that is going on; folders may join it."""

    id: str
    trigger: RunTrigger
    folders: set[str]
    # Those of them that are to be scanned first.
    asked: set[str]
    started: float
    # Gives a folder's id for the ledger's number of it.
    folder_id: Callable[[int], str]
    # Set when there may be more to claim: a folder joined, or files arrived in one.
    more: asyncio.Event = field(default_factory=asyncio.Event)
    parts: dict[str, RunPart] = field(default_factory=dict)

    def part(self, folder: int) -> RunPart:
        """Return what happened in a folder (the ledger's number), to be counted on."""
        return self.parts.setdefault(self.folder_id(folder), RunPart())

    def report(self) -> RunReport:
        """Return where the run stands; it does not change when the run goes on."""
        counts = RunCounts()
        for part in self.parts.values():
            counts.add(part.counts)
        return RunReport(
            id=self.id,
            trigger=self.trigger,
            folders=tuple(sorted(self.folders)),
            started=self.started,
            finished=None,
            outcome=None,
            counts=counts,
            examples=self._first(lambda part: part.examples),
            failing=self._first(lambda part: part.failing),
            parts=deepcopy(self.parts),
        )

    def _first(self, paths: Callable[[RunPart], list[str]]) -> tuple[str, ...]:
        """Return the first few paths of all folders."""
        found = (path for part in self.parts.values() for path in paths(part))
        return tuple(islice(found, _EXAMPLES))


@dataclass(frozen=True, slots=True)
class _Item:
    """A file on its way to the server, with the bytes that it had."""

    file: FileRow
    sha1: bytes
    # What is to be recorded once the server has it.
    reason: Reason = Reason.UPLOADED


class Runner:
    """Stores the waiting files of a run's folders until none is due."""

    def __init__(
        self,
        run: ActiveRun,
        *,
        ledger: Ledger,
        link: ServerLink,
        pool: Executor,
        clock: Clock,
        sources: Callable[[Collection[str]], Mapping[int, Source]],
        emit: Callable[[Event], None],
        unsettle: Callable[[FileRow, Stamp], Awaitable[None]],
        unexpected: Callable[[int], None],
        reconfirm: Callable[[], Awaitable[object]],
        sent: Callable[[int], None],
        concurrency: int,
    ) -> None:
        """Take what a run needs.

        ``sources`` gives the ledger's numbers of the run's folders that can be read
        now. ``unsettle`` lets a file that changed settle again; ``unexpected`` is told
        a folder that should be looked at, ``sent`` the bytes that went out.
        ``reconfirm`` asks again for all that the server should have.
        """
        self.run = run
        self._ledger = ledger
        self._link = link
        self._pool = pool
        self._clock = clock
        self._sources = sources
        self._emit = emit
        self._unsettle = unsettle
        self._unexpected = unexpected
        self._reconfirm = reconfirm
        self._count_bytes = sent
        self._concurrency = concurrency
        # Files in the pipeline, by number; the other files of a content that is on its
        # way wait for it here.
        self._busy: set[int] = set()
        self._twins: dict[bytes, list[FileRow]] = {}
        self._uploads: asyncio.Queue[_Item] = asyncio.Queue(_QUEUE)
        self._stored: asyncio.Queue[_Item] = asyncio.Queue()
        self._failures = 0
        self._over = False
        self._last_progress = clock.monotonic()

    async def drain(self) -> None:
        """Work until no file of the run's folders is due.

        Raises LinkDownError, HaltedError, LedgerError; the files then wait.
        """
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self._upload_items())
                    for _ in range(self._concurrency)
                ]
                helpers.append(group.create_task(self._verify_items()))
                await self._feed()
                for helper in helpers:
                    helper.cancel()
        except BaseExceptionGroup as group:
            raise _expected(group) from group
        finally:
            self._over = True

    async def _feed(self) -> None:
        """Claim, hash and ask for waiting files until none is left anywhere."""
        while True:
            while len(self._busy) > _LOW_WATER:
                self.run.more.clear()
                await self.run.more.wait()
            self.run.more.clear()
            sources = self._sources(self.run.folders)
            # What is released from now on may have to be claimed again.
            busy = frozenset(self._busy)
            batch = await self._ledger.ask(
                files.claim,
                {number: source.rules_version for number, source in sources.items()},
                self._clock.time(),
                _CLAIM,
                busy,
            )
            if batch:
                self._busy.update(file.id for file in batch)
                for part in _parts(batch):
                    await self._prepare(part, sources)
                    self._tell_progress()
            elif self._busy:
                await self.run.more.wait()
            elif not busy:
                return

    async def _prepare(
        self, batch: Sequence[FileRow], sources: Mapping[int, Source]
    ) -> None:
        """Hash files and ask the server for them; queue those that it lacks."""
        gate = asyncio.Semaphore(2)

        async def hashed(file: FileRow) -> _Item | None:
            async with gate:
                return await self._hash(file, sources[file.folder].root)

        items: list[_Item] = []
        for file, item in zip(
            batch, await asyncio.gather(*map(hashed, batch)), strict=True
        ):
            if item is None:
                self._busy.discard(file.id)
                self.run.more.set()
            elif item.sha1 in self._twins:
                self._twins[item.sha1].append(item.file)
            else:
                self._twins[item.sha1] = []
                items.append(item)
        if not items:
            return
        await self._ledger.run(
            files.set_checksums, [(item.file, item.sha1) for item in items]
        )
        checksums = [item.sha1 for item in items]
        findings = await self._find(checksums)
        known = await self._ledger.ask(contents.get, checksums)
        if any(
            findings[row.sha1].presence is Presence.ABSENT and row.proven
            for row in known.values()
        ):
            # Deleted by someone, or lost by the server? All of them together tell.
            await self._reconfirm()
            known = await self._ledger.ask(contents.get, checksums)
        held = [
            replace(item, reason=_reason(known.get(item.sha1)))
            for item in items
            if findings[item.sha1].presence is Presence.HELD
        ]
        await self._confirm(held, findings)
        for item in held:
            for file in self._all_of(item):
                self.run.part(file.folder).counts.duplicates += 1
            self._release(item)
        for item in items:
            finding = findings[item.sha1]
            if finding.presence is Presence.HELD:
                continue
            if await self._settled(item, finding, known.get(item.sha1)):
                self._release(item)
            else:
                await self._uploads.put(item)

    async def _hash(self, file: FileRow, root: bytes) -> _Item | None:
        """Return a file with its checksum, or record why it has none."""
        loop = asyncio.get_running_loop()
        if file.stamp.size == 0:
            await self._park([file], Reason.EMPTY, None)
            return None
        try:
            if file.sha1 is None:
                sha1 = await loop.run_in_executor(
                    self._pool,
                    hash_file,
                    root,
                    file.path,
                    file.stamp,
                    lambda: self._over,
                )
                return _Item(file, sha1)
            stamp = await loop.run_in_executor(self._pool, look_at, root, file.path)
            if stamp != file.stamp:
                raise ChangedError(stamp)
        except AccessError as err:
            await self._access_failed(file, err)
            return None
        return _Item(file, file.sha1)

    async def _settled(
        self, item: _Item, finding: Finding, known: ContentRow | None
    ) -> bool:
        """Record why a content is not to be uploaded; return False when it is."""
        match finding.presence:
            case Presence.TRASHED:
                await self._decline(item, finding.asset_id or "", Reason.TRASHED)
            case Presence.REFUSED:
                await self._park(self._all_of(item), Reason.UNSUPPORTED, finding.detail)
            case Presence.ABSENT if known is not None and known.fate is Fate.DECLINED:
                await self._decline(item, known.asset_id, Reason.DELETED)
            case Presence.ABSENT:
                return False
        return True

    async def _upload_items(self) -> None:
        """Upload what is queued."""
        while True:
            item = await self._uploads.get()
            if (stored := await self._upload(item)) is None:
                self._release(item)
            else:
                self._stored.put_nowait(stored)

    async def _upload(self, item: _Item) -> _Item | None:
        """Upload one file; return it if the server says that it has it now."""
        file = item.file
        source = self._sources(self.run.folders).get(file.folder)
        if source is None:
            # The folder was removed or went away meanwhile.
            return None
        self._link.check()
        try:
            async with self._link.room_for(file.stamp.size):
                result = await upload_file(
                    self._link.client,
                    self._pool,
                    root=source.root,
                    path=file.path,
                    stamp=file.stamp,
                    sha1=item.sha1,
                    sent=self._count_bytes,
                )
        except AccessError as err:
            await self._access_failed(file, err)
            return None
        except TooLargeError as err:
            await self._park(self._all_of(item), Reason.TOO_LARGE, str(err))
            self._emit(FileTooLarge(file.stamp.size))
            return None
        except UnsupportedError as err:
            await self._park(self._all_of(item), Reason.UNSUPPORTED, str(err))
            return None
        except (RefusedError, NotFoundError) as err:
            await self._park(self._all_of(item), Reason.REFUSED, str(err))
            return None
        except (UnavailableError, ProtocolError) as err:
            return await self._upload_broke(item, err)
        except QuotaExceededError as err:
            self._link.quota_exceeded(file.stamp.size, str(err))
        except ImmichError as err:
            self._link.note_failure(err)
            raise LinkDownError(str(err)) from err
        self._failures = 0
        self._link.note_success()
        self._link.upload_succeeded()
        await self._ledger.run(
            contents.claim_stored, item.sha1, file.stamp.size, result.asset_id
        )
        return replace(item, reason=Reason.ON_SERVER) if result.duplicate else item

    async def _upload_broke(self, item: _Item, error: ImmichError) -> _Item | None:
        """Find out whether the file, the upload or the server is the trouble.

        The answer may have been lost after the file was stored, so that is asked first.
        """
        if not await self._link.healthy():
            await self._link.recover(error)
        finding = (await self._find([item.sha1]))[item.sha1]
        if finding.presence is not Presence.ABSENT:
            return item
        self._failures += 1
        wait = getattr(error, "retry_after", None) or 0.0
        too_fast = error.status == HTTPStatus.TOO_MANY_REQUESTS or wait > 0
        if not too_fast:
            lost = isinstance(error, ConnectionFailedError)
            reason = Reason.CONNECTION if lost else Reason.SERVER_ERROR
            await self._fail(item.file, reason, str(error))
        if self._failures >= _FAILURES_IN_A_ROW or wait > PATIENCE:
            raise UploadsFailError(str(error), wait)
        if too_fast:
            # That is not about the file, which keeps its turn.
            await asyncio.sleep(max(wait, _SHORT_PAUSE))
        return None

    async def _verify_items(self) -> None:
        """Ask for what was uploaded, many at a time, and record the proofs."""
        while True:
            items = [await self._stored.get()]
            deadline = self._clock.monotonic() + _VERIFY_DELAY
            while len(items) < _VERIFY_BATCH and len(self._busy) > len(items):
                left = deadline - self._clock.monotonic()
                try:
                    async with asyncio.timeout(max(0.0, left)):
                        items.append(await self._stored.get())
                except TimeoutError:
                    break
            findings = await self._find([item.sha1 for item in items])
            held = [
                item for item in items if findings[item.sha1].presence is Presence.HELD
            ]
            await self._confirm(held, findings)
            for item in held:
                self._count_stored(item)
                self._release(item)
            for item in items:
                finding = findings[item.sha1]
                if finding.presence is not Presence.HELD:
                    await self._not_verified(item, finding)
                    self._release(item)
            self._tell_progress()

    def _count_stored(self, item: _Item) -> None:
        """Count an upload that is proven, and what it spared."""
        part = self.run.part(item.file.folder)
        if item.reason is Reason.UPLOADED:
            part.counts.uploaded += 1
            part.counts.uploaded_bytes += item.file.stamp.size
            if len(part.examples) < _EXAMPLES:
                part.examples.append(os.fsdecode(item.file.path))
        else:
            part.counts.duplicates += 1
        for twin in self._twins[item.sha1]:
            self.run.part(twin.folder).counts.duplicates += 1

    async def _not_verified(self, item: _Item, finding: Finding) -> None:
        """Record what became of an upload that the server does not hold."""
        file = item.file
        match finding.presence:
            case Presence.TRASHED:
                await self._decline(item, finding.asset_id or "", Reason.TRASHED)
            case _ if file.attempts + 1 >= _VERIFY_TRIES:
                await self._park(self._all_of(item), Reason.NOT_VERIFIED, None)
            case _:
                await self._fail(file, Reason.NOT_VERIFIED, None)

    async def _find(self, checksums: Sequence[bytes]) -> dict[bytes, Finding]:
        """Ask the server for contents; waits for a server that is away."""
        client = self._link.client
        try:
            return await self._link.call(
                lambda: find(client.bulk_upload_check, checksums)
            )
        except ImmichError as err:
            # It refuses the question, which is about no file in particular.
            raise LinkDownError(str(err)) from err

    async def _confirm(
        self, items: Sequence[_Item], findings: Mapping[bytes, Finding]
    ) -> None:
        """Record that the server holds these contents, all in one transaction."""
        if not items:
            return
        superseded = await self._ledger.run(
            contents.confirm_all,
            [
                contents.Held(
                    sha1=item.sha1,
                    asset_id=findings[item.sha1].asset_id or "",
                    reason=item.reason,
                    file=item.file,
                    twins=tuple(self._twins[item.sha1]),
                )
                for item in items
            ],
            self._clock.time(),
        )
        for folder in superseded:
            self.run.part(folder).counts.superseded += 1

    async def _decline(self, item: _Item, asset_id: str, reason: Reason) -> None:
        """Record that someone removed a content from the server."""
        await self._note_twins(item)
        for file in self._all_of(item):
            self.run.part(file.folder).counts.declined += 1
        await self._ledger.run(
            contents.decline, item.sha1, item.file.stamp.size, asset_id, reason
        )

    async def _note_twins(self, item: _Item) -> None:
        """Write the checksum of the other files of a content."""
        if twins := self._twins[item.sha1]:
            await self._ledger.run(
                files.set_checksums, [(file, item.sha1) for file in twins]
            )

    async def _access_failed(self, file: FileRow, error: AccessError) -> None:
        """Record why a file could not be read."""
        if isinstance(error, ChangedError):
            await self._unsettle(file, error.stamp)
        elif isinstance(error, VanishedError):
            # Only a scan says that it is gone; until then it is not asked for again.
            await self._fail(file, Reason.VANISHED, None, counted=False)
        elif isinstance(error, UnreadableError):
            await self._park([file], Reason.UNREADABLE, None)
        else:
            await self._fail(file, Reason.READ_ERROR, str(error))
        self._unexpected(file.folder)

    async def _fail(
        self,
        file: FileRow,
        reason: Reason,
        detail: str | None,
        *,
        counted: bool = True,
    ) -> None:
        """Record a failed try."""
        backoff = min(_FIRST_RETRY * 2**file.attempts, files.LONGEST_BACKOFF)
        backoff *= random.uniform(0.8, 1.0)
        await self._ledger.run(
            files.fail, file, reason, detail, self._clock.time() + backoff
        )
        if counted:
            self._count_failures([file])

    async def _park(
        self, parked: Sequence[FileRow], reason: Reason, detail: str | None
    ) -> None:
        """Record that files need a person, or another configuration."""
        for file in parked:
            await self._ledger.run(files.park, file, reason, detail)
        self._count_failures(parked)

    def _count_failures(self, failed: Sequence[FileRow]) -> None:
        """Count files that could not be stored."""
        for file in failed:
            part = self.run.part(file.folder)
            part.counts.failed += 1
            if len(part.failing) < _EXAMPLES:
                part.failing.append(os.fsdecode(file.path))

    def _all_of(self, item: _Item) -> list[FileRow]:
        """Return all files in the pipeline that have an item's content."""
        return [item.file, *self._twins[item.sha1]]

    def _release(self, item: _Item) -> None:
        """Let an item and its twins out of the pipeline."""
        self._busy.difference_update(file.id for file in self._all_of(item))
        del self._twins[item.sha1]
        self.run.more.set()

    def _tell_progress(self) -> None:
        """Tell how far the run is, at most every 10 s."""
        now = self._clock.monotonic()
        if now - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = now
            self._emit(RunProgress(self.run.report()))


def _reason(known: ContentRow | None) -> Reason:
    """Return why the server holds a content before it was sent in this run."""
    # An earlier run may have stored it and not lived to say so.
    ours = known is not None and known.fate is Fate.STORED and known.proof is Proof.NONE
    return Reason.UPLOADED if ours else Reason.ON_SERVER


def _parts(batch: Sequence[FileRow]) -> Iterator[list[FileRow]]:
    """Split a batch so that each part is hashed in reasonable time."""
    part: list[FileRow] = []
    size = 0
    for file in batch:
        part.append(file)
        if file.sha1 is None:
            size += file.stamp.size
        if size >= _HASH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _expected(group: BaseExceptionGroup) -> BaseException:
    """Return the one error that says why a run ended; a bug wins over all."""
    errors = list(_leaves(group))
    for kind in (HaltedError, LedgerError, LinkDownError):
        if all(
            isinstance(e, HaltedError | LedgerError | LinkDownError) for e in errors
        ):
            for error in errors:
                if isinstance(error, kind):
                    return error
    return group


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    """Yield the errors in a group of errors."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
