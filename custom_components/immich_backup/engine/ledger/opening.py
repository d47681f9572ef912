"""Opening, locking, checking and removing the ledger's file."""

from contextlib import closing, suppress
import fcntl
from functools import cache
import logging
import os
from pathlib import Path
import sqlite3
import time
from typing import IO

from . import schema
from .errors import LedgerBusyError

_LOGGER = logging.getLogger(__name__)

BUSY_SECONDS = 10.0
# SQLite's primary result codes for a file that is not, or no longer, a ledger.
_DAMAGE = frozenset(
    (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT)
) | {sqlite3.SQLITE_NOTADB}
_PARTS = ("", "-wal", "-shm")
# Pages of 4 KiB that the write-ahead log grows to.
_LOG_PAGES = 250
# How many damaged files are kept for whoever wants to look into them.
_KEEP_DAMAGED = 2


def lock(path: Path) -> IO[bytes]:
    """Lock a ledger; the lock ends when the file returned is closed, or the process is.

    Raises LedgerBusyError, OSError.
    """
    fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    file = os.fdopen(fd, "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        file.close()
        raise LedgerBusyError("The ledger is in use by another process") from err
    except BaseException:
        file.close()
        raise
    return file


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to a ledger of this version, whole as far as one can see.

    Raises sqlite3.Error; see is_damage.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # Broken text must not keep us from reading the rest.
        connection.text_factory = _text
        connection.execute("PRAGMA journal_mode = WAL")
        # Loses the last commits in a power cut, never the file: each of them can be
        # repeated, for the server knows what it has.
        connection.execute("PRAGMA synchronous = NORMAL")
        # A log that fills the disk can't be written back into the main file.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -4096")
        _require_usable(connection)
    except BaseException:
        connection.close()
        raise
    # Only the owner may read which photos there are.
    path.chmod(0o600)
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Return a connection to an open ledger that can't write; raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    # What differs is compared through a temporary table; on disk, not in memory.
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA cache_size = -1024")
    return connection


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Return whether an error means a damaged file, not a full or a read-only disk.

    When SQLite's message repeats damaged text, Python fails to decode the message.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGE


def quarantine(path: Path) -> Path:
    """Move a ledger that can't be used aside; return where to. Raises OSError."""
    aside = path.with_name(f"{path.name}.corrupt-{time.time_ns()}")
    for suffix in _PARTS:
        with suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    for old in _damaged(path)[:-_KEEP_DAMAGED]:
        _remove(old)
    _LOGGER.warning(
        "The ledger could not be read and was moved aside; nothing is lost: all"
        " files are compared with the server again"
    )
    return aside


def remove_ledger(path: Path) -> None:
    """Remove a ledger with all that belongs to it, the damaged ones included; blocking.

    Raises LedgerBusyError while an engine uses it, and OSError.
    """
    if not path.parent.is_dir():
        return
    with lock(path):
        for old in _damaged(path):
            _remove(old)
        _remove(path)
        Path(f"{path}.lock").unlink(missing_ok=True)


def _damaged(path: Path) -> list[Path]:
    """Return the ledgers that were moved aside, the oldest first."""
    begin = f"{path.name}.corrupt-"
    return sorted(
        found
        for found in path.parent.iterdir()
        if found.name.startswith(begin) and found.name.removeprefix(begin).isdecimal()
    )


def _remove(path: Path) -> None:
    """Remove the parts of one ledger."""
    for suffix in _PARTS:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _require_usable(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; DatabaseError for one of no use to us."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0 and not _tables(connection):
        connection.executescript(
            f"BEGIN; {schema.STATEMENTS} PRAGMA user_version = {schema.VERSION}; COMMIT;"
        )
        return
    while (step := schema.MIGRATIONS.get(version)) is not None:
        version += 1
        connection.executescript(
            f"BEGIN; {step} PRAGMA user_version = {version}; COMMIT;"
        )
    if version != schema.VERSION:
        raise sqlite3.DatabaseError(f"schema version {version}")
    if _tables(connection) != _expected_tables():
        raise sqlite3.DatabaseError("other tables")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    connection.executescript(f"BEGIN; {schema.RECOUNT} COMMIT;")


def _tables(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Return how the tables, indexes and triggers of a file are defined."""
    return connection.execute(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY name"
    ).fetchall()


@cache
def _expected_tables() -> list[tuple[str, ...]]:
    """Return how they should be defined."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.STATEMENTS)
        return _tables(connection)


def _text(raw: bytes) -> str:
    """Return text, whatever a broken disk made of it."""
    return raw.decode("utf-8", "replace")
