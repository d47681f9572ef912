"""Ledger jobs about folders: what is remembered of each root."""

import sqlite3

from ..model import FileState, Tally
from .rows import FolderRow

# The key of the folder that single uploads are filed under; no subentry has it.
OUTBOX = "@outbox"


def ensure(con: sqlite3.Connection, key: str) -> FolderRow:
    """Return the folder's row, made where there is none."""
    con.execute("INSERT INTO folder (key) VALUES (?) ON CONFLICT DO NOTHING", (key,))
    row = con.execute(
        "SELECT id, root, identity, baseline, accepted_empty FROM folder WHERE key = ?",
        (key,),
    ).fetchone()
    return FolderRow(
        id=row[0],
        root=row[1],
        identity=row[2],
        baseline=bool(row[3]),
        accepted_empty=bool(row[4]),
    )


def forget_root(con: sqlite3.Connection, folder: int) -> None:
    """Forget the files of a folder that now has another path; contents stay."""
    con.execute("DELETE FROM directory WHERE folder = ?", (folder,))
    con.execute(
        "UPDATE folder SET root = NULL, identity = NULL, baseline = 0,"
        " accepted_empty = 0 WHERE id = ?",
        (folder,),
    )


def set_root(con: sqlite3.Connection, folder: int, root: str, identity: str) -> None:
    """Remember which file system the root was on when its files were seen."""
    con.execute(
        "UPDATE folder SET root = ?, identity = ? WHERE id = ?",
        (root, identity, folder),
    )


def accept_empty(con: sqlite3.Connection, folder: int) -> None:
    """Record that a person said: yes, it is empty. Holds until files are seen."""
    con.execute("UPDATE folder SET accepted_empty = 1 WHERE id = ?", (folder,))


def remove_missing(con: sqlite3.Connection, keys: frozenset[str]) -> None:
    """Forget folders that are no longer configured; their contents stay known."""
    known = [key for (key,) in con.execute("SELECT key FROM folder")]
    con.executemany(
        "DELETE FROM folder WHERE key = ?",
        [(key,) for key in known if key not in keys and key != OUTBOX],
    )


def tally(con: sqlite3.Connection, folder: int | None = None) -> Tally:
    """Return files and bytes by state, of one folder or of all."""
    rows = con.execute(
        "SELECT state, sum(files), sum(bytes) FROM tally"
        " WHERE ?1 IS NULL OR folder = ?1 GROUP BY state",
        (folder,),
    ).fetchall()
    return Tally(
        files={FileState(state): files for state, files, _ in rows if files},
        bytes={FileState(state): size for state, files, size in rows if files},
    )


def tallies(con: sqlite3.Connection) -> dict[int, Tally]:
    """Return files and bytes by state for every folder."""
    folders = [row[0] for row in con.execute("SELECT id FROM folder")]
    return {folder: tally(con, folder) for folder in folders}
