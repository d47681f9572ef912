"""The ledger as its users see it: jobs, each of them a transaction."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
import sqlite3
from threading import Lock
from typing import IO

from .errors import LedgerError
from .opening import connect, connect_reading, is_damage, lock, quarantine

# A hold that nobody ends, ends by itself after this many seconds.
HOLD_LIMIT = 1800.0
_PROBE_SIZE = 64 * 1024


class Ledger:
    """One SQLite file in WAL mode, with one thread that writes and one that asks.

    Everything is asked and recorded by jobs: functions that take the connection and
    run as one transaction. Only the modules of this package hold SQL.
    """

    def __init__(self, path: Path, changed: Callable[[], None] = lambda: None) -> None:
        """Take the path of the file; nothing is opened yet.

        ``changed`` is called in the event loop when ``failing`` changes.
        """
        self.path = path
        self.quarantined: Path | None = None
        # Why nothing can be recorded at present; None if all is well.
        self.failing: str | None = None
        self._changed = changed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker = ThreadPoolExecutor(1, "immich_backup_ledger")
        self._connection: sqlite3.Connection | None = None
        # Questions have a thread of their own: a long transaction must not delay them.
        self._asker = ThreadPoolExecutor(1, "immich_backup_ask")
        self._reading: sqlite3.Connection | None = None
        self._lock: IO[bytes] | None = None
        # What is to be written after a hold, in order; None when there is none.
        self._held: list[_Held] | None = None
        self._held_lock = Lock()
        self._hold_end: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Open the file, make its tables, lock it against other processes.

        A file that can't be used is moved aside (``quarantined``) and begun anew: what
        is on the server is found again by checksum. Raises LedgerBusyError, LedgerError.
        """
        self._loop = asyncio.get_running_loop()
        await _result(_submit(self._worker, self._open))

    async def close(self) -> None:
        """Write everything into the main file and close it; may be repeated."""
        self.release()
        for worker, end in (
            (self._asker, self._close_reading),
            (self._worker, self._close),
        ):
            # It may have been closed before.
            with suppress(LedgerError):
                await _result(_submit(worker, end))
            # Nothing is left to do, so that its thread ends at once.
            worker.shutdown()

    async def run[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job as one transaction that may write; raises LedgerError."""
        return await _result(self._submit_write(job, *args))

    def run_sync[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Do the same from a worker thread, and wait."""
        return self._submit_write(job, *args).result()

    async def ask[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job that only reads; raises LedgerError.

        It waits neither for what is being written nor for the end of a hold.
        """
        return await _result(_submit(self._asker, self._read, job, *args))

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Give a worker thread a read-only connection of its own; LedgerError."""
        try:
            with closing(connect_reading(self.path)) as connection:
                yield connection
        except sqlite3.Error as err:
            raise LedgerError(f"The ledger can't be read: {err}") from err

    async def probe(self) -> None:
        """See whether a ledger that failed can be written again; raises LedgerError."""
        # The log may be what fills the disk.
        with suppress(LedgerError):
            await _result(_submit(self._worker, self._checkpoint))
        await self.run(_write_and_remove)
        self._set_failing(None)

    async def hold(self, seconds: float = HOLD_LIMIT) -> None:
        """Make the main file complete and leave it alone until release.

        What is recorded meanwhile waits; questions are answered. Ends by itself after
        these seconds. Raises LedgerError when the file could not be completed; it is
        left alone all the same.
        """
        with self._held_lock:
            if self._held is None:
                self._held = []
        if self._hold_end is not None:
            self._hold_end.cancel()
        loop = asyncio.get_running_loop()
        self._hold_end = loop.call_later(seconds, self.release)
        await _result(_submit(self._worker, self._checkpoint))

    def release(self) -> None:
        """Go on after a hold; in the event loop. Nothing happens without one."""
        if self._hold_end is not None:
            self._hold_end.cancel()
            self._hold_end = None
        with self._held_lock:
            held, self._held = self._held or [], None
            for job in held:
                self._worker.submit(job.run)

    def _submit_write[T](self, job: Callable[..., T], /, *args: object) -> Future[T]:
        """Run a job as a transaction, after the hold if there is one."""
        with self._held_lock:
            if self._held is None:
                return _submit(self._worker, self._transact, job, *args)
            future: Future[T] = Future()
            self._held.append(_Held(future, lambda: self._transact(job, *args)))
            return future

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
        except (sqlite3.Error, UnicodeDecodeError) as err:
            text = f"The ledger can't be written: {err}"
            self._note_failure(text)
            raise LedgerError(text) from err
        return result

    def _read[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job that can't write, on the ledger as it is at one moment."""
        connection = self._reading
        if connection is None:
            raise LedgerError("The ledger is closed")
        try:
            connection.execute("BEGIN")
            try:
                return job(connection, *args)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except (sqlite3.Error, UnicodeDecodeError) as err:
            raise LedgerError(f"The ledger can't be read: {err}") from err

    def _note_failure(self, text: str) -> None:
        """Remember, from the ledger's thread, that something could not be recorded."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._set_failing, text)
        except RuntimeError:
            # The loop closed; nobody is interested any more.
            return

    def _set_failing(self, text: str | None) -> None:
        """Tell when the ledger begins or ceases to fail."""
        if text != self.failing:
            self.failing = text
            self._changed()

    def _open(self) -> None:
        """Open or begin the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock(self.path)
            try:
                self._connection = connect(self.path)
            except (sqlite3.Error, UnicodeDecodeError) as err:
                if not is_damage(err):
                    raise
                self.quarantined = quarantine(self.path)
                self._connection = connect(self.path)
            self._reading = connect_reading(self.path)
        except BaseException as err:
            self._close()
            if isinstance(err, OSError | sqlite3.Error):
                raise LedgerError(f"The ledger can't be opened: {err}") from err
            raise

    def _checkpoint(self) -> None:
        """Empty the write-ahead log into the main file."""
        if self._connection is None:
            raise LedgerError("The ledger is closed")
        try:
            (busy, _, _) = self._connection.execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchone()
        except sqlite3.Error as err:
            raise LedgerError(f"The ledger can't be completed: {err}") from err
        if busy:
            raise LedgerError("The ledger can't be completed: it is being read")

    def _close_reading(self) -> None:
        """Close the connection for questions."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _close(self) -> None:
        """Close the connection and the lock."""
        try:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None


def _submit[T](worker: Executor, job: Callable[..., T], /, *args: object) -> Future[T]:
    """Run something in one of the ledger's threads."""
    try:
        return worker.submit(job, *args)
    except RuntimeError as err:
        raise LedgerError("The ledger is closed") from err


class _Held:
    """A transaction that waits for the end of a hold."""

    def __init__[T](self, future: Future[T], work: Callable[[], T]) -> None:
        """Keep what is to be done and who waits for it."""
        self._future = future
        self._work = work

    def run(self) -> None:
        """Do it, in the ledger's thread."""
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            self._future.set_result(self._work())
        except BaseException as err:  # noqa: BLE001
            self._future.set_exception(err)


async def _result[T](future: Future[T]) -> T:
    """Wait for the ledger's thread; a cancelled caller does not cancel the job."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[T] = loop.create_future()

    def settle() -> None:
        if waiter.done():
            return
        if (error := future.exception()) is None:
            waiter.set_result(future.result())
        else:
            waiter.set_exception(error)

    def ended(_: Future[T]) -> None:
        # Without a loop nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    future.add_done_callback(ended)
    return await waiter


def _write_and_remove(con: sqlite3.Connection) -> None:
    """Write as much as a usual transaction does, and take it back."""
    key = "probe"
    con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, "." * _PROBE_SIZE))
    con.execute("DELETE FROM meta WHERE key = ?", (key,))
