"""A copy of what is known of trips, to see what a job would make of it."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from pathlib import Path
import sqlite3

from .errors import LedgerError
from .schema import STATEMENTS


class Rehearsal:
    """Runs jobs about trips like the ledger, on a copy that is thrown away."""

    def __init__(self, path: Path, folders: Collection[int], pool: Executor) -> None:
        """Take the ledger's file, and of which folders (their numbers) all is copied.

        That happens in this pool, when the first job is run.
        """
        self._path = path
        self._folders = folders
        self._pool = pool
        self._connection: sqlite3.Connection | None = None

    async def run[T](self, job: Callable[..., T], /, *args: object) -> T:
        """Run a job; only one at a time. Raises LedgerError."""

        def work() -> T:
            try:
                if self._connection is None:
                    self._connection = self._copy()
                with self._connection as connection:
                    return job(connection, *args)
            except sqlite3.Error as err:
                raise LedgerError(f"The ledger can't be copied: {err}") from err

        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    # Nothing is lost that would have to be kept apart.
    ask = run

    async def close(self) -> None:
        """Throw the copy away."""
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(
                self._pool, self._connection.close
            )

    def _copy(self) -> sqlite3.Connection:
        """Return a new database without a name: on disk as far as memory is short."""
        connection = sqlite3.connect("", uri=True, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.executescript(STATEMENTS)
            original = f"{self._path.absolute().as_uri()}?mode=ro"
            connection.execute("ATTACH ? AS original", (original,))
            # The numbers of new ones are not those of others.
            connection.execute("INSERT INTO trip SELECT * FROM original.trip")
            connection.executemany(
                "INSERT INTO moment SELECT * FROM original.moment WHERE folder = ?",
                [(folder,) for folder in self._folders],
            )
            connection.commit()
            connection.execute("DETACH original")
        except BaseException:
            connection.close()
            raise
        return connection
