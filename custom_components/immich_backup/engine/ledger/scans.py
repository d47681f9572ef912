"""Ledger jobs of a scan: what is in a directory against what is known of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
import sqlite3

from ..model import FileState, Reason
from .contents import supersede
from .rows import Stamp
from .schema import UNPROTECTED

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file met in a directory."""

    name: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Entries of one directory that are new or changed, found by comparing."""

    new: Sequence[Entry]
    changed: Sequence[tuple[int, Entry]]
    back: Sequence[int]


def begin(con: sqlite3.Connection, folder: int, now: float) -> int:
    """Record that a scan began and return its number; keeps the last 20 a folder."""
    con.execute(
        "DELETE FROM scan WHERE folder = ?1 AND id NOT IN (SELECT id FROM scan"
        " WHERE folder = ?1 ORDER BY id DESC LIMIT 19)",
        (folder,),
    )
    cursor = con.execute(
        "INSERT INTO scan (folder, started) VALUES (?, ?)", (folder, now)
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def known_directory(
    con: sqlite3.Connection, folder: int, path: bytes
) -> tuple[int, bytes | None] | None:
    """Return a directory's number and fingerprint (reader)."""
    row: tuple[int, bytes | None] | None = con.execute(
        "SELECT id, fingerprint FROM directory WHERE folder = ? AND path = ?",
        (folder, path),
    ).fetchone()
    return row


def compare(
    con: sqlite3.Connection, directory: int | None, entries: Sequence[Entry]
) -> Sighting:
    """Compare a part of a directory's entries with what is known (reader)."""
    known: dict[bytes, tuple[int, Stamp, str, int | None]] = {}
    if directory is not None:
        for start in range(0, len(entries), _CHUNK):
            names = [entry.name for entry in entries[start : start + _CHUNK]]
            marks = ",".join("?" * len(names))
            for row in con.execute(
                "SELECT name, id, size, mtime_ns, ctime_ns, state, missing_scan"
                f" FROM file WHERE directory = ? AND name IN ({marks})",
                (directory, *names),
            ):
                known[row[0]] = (row[1], Stamp(row[2], row[3], row[4]), row[5], row[6])
    new: list[Entry] = []
    changed: list[tuple[int, Entry]] = []
    back: list[int] = []
    for entry in entries:
        if (row := known.get(entry.name)) is None:
            new.append(entry)
        elif row[1] != entry.stamp or row[2] == FileState.GONE:
            changed.append((row[0], entry))
        elif row[3] is not None:
            back.append(row[0])
    return Sighting(new=new, changed=changed, back=back)


def missing_names(
    con: sqlite3.Connection, directory: int, present: Iterable[bytes]
) -> list[int]:
    """Return the known files of a directory that are not among the names (reader)."""
    con.execute("CREATE TEMP TABLE IF NOT EXISTS present (name BLOB PRIMARY KEY)")
    con.execute("BEGIN")
    try:
        con.executemany(
            "INSERT OR IGNORE INTO temp.present VALUES (?)",
            ((name,) for name in present),
        )
        rows = con.execute(
            "SELECT id FROM file WHERE directory = ? AND state <> 'gone'"
            " AND name NOT IN (SELECT name FROM temp.present)",
            (directory,),
        ).fetchall()
    finally:
        # What is asked next must not be answered from this moment.
        con.execute("ROLLBACK")
    return [row[0] for row in rows]


def record(
    con: sqlite3.Connection,
    folder: int,
    path: bytes,
    sighting: Sighting,
    *,
    existing: bool,
    session: int,
    now: float,
    seen: float,
) -> None:
    """Write what was found in a directory: new and changed files begin to settle.

    ``now`` is epoch seconds, ``seen`` monotonic seconds of this session. What was
    proven of a changed file before is kept as superseded.
    """
    directory = _directory(con, folder, path)
    con.executemany(
        "INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns, state,"
        " reason, existing, session, settle_from)"
        " VALUES (?, ?, ?, ?, ?, ?, 'settling', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                folder,
                directory,
                entry.name,
                *entry.stamp.as_tuple(),
                Reason.NEW,
                existing,
                session,
                seen,
            )
            for entry in sighting.new
        ],
    )
    for file, entry in sighting.changed:
        unsettle(con, file, entry.stamp, session=session, now=now, seen=seen)
    con.executemany(
        "UPDATE file SET missing_scan = NULL WHERE id = ?",
        [(file,) for file in sighting.back],
    )


def unsettle(
    con: sqlite3.Connection,
    file: int,
    stamp: Stamp,
    *,
    session: int,
    now: float,
    seen: float,
) -> None:
    """Let a file that changed settle again; keeps what was stored of it before.

    Of a file whose bytes cannot have changed (same size and time of writing) it stays
    known whether it was there in the beginning.
    """
    supersede(con, file, now)
    con.execute(
        "UPDATE file SET size = ?1, mtime_ns = ?2, ctime_ns = ?3, state = 'settling',"
        " reason = ?4, detail = NULL, sha1 = NULL,"
        " existing = existing AND size = ?1 AND mtime_ns = ?2, session = ?5,"
        " settle_from = ?6, attempts = 0, next_try = NULL, missing_scan = NULL,"
        " gone_at = NULL, reevaluate_at = NULL WHERE id = ?7",
        (
            *stamp.as_tuple(),
            Reason.CHANGED,
            session,
            seen,
            file,
        ),
    )


