"""Ledger jobs about folders: what is remembered of each root."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
import os
import sqlite3

from ..model import FileState, Tally
from .rows import FolderRow

# The key of the folder that single uploads are filed under; no subentry has it.
OUTBOX = "@outbox"


def ensure(con: sqlite3.Connection, key: str) -> FolderRow:
    """Return the folder's row, made where there is none."""
    con.execute("INSERT INTO folder (key) VALUES (?) ON CONFLICT DO NOTHING", (key,))
    row = con.execute(
        "SELECT id, root, identity, baseline, accepted FROM folder WHERE key = ?",
        (key,),
    ).fetchone()
    return FolderRow(
        id=row[0],
        root=None if row[1] is None else os.fsdecode(row[1]),
        identity=None if row[2] is None else os.fsdecode(row[2]),
        baseline=bool(row[3]),
        accepted=bool(row[4]),
    )


def forget_root(con: sqlite3.Connection, folder: int) -> None:
    """Forget the files of a folder that now has another path; contents stay."""
    con.execute("DELETE FROM directory WHERE folder = ?", (folder,))
    con.execute(
        "UPDATE folder SET root = NULL, identity = NULL, baseline = 0,"
        " accepted = 0 WHERE id = ?",
        (folder,),
    )


def set_root(con: sqlite3.Connection, folder: int, root: str, identity: str) -> None:
    """Remember which file system the root was on when its files were seen."""
    con.execute(
        "UPDATE folder SET root = ?, identity = ? WHERE id = ?",
        (os.fsencode(root), os.fsencode(identity), folder),
    )


def accept(con: sqlite3.Connection, folder: int) -> None:
    """Record that a person said: this is right. Holds until files are seen."""
    con.execute("UPDATE folder SET accepted = 1 WHERE id = ?", (folder,))


def remove_missing(con: sqlite3.Connection, keys: frozenset[str]) -> None:
    """Forget folders that are no longer configured; their contents stay known."""
    known = [key for (key,) in con.execute("SELECT key FROM folder")]
    con.executemany(
        "DELETE FROM folder WHERE key = ?",
        [(key,) for key in known if key not in keys and key != OUTBOX],
    )


def remove(con: sqlite3.Connection, key: str) -> None:
    """Forget a folder and its files; their contents stay known."""
    con.execute("DELETE FROM folder WHERE key = ?", (key,))


def tallies(con: sqlite3.Connection) -> dict[int, Tally]:
    """Return files and bytes by state of each folder that has any, by its number."""
    rows = con.execute("SELECT folder, state, files, bytes FROM tally ORDER BY folder")
    return {
        folder: _tally(row[1:] for row in of_folder)
        for folder, of_folder in groupby(rows, key=itemgetter(0))
    }


def tally(con: sqlite3.Connection, folder: int | None = None) -> Tally:
    """Return files and bytes by state, of one folder or of all."""
    rows = con.execute(
        "SELECT state, sum(files), sum(bytes) FROM tally"
        " WHERE ?1 IS NULL OR folder = ?1 GROUP BY state",
        (folder,),
    )
    return _tally(rows)


def _tally(rows: Iterable[tuple[str, int, int]]) -> Tally:
    """Return the tally of states with their files and bytes."""
    counted = [(FileState(state), count, size) for state, count, size in rows if count]
    return Tally(
        files={state: count for state, count, _ in counted},
        bytes={state: size for state, _, size in counted},
    )
