"""Ledger jobs that move files from state to state."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
import heapq
from itertools import islice
import sqlite3
from typing import Any

from ..model import FileState, Reason
from .rows import FileRow, Stamp
from .schema import DECIDED, QUEUED, UNPROTECTED

# The longest that a file waits for its next try; a later time comes from a clock that
# jumped, and is due.
LONGEST_BACKOFF = 6 * 3600.0

# `||` makes text of two blobs.
PATH = (
    "CASE WHEN d.path = x'' THEN f.name"
    " ELSE CAST(d.path || x'2f' || f.name AS BLOB) END"
)
_COLUMNS = (
    f"f.id, f.folder, {PATH}, f.size, f.mtime_ns, f.ctime_ns, f.sha1, f.state,"
    " f.existing, f.attempts"
)
_FROM = "FROM file f JOIN directory d ON d.id = f.directory"
# A result counts only for the file as it was when the work on it began,
_UNCHANGED = "id = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ?"
# a decision only as long as nothing is proven,
_UNDECIDED = (
    f"{_UNCHANGED} AND state IN ('settling', 'unwanted', 'waiting', 'failed', 'parked')"
)
# and a failure only of what is still wanted.
_WANTED = f"{_UNCHANGED} AND state IN ('waiting', 'failed', 'parked')"
_DECIDED_BY = (
    f"SELECT {_COLUMNS} {_FROM} WHERE f.folder = ?1 AND f.{DECIDED} AND f.rules_version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a settled file is to become."""

    file: FileRow
    state: FileState
    reason: Reason
    detail: str | None = None
    rule: str | None = None
    criterion: str | None = None
    until: float | None = None


def due_settling(
    con: sqlite3.Connection, folder: int, session: int, before: float, limit: int
) -> list[FileRow]:
    """Return files not seen to change since ``before`` (monotonic, this session)."""
    return _rows(
        con.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE f.folder = ? AND f.state = 'settling'"
            " AND f.session = ? AND f.settle_from <= ? ORDER BY f.settle_from LIMIT ?",
            (folder, session, before, limit),
        )
    )


def next_settled(con: sqlite3.Connection, folder: int, session: int) -> float | None:
    """Return since when the longest settling file is unchanged (monotonic)."""
    row = con.execute(
        "SELECT min(settle_from) FROM file WHERE folder = ? AND state = 'settling'"
        " AND session = ?",
        (folder, session),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def adopt_settling(
    con: sqlite3.Connection, folder: int, session: int, seen: float
) -> None:
    """Let files that an earlier session saw settle anew: its clock is not ours."""
    con.execute(
        "UPDATE file SET session = ?, settle_from = ? WHERE folder = ?"
        " AND state = 'settling' AND session <> ?",
        (session, seen, folder, session),
    )


def put_off_settling(
    con: sqlite3.Connection, settling: Sequence[FileRow], seen: float
) -> None:
    """Look at these files again a settle time later."""
    con.executemany(
        "UPDATE file SET settle_from = ? WHERE id = ? AND state = 'settling'",
        [(seen, file.id) for file in settling],
    )


def decided_by_other_rules(
    con: sqlite3.Connection, folder: int, version: str, limit: int
) -> list[FileRow]:
    """Return files whose decision was made by other rules than these.

    What is proven stays proven, whatever the rules say now.
    """
    # Three ranges of an index; `IS NOT` would read all that is decided.
    return _rows(
        con.execute(
            f"{_DECIDED_BY} IS NULL UNION ALL {_DECIDED_BY} < ?2"
            f" UNION ALL {_DECIDED_BY} > ?2 LIMIT ?3",
            (folder, version, limit),
        )
    )


def due_again(
    con: sqlite3.Connection, folder: int, now: float, limit: int
) -> list[FileRow]:
    """Return files whose decision may have changed with time (epoch seconds)."""
    return _rows(
        con.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE f.folder = ? AND f.{DECIDED}"
            " AND f.reevaluate_at <= ? LIMIT ?",
            (folder, now, limit),
        )
    )