def finish_directory(
    con: sqlite3.Connection,
    folder: int,
    path: bytes,
    scan: int,
    fingerprint: bytes | None,
    missing: Sequence[int],
) -> int:
    """Record a directory that was read to its end, and the files it lacks.

    Without the fingerprint (files are missing) it is compared again next time.
    Returns the directory's number.
    """
    directory = _directory(con, folder, path)
    con.execute(
        "UPDATE directory SET fingerprint = ? WHERE id = ?",
        (None if missing else fingerprint, directory),
    )
    con.executemany(
        "UPDATE file SET missing_scan = ? WHERE id = ?",
        [(scan, file) for file in missing],
    )
    return directory


def finish(
    con: sqlite3.Connection,
    folder: int,
    scan: int,
    visited: Collection[int],
    *,
    now: float,
    files: int,
    errors: int,
    ended: bool,
    complete: bool,
) -> int:
    """End a scan that met the directories ``visited``; return how many files are gone.

    Only a complete, error-free scan of the certain root says that files are gone. Any
    that went through to its end (``ended``) has seen what was there in the beginning.
    """
    con.execute(
        "UPDATE scan SET finished = ?, files = ?, errors = ?, complete = ?"
        " WHERE id = ?",
        (now, files, errors, complete, scan),
    )
    if ended:
        con.execute(
            "UPDATE folder SET baseline = 1 WHERE id = ? AND NOT baseline", (folder,)
        )
        if files:
            con.execute(
                "UPDATE folder SET accepted = 0 WHERE id = ? AND accepted", (folder,)
            )
    if not complete:
        return 0
    gone = con.execute(
        f"{_GONE} folder = ? AND missing_scan = ?", (Reason.MISSING, now, folder, scan)
    ).rowcount
    left = [
        (number,)
        for (number,) in con.execute(
            "SELECT id FROM directory WHERE folder = ?", (folder,)
        ).fetchall()
        if number not in visited
    ]
    for directory in left:
        gone += con.execute(
            f"{_GONE} directory = ?", (Reason.MISSING, now, *directory)
        ).rowcount
    con.executemany(
        "UPDATE directory SET fingerprint = NULL WHERE id = ? AND"
        " fingerprint IS NOT NULL",
        left,
    )
    # What was never stored leaves no trace worth keeping, unless it must not become new
    # when it comes back; and no trace is kept forever.
    con.execute(
        f"DELETE FROM file WHERE folder = ? AND state = 'gone' AND {UNPROTECTED}"
        " AND (sha1 IS NULL AND NOT existing OR gone_at < ?)",
        (folder, now - _KEEP_GONE),
    )
    con.executemany(
        "DELETE FROM directory WHERE id = ?1 AND NOT EXISTS"
        " (SELECT 1 FROM file WHERE directory = ?1)",
        left,
    )
    return gone


# Seconds for which a file that is gone can still be asked for.
_KEEP_GONE = 90 * 86400.0
_GONE = (
    "UPDATE file SET state = 'gone', reason = ?, detail = NULL, missing_scan = NULL,"
    " gone_at = ?, next_try = NULL WHERE state <> 'gone' AND"
)


def forget_settling(con: sqlite3.Connection, missing: Sequence[int]) -> None:
    """Forget files that went before they had settled: nothing was done with them."""
    con.executemany(
        "DELETE FROM file WHERE id = ? AND state = 'settling' AND sha1 IS NULL",
        [(file,) for file in missing],
    )


def unchanged(
    con: sqlite3.Connection, directory: int, entries: Sequence[Entry]
) -> bool:
    """Return whether one of these entries is known and as it was (reader)."""
    return any(
        con.execute(
            "SELECT 1 FROM file WHERE directory = ? AND name = ? AND size = ?"
            " AND mtime_ns = ? AND ctime_ns = ? AND state <> 'gone'",
            (
                directory,
                entry.name,
                *entry.stamp.as_tuple(),
            ),
        ).fetchone()
        for entry in entries
    )


def present_files(con: sqlite3.Connection, folder: int) -> int:
    """Return how many files the folder is known to hold."""
    (count,) = con.execute(
        "SELECT coalesce(sum(files), 0) FROM tally WHERE folder = ? AND state <> 'gone'",
        (folder,),
    ).fetchone()
    return int(count)


def _directory(con: sqlite3.Connection, folder: int, path: bytes) -> int:
    """Return a directory's number, made where there is none."""
    con.execute(
        "INSERT INTO directory (folder, path) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (folder, path),
    )
    (number,) = con.execute(
        "SELECT id FROM directory WHERE folder = ? AND path = ?", (folder, path)
    ).fetchone()
    return int(number)
