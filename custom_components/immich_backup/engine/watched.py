"""One watched folder at work: detect, settle and evaluate, until files are waiting."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
import logging
import os
import sqlite3

from .clock import Clock
from .context import Context
from .detect.root import Root, examine
from .detect.scan import Scanner, ScanResult, ScanStoppedError
from .detect.watch import Watcher, WatchError
from .evaluate import Evaluation, evaluate
from .events import Event, FolderChanged, PollingFallback, StatusChanged
from .ledger import Ledger, LedgerError, files, folders, scans
from .ledger.files import Verdict
from .ledger.rows import FileRow, FolderRow, Stamp
from .model import Detection, FileState, Folder, FolderTrouble

_LOGGER = logging.getLogger(__name__)

_BATCH = 500
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
    ) -> None:
        """Take what it needs; ``arrived`` is told its id when files are waiting."""
        self.folder = folder
        self.trouble: FolderTrouble | None = None
        self.scanning = False
        self.polling = False
        self.scanned = False
        self.directories: set[tuple[int, int]] = set()
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
        self._row: FolderRow | None = None
        self._wake = asyncio.Event()
        self._settle_pass = asyncio.Event()
        self._stopped = False
        self._watching = False
        self._rules_changed = True
        self._next_scan = clock.monotonic()
        self._next_check = clock.monotonic()
        self._last_scan = -_RESCAN_PAUSE
        self._noted: set[bytes] = set()
        self._noted_at: float | None = None
        self._scan_waiters: list[asyncio.Future[ScanResult | None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def number(self) -> int | None:
        """Return the ledger's number of the folder, once it is known."""
        return None if self._row is None else self._row.id

    @property
    def readable_root(self) -> bytes | None:
        """Return the root while files can be read below it."""
        if self.trouble is not None or self.root is None:
            return None
        return os.fsencode(self.root.path)

    def start(self) -> None:
        """Begin to tend the folder."""
        self._task = asyncio.create_task(
            self._tend(), name=f"immich_backup folder {self.folder.id}"
        )

    async def stop(self) -> None:
        """Stop tending it, and stop watching."""
        self._stopped = True
        self._answer_waiters(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._unwatch()

    async def apply(self, folder: Folder) -> None:
        """Take a changed configuration; what is under way goes on."""
        old, self.folder = self.folder, folder
        if old.rules.version != folder.rules.version:
            self._rules_changed = True
        if (old.path, old.recursive, old.detection) != (
            folder.path,
            folder.recursive,
            folder.detection,
        ):
            await self._unwatch()
            self.root = None
            self._next_scan = self._next_check = self._clock.monotonic()
        self._wake.set()

    async def scan(self) -> ScanResult | None:
        """Scan now and return the result; None if the folder can't be scanned."""
        waiter: asyncio.Future[ScanResult | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._scan_waiters.append(waiter)
        self._wake.set()
        return await waiter

    async def settled(self, margin: float) -> None:
        """Wait until the files that settle now have settled, or had the time for it.

        ``margin`` is how many seconds beyond the settle time to wait at most.
        """
        end = self._clock.monotonic() + self.folder.settle_seconds + margin
        while self.trouble is None and not self._stopped and self._row is not None:
            self._settle_pass.clear()
            since = await self._ledger.run(
                files.next_settled, self._row.id, self._session
            )
            left = end - self._clock.monotonic()
            if since is None or left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._settle_pass.wait()
            except TimeoutError:
                return

    def look_again(self) -> None:
        """Scan soon: something in the folder is not as the ledger says."""
        self._next_scan = min(
            self._next_scan,
            max(self._clock.monotonic(), self._last_scan + _RESCAN_PAUSE),
        )
        self._wake.set()

    async def accept_root(self) -> None:
        """Take a person's word: the folder is right as it is now, empty or elsewhere."""
        if self._row is not None:
            await self._ledger.run(folders.accept_empty, self._row.id)
            await self._load_row()
        await self.scan()

    async def unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again."""
        await self._ledger.run(self._unsettle, [(file, stamp)])
        self._wake.set()

    async def _tend(self) -> None:
        """Do what is due, then sleep until the next thing is."""
        while True:
            try:
                if self._row is None:
                    await self._load_row()
                await self._work()
                delay = await self._next_delay()
            except LedgerError as err:
                _LOGGER.debug("The ledger fails: %s", err)
                self._answer_waiters(None)
                delay = _CHECK_INTERVAL
            except Exception:
                _LOGGER.exception("Unexpected error in a watched folder")
                self._answer_waiters(None)
                delay = _CHECK_INTERVAL
            if delay > 0:
                try:
                    async with asyncio.timeout(delay):
                        await self._wake.wait()
                except TimeoutError:
                    pass
            self._wake.clear()

    async def _work(self) -> None:
        """Do everything that is due now, in the order of a file's way."""
        now = self._clock.monotonic()
        if now >= self._next_check or self.root is None:
            await self._check_root()
        if self.trouble in (None, FolderTrouble.SUDDENLY_EMPTY) or (
            self.trouble is FolderTrouble.OTHER_FILE_SYSTEM
        ):
            await self._detect()
        else:
            self._answer_waiters(None)
        if self.trouble is None:
            await self._settle()
            await self._evaluate_again()

    async def _next_delay(self) -> float:
        """Return the seconds until something is due by itself."""
        assert self._row is not None
        if self._scan_waiters:
            return 0.0
        now = self._clock.monotonic()
        due = [self._next_check]
        if self.trouble is None:
            due.append(self._next_scan)
            if self._noted_at is not None:
                due.append(self._noted_at + _GATHER)
            since, again = await self._ledger.run(self._next_due)
            if since is not None:
                due.append(since + self.folder.settle_seconds)
            if again is not None:
                # Wall time may jump; look once an hour at least, at the next scan.
                due.append(now + max(0.0, again - self._clock.time()))
        return max(0.0, min(due) - now)

    def _next_due(self, con: sqlite3.Connection) -> tuple[float | None, float | None]:
        """Return since when a file settles, and when a decision changes with time."""
        assert self._row is not None
        return (
            files.next_settled(con, self._row.id, self._session),
            files.next_due_again(con, self._row.id),
        )

    async def _load_row(self) -> None:
        """Read what the ledger knows of the folder; let old files settle anew."""

        def load(con: sqlite3.Connection) -> FolderRow:
            row = folders.ensure(con, self.folder.id)
            files.adopt_settling(con, row.id, self._session, self._clock.monotonic())
            return row

        self._row = await self._ledger.run(load)

    # Detect

    async def _check_root(self) -> None:
        """See whether the folder is there, allowed and watched."""
        assert self._row is not None
        loop = asyncio.get_running_loop()
        self._next_check = self._clock.monotonic() + _CHECK_INTERVAL
        root = await loop.run_in_executor(self._pool, examine, self.folder.path)
        if root.trouble is None:
            allowed = await self._context.allowed_paths([root.path])
            if not allowed.get(root.path, False):
                root = Root(root.path, None, FolderTrouble.NOT_ALLOWED)
        if (
            self._row.root is not None
            and self._row.root != root.path
            and (root.trouble is None)
        ):
            await self._ledger.run(folders.forget_root, self._row.id)
            await self._load_row()
        was_away = self.root is None or self.root.trouble is not None
        self.root = root
        if root.trouble is not None:
            self._set_trouble(root.trouble)
            await self._unwatch()
            return
        if was_away:
            # What a scan found out about an available root is the scan's to say.
            self._set_trouble(None)
            self._next_scan = self._clock.monotonic()
        await self._keep_watching(root)

    async def _keep_watching(self, root: Root) -> None:
        """Watch the folder by events, if it wants and can; else poll it."""
        loop = asyncio.get_running_loop()
        path = os.fsencode(root.path)
        if self._watching:
            if await loop.run_in_executor(
                self._pool, self._watcher.alive, self.folder.id, path
            ):
                return
            # The watch died with its directory; what came meanwhile a scan finds.
            await self._unwatch()
            self._next_scan = self._clock.monotonic()
        assert root.location is not None
        wants_events = self.folder.detection is Detection.EVENTS or (
            self.folder.detection is Detection.AUTO and root.location.mount.has_events
        )
        if not wants_events:
            self.polling = True
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
            if not self.polling:
                self._emit(PollingFallback(self.folder.id, err.reason))
            self.polling = True
            return
        self._watching = True
        self.polling = False

    def _event(self) -> None:
        """Something happened in the folder; wait a moment for what comes with it."""
        if self._noted_at is None:
            self._noted_at = self._clock.monotonic()
        self._wake.set()

    async def _unwatch(self) -> None:
        """Stop watching by events."""
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
        elif self._noted:
            noted, self._noted = self._noted, set()
            await self._scan_noted(noted)

    def _scanner(self) -> Scanner:
        """Return a scanner of the folder as it is now."""
        assert self._row is not None
        assert self.root is not None
        return Scanner(
            self._ledger,
            folder=self._row.id,
            root=os.fsencode(self.root.path),
            recursive=self.folder.recursive,
            existing=not self._row.baseline,
            session=self._session,
            time=self._clock.time,
            monotonic=self._clock.monotonic,
            stopped=lambda: self._stopped,
        )

    async def _scan_all(self) -> None:
        """Scan the whole folder and say what its root is like."""
        assert self._row is not None
        waiters, self._scan_waiters = self._scan_waiters, []
        result: ScanResult | None = None
        trouble: list[FolderTrouble | None] = [None]
        known = await self._ledger.run(scans.present_files, self._row.id)

        def certain(found: ScanResult) -> bool:
            trouble[0] = self._doubt(known, found)
            return trouble[0] is None

        began = self._clock.monotonic()
        self.scanning = True
        self._emit(StatusChanged())
        try:
            result = await asyncio.get_running_loop().run_in_executor(
                self._scan_pool, lambda: self._scanner().scan(certain=certain)
            )
        except ScanStoppedError:
            return
        finally:
            self.scanning = False
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(result)
            now = self._clock.monotonic()
            self._last_scan = now
            self._next_scan = now + (
                max(POLL_INTERVAL, (now - began) * _POLL_SHARE)
                if self.polling
                else SCAN_INTERVAL
            )
            self._emit(StatusChanged())
        self.directories = result.directories
        self._set_trouble(trouble[0])
        if trouble[0] is not None:
            self._next_scan = now + _CHECK_INTERVAL
        elif result.complete:
            self.scanned = True
            await self._remember_root()

    def _doubt(self, known: int, found: ScanResult) -> FolderTrouble | None:
        """Return why this may not be the root that was seen before.

        ``known`` is the number of files that it is known to hold.
        """
        assert self._row is not None
        assert self.root is not None
        assert self.root.location is not None
        if self._row.accepted_empty or not known:
            return None
        if not found.files and not found.error_count:
            return FolderTrouble.SUDDENLY_EMPTY
        moved = self._row.identity not in (None, self.root.location.identity)
        if moved and found.changes >= found.files:
            return FolderTrouble.OTHER_FILE_SYSTEM
        return None

    async def _remember_root(self) -> None:
        """Remember which root a complete scan was of."""
        assert self._row is not None
        assert self.root is not None
        assert self.root.location is not None
        identity = self.root.location.identity
        if (self._row.root, self._row.identity) != (self.root.path, identity):
            await self._ledger.run(
                folders.set_root, self._row.id, self.root.path, identity
            )
        self._row = await self._ledger.run(folders.ensure, self.folder.id)

    async def _scan_noted(self, noted: set[bytes]) -> None:
        """Compare the directories in which something happened."""

        def compare() -> int:
            scanner = self._scanner()
            return sum(
                scanner.scan_directory(path).changes
                for path in sorted(noted)
                if self.folder.recursive or not path
            )

        try:
            changes = await asyncio.get_running_loop().run_in_executor(
                self._scan_pool, compare
            )
        except ScanStoppedError:
            return
        if changes:
            self._emit(StatusChanged())

    def _set_trouble(self, trouble: FolderTrouble | None) -> None:
        """Tell when the folder becomes unavailable, or available again."""
        if trouble is not self.trouble:
            self.trouble = trouble
            self._emit(FolderChanged(self.folder.id, trouble))

    def _answer_waiters(self, result: ScanResult | None) -> None:
        """Answer those who wait for a scan."""
        waiters, self._scan_waiters = self._scan_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(result)

    # Settle and evaluate

    async def _settle(self) -> None:
        """Evaluate the files that did not change for the settle time."""
        assert self._row is not None
        while not self._stopped:
            before = self._clock.monotonic() - self.folder.settle_seconds
            due = await self._ledger.run(
                files.due_settling, self._row.id, self._session, before, _BATCH
            )
            if not due:
                self._settle_pass.set()
                return
            version = self.folder.rules.version
            outcome = await self._evaluate(due, on_disk=True)
            await self._ledger.run(self._record, version, outcome)
            # They are gone before they were complete, or moved; see where to.
            self._noted |= {os.path.dirname(file.path) for file in outcome.vanished}
            if outcome.vanished:
                self._noted_at = self._noted_at or self._clock.monotonic()
            self._tell_arrivals(outcome.verdicts)

    async def _evaluate_again(self) -> None:
        """Evaluate what other rules decided, or what time has changed."""
        assert self._row is not None
        version = self.folder.rules.version
        while not self._stopped:
            due: list[FileRow] = []
            if self._rules_changed:
                due = await self._ledger.run(
                    files.decided_by_other_rules, self._row.id, version, _BATCH
                )
                if not due and version == self.folder.rules.version:
                    self._rules_changed = False
            if not due:
                due = await self._ledger.run(
                    files.due_again, self._row.id, self._clock.time(), _BATCH
                )
            if not due:
                return
            outcome = await self._evaluate(due, on_disk=False)
            await self._ledger.run(self._record_again, version, outcome.verdicts)
            self._tell_arrivals(outcome.verdicts)

    async def _evaluate(self, due: Sequence[FileRow], *, on_disk: bool) -> Evaluation:
        """Decide for a batch of files."""
        assert self.root is not None
        root, rules, now = self.root.path, self.folder.rules, self._clock.time()
        return await asyncio.get_running_loop().run_in_executor(
            self._pool,
            lambda: evaluate(os.fsencode(root), due, rules, now, on_disk=on_disk),
        )

    def _record(
        self, con: sqlite3.Connection, version: str, outcome: Evaluation
    ) -> None:
        """Write what settled files become."""
        files.record_verdicts(con, version, outcome.verdicts)
        self._unsettle(con, outcome.changed)
        files.put_off_settling(con, outcome.vanished, self._clock.monotonic())

    def _record_again(
        self, con: sqlite3.Connection, version: str, verdicts: Sequence[Verdict]
    ) -> None:
        """Write new decisions; what is wanted as before stays where it is."""
        moved: list[Verdict] = []
        kept: list[Verdict] = []
        for verdict in verdicts:
            wanted = verdict.state is not FileState.UNWANTED
            was_wanted = verdict.file.state is not FileState.UNWANTED
            (kept if wanted and was_wanted else moved).append(verdict)
        files.record_verdicts(con, version, moved)
        files.keep_verdicts(con, version, kept)

    def _unsettle(
        self, con: sqlite3.Connection, changed: Sequence[tuple[FileRow, Stamp]]
    ) -> None:
        """Let files that changed settle again."""
        for file, stamp in changed:
            scans.unsettle(
                con,
                file.id,
                stamp,
                session=self._session,
                now=self._clock.time(),
                seen=self._clock.monotonic(),
            )

    def _tell_arrivals(self, verdicts: Sequence[Verdict]) -> None:
        """Tell that files wait, and that the numbers changed."""
        if any(verdict.state is FileState.WAITING for verdict in verdicts):
            self._arrived(self.folder.id)
        if verdicts:
            self._emit(StatusChanged())
