"""Walking a folder and comparing each directory with the ledger."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import hashlib
from itertools import batched
import os
import sqlite3
import stat
import struct

from ..access import stamp_of
from ..ledger import Ledger, scans
from ..ledger.rows import Stamp
from ..ledger.scans import Entry
from .names import ignored_directory, ignored_file

# Up to this many entries of a directory are kept between reading and comparing; a
# larger directory in which something changed is read twice.
_KEEP = 2000
_BATCH = 500
_FINGERPRINT = struct.Struct("<qqq")


@dataclass(slots=True, kw_only=True)
class ScanResult:
    """What a walk met: numbers of files and links, errors by path."""

    files: int = 0
    changes: int = 0
    links: int = 0
    errors: list[str] = field(default_factory=list)
    error_count: int = 0
    gone: int = 0
    complete: bool = False
    # (device, inode) of the directories, to find overlaps and to end loops.
    directories: set[tuple[int, int]] = field(default_factory=set)

    def add_error(self, error: OSError) -> None:
        """Count an error, keep the first few."""
        self.error_count += 1
        if len(self.errors) < 5:
            self.errors.append(error.strerror or type(error).__name__)


class ScanStoppedError(Exception):
    """The walk was told to stop."""


@dataclass(slots=True)
class Listing:
    """One directory as read: fingerprint of its files, sub-directories, what it holds.

    ``kept`` has name, size, mtime_ns and ctime_ns of the files; it is None when they
    are too many. Few directories differ from what is known, so it is raw and cheap.
    """

    fingerprint: bytes
    subdirectories: list[bytes]
    files: int
    links: int
    kept: list[tuple[bytes, int, int, int]] | None

    def entries(self) -> Iterator[Entry] | None:
        """Yield the files, if they were kept."""
        if self.kept is None:
            return None
        return (Entry(name, Stamp(*stamp)) for name, *stamp in self.kept)


def list_files(path: bytes, result: ScanResult | None = None) -> Iterator[Entry]:
    """Yield the regular files of a directory which are not junk; blocking."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and not ignored_file(entry.name):
                try:
                    yield Entry(entry.name, stamp_of(entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue
                except OSError as err:
                    if result is not None:
                        result.add_error(err)


def list_directory(path: bytes, *, recursive: bool, result: ScanResult) -> Listing:
    """Read a directory in one pass; blocking. Raises OSError when it can't be read.

    The fingerprint changes when a file appears, disappears or is written.
    """
    digest = hashlib.blake2b(digest_size=16)
    update, pack = digest.update, _FINGERPRINT.pack
    subdirectories: list[bytes] = []
    files = links = 0
    kept: list[tuple[bytes, int, int, int]] = []
    with os.scandir(path) as found:
        for entry in found:
            name = entry.name
            if entry.is_file(follow_symlinks=False):
                if ignored_file(name):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError as err:
                    result.add_error(err)
                    continue
                files += 1
                size = status.st_size
                mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
                update(name)
                update(pack(size, mtime_ns, ctime_ns))
                # Not the status itself: it is ten times as large.
                if files <= _KEEP:
                    kept.append((name, size, mtime_ns, ctime_ns))
            elif entry.is_symlink():
                links += 1
            elif (
                recursive
                and entry.is_dir(follow_symlinks=False)
                and not ignored_directory(name)
            ):
                subdirectories.append(name)
    return Listing(
        digest.digest(), subdirectories, files, links, kept if files <= _KEEP else None
    )


class Scanner:
    """Walks one folder in a worker thread and writes what differs to the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        folder: int,
        root: bytes,
        recursive: bool,
        existing: bool,
        session: int,
        time: Callable[[], float],
        monotonic: Callable[[], float],
        stopped: Callable[[], bool],
    ) -> None:
        """Take what a walk needs; ``existing`` marks new files as there before."""
        self._ledger = ledger
        self._folder = folder
        self._root = root
        self._recursive = recursive
        self._existing = existing
        self._session = session
        self._time = time
        self._monotonic = monotonic
        self._stopped = stopped
        self._visited: list[int] = []

    def scan(self, *, certain: Callable[[ScanResult], bool]) -> ScanResult:
        """Walk everything; blocking.

        ``certain`` is asked at the end whether this was certainly the right root: only
        then, and without errors, files not met are said to be gone.
        Raises ScanStoppedError, LedgerError.
        """
        scan = self._ledger.run_sync(scans.begin, self._folder, self._time())
        result = ScanResult()
        with self._ledger.reader() as reader:
            try:
                self._walk(reader, scan, b"", result)
                self._flush(scan)
                result.complete = not result.error_count and certain(result)
            finally:
                result.gone = self._ledger.run_sync(
                    self._finish, scan, result.complete, result
                )
        return result

    def scan_directory(self, path: bytes) -> ScanResult:
        """Compare one directory (relative path) and, if it is new, what is below it.

        Says of no stored file that it is gone. Blocking; raises as scan does.
        """
        result = ScanResult()
        with self._ledger.reader() as reader:
            self._walk(reader, 0, path, result, known_children=True)
        return result

    def _finish(
        self, con: sqlite3.Connection, scan: int, complete: bool, result: ScanResult
    ) -> int:
        """End the scan in the ledger."""
        return scans.finish(
            con,
            self._folder,
            scan,
            now=self._time(),
            files=result.files,
            errors=result.error_count,
            complete=complete,
        )

    def _walk(
        self,
        reader: sqlite3.Connection,
        scan: int,
        top: bytes,
        result: ScanResult,
        *,
        known_children: bool = False,
    ) -> None:
        """Visit directories depth first; with known_children only new ones below."""
        stack = [top]
        while stack:
            if self._stopped():
                raise ScanStoppedError
            path = stack.pop()
            full = os.path.join(self._root, path) if path else self._root
            try:
                status = os.lstat(full)
                if not stat.S_ISDIR(status.st_mode):
                    continue
                key = (status.st_dev, status.st_ino)
                if key in result.directories:
                    continue
                listing = list_directory(full, recursive=self._recursive, result=result)
            except OSError as err:
                # A directory may go while we walk; the folder itself must not.
                if not (path and isinstance(err, FileNotFoundError)):
                    result.add_error(err)
                continue
            result.directories.add(key)
            result.files += listing.files
            result.links += listing.links
            self._compare(reader, scan, path, full, listing, result)
            children = [
                os.path.join(path, name) if path else name
                for name in listing.subdirectories
            ]
            if known_children:
                children = [
                    child
                    for child in children
                    if scans.known_directory(reader, self._folder, child) is None
                ]
            stack += children

    def _compare(
        self,
        reader: sqlite3.Connection,
        scan: int,
        path: bytes,
        full: bytes,
        listing: Listing,
        result: ScanResult,
    ) -> None:
        """Compare a directory with the ledger, only if its fingerprint differs."""
        known = scans.known_directory(reader, self._folder, path)
        if known is not None and known[1] == listing.fingerprint:
            if scan:
                self._visited.append(known[0])
                if len(self._visited) >= _BATCH:
                    self._flush(scan)
            return
        directory = None if known is None else known[0]
        entries = listing.entries() or list_files(full, result)
        for batch in batched(entries, _BATCH, strict=False):
            sighting = scans.compare(reader, directory, batch)
            if sighting.new or sighting.changed or sighting.back:
                result.changes += len(sighting.new) + len(sighting.changed)
                self._ledger.run_sync(self._record, path, sighting)
        missing: list[int] = []
        if directory is not None:
            present = listing.entries() or list_files(full)
            missing = scans.missing_names(
                reader, directory, (entry.name for entry in present)
            )
        if scan:
            self._ledger.run_sync(
                scans.finish_directory,
                self._folder,
                path,
                scan,
                listing.fingerprint,
                missing,
            )
        elif missing:
            self._ledger.run_sync(scans.forget_settling, missing)

    def _record(
        self, con: sqlite3.Connection, path: bytes, sighting: scans.Sighting
    ) -> None:
        """Write what differs."""
        scans.record(
            con,
            self._folder,
            path,
            sighting,
            existing=self._existing,
            session=self._session,
            now=self._time(),
            seen=self._monotonic(),
        )

    def _flush(self, scan: int) -> None:
        """Write which unchanged directories were visited."""
        if self._visited:
            self._ledger.run_sync(scans.mark_visited, scan, self._visited)
            self._visited = []
