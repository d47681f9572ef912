"""One watched folder at work: detect, settle and evaluate, until files are waiting."""

import asyncio
from collections.abc import Callable, Sequence, Set as AbstractSet
from concurrent.futures import Executor
from contextlib import suppress
import logging
import os
import sqlite3

from . import versions
from .beside import Surroundings
from .clock import Clock
from .context import Context
from .detect.folder_scan import FolderScan
from .detect.folder_watch import FolderWatch
from .detect.root import Root, look_at_root
from .detect.scan import ScanResult, ScanStoppedError
from .detect.scan_timer import ScanTimer
from .detect.watch import Watcher
from .enquiry import Enquiry
from .evaluate import Evaluation, evaluate
from .events import Event, FolderChanged, StatusChanged
from .ledger import Ledger, LedgerError, agenda, arranging, files, folders, siblings
from .ledger.files import Verdict
from .ledger.rows import FileRow, FolderRow, Stamp
from .model import FileState, Folder, FolderTrouble, Source
from .settling import Settler

_LOGGER = logging.getLogger(__name__)

# Seconds until a folder's root is looked at again, or a ledger that failed.
_CHECK_INTERVAL = 30.0


class WatchedFolder:
    """Tends one folder in a task of its own; its state is in the ledger."""

    def __init__(
        self,
        folder: Folder,
        *,
        ledger: Ledger,
        watcher: Watcher,
        scan_pool: Executor,
        pool: Executor,
        clock: Clock,
        context: Context,
        session: int,
        emit: Callable[[Event], None],
        arrived: Callable[[str], None],
        looked: Callable[[str], None],
        organise: Callable[[], None],
    ) -> None:
        """Take what it needs.

        ``arrived`` is told the folder's id when files may be waiting, ``looked`` when
        the root or its directories were looked at; ``organise`` is called when there
        may be something to organise.
        """
        self.folder = folder
        self.trouble: FolderTrouble | None = None
        self.root: Root | None = None
        # What must become true before its files may be sent, in words for people.
        self.waiting_for: Sequence[str] = ()
        self._ledger = ledger
        self._pool = pool
        self._clock = clock
        self._context = context
        self._enquiry = Enquiry(context, clock)
        self._session = session
        self._emit = emit
        self._arrived = arrived
        self._looked = looked
        self._organise = organise
        self._row: FolderRow | None = None
        self._settler: Settler | None = None
        self._wake = asyncio.Event()
        self._pass_ended = asyncio.Event()
        self._stopped = False
        # The configuration leads elsewhere; what is under way for the old place ends.
        self._moved = False
        self._rules_changed = True
        # Whether its files are organised, as the ledger was told.
        self._arranged: bool | None = None
        # When its files are due, as the ledger said (see Settler.next_due); None once
        # something happened since.
        self._files_due: tuple[float | None, float | None] | None = None
        # What reads sidecars for the rules, and until when its listings count.
        self._beside: Surroundings | None = None
        self._beside_until = 0.0
        self._next_check = clock.monotonic()
        self._scan_waiters: list[asyncio.Future[ScanResult | None]] = []
        self._task: asyncio.Task[None] | None = None
        self._timer = ScanTimer(clock.monotonic)
        self._watch = FolderWatch(
            folder.id,
            watcher=watcher,
            pool=pool,
            scan_pool=scan_pool,
            clock=clock,
            timer=self._timer,
            emit=emit,
            wake=self._wake.set,
        )
        self._scan = FolderScan(
            ledger=ledger,
            pool=scan_pool,
            clock=clock,
            timer=self._timer,
            session=session,
            emit=emit,
            interrupted=lambda: self._interrupted,
        )

    @property
    def number(self) -> int | None:
        """Return the ledger's number of the folder, once it is known."""
        return None if self._row is None else self._row.id

    @property
    def scanning(self) -> bool:
        """Return whether the whole folder is being scanned."""
        return self._scan.scanning

    @property
    def polling(self) -> bool:
        """Return whether it is polled, by choice or because events fail."""
        return self._watch.polling

    @property
    def directories(self) -> AbstractSet[int]:
        """Return the marks of its directories, as far as they are remembered."""
        return self._scan.directories

    @property
    def source(self) -> Source | None:
        """Return where its files can be read, while they can."""
        if self.trouble is not None or self.root is None or self._moved:
            return None
        return Source(os.fsencode(self.root.path), self.folder.rules_version)

    @property
    def _readable(self) -> bool:
        """Return whether there is a root to scan; it may be the wrong one."""
        return self.root is not None and self.root.trouble is None

    @property
    def _interrupted(self) -> bool:
        """Return whether what goes on should end soon."""
        return self._stopped or self._moved

    def start(self) -> None:
        """Begin to tend the folder."""
        self._task = asyncio.create_task(
            self._tend(), name=f"immich_backup folder {self.folder.id}"
        )

    async def stop(self) -> None:
        """Stop tending it, and stop watching."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._answer_waiters(None)
        # Nothing may be recorded of the folder once it is removed.
        await self._scan.ended()
        await self._watch.end()

    async def apply(self, folder: Folder) -> None:
        """Take a changed configuration; what is being sent is not disturbed."""
        old, self.folder = self.folder, folder
        if old.rules_version != folder.rules_version:
            self._rules_changed = True
        if (old.path, old.recursive, old.detection) != (
            folder.path,
            folder.recursive,
            folder.detection,
        ):
            self._moved = True
        self._wake.set()

    def decide_again(self) -> None:
        """Decide for all files by the rules as they are now: some wait unexpectedly."""
        self._rules_changed = True
        self._wake.set()

    async def scan(self) -> ScanResult | None:
        """Scan now and return the result; None if the folder can't be scanned.

        Raises LedgerError when what is met can't be recorded.
        """
        if self._stopped:
            return None
        waiter: asyncio.Future[ScanResult | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._scan_waiters.append(waiter)
        self._wake.set()
        return await waiter

    async def settled(self, margin: float) -> None:
        """Wait until the files that settle now are decided, or had the time for it.

        ``margin`` is how many seconds beyond the settle time to wait at most, and
        beyond what they wait for others of their shots. Raises LedgerError.
        """
        patience = versions.PATIENCE if self.folder.arrangement.only else 0.0
        end = self._clock.monotonic() + self.folder.settle_seconds + margin + patience
        while self.trouble is None and not self._stopped and self._settler is not None:
            self._pass_ended.clear()
            since, again = await self._settler.next_due()
            left = end - self._clock.monotonic()
            soon = again is not None and again <= self._clock.time() + patience
            if (since is None and not soon and not self._rules_changed) or left <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._pass_ended.wait()

    def look_again(self) -> None:
        """Scan soon: something in the folder is not as the ledger says."""
        self._timer.scan_soon()
        self._wake.set()

    async def accept_root(self) -> None:
        """Take a person's word: the folder is right as it is now, empty or elsewhere.

        Raises LedgerError.
        """

        def accept(con: sqlite3.Connection) -> None:
            folders.accept(con, folders.ensure(con, self.folder.id).id)

        await self._ledger.run(accept)
        await self._refresh_row()
        await self.scan()

    async def unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again; raises LedgerError."""
        if self._settler is not None:
            await self._settler.unsettle(file, stamp)
            self._wake.set()

    async def _tend(self) -> None:
        """Do what is due, then sleep until the next thing is."""
        while True:
            if self._wake.is_set():
                self._files_due = None
                self._wake.clear()
            try:
                await self._work()
                delay = await self._next_delay()
            except LedgerError as err:
                _LOGGER.debug("The ledger fails: %s", err)
                self._answer_waiters(err)
                await asyncio.sleep(_CHECK_INTERVAL)
                continue
            except Exception:
                _LOGGER.exception("Unexpected error in a watched folder")
                self._answer_waiters(None)
                await asyncio.sleep(_CHECK_INTERVAL)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()

    async def _work(self) -> None:
        """Do everything that is due now, in the order of a file's way."""
        if self._settler is None:
            await self._load_row()
        if self._arranged is not self.folder.arranged:
            await self._note_arranged()
        if self._moved:
            await self._leave_root()
        if self._clock.monotonic() >= self._next_check or self.root is None:
            await self._check_root()
        if self._readable:
            await self._detect()
        else:
            self._answer_waiters(None)
        if self.trouble is None and not self._moved:
            await self._decide()
        self._pass_ended.set()

    async def _next_delay(self) -> float:
        """Return the seconds until something is due by itself."""
        assert self._settler is not None
        if self._scan_waiters or self._moved:
            return 0.0
        now = self._clock.monotonic()
        due = [self._next_check]
        if self._readable:
            due.append(self._timer.due_at)
        if self.trouble is None:
            if self._watch.due_at is not None:
                due.append(self._watch.due_at)
            if self._files_due is None:
                self._files_due = await self._settler.next_due()
            since, again = self._files_due
            if since is not None:
                due.append(since + self.folder.settle_seconds)
            if again is not None:
                # Wall time may jump; the next check looks again in any case.
                due.append(now + max(0.0, again - self._clock.time()))
        return max(0.0, min(due) - now)

    async def _load_row(self) -> None:
        """Read what the ledger knows of the folder; let old files settle anew."""

        def load(con: sqlite3.Connection) -> FolderRow:
            row = folders.ensure(con, self.folder.id)
            agenda.ensure(con, self.folder.id, self._clock.time())
            files.adopt_settling(con, row.id, self._session, self._clock.monotonic())
            latest = self._clock.time() + versions.AGAIN_LATEST
            siblings.distrust_far(con, row.id, versions.REASONS, latest)
            return row

        self._row = await self._ledger.run(load)
        self._files_due = None
        self._settler = Settler(
            self._ledger,
            self._clock,
            folder=self._row.id,
            session=self._session,
            evaluate=self._evaluate,
            decided=self._decided,
            told_anew=self._organise,
        )

    async def _note_arranged(self) -> None:
        """Let the ledger note what is to be organised, or no longer."""
        arranged = self.folder.arranged
        await self._ledger.run(
            lambda con: arranging.set_arranged(con, self.folder.id, arranged=arranged)
        )
        self._arranged = arranged

    async def _refresh_row(self) -> None:
        """Read again what the ledger knows of the folder."""
        self._row = await self._ledger.run(folders.ensure, self.folder.id)

    # Detect

    async def _leave_root(self) -> None:
        """Let go of the place where the folder was."""
        self._moved = False
        await self._watch.end()
        self.root = None
        self._timer.scan_now()
        self._next_check = self._clock.monotonic()

    async def _check_root(self) -> None:
        """See whether the folder is there, allowed and watched."""
        assert self._row is not None
        self._next_check = self._clock.monotonic() + _CHECK_INTERVAL
        root = await look_at_root(self.folder, self._context, self._pool)
        if self._moved:
            return
        before, self.root = self.root, root
        if root.trouble is not None:
            self._set_trouble(root.trouble)
            self._looked(self.folder.id)
            await self._watch.end()
            return
        if self._row.root not in (None, root.path):
            await self._ledger.run(folders.forget_root, self._row.id)
            await self._load_row()
        if before is None or before.location != root.location:
            # It came, or another file system did: the scan says whether it is right,
            # and ends a trouble.
            self._timer.scan_now()
            self._arrived(self.folder.id)
            self._organise()
        self._looked(self.folder.id)
        await self._watch.keep(self.folder, root)

    async def _detect(self) -> None:
        """Scan everything if that is due, else what the events noted."""
        self._watch.gather()
        if self._scan_waiters or self._timer.due:
            self._files_due = None
            # A scan meets all that was noted.
            self._watch.take()
            await self._scan_all()
        elif self.trouble is None and (noted := self._watch.take()):
            self._files_due = None
            await self._scan_noted(noted)

    async def _scan_all(self) -> None:
        """Scan the whole folder; its root may prove to be the right or the wrong one."""
        row, root = self._row, self.root
        assert row is not None
        assert root is not None
        waiters, self._scan_waiters = self._scan_waiters, []
        try:
            result, trouble = await self._scan.scan(
                self.folder, row, root, polling=self.polling
            )
        except BaseException as err:
            self._scan_waiters += waiters
            if isinstance(err, ScanStoppedError):
                # Whoever waits gets the scan of the new place.
                return
            raise
        _answer(waiters, result)
        self._looked(self.folder.id)
        self._set_trouble(trouble)
        if result is not None and result.ended:
            assert root.location is not None
            identity = root.location.identity
            if (row.root, row.identity) != (root.path, identity):
                await self._ledger.run(folders.set_root, row.id, root.path, identity)
            await self._refresh_row()

    async def _scan_noted(self, noted: AbstractSet[bytes]) -> None:
        """Compare the directories in which something happened."""
        row, root = self._row, self.root
        assert row is not None
        assert root is not None
        try:
            result = await self._scan.scan_directories(self.folder, row, root, noted)
        except ScanStoppedError:
            return
        except LedgerError:
            self._watch.note(noted)
            raise
        if result.moved:
            self._emit(StatusChanged())
        if result.missing or result.error_count:
            # Only a full scan can say what became of them.
            self.look_again()

    def _set_trouble(self, trouble: FolderTrouble | None) -> None:
        """Tell when the folder becomes unavailable, or available again."""
        if trouble is not self.trouble:
            self.trouble = trouble
            self._emit(FolderChanged(self.folder.id, trouble))
            if trouble is None:
                self._arrived(self.folder.id)
                self._organise()

    def _answer_waiters(self, result: ScanResult | LedgerError | None) -> None:
        """Answer those who wait for a scan."""
        waiters, self._scan_waiters = self._scan_waiters, []
        _answer(waiters, result)

    # Settle and evaluate

    async def _decide(self) -> None:
        """Decide for what has settled, was decided by other rules or changes by time."""
        settler = self._settler
        assert settler is not None
        if not self._is_file_due():
            # Hundreds of folders that wait ask the ledger nothing.
            return
        self._files_due = None
        while not self._interrupted:
            vanished = await settler.settle(self.folder)
            if vanished is None:
                break
            if vanished:
                # They went before they were complete, or moved; see where to.
                self._watch.note(vanished)
        while self._rules_changed and not self._interrupted:
            # Whoever asks for it meanwhile is not forgotten.
            self._rules_changed = False
            try:
                more = await settler.decide_by(self.folder)
            except BaseException:
                self._rules_changed = True
                raise
            if more:
                self._rules_changed = True
        while not self._interrupted and await settler.decide_in_time(self.folder):
            pass
        self._beside = None

    def _is_file_due(self) -> bool:
        """Return whether a file may have to be decided; certainly not if nothing is."""
        if self._files_due is None or self._rules_changed:
            return True
        since, again = self._files_due
        return (
            since is not None
            and since + self.folder.settle_seconds <= self._clock.monotonic()
        ) or (again is not None and again <= self._clock.time())

    async def _evaluate(
        self, due: Sequence[FileRow], folder: Folder, on_disk: bool
    ) -> Evaluation:
        """Decide for a batch of files, as their folder was configured."""
        assert self.root is not None
        root, now = os.fsencode(self.root.path), self._clock.time()
        outcome = await evaluate(
            folder,
            root,
            due,
            now,
            on_disk=on_disk,
            pool=self._pool,
            enquiry=self._enquiry,
            beside=self._look_beside(root),
        )
        await versions.leave_out(
            folder, root, outcome, now, ledger=self._ledger, pool=self._pool
        )
        return outcome

    def _look_beside(self, root: bytes) -> Surroundings | None:
        """Return what reads sidecars for the rules; None if they ask for none.

        Directories are not listed for each batch: a sidecar that came since is still
        settling, and has the decision about its photo looked at again once it has.
        """
        if not self.folder.decides_by_sidecars:
            return None
        now = self._clock.monotonic()
        if (
            self._beside is None
            or self._beside.root != root
            or now >= self._beside_until
        ):
            self._beside = Surroundings(root)
            self._beside_until = now + self.folder.settle_seconds
        return self._beside

    def _decided(self, verdicts: Sequence[Verdict]) -> None:
        """Tell that files wait, and that the numbers changed."""
        if any(verdict.state is FileState.WAITING for verdict in verdicts):
            self._arrived(self.folder.id)
        if verdicts:
            self._emit(StatusChanged())


def _answer(
    waiters: Sequence[asyncio.Future[ScanResult | None]],
    result: ScanResult | LedgerError | None,
) -> None:
    """Answer those who wait for a scan, unless they went."""
    for waiter in waiters:
        if waiter.done():
            continue
        if isinstance(result, LedgerError):
            waiter.set_exception(result)
        else:
            waiter.set_result(result)
