"""One run: takes waiting files through the steps hash, ask, upload, verify.

The only place that knows the order of these steps. Everything is recorded in the ledger
before the next step begins, so that an end at any moment loses nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from http import HTTPStatus

from ..immich import SMALL_BODY
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
from .access import AccessError, ChangedError, UnreadableError, VanishedError
from .active_run import ActiveRun
from .beside import Beside
from .clock import Clock
from .events import Event, FileTooLarge, RunProgress
from .hashing import Hashed, groups, hash_files
from .in_flight import InFlight, Item
from .ledger import Ledger, LedgerError, arranging, contents, files
from .ledger.rows import ContentRow, FileRow, Stamp
from .link import PATIENCE, HaltedError, LinkDownError, ServerLink
from .media.companions import XMP
from .model import Fate, Proof, Reason, Source
from .outcomes import Outcomes
from .pacing import Pacer
from .upload import upload_file
from .verify import Finding, Presence, find

_CLAIM = 200
# More are claimed when fewer than this are in the pipeline.
_LOW_WATER = 64
# A claimed batch is hashed in parts of about this size, so that uploads begin early,
_HASH_BYTES = 256 * 1024 * 1024
# and with no more in small files than can be kept until they are uploaded.
_SMALL_BYTES = 8 * 1024 * 1024
_QUEUE = 32
_VERIFY_BATCH = 100
_VERIFY_DELAY = 1.0
_PROGRESS_SECONDS = 10.0
# Seconds between uploads to a server that asks for fewer of them.
_SHORT_PAUSE = 1.0
_VERIFY_TRIES = 3
# So many uploads failed in a row on a server that otherwise works: it is the server.
_FAILURES_IN_A_ROW = 3


class UploadsFailError(LinkDownError):
    """The server answers, but fails on one upload after the other.

    ``retry_after`` is how many seconds it asked to be left alone, if it did.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep how long to wait at least."""
        super().__init__(message)
        self.retry_after = retry_after


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
        sources: Callable[[], Mapping[int, Source]],
        source: Callable[[int], Source | None],
        emit: Callable[[Event], None],
        unsettle: Callable[[FileRow, Stamp], Awaitable[None]],
        unexpected: Callable[[int], None],
        reconfirm: Callable[[], Awaitable[object]],
        pacer: Pacer,
        sent: Callable[[int], None],
        concurrency: int,
    ) -> None:
        """Take what a run needs.

        ``sources`` gives the ledger's numbers of the folders whose files can be read
        and may be sent now, ``source`` one of them. ``unsettle`` lets a file that
        changed settle again; ``unexpected`` is told a folder that should be looked at,
        ``sent`` the bytes that went out when ``pacer`` let them. ``reconfirm`` asks
        again for all that the server should have.
        """
        self.run = run
        self._ledger = ledger
        self._link = link
        self._pool = pool
        self._clock = clock
        self._sources = sources
        self._source = source
        self._emit = emit
        self._unsettle = unsettle
        self._unexpected = unexpected
        self._reconfirm = reconfirm
        self._pacer = pacer
        self._count_bytes = sent
        self._concurrency = concurrency
        self._outcomes = Outcomes(run, ledger, clock)
        # By the folders' roots.
        self._sidecars: dict[bytes, Beside] = {}
        self._in_flight = InFlight(run.more.set)
        self._uploads: asyncio.Queue[Item] = asyncio.Queue(_QUEUE)
        self._stored: asyncio.Queue[Item] = asyncio.Queue()
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
            while len(self._in_flight) > _LOW_WATER:
                self.run.more.clear()
                await self.run.more.wait()
            self.run.more.clear()
            sources = self._sources()
            # What is let go from now on may have to be claimed again.
            claimed = self._in_flight.claimed
            looking = bool(self.run.asked)
            batch = await self._ledger.ask(
                files.claim,
                {number: source.rules_version for number, source in sources.items()},
                self._clock.time(),
                _CLAIM,
                claimed,
            )
            if batch:
                self._in_flight.claim(batch)
                for part in _parts(batch):
                    await self._prepare(part, sources)
                    self._tell_progress()
            elif self._in_flight or self.run.asked:
                await self.run.more.wait()
            elif not claimed and not looking:
                return

    async def _prepare(
        self, batch: Sequence[FileRow], sources: Mapping[int, Source]
    ) -> None:
        """Hash files and ask the server for them; queue those that it lacks."""
        items = await self._hash(batch, sources)
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
        held = [item for item in items if findings[item.sha1].presence is Presence.HELD]
        for item in held:
            item.reason = _reason(known.get(item.sha1))
        await self._outcomes.confirm(held, findings)
        for item in held:
            self._outcomes.count_found(item)
            self._in_flight.release(item)
        for item in items:
            finding = findings[item.sha1]
            if finding.presence is Presence.HELD:
                continue
            if await self._settled(item, finding, known.get(item.sha1)):
                self._in_flight.release(item)
            else:
                await self._uploads.put(item)

    async def _hash(
        self, batch: Sequence[FileRow], sources: Mapping[int, Source]
    ) -> list[Item]:
        """Return files as items with their checksums; record why others have none."""
        gate = asyncio.Semaphore(2)
        loop = asyncio.get_running_loop()

        async def hashed(group: Sequence[FileRow]) -> list[Hashed | AccessError]:
            root = sources[group[0].folder].root
            sidecars = self._sidecars.setdefault(root, Beside(root, XMP))
            async with gate:
                return await loop.run_in_executor(
                    self._pool, hash_files, root, group, lambda: self._over, sidecars
                )

        empty = [file for file in batch if not file.stamp.size]
        await self._outcomes.park(empty, Reason.EMPTY, None)
        for file in empty:
            self._in_flight.release_file(file)
        items: list[Item] = []
        hashing = list(groups([file for file in batch if file.stamp.size]))
        results = await asyncio.gather(*map(hashed, hashing))
        for group, found in zip(hashing, results, strict=True):
            for file, result in zip(group, found, strict=True):
                if isinstance(result, AccessError):
                    await self._access_failed(file, result)
                    self._in_flight.release_file(file)
                elif (item := self._in_flight.enter(file, result)) is not None:
                    items.append(item)
        return items

    async def _settled(
        self, item: Item, finding: Finding, known: ContentRow | None
    ) -> bool:
        """Record why a content is not to be uploaded; return False when it is."""
        outcomes = self._outcomes
        match finding.presence:
            case Presence.TRASHED:
                await outcomes.decline(item, finding.asset_id or "", Reason.TRASHED)
            case Presence.REFUSED:
                await outcomes.park(item.files, Reason.UNSUPPORTED, finding.detail)
            case Presence.ABSENT if known is not None and known.fate is Fate.DECLINED:
                await outcomes.decline(item, known.asset_id, Reason.DELETED)
            case Presence.ABSENT:
                return False
        return True

    async def _upload_items(self) -> None:
        """Upload what is queued."""
        while True:
            item = await self._uploads.get()
            if await self._upload(item):
                self._in_flight.forget_content(item)
                self._stored.put_nowait(item)
            else:
                self._in_flight.release(item)

    async def _upload(self, item: Item) -> bool:
        """Upload one file; return whether the server says that it has it now."""
        file, park = item.file, self._outcomes.park
        source = self._source(file.folder)
        if source is None:
            # The folder was removed, went away, or has to wait.
            return False
        self._link.check()
        try:
            async with self._link.room_for(file.stamp.size):
                uploaded = await upload_file(
                    self._link.client,
                    self._pool,
                    root=source.root,
                    path=file.path,
                    stamp=file.stamp,
                    sha1=item.sha1,
                    content=item.content,
                    sidecar=item.sidecar,
                    pacer=self._pacer,
                    sent=self._count_bytes,
                )
        except AccessError as err:
            await self._access_failed(file, err)
            return False
        except TooLargeError as err:
            await park(item.files, Reason.TOO_LARGE, str(err))
            self._emit(FileTooLarge(file.stamp.size))
            return False
        except UnsupportedError as err:
            await park(item.files, Reason.UNSUPPORTED, str(err))
            return False
        except (RefusedError, NotFoundError) as err:
            await park(item.files, Reason.REFUSED, str(err))
            return False
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
        result = uploaded.result
        await self._ledger.run(
            contents.claim_stored, item.sha1, file.stamp.size, result.asset_id
        )
        if uploaded.sidecar is not None:
            word = arranging.sidecar_word(uploaded.sidecar)
            await self._ledger.run(arranging.note_applied, word, [result.asset_id])
        if result.duplicate:
            item.reason = Reason.ON_SERVER
        return True

    async def _upload_broke(self, item: Item, error: ImmichError) -> bool:
        """Find out whether the file, the upload or the server is the trouble.

        The answer may have been lost after the file was stored, so that is asked first.
        """
        if not await self._link.healthy():
            await self._link.recover(error)
        finding = (await self._find([item.sha1]))[item.sha1]
        if finding.presence is not Presence.ABSENT:
            return True
        self._failures += 1
        wait = getattr(error, "retry_after", None) or 0.0
        too_fast = error.status == HTTPStatus.TOO_MANY_REQUESTS or wait > 0
        if not too_fast:
            lost = isinstance(error, ConnectionFailedError)
            reason = Reason.CONNECTION if lost else Reason.SERVER_ERROR
            await self._outcomes.fail(item.file, reason, str(error))
        if self._failures >= _FAILURES_IN_A_ROW or wait > PATIENCE:
            raise UploadsFailError(str(error), wait)
        if too_fast:
            # That is not about the file, which keeps its turn.
            await asyncio.sleep(max(wait, _SHORT_PAUSE))
        return False

    async def _verify_items(self) -> None:
        """Ask for what was uploaded, many at a time, and record the proofs."""
        while True:
            items = [await self._stored.get()]
            deadline = self._clock.monotonic() + _VERIFY_DELAY
            while len(items) < _VERIFY_BATCH and len(self._in_flight) > len(items):
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
            await self._outcomes.confirm(held, findings)
            for item in held:
                self._outcomes.count_stored(item)
                self._in_flight.release(item)
            for item in items:
                finding = findings[item.sha1]
                if finding.presence is not Presence.HELD:
                    await self._not_verified(item, finding)
                    self._in_flight.release(item)
            self._tell_progress()

    async def _not_verified(self, item: Item, finding: Finding) -> None:
        """Record what became of an upload that the server does not hold."""
        outcomes = self._outcomes
        match finding.presence:
            case Presence.TRASHED:
                await outcomes.decline(item, finding.asset_id or "", Reason.TRASHED)
            case _ if item.file.attempts + 1 >= _VERIFY_TRIES:
                await outcomes.park(item.files, Reason.NOT_VERIFIED, None)
            case _:
                await outcomes.fail(item.file, Reason.NOT_VERIFIED, None)

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

    async def _access_failed(self, file: FileRow, error: AccessError) -> None:
        """Record why a file could not be read."""
        outcomes = self._outcomes
        if isinstance(error, ChangedError):
            await self._unsettle(file, error.stamp)
        elif isinstance(error, VanishedError):
            # Only a scan says that it is gone; until then it is not asked for again.
            await outcomes.fail(file, Reason.VANISHED, None, counted=False)
        elif isinstance(error, UnreadableError):
            await outcomes.park([file], Reason.UNREADABLE, None)
        else:
            await outcomes.fail(file, Reason.READ_ERROR, str(error))
        self._unexpected(file.folder)

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
    """Split a batch so that each part is hashed in reasonable time and memory."""
    part: list[FileRow] = []
    size = small = 0
    for file in batch:
        part.append(file)
        if file.sha1 is None:
            size += file.stamp.size
            small += file.stamp.size if file.stamp.size <= SMALL_BODY else 0
        if size >= _HASH_BYTES or small >= _SMALL_BYTES:
            yield part
            part, size, small = [], 0, 0
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