def next_due_again(con: sqlite3.Connection, folder: int) -> float | None:
    """Return when the next decision may change with time (epoch seconds)."""
    row = con.execute(
        f"SELECT min(reevaluate_at) FROM file WHERE folder = ? AND {DECIDED}"
        " AND reevaluate_at IS NOT NULL",
        (folder,),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def record_verdicts(
    con: sqlite3.Connection, version: str, verdicts: Sequence[Verdict]
) -> None:
    """Write what settled or re-evaluated files become."""
    con.executemany(
        "UPDATE file SET state = ?, reason = ?, detail = ?, rule = ?, criterion = ?,"
        " reevaluate_at = ?, rules_version = ?, session = NULL, settle_from = NULL"
        f" WHERE {_UNDECIDED}",
        [
            (
                verdict.state,
                verdict.reason,
                verdict.detail,
                verdict.rule,
                verdict.criterion,
                verdict.until,
                version,
                *_key(verdict.file),
            )
            for verdict in verdicts
        ],
    )


def keep_verdicts(
    con: sqlite3.Connection, version: str, verdicts: Sequence[Verdict]
) -> None:
    """Write who decided, for files whose state does not change by it."""
    con.executemany(
        "UPDATE file SET rule = ?, criterion = ?, reevaluate_at = ?, rules_version = ?"
        f" WHERE {_UNCHANGED}",
        [
            (
                verdict.rule,
                verdict.criterion,
                verdict.until,
                version,
                *_key(verdict.file),
            )
            for verdict in verdicts
        ],
    )


@dataclass(frozen=True, slots=True)
class Unstored:
    """Files of a folder that are wanted and could not be stored; the first few paths."""

    count: int
    paths: Sequence[bytes]


def unstored(con: sqlite3.Connection, folder: int, limit: int) -> Unstored:
    """Return what of a folder could not be stored, whenever that was tried.

    A file that went away meanwhile is none of them; a scan will say so.
    """
    where = f"f.folder = ?1 AND f.state IN ('failed', 'parked') AND f.{UNPROTECTED}"
    where += f" AND f.reason <> '{Reason.VANISHED}'"
    (count,) = con.execute(
        f"SELECT count(*) FROM file f WHERE {where}", (folder,)
    ).fetchone()
    rows = con.execute(
        f"SELECT {PATH} {_FROM} WHERE {where} ORDER BY f.id LIMIT ?2", (folder, limit)
    )
    return Unstored(count, [path for (path,) in rows])


def claim(
    con: sqlite3.Connection,
    folders: Mapping[int, str | None],
    now: float,
    limit: int,
    skip: Collection[int] = (),
) -> list[FileRow]:
    """Return waiting files and failed ones whose next try is due, oldest first.

    Of each folder only what was decided by this version of its rules: anything else is
    about to be decided anew. ``skip`` are files that are taken already.
    """
    found: list[FileRow] = []
    for due in _DUE:
        # One after the other, so that of hundreds of folders only a few rows are read.
        queues = [
            con.execute(
                f"SELECT {_COLUMNS}, f.next_try {_FROM}"
                f" WHERE f.folder = :folder AND f.{QUEUED}"
                f" AND f.next_try {due} AND f.rules_version IS :version"
                " ORDER BY f.next_try, f.id",
                {
                    "folder": folder,
                    "version": version,
                    "now": now,
                    "latest": now + LONGEST_BACKOFF,
                },
            )
            for folder, version in folders.items()
        ]
        merged = heapq.merge(*queues, key=lambda row: (row[-1] or 0.0, row[0]))
        found += _rows(islice((row for row in merged if row[0] not in skip), limit))
        for queue in queues:
            queue.close()
    found.sort(key=lambda file: file.id)
    return found[:limit]


def with_due(
    con: sqlite3.Connection, folders: Mapping[int, str | None], now: float
) -> set[int]:
    """Return those folders (of ``claim``) of which there is something to claim."""
    return {
        folder
        for folder, version in folders.items()
        if claim(con, {folder: version}, now, 1)
    }


# Waiting; failed and due; failed and due at a time that a clock which jumped made up.
_DUE = ("IS NULL", "<= :now", "> :latest")


def next_try(con: sqlite3.Connection, folders: Collection[int]) -> float | None:
    """Return when the next failed file is due (epoch seconds)."""
    times = [
        row[0]
        for folder in folders
        for row in con.execute(
            f"SELECT min(next_try) FROM file WHERE folder = ? AND {QUEUED}"
            " AND next_try IS NOT NULL",
            (folder,),
        )
        if row[0] is not None
    ]
    return min(times, default=None)


def set_checksums(
    con: sqlite3.Connection, checksums: Sequence[tuple[FileRow, bytes]]
) -> None:
    """Write the SHA-1 of files that did not change while they were read."""
    con.executemany(
        f"UPDATE file SET sha1 = ? WHERE {_UNCHANGED}",
        [(sha1, *_key(file)) for file, sha1 in checksums],
    )


def fail(
    con: sqlite3.Connection,
    file: FileRow,
    reason: Reason,
    detail: str | None,
    next_try_at: float,
) -> None:
    """Record a failed try and when the next one is due (epoch seconds)."""
    con.execute(
        "UPDATE file SET state = 'failed', reason = ?, detail = ?, next_try = ?,"
        f" attempts = attempts + 1 WHERE {_WANTED}",
        (reason, detail, next_try_at, *_key(file)),
    )


def park(
    con: sqlite3.Connection, file: FileRow, reason: Reason, detail: str | None
) -> None:
    """Record that a file needs a person or another configuration."""
    con.execute(
        "UPDATE file SET state = 'parked', reason = ?, detail = ?, next_try = NULL,"
        f" attempts = attempts + 1 WHERE {_WANTED}",
        (reason, detail, *_key(file)),
    )


def retry(con: sqlite3.Connection, folders: Collection[int]) -> int:
    """Let failed and parked files wait for another try; return how many.

    What is empty stays where it is: it is tried when something is in it.
    """
    return sum(
        con.execute(
            f"{_RETRY} WHERE folder = ? AND state IN ('failed', 'parked')"
            f" AND {UNPROTECTED} AND reason <> ?",
            (Reason.QUEUED, folder, Reason.EMPTY),
        ).rowcount
        for folder in folders
    )


def retry_reasons(con: sqlite3.Connection, reasons: Collection[Reason]) -> int:
    """Let files parked for these reasons wait again: the causes may be gone."""
    return sum(
        con.execute(
            f"{_RETRY} WHERE state = 'parked' AND {UNPROTECTED} AND reason = ?",
            (Reason.QUEUED, reason),
        ).rowcount
        for reason in reasons
    )


_RETRY = (
    "UPDATE file SET state = 'waiting', reason = ?, detail = NULL, attempts = 0,"
    " next_try = NULL"
)


def _rows(rows: Iterable[Any]) -> list[FileRow]:
    """Return the rows of a query for _COLUMNS."""
    return [
        FileRow(
            id=row[0],
            folder=row[1],
            path=row[2],
            stamp=Stamp(row[3], row[4], row[5]),
            sha1=row[6],
            state=FileState(row[7]),
            existing=bool(row[8]),
            attempts=row[9],
        )
        for row in rows
    ]


def _key(file: FileRow) -> tuple[int, int, int, int]:
    """Return the values of _UNCHANGED."""
    return file.id, *file.stamp.as_tuple()
