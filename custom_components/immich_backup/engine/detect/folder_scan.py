"""Scanning one folder, and judging by what a scan meets whether its root is right."""

import asyncio
from collections.abc import Callable, Collection, Set as AbstractSet
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
import os
from typing import Any

from ..clock import Clock
from ..events import Event, StatusChanged
from ..ledger import Ledger, scans
from ..ledger.rows import FolderRow
from ..model import Folder, FolderTrouble
from .root import Root
from .scan import Scanner, ScanResult
from .scan_timer import ScanTimer

# Seconds that are given to a scan to notice that it is to stop.
_STOP_PATIENCE = 5.0
# Seconds until a scan that goes on is told. Where events fail each folder is scanned every
# minute, for a moment and mostly in vain.
_SHOW_AFTER = 1.0
# Marks of so many directories at most are remembered for finding overlaps; beyond that
# the mounts have to do.
_MAX_DIRECTORIES = 50_000


@dataclass(slots=True, kw_only=True)
class RootScan:
    """A scan of all that is below a root, and what it says about the root.

    ``doubtful`` says that files are known which the right root should have,
    ``elsewhere`` that it lies on another file system than they did.
    """

    doubtful: bool
    elsewhere: bool
    trouble: FolderTrouble | None = None

    def walk(self, scanner: Scanner) -> ScanResult | None:
        """Scan, and note in ``trouble`` why the root can't be the right one; blocking.

        Of a place that has nothing of what was seen before nothing is recorded; the
        result is None. Raises ScanStoppedError, LedgerError.
        """
        if self.elsewhere:
            found = scanner.recognise()
            if not found.recognised:
                if self._certain(found):
                    self.trouble = FolderTrouble.OTHER_FILE_SYSTEM
                return None
        return scanner.scan(certain=self._certain)

    def _certain(self, found: ScanResult) -> bool:
        """Return whether what was met, if anything, may be all there is."""
        if self.doubtful and not found.files and not found.error_count:
            self.trouble = FolderTrouble.SUDDENLY_EMPTY
        return self.trouble is None


class FolderScan:
    """Lets one folder be scanned in a thread, by one walk at a time."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: Executor,
        clock: Clock,
        timer: ScanTimer,
        session: int,
        emit: Callable[[Event], None],
        interrupted: Callable[[], bool],
    ) -> None:
        """Take what it needs.

        ``interrupted`` is asked, from the thread, whether a walk should end early;
        ``timer`` is told when a full scan ended.
        """
        # Whether a full scan goes on that lasts long enough to be told.
        self.scanning = False
        # Marks of the directories that the last full scan met (see mark_of).
        self.directories: AbstractSet[int] = frozenset()
        self._ledger = ledger
        self._pool = pool
        self._clock = clock
        self._timer = timer
        self._session = session
        self._emit = emit
        self._interrupted = interrupted
        self._walk: Future[Any] | None = None

    async def scan(
        self, folder: Folder, row: FolderRow, root: Root, *, polling: bool
    ) -> tuple[ScanResult | None, FolderTrouble | None]:
        """Scan a root that can be read; say what was met and what is wrong with it.

        The first is None if nothing was recorded. Raises ScanStoppedError, LedgerError.
        """
        assert root.location is not None
        known = await self._ledger.ask(scans.present_files, row.id)
        doubtful = bool(known) and not row.accepted
        whole = RootScan(
            doubtful=doubtful,
            elsewhere=doubtful and row.identity not in (None, root.location.identity),
        )
        scanner = self._scanner(folder, row, root)
        began = self._clock.monotonic()
        showing = asyncio.get_running_loop().call_later(_SHOW_AFTER, self._show)
        quiet = False
        try:
            result = await self._in_thread(lambda: whole.walk(scanner))
            quiet = result is not None and not result.moved
        except BaseException:
            # What was not seen is to be seen as soon as that is possible.
            self._timer.scan_now()
            raise
        finally:
            showing.cancel()
            shown, self.scanning = self.scanning, False
            if shown or not quiet:
                self._emit(StatusChanged())
        self._timer.ended(began, doubtful=whole.trouble is not None, polling=polling)
        if result is not None:
            many = len(result.directories) > _MAX_DIRECTORIES
            self.directories = frozenset() if many else result.directories
        return result, whole.trouble

    async def scan_directories(
        self,
        folder: Folder,
        row: FolderRow,
        root: Root,
        directories: Collection[bytes],
    ) -> ScanResult:
        """Compare single directories (relative paths) and what is new below them.

        Raises ScanStoppedError, LedgerError.
        """
        scanner = self._scanner(folder, row, root)
        return await self._in_thread(lambda: scanner.scan_directories(directories))

    async def ended(self) -> None:
        """Wait a little for a walk that was interrupted: it may record until it ends."""
        if self._walk is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_PATIENCE):
                    await asyncio.gather(
                        asyncio.wrap_future(self._walk), return_exceptions=True
                    )

    def _show(self) -> None:
        """Tell that a full scan goes on."""
        self.scanning = True
        self._emit(StatusChanged())

    def _scanner(self, folder: Folder, row: FolderRow, root: Root) -> Scanner:
        """Return a scanner of the folder as it is now."""
        return Scanner(
            self._ledger,
            folder=row.id,
            root=os.fsencode(root.path),
            recursive=folder.recursive,
            existing=not row.baseline,
            session=self._session,
            time=self._clock.time,
            monotonic=self._clock.monotonic,
            stopped=self._interrupted,
        )

    async def _in_thread[T](self, walk: Callable[[], T]) -> T:
        """Let a scanner work; raises ScanStoppedError, LedgerError."""
        self._walk = future = self._pool.submit(walk)
        result = await asyncio.wrap_future(future)
        self._walk = None
        return result
