"""Ledger jobs about single uploads that were asked for, wherever the files lie.

They are files of a folder of their own, which no scan ever visits; their paths begin at
the root of the file system.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
import sqlite3

from ..model import FileState, Reason, Wish
from .files import PATH
from .folders import OUTBOX, ensure
from .rows import FileRow, Stamp
from .schema import QUEUED


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An upload that was asked for; ``path`` is absolute, in raw bytes.

    A ``spooled`` file is a copy of our own, removed once it is proven on the server.
    """

    id: int
    path: bytes
    state: FileState
    reason: Reason
    detail: str | None
    sha1: bytes | None
    asset_id: str | None
    wish: Wish
    spooled: bool


def number(con: sqlite3.Connection) -> int:
    """Return the number of the outbox's folder."""
    return ensure(con, OUTBOX).id


def filed(path: str) -> bytes:
    """Return under which path a file (absolute path) is filed in the outbox's folder."""
    return os.fsencode(os.path.normpath(path)).lstrip(b"/")


def post(
    con: sqlite3.Connection, path: bytes, stamp: Stamp, wish: Wish, *, spooled: bool
) -> int:
    """Queue a file (absolute path) and return its number; again replaces the wish."""
    folder = number(con)
    top, _, name = path.removeprefix(b"/").rpartition(b"/")
    con.execute(
        "INSERT INTO directory (folder, path) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (folder, top),
    )
    (directory,) = con.execute(
        "SELECT id FROM directory WHERE folder = ? AND path = ?", (folder, top)
    ).fetchone()
    (file,) = con.execute(
        "INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns, state,"
        " reason) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT DO UPDATE SET"
        " size = excluded.size, mtime_ns = excluded.mtime_ns, sha1 = NULL,"
        " ctime_ns = excluded.ctime_ns, state = 'waiting', reason = excluded.reason,"
        " detail = NULL, attempts = 0, next_try = NULL RETURNING id",
        (
            folder,
            directory,
            name,
            *stamp.as_tuple(),
            Reason.QUEUED,
        ),
    ).fetchone()
    con.execute(
        "INSERT OR REPLACE INTO wish VALUES (?, ?, ?, ?)",
        (file, wish.album, json.dumps(wish.tags), spooled),
    )
    return int(file)


def restamp(con: sqlite3.Connection, file: FileRow, stamp: Stamp) -> None:
    """Take a file that changed after it was queued as it is now."""
    con.execute(
        "UPDATE file SET size = ?, mtime_ns = ?, ctime_ns = ?, sha1 = NULL"
        " WHERE id = ?",
        (*stamp.as_tuple(), file.id),
    )


def posted(
    con: sqlite3.Connection, states: Sequence[FileState] = (), limit: int = 1000
) -> list[Posted]:
    """Return what was asked for, of these states (none: all), oldest first."""
    wanted = [state.value for state in states or FileState]
    marks = ",".join("?" * len(wanted))
    return [
        Posted(
            id=row[0],
            path=b"/" + row[1],
            state=FileState(row[2]),
            reason=Reason(row[3]),
            detail=row[4],
            sha1=row[5],
            asset_id=row[6],
            wish=Wish(album=row[7], tags=tuple(json.loads(row[8]))),
            spooled=bool(row[9]),
        )
        for row in con.execute(
            f"SELECT f.id, {PATH}, f.state, f.reason, f.detail, f.sha1, c.asset_id,"
            " w.album, w.tags, w.spooled FROM wish w JOIN file f ON f.id = w.file"
            " JOIN directory d ON d.id = f.directory"
            f" LEFT JOIN content c ON c.sha1 = f.sha1 WHERE f.state IN ({marks})"
            " ORDER BY f.id LIMIT ?",
            (*wanted, limit),
        )
    ]


def close(con: sqlite3.Connection, files: Sequence[int]) -> None:
    """Forget uploads that are done; their contents stay known.

    What was asked for again meanwhile is not done.
    """
    con.executemany(
        f"DELETE FROM file WHERE id = ? AND NOT ({QUEUED})", [(file,) for file in files]
    )
    con.execute(
        "DELETE FROM directory WHERE folder = ? AND id NOT IN"
        " (SELECT directory FROM file)",
        (number(con),),
    )
