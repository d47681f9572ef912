"""Walking a folder and comparing each directory with the ledger."""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
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
    """What a walk met: numbers of files and links, errors in words.

    ``ended`` says that it came to its end, ``complete`` that it did so without an error
    in what is certainly the right folder. ``missing`` counts known files not met,
    ``back`` those that are there again as they were.
    """

    files: int = 0
    changes: int = 0
    back: int = 0
    missing: int = 0
    links: int = 0
    errors: list[str] = field(default_factory=list)
    error_count: int = 0
    gone: int = 0
    ended: bool = False
    complete: bool = False
    recognised: bool = False
    # Marks of the directories (see mark_of), to end loops and to find overlaps.
    directories: set[int] = field(default_factory=set)

    @property
    def moved(self) -> bool:
        """Return whether the numbers of files by state may be others now."""
        return bool(self.changes or self.back or self.missing or self.gone)

    def add_error(self, error: OSError) -> None:
        """Count an error, keep the first few."""
        self.error_count += 1
        if len(self.errors) < 5:
            self.errors.append(error.strerror or type(error).__name__)


def mark_of(status: os.stat_result) -> int:
    """Return what tells a directory from all others at this time, by whatever name.

    Device and inode in one number; neither is worth remembering over a restart.
    """
    return status.st_dev << 64 | status.st_ino


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
                try:
                    update(pack(size, mtime_ns, ctime_ns))
                except struct.error:
                    # A time beyond the year 2262.
                    size, mtime_ns, ctime_ns = stamp_of(status).as_tuple()
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

    def scan(self, *, certain: Callable[[ScanResult], bool]) -> ScanResult:
        """Walk everything; blocking.

        ``certain`` is asked at the end whether this was certainly the right root: only
        then, and without errors, files not met are said to be gone.
        Raises ScanStoppedError, LedgerError.
        """
        scan = self._ledger.run_sync(scans.begin, self._folder, self._time())
        result = ScanResult()
        visited: set[int] = set()
        with self._ledger.reader() as reader:
            for path, listing in self._walk(b"", result):
                try:
                    visited.add(self._compare(reader, scan, path, listing, result))
                except OSError as err:
                    # It was there a moment ago; a later scan says what became of it.
                    result.add_error(err)
        right = certain(result)
        result.ended = right and bool(visited)
        result.complete = right and not result.error_count
        result.gone = self._ledger.run_sync(self._finish, scan, visited, result)
        return result

    def scan_directories(self, paths: Collection[bytes]) -> ScanResult:
        """Compare single directories (relative paths) and what is new below them.

        Says of no stored file that it is gone. Blocking; raises as scan does.
        """
        result = ScanResult()
        with self._ledger.reader() as reader:

            def is_new(path: bytes) -> bool:
                return scans.known_directory(reader, self._folder, path) is None

            for top in sorted(paths):
                if (top and not self._recursive) or not self._inside(top):
                    continue
                for path, listing in self._walk(top, result, descend=is_new):
                    with suppress(OSError):
                        self._compare(reader, None, path, listing, result)
        return result

    def recognise(self) -> ScanResult:
        """Look for one file that is as the ledger knows it, and record nothing.

        The result says whether there is one (``recognised``). Blocking; raises
        ScanStoppedError, LedgerError.
        """
        result = ScanResult()
        with self._ledger.reader() as reader:
            for path, listing in self._walk(b"", result):
                known = scans.known_directory(reader, self._folder, path)
                if known is None:
                    continue
                with suppress(OSError):
                    for batch in self._entries(path, listing, result):
                        if scans.unchanged(reader, known[0], batch):
                            result.recognised = True
                            return result
        return result

    def _inside(self, path: bytes) -> bool:
        """Return whether a relative path leads to a directory that a walk would meet."""
        if not path:
            return True
        full = os.path.join(self._root, path)
        return not any(map(ignored_directory, path.split(b"/"))) and (
            os.path.realpath(full) == full
        )

    def _walk(
        self,
        top: bytes,
        result: ScanResult,
        descend: Callable[[bytes], bool] = lambda _path: True,
    ) -> Iterator[tuple[bytes, Listing]]:
        """Read directories depth first, each once; yield relative path and listing."""
        stack = [top]
        while stack:
            if self._stopped():
                raise ScanStoppedError
            path = stack.pop()
            full = self._full(path)
            try:
                status = os.lstat(full)
                if not stat.S_ISDIR(status.st_mode):
                    continue
                mark = mark_of(status)
                if mark in result.directories:
                    continue
                listing = list_directory(full, recursive=self._recursive, result=result)
            except OSError as err:
                # A directory may go while we walk; the folder itself must not.
                if path and isinstance(err, FileNotFoundError):
                    result.missing += path == top
                else:
                    result.add_error(err)
                continue
            result.directories.add(mark)
            result.files += listing.files
            result.links += listing.links
            yield path, listing
            below = [
                os.path.join(path, name) if path else name
                for name in sorted(listing.subdirectories, reverse=True)
            ]
            stack += filter(descend, below)

    def _compare(
        self,
        reader: sqlite3.Connection,
        scan: int | None,
        path: bytes,
        listing: Listing,
        result: ScanResult,
    ) -> int:
        """Compare a directory with the ledger, only if its fingerprint differs.

        Returns the directory's number, 0 for one that is not in the ledger.
        """
        known = scans.known_directory(reader, self._folder, path)
        if known is not None and known[1] == listing.fingerprint:
            return known[0]
        directory = None if known is None else known[0]
        for batch in self._entries(path, listing, result):
            sighting = scans.compare(reader, directory, batch)
            if sighting.new or sighting.changed or sighting.back:
                result.changes += len(sighting.new) + len(sighting.changed)
                result.back += len(sighting.back)
                self._ledger.run_sync(self._record, path, sighting)
        missing: list[int] = []
        if directory is not None:
            missing = scans.missing_names(
                reader,
                directory,
                (
                    entry.name
                    for batch in self._entries(path, listing, result)
                    for entry in batch
                ),
            )
            result.missing += len(missing)
        if scan is not None:
            return self._ledger.run_sync(
                scans.finish_directory,
                self._folder,
                path,
                scan,
                listing.fingerprint,
                missing,
            )
        if missing:
            self._ledger.run_sync(scans.forget_settling, missing)
        return directory or 0

    def _entries(
        self, path: bytes, listing: Listing, result: ScanResult
    ) -> Iterator[tuple[Entry, ...]]:
        """Yield the files of a directory in parts; reads a large directory again."""
        entries = listing.entries() or list_files(self._full(path), result)
        return batched(entries, _BATCH, strict=False)

    def _full(self, path: bytes) -> bytes:
        """Return the absolute path of a relative one."""
        return os.path.join(self._root, path) if path else self._root

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

    def _finish(
        self,
        con: sqlite3.Connection,
        scan: int,
        visited: Collection[int],
        result: ScanResult,
    ) -> int:
        """End the scan in the ledger."""
        return scans.finish(
            con,
            self._folder,
            scan,
            visited,
            now=self._time(),
            files=result.files,
            errors=result.error_count,
            ended=result.ended,
            complete=result.complete,
        )
