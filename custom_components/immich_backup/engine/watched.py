"""One watched folder at work: detect, settle and evaluate, until files are waiting."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
import logging
import os
import sqlite3

from .clock import Clock
from .context import Context
from .detect.root import Root, examine, unusable
from .detect.scan import Scanner, ScanResult, ScanStoppedError
from .detect.watch import Watcher, WatchError
from .evaluate import Evaluation, evaluate
from .events import Event, FolderChanged, PollingFallback, StatusChanged
from .ledger import Ledger, LedgerError, files, folders, scans
from .ledger.files import Verdict
from .ledger.rows import FileRow, FolderRow, Stamp
from .model import Detection, FileState, Folder, FolderTrouble, Source
from .rules import RuleSet
from .settling import Settler

_LOGGER = logging.getLogger(__name__)

# Seconds between full scans: events may have been lost without a word.
SCAN_INTERVAL = 3600.0
# Seconds between scans of a folder without events; more for one that takes long.
POLL_INTERVAL = 60.0
_POLL_SHARE = 20
# Seconds until an unavailable folder or a dead watch is looked at again.
_CHECK_INTERVAL = 30.0
# Seconds between scans that are not asked for by a person.
_RESCAN_PAUSE = 60.0
# Seconds in which events of one burst gather.
_GATHER = 0.5
# Seconds that stop() gives a scan to notice it.
_STOP_PATIENCE = 5.0
# Marks of so many directories at most are remembered for finding overlaps; beyond that
# the mounts have to do.
_MAX_DIRECTORIES = 50_000


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
        looked: Callable[[], None],
    ) -> None:
        """Take what it needs.

        ``arrived`` is told the folder's id when files may be waiting, ``looked`` that
        the root or its directories were looked at.
        """
        self.folder = folder
        self.trouble: FolderTrouble | None = None
        self.scanning = False
        self.polling = False
        self.directories: set[int] = set()
        self.root: Root | None = None
        self._ledger = ledger
        self._watcher = watcher
        self._scan_pool = scan_pool
        self._pool = pool
        self._clock = clock
        self._context = context
        self._session = session
        self._emit = emit
        self._arrived = arrived
        self._looked = looked
        self._row: FolderRow | None = None
        self._settler: Settler | None = None
        self._wake = asyncio.Event()
        self._pass_ended = asyncio.Event()
        self._stopped = False
        # The configuration leads elsewhere; what is under way for the old place ends.
        self._moved = False
        self._watching = False
        # Whether it was told that a folder which wants events is polled.
        self._fell_back = False
        self._rules_changed = True
        now = clock.monotonic()
        self._next_scan = self._next_check = self._next_watch = now
        self._last_scan = now - _RESCAN_PAUSE
        self._scan_took = 0.0
        self._noted: set[bytes] = set()
        self._noted_at: float | None = None
        self._scan_waiters: list[asyncio.Future[ScanResult | None]] = []
        self._walk: Future[ScanResult | None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def number(self) -> int | None:
        """Return the ledger's number of the folder, once it is known."""
        return None if self._row is None else self._row.id

    @property
    def source(self) -> Source | None:
        """Return where its files can be read, while they can."""
        if self.trouble is not None or self.root is None or self._moved:
            return None
        return Source(os.fsencode(self.root.path), self.folder.rules.version)

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
        if self._walk is not None:
            # Nothing may be recorded of the folder once it is removed.
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_PATIENCE):
                    await asyncio.gather(
                        asyncio.wrap_future(self._walk), return_exceptions=True
                    )
        await self._unwatch()

    async def apply(self, folder: Folder) -> None:
        """Take a changed configuration; what is being sent is not disturbed."""
        old, self.folder = self.folder, folder
        if old.rules.version != folder.rules.version:
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
        """Scan now and return the result; None if the folder can't be scanned."""
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

        ``margin`` is how many seconds beyond the settle time to wait at most.
        """
        end = self._clock.monotonic() + self.folder.settle_seconds + margin
        while self.trouble is None and not self._stopped and self._settler is not None:
            self._pass_ended.clear()
            since, _ = await self._settler.next_due()
            left = end - self._clock.monotonic()
            if (since is None and not self._rules_changed) or left <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._pass_ended.wait()

    def look_again(self) -> None:
        """Scan soon: something in the folder is not as the ledger says."""
        pause = max(_RESCAN_PAUSE, self._scan_took * _POLL_SHARE)
        self._next_scan = min(
            self._next_scan, max(self._clock.monotonic(), self._last_scan + pause)
        )
        self._wake.set()

    async def accept_root(self) -> None:
        """Take a person's word: the folder is right as it is now, empty or elsewhere."""

        def accept(con: sqlite3.Connection) -> None:
            folders.accept(con, folders.ensure(con, self.folder.id).id)

        await self._ledger.run(accept)
        await self._refresh_row()
        await self.scan()

    async def unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again."""
        if self._settler is not None:
            await self._settler.unsettle(file, stamp)
            self._wake.set()

    async def _tend(self) -> None:
        """Do what is due, then sleep until the next thing is."""
        while True:
            self._wake.clear()
            try:
                await self._work()
                delay = await self._next_delay()
            except LedgerError as err:
                _LOGGER.debug("The ledger fails: %s", err)
                self._answer_waiters(None)
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
            due.append(self._next_scan)
        if self.trouble is None:
            if self._noted_at is not None:
                due.append(self._noted_at + _GATHER)
            since, again = await self._settler.next_due()
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
            files.adopt_settling(con, row.id, self._session, self._clock.monotonic())
            return row

        self._row = await self._ledger.run(load)
        self._settler = Settler(
            self._ledger,
            self._clock,
            folder=self._row.id,
            session=self._session,
            evaluate=self._evaluate,
            decided=self._decided,
        )

    async def _refresh_row(self) -> None:
        """Read again what the ledger knows of the folder."""
        self._row = await self._ledger.run(folders.ensure, self.folder.id)

    # Detect

    async def _leave_root(self) -> None:
        """Let go of the place where the folder was."""
        self._moved = False
        await self._unwatch()
        self.root = None
        self._noted.clear()
        self._next_scan = self._next_check = self._clock.monotonic()

    async def _check_root(self) -> None:
        """See whether the folder is there, allowed and watched."""
        assert self._row is not None
        self._next_check = self._clock.monotonic() + _CHECK_INTERVAL
        root = await asyncio.get_running_loop().run_in_executor(
            self._pool,
            lambda: examine(self.folder.path, recursive=self.folder.recursive),
        )
        if root.trouble is None:
            allowed = await self._context.allowed_paths([root.path])
            if not allowed.get(root.path, False):
                root = unusable(root.path, FolderTrouble.NOT_ALLOWED)
        if self._moved:
            return
        before, self.root = self.root, root
        if root.trouble is not None:
            self._set_trouble(root.trouble)
            await self._unwatch()
            return
        if self._row.root not in (None, root.path):
            await self._ledger.run(folders.forget_root, self._row.id)
            await self._load_row()
        if before is None or before.location != root.location:
            # It came, or another file system did: the scan says whether it is right,
            # and ends a trouble.
            self._next_scan = self._clock.monotonic()
            self._arrived(self.folder.id)
        self._looked()
        await self._keep_watching(root)

    async def _keep_watching(self, root: Root) -> None:
        """Watch the folder by events, if it wants and can; else poll it."""
        assert root.location is not None
        loop = asyncio.get_running_loop()
        path = os.fsencode(root.path)
        now = self._clock.monotonic()
        if self._watching:
            if await loop.run_in_executor(
                self._pool, self._watcher.alive, self.folder.id, path
            ):
                return
            # The watch died with its directory; what came meanwhile a scan finds.
            await self._unwatch()
            self._next_scan = self._next_watch = now
        wants_events = self.folder.detection is Detection.EVENTS or (
            self.folder.detection is Detection.AUTO and root.location.mount.has_events
        )
        if not wants_events:
            self.polling = True
            self._fell_back = False
            return
        if now < self._next_watch:
            return
        try:
            await loop.run_in_executor(
                self._scan_pool,
                lambda: self._watcher.add(
                    self.folder.id,
                    path,
                    recursive=self.folder.recursive,
                    wake=self._event,
                ),
            )
        except WatchError as err:
            # Trying walks through all directories, so it is not done often.
            self._next_watch = now + SCAN_INTERVAL
            self.polling = True
            if not self._fell_back:
                self._fell_back = True
                self._next_scan = min(self._next_scan, now + POLL_INTERVAL)
                self._emit(PollingFallback(self.folder.id, err.reason))
            return
        self._watching = True
        self.polling = self._fell_back = False

    def _event(self) -> None:
        """Something happened in the folder; wait a moment for what comes with it."""
        if self._noted_at is None:
            self._noted_at = self._clock.monotonic()
        self._wake.set()

    async def _unwatch(self) -> None:
        """Stop watching by events."""
        self._next_watch = self._clock.monotonic()
        if self._watching:
            self._watching = False
            await asyncio.get_running_loop().run_in_executor(
                self._pool, self._watcher.remove, self.folder.id
            )

    async def _detect(self) -> None:
        """Scan everything if that is due, else what the events noted."""
        now = self._clock.monotonic()
        if self._noted_at is not None and now >= self._noted_at + _GATHER:
            self._noted_at = None
            noted = self._watcher.take(self.folder.id)
            if noted is None:
                self._next_scan = now
            else:
                self._noted |= noted
        if self._scan_waiters or now >= self._next_scan:
            self._noted.clear()
            await self._scan_all()
        elif self._noted and self.trouble is None:
            await self._scan_noted()

    def _scanner(self, row: FolderRow, root: Root) -> Scanner:
        """Return a scanner of the folder as it is now."""
        return Scanner(
            self._ledger,
            folder=row.id,
            root=os.fsencode(root.path),
            recursive=self.folder.recursive,
            existing=not row.baseline,
            session=self._session,
            time=self._clock.time,
            monotonic=self._clock.monotonic,
            stopped=lambda: self._interrupted,
        )

    async def _walk_in_thread(
        self, walk: Callable[[], ScanResult | None]
    ) -> ScanResult | None:
        """Let a scanner work; raises ScanStoppedError, LedgerError."""
        self._walk = self._scan_pool.submit(walk)
        result = await asyncio.wrap_future(self._walk)
        self._walk = None
        return result

    async def _scan_all(self) -> None:
        """Scan the whole folder and say what its root is like."""
        row, root = self._row, self.root
        assert row is not None
        assert root is not None
        assert root.location is not None
        identity = root.location.identity
        known = await self._ledger.ask(scans.present_files, row.id)
        waiters, self._scan_waiters = self._scan_waiters, []
        doubtful = bool(known) and not row.accepted
        elsewhere = doubtful and row.identity not in (None, identity)
        scanner = self._scanner(row, root)
        troubles: list[FolderTrouble] = []

        def certain(found: ScanResult) -> bool:
            if doubtful and not found.files and not found.error_count:
                troubles.append(FolderTrouble.SUDDENLY_EMPTY)
            return not troubles

        def walk() -> ScanResult | None:
            # Of a place that has nothing of what was seen before, nothing is recorded.
            if elsewhere and not (found := scanner.recognise()).recognised:
                if certain(found):
                    troubles.append(FolderTrouble.OTHER_FILE_SYSTEM)
                return None
            return scanner.scan(certain=certain)

        began = self._clock.monotonic()
        self.scanning = True
        self._emit(StatusChanged())
        result: ScanResult | None = None
        try:
            result = await self._walk_in_thread(walk)
        except ScanStoppedError:
            # Whoever waits gets the scan of the new place.
            self._scan_waiters += waiters
            waiters = []
            return
        finally:
            self.scanning = False
            now = self._clock.monotonic()
            self._last_scan, self._scan_took = now, now - began
            self._next_scan = now + self._scan_pause(troubled=bool(troubles))
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(result)
            self._emit(StatusChanged())
        if result is not None:
            self.directories = (
                result.directories
                if len(result.directories) <= _MAX_DIRECTORIES
                else set()
            )
        self._looked()
        self._set_trouble(troubles[0] if troubles else None)
        if result is not None and result.ended:
            if (row.root, row.identity) != (root.path, identity):
                await self._ledger.run(folders.set_root, row.id, root.path, identity)
            await self._refresh_row()

    def _scan_pause(self, *, troubled: bool) -> float:
        """Return the seconds until the next scan."""
        if troubled:
            return _CHECK_INTERVAL
        if self.polling:
            return max(POLL_INTERVAL, self._scan_took * _POLL_SHARE)
        return SCAN_INTERVAL

    async def _scan_noted(self) -> None:
        """Compare the directories in which something happened."""
        row, root = self._row, self.root
        assert row is not None
        assert root is not None
        noted, self._noted = self._noted, set()
        scanner = self._scanner(row, root)
        try:
            result = await self._walk_in_thread(lambda: scanner.scan_directories(noted))
        except ScanStoppedError:
            return
        except LedgerError:
            self._noted |= noted
            raise
        if result is not None and result.changes:
            self._emit(StatusChanged())
        if result is not None and (result.missing or result.error_count):
            # Only a full scan can say what became of them.
            self.look_again()

    def _set_trouble(self, trouble: FolderTrouble | None) -> None:
        """Tell when the folder becomes unavailable, or available again."""
        if trouble is not self.trouble:
            self.trouble = trouble
            self._emit(FolderChanged(self.folder.id, trouble))
            if trouble is None:
                self._arrived(self.folder.id)

    def _answer_waiters(self, result: ScanResult | None) -> None:
        """Answer those who wait for a scan."""
        waiters, self._scan_waiters = self._scan_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(result)

    # Settle and evaluate

    async def _decide(self) -> None:
        """Decide for what has settled, was decided by other rules or changes by time."""
        settler = self._settler
        assert settler is not None
        while not self._interrupted:
            vanished = await settler.settle(
                self.folder.rules, self.folder.settle_seconds
            )
            if vanished is None:
                break
            if vanished:
                # They went before they were complete, or moved; see where to.
                self._noted |= vanished
                self._noted_at = self._noted_at or self._clock.monotonic()
        while self._rules_changed and not self._interrupted:
            rules = self.folder.rules
            if not await settler.decide_by(rules):
                self._rules_changed = rules is not self.folder.rules
        while not self._interrupted and await settler.decide_in_time(self.folder.rules):
            pass

    async def _evaluate(
        self, due: Sequence[FileRow], rules: RuleSet, on_disk: bool
    ) -> Evaluation:
        """Decide for a batch of files."""
        assert self.root is not None
        root, now = os.fsencode(self.root.path), self._clock.time()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: evaluate(root, due, rules, now, on_disk=on_disk)
        )

    def _decided(self, verdicts: Sequence[Verdict]) -> None:
        """Tell that files wait, and that the numbers changed."""
        if any(verdict.state is FileState.WAITING for verdict in verdicts):
            self._arrived(self.folder.id)
        if verdicts:
            self._emit(StatusChanged())
