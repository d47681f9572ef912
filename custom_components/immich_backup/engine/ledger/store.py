"""Opening, locking and closing the ledger, and the one thread that writes to it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
import fcntl
import glob
import logging
import os
from pathlib import Path
import sqlite3
import threading
import time
from typing import IO

from . import schema

_LOGGER = logging.getLogger(__name__)

_BUSY_MS = 10_000
# Seconds; whoever copies the file may have died without a word.
_LONGEST_HOLD = 3600.0


class LedgerError(Exception):
    """The ledger can't be written (disk full, read-only); nothing was recorded."""


class LedgerBusyError(LedgerError):
    """Another process has this ledger open."""


class Ledger:
    """One SQLite file in WAL mode, with one thread that writes.

    Everything is asked and recorded by jobs: functions that take the connection and
    run as one transaction. Only the modules of this package hold SQL.
    """

    def __init__(self, path: Path) -> None:
        """Take the path of the file; nothing is opened yet."""
        self.path = path
        self.quarantined: Path | None = None
        self._writer = ThreadPoolExecutor(1, "immich_backup_ledger")
        self._connection: sqlite3.Connection | None = None
        self._lock: IO[bytes] | None = None
        self._released = threading.Event()
        self._released.set()

    async def open(self) -> None:
        """Open the file, make its tables, lock it against other processes.

        A file that can't be used is moved aside (``quarantined``) and begun anew: what
        is on the server is found again by checksum. Raises LedgerBusyError, LedgerError.
        """
        await self._submit(self._open)

    async def close(self) -> None:
        """Write everything into the main file and close it."""
        self.release()
        try:
            await self._submit(self._close)
        finally:
            self._writer.shutdown(wait=False)

    async def run[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job in the writer thread as one transaction; raises LedgerError."""
        return await self._submit(self._transact, job, *args)

    def run_sync[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Do the same from a worker thread, and wait."""
        return self._writer.submit(self._transact, job, *args).result()

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Give a worker thread a read-only connection of its own."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with closing(
            sqlite3.connect(uri, uri=True, timeout=_BUSY_MS / 1000)
        ) as connection:
            # What differs is compared through a temporary table; on disk, not in memory.
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute("PRAGMA cache_size = -1024")
            yield connection

    async def hold(self) -> None:
        """Write everything into the main file, then nothing until it is released.

        Jobs wait meanwhile. Ends by itself after an hour.
        """
        if self._released.is_set():
            self._released.clear()
            await self._submit(self._checkpoint)
            self._writer.submit(self._released.wait, _LONGEST_HOLD)

    def release(self) -> None:
        """Let the jobs go on."""
        self._released.set()

    async def _submit[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run in the writer thread; a cancelled caller does not cancel the job."""
        future: Future[T] = self._writer.submit(job, *args)
        return await asyncio.shield(asyncio.wrap_future(future))

    def _transact[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job between BEGIN and COMMIT."""
        connection = self._connection
        if connection is None:
            raise LedgerError("The ledger is closed")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = job(connection, *args)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as err:
            raise LedgerError(f"The ledger can't be written: {err}") from err
        return result

    def _open(self) -> None:
        """Open or begin the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as err:
                if isinstance(err, sqlite3.OperationalError) and not _is_damage(err):
                    raise
                self._quarantine()
                self._connection = self._connect()
        except BaseException as err:
            self._release_lock()
            if isinstance(err, OSError | sqlite3.Error):
                raise LedgerError(f"The ledger can't be opened: {err}") from err
            raise

    def _take_lock(self) -> None:
        """Lock a file beside the ledger; the lock ends with the process."""
        fd = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = os.fdopen(fd, "r+b")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise LedgerBusyError("The ledger is open in another process") from err

    def _release_lock(self) -> None:
        """Unlock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _connect(self) -> sqlite3.Connection:
        """Return a connection to a ledger of this version, whole as far as one sees."""
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_MS / 1000, isolation_level=None
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # Loses the last commits in a power cut, never the file: each of them can be
            # repeated, for the server knows what it has.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cache_size = -4096")
            _require_usable(connection)
        except BaseException:
            connection.close()
            raise
        # Only the owner may read which photos there are.
        self.path.chmod(0o600)
        return connection

    def _quarantine(self) -> None:
        """Move a file that can't be used aside, with what belongs to it."""
        aside = self.path.with_name(f"{self.path.name}.corrupt-{int(time.time())}")
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{self.path}{suffix}")
            if part.exists():
                part.rename(f"{aside}{suffix}")
        self.quarantined = aside
        _LOGGER.warning(
            "The ledger could not be read and was moved aside; nothing is lost: all"
            " files are compared with the server again"
        )

    def _checkpoint(self) -> None:
        """Empty the write-ahead log."""
        if self._connection is not None:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _close(self) -> None:
        """Close the connection and the lock."""
        try:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        finally:
            self._release_lock()


def _is_damage(error: sqlite3.OperationalError) -> bool:
    """Return whether an operational error means a damaged file, not a full disk."""
    text = str(error)
    return "malformed" in text or "no such table" in text or "syntax" in text


def remove_ledger(path: Path) -> None:
    """Delete a closed ledger with all that belongs to it; blocking."""
    for part in path.parent.glob(f"{glob.escape(path.name)}*"):
        part.unlink(missing_ok=True)


def _require_usable(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; DatabaseError for one of no use to us."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(
            f"BEGIN; {schema.STATEMENTS} PRAGMA user_version = {schema.VERSION}; COMMIT;"
        )
    elif version != schema.VERSION:
        raise sqlite3.DatabaseError(f"schema version {version}")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
