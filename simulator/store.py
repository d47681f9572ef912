"""The database of the server: SQLite in the data folder, safe against kill -9."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
import sqlite3
import threading
from typing import Any
import uuid

# SQLite allows 32,766 parameters; smaller lists keep statements cacheable.
_LIST_SIZE = 500


def new_id() -> str:
    """Return a fresh version 4 UUID."""
    return str(uuid.uuid4())


class Store:
    """One writing connection on the event loop, readers in a few threads.

    A point query or a small commit takes some 20 to 50 microseconds, less than a
    hop to another thread; whatever may take long goes through read(). Nothing is
    fsynced: a killed process loses nothing, a power cut may.
    """

    def __init__(self, data_dir: Path) -> None:
        """Open or create the database of a data folder."""
        data_dir.mkdir(parents=True, exist_ok=True)
        self._path = data_dir / "immich.sqlite"
        self.db = self._connect()
        self.db.executescript(
            Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        )
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="simulator-read")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30
        )
        db.row_factory = sqlite3.Row
        db.create_function("contains", 2, _contains, deterministic=True)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def close(self) -> None:
        """Close all connections; readers finish first."""
        self._readers.shutdown()
        for db in (*self._opened, self.db):
            db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; committed when the block ends."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def one(self, sql: str, *args: Any, **named: Any) -> sqlite3.Row | None:
        """Return the first row of a point query."""
        row: sqlite3.Row | None = self.db.execute(sql, named or args).fetchone()
        return row

    def all(self, sql: str, *args: Any, **named: Any) -> list[sqlite3.Row]:
        """Return all rows of a query that gives few."""
        return self.db.execute(sql, named or args).fetchall()

    async def read[T](self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query that may take long with a reading connection in a thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, self._read, query
        )

    def _read[T](self, query: Callable[[sqlite3.Connection], T]) -> T:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = self._connect()
            db.execute("PRAGMA query_only = ON")
            self._opened.append(db)
        return query(db)

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Add a row; sqlite3.IntegrityError if it breaks a rule of the table."""
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        # Only our own names get into the text.
        self.db.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            row,
        )

    def update(self, table: str, row_id: str, changes: dict[str, Any]) -> None:
        """Set columns of the row with this id."""
        assignments = ", ".join(f"{name} = :{name}" for name in changes)
        # Only our own names get into the text.
        self.db.execute(
            f"UPDATE {table} SET {assignments} WHERE id = :id",  # noqa: S608
            {**changes, "id": row_id},
        )

    def setting(self, key: str) -> str | None:
        """Return a remembered setting."""
        row = self.one("SELECT value FROM settings WHERE key = ?", key)
        return None if row is None else str(row["value"])

    def set_setting(self, key: str, value: str) -> None:
        """Remember a setting."""
        self.db.execute(
            "INSERT INTO settings VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def _contains(text: str | None, part: str) -> bool:
    """Say whether a text has a part, in upper or lower case; for SQL."""
    return text is not None and part.casefold() in text.casefold()


def select_in(
    db: sqlite3.Connection, sql: str, values: Iterable[Any], *args: Any
) -> Iterator[sqlite3.Row]:
    """Run a query with `{in}` in place of a list of any length; args come first."""
    wanted: Sequence[Any] = list(values)
    for start in range(0, len(wanted), _LIST_SIZE):
        part = wanted[start : start + _LIST_SIZE]
        marks = ",".join("?" * len(part))
        yield from db.execute(sql.replace("{in}", f"({marks})"), (*args, *part))
