"""Ledger jobs about contents: what became of each SHA-1 on the server."""

from collections.abc import Sequence
from dataclasses import dataclass
import sqlite3

from ..model import Fate, FileState, Proof, Reason
from . import files
from .rows import ContentRow, FileRow
from .schema import UNPROTECTED

_PART = 500
_COLUMNS = "sha1, size, asset_id, fate, proof, proof_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A content that the server holds, with the file that was asked for or uploaded.

    ``twins`` are other files that turned out to have the same bytes.
    """

    sha1: bytes
    asset_id: str
    reason: Reason
    file: FileRow
    twins: Sequence[FileRow]


def get(con: sqlite3.Connection, checksums: Sequence[bytes]) -> dict[bytes, ContentRow]:
    """Return what is known of these contents."""
    found: dict[bytes, ContentRow] = {}
    for start in range(0, len(checksums), _PART):
        part = checksums[start : start + _PART]
        for row in con.execute(
            f"SELECT {_COLUMNS} FROM content"
            f" WHERE sha1 IN ({','.join('?' * len(part))})",
            tuple(part),
        ):
            found[row[0]] = _row(row)
    return found


def page(con: sqlite3.Connection, after: bytes, limit: int) -> list[ContentRow]:
    """Return contents in order of their checksum, those after one."""
    return [
        _row(row)
        for row in con.execute(
            f"SELECT {_COLUMNS} FROM content WHERE sha1 > ? ORDER BY sha1 LIMIT ?",
            (after, limit),
        )
    ]


def claim_stored(
    con: sqlite3.Connection, sha1: bytes, size: int, asset_id: str
) -> None:
    """Record what the server said after an upload; not yet a proof."""
    con.execute(
        "INSERT INTO content (sha1, size, asset_id, fate, proof) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET asset_id = excluded.asset_id, fate = excluded.fate,"
        " proof = excluded.proof, proof_at = NULL, stored_at = NULL, absent = 0",
        (sha1, size, asset_id, Fate.STORED, Proof.NONE),
    )


def confirm(
    con: sqlite3.Connection,
    sha1: bytes,
    size: int,
    asset_id: str,
    reason: Reason,
    now: float,
    uploaded: FileRow | None = None,
) -> list[int]:
    """Record a proof: every file of this content is protected by it.

    ``uploaded`` is the file whose bytes went up: if it has others by now, these bytes
    are superseded already. Returns the folder's number for each asset that was
    superseded and not counted before.
    """
    con.execute(
        "INSERT INTO content (sha1, size, asset_id, fate, proof, proof_at, stored_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO UPDATE SET"
        " asset_id = excluded.asset_id, fate = excluded.fate, proof = excluded.proof,"
        " proof_at = excluded.proof_at, absent = 0,"
        " stored_at = coalesce(stored_at, excluded.stored_at)",
        (sha1, size, asset_id, Fate.STORED, Proof.CONFIRMED, now),
    )
    if uploaded is not None:
        con.execute(
            "INSERT OR IGNORE INTO superseded (file, sha1, asset_id, at)"
            f" SELECT f.id, ?1, ?2, ?3 FROM file f WHERE f.id = ?4"
            f" AND f.sha1 IS NOT ?1 AND {_nobody_else('?1')}",
            (sha1, asset_id, now, uploaded.id),
        )
    _move(con, sha1, FileState.PROTECTED, reason)
    return _count_superseded(con, sha1, uploaded)


def confirm_all(con: sqlite3.Connection, held: Sequence[Held], now: float) -> list[int]:
    """Record the proofs of many contents at once; returns what confirm returns."""
    folders: list[int] = []
    for content in held:
        files.set_checksums(con, [(twin, content.sha1) for twin in content.twins])
        folders += confirm(
            con,
            content.sha1,
            content.file.stamp.size,
            content.asset_id,
            content.reason,
            now,
            content.file if content.reason is Reason.UPLOADED else None,
        )
    return folders


def refresh(con: sqlite3.Connection, checksums: Sequence[bytes], now: float) -> None:
    """Record that these contents are proven again."""
    con.executemany(
        "UPDATE content SET proof_at = ?, absent = 0 WHERE sha1 = ?",
        [(now, sha1) for sha1 in checksums],
    )


def decline(
    con: sqlite3.Connection, sha1: bytes, size: int, asset_id: str, reason: Reason
) -> None:
    """Record that someone removed this content from the server."""
    con.execute(
        "INSERT INTO content (sha1, size, asset_id, fate, proof) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET fate = excluded.fate, absent = 0",
        (sha1, size, asset_id, Fate.DECLINED, Proof.NONE),
    )
    _move(con, sha1, FileState.DECLINED, reason)


def mark_absent(con: sqlite3.Connection, checksums: Sequence[bytes]) -> None:
    """Note that the server does not have these contents, whatever that means."""
    con.executemany(
        "UPDATE content SET absent = 1 WHERE sha1 = ?",
        [(sha1,) for sha1 in checksums],
    )


def judge_absent(con: sqlite3.Connection, least: int) -> tuple[int, int]:
    """Decide what the absence of contents means; return how many are lost, declined.

    Somebody deletes this and that. But when the server lacks most of what was stored
    since some moment, and at least so many, then it was restored from an older backup
    or lost its data: these contents are lost, and their files wait again.
    """
    (since,) = con.execute(
        "SELECT min(stored_at) FROM (SELECT stored_at,"
        " sum(absent) OVER newest AS missing, count(*) OVER newest AS stored"
        " FROM content WHERE fate = 'stored' AND proof <> 'none'"
        " WINDOW newest AS (ORDER BY stored_at DESC))"
        " WHERE missing >= ? AND 2 * missing > stored",
        (least,),
    ).fetchone()
    lost = declined = 0
    while absent := con.execute(
        f"SELECT {_COLUMNS}, stored_at FROM content WHERE absent LIMIT {_PART}"
    ).fetchall():
        for row in absent:
            if since is not None and (row[6] or 0.0) >= since:
                lose(con, [row[0]])
                lost += 1
            else:
                decline(con, row[0], row[1], row[2], Reason.DELETED)
                declined += 1
    if lost:
        _decide_left_out(con)
    return lost, declined


def lose(con: sqlite3.Connection, checksums: Sequence[bytes]) -> None:
    """Forget contents that the server lost; their files wait to be stored again."""
    for sha1 in checksums:
        con.execute("DELETE FROM content WHERE sha1 = ?", (sha1,))
        con.execute(f"{_WAIT_AGAIN} AND sha1 = ?", (Reason.PROOF_LOST, sha1))


def lose_all(con: sqlite3.Connection) -> None:
    """Forget all contents: the server is another one; all files wait again."""
    con.execute("DELETE FROM content")
    con.execute(_WAIT_AGAIN, (Reason.PROOF_LOST,))
    _decide_left_out(con)


def lose_unfounded(con: sqlite3.Connection) -> int:
    """Let files wait again whose state no content accounts for; return how many.

    There are none, unless the disk turned a bit.
    """
    count = con.execute(
        f"{_WAIT_AGAIN} AND NOT EXISTS (SELECT 1 FROM content c"
        " WHERE c.sha1 = file.sha1 AND (c.fate = 'declined') = (state = 'declined')"
        " AND (c.proof <> 'none' OR c.fate = 'declined'))",
        (Reason.PROOF_LOST,),
    ).rowcount
    if count:
        _decide_left_out(con)
    return count


def _decide_left_out(con: sqlite3.Connection) -> None:
    """Decide again about files that were left out as another one of their shot was kept.

    Where that is gone from here and lost there, they are all that is left of it.
    """
    con.execute(
        "UPDATE file SET reevaluate_at = 0 WHERE state = 'unwanted'"
        f" AND {UNPROTECTED} AND reason = ?",
        (Reason.OTHER_KEPT,),
    )


def supersede(con: sqlite3.Connection, file: int, now: float) -> None:
    """Remember what was stored of a file that is about to get other bytes."""
    con.execute(
        "INSERT OR IGNORE INTO superseded (file, sha1, asset_id, at)"
        " SELECT f.id, f.sha1, c.asset_id, ? FROM file f"
        " JOIN content c ON c.sha1 = f.sha1 WHERE f.id = ? AND c.fate = 'stored'"
        " AND f.state IN ('protected', 'waiting', 'failed', 'parked')"
        f" AND {_nobody_else('f.sha1')}",
        (now, file),
    )


def _nobody_else(sha1: str) -> str:
    """Return the condition that no file but ``f`` still has these bytes."""
    return (
        f"NOT EXISTS (SELECT 1 FROM file o WHERE o.sha1 = {sha1} AND o.id <> f.id"
        " AND o.state <> 'gone')"
    )


_WAIT_AGAIN = (
    "UPDATE file SET state = 'waiting', reason = ?, detail = NULL, attempts = 0,"
    " next_try = NULL WHERE state IN ('protected', 'declined')"
)


def _move(
    con: sqlite3.Connection, sha1: bytes, state: FileState, reason: Reason
) -> None:
    """Move all files of a content that someone wanted; the others are left alone.

    Rules decide about them again only if the content is lost.
    """
    con.execute(
        "UPDATE file SET state = ?, reason = ?, detail = NULL, attempts = 0,"
        " next_try = NULL, rules_version = NULL, reevaluate_at = NULL"
        " WHERE sha1 = ? AND state IN"
        " ('waiting', 'failed', 'parked', 'protected', 'declined') AND state <> ?",
        (state, reason, sha1, state),
    )


def _count_superseded(
    con: sqlite3.Connection, sha1: bytes, uploaded: FileRow | None
) -> list[int]:
    """Return the folders of superseded assets that are to be counted now, once each."""
    # A file that has its former bytes again supersedes nothing by them.
    con.execute(
        "DELETE FROM superseded WHERE sha1 = ?1 AND file IN"
        " (SELECT id FROM file WHERE sha1 = ?1)",
        (sha1,),
    )
    of_these = "(SELECT id FROM file WHERE sha1 = ?1 UNION SELECT ?2)"
    values = (sha1, None if uploaded is None else uploaded.id)
    folders = [
        folder
        for (folder,) in con.execute(
            "SELECT f.folder FROM superseded s JOIN file f ON f.id = s.file"
            f" WHERE s.file IN {of_these} AND NOT s.counted",
            values,
        )
    ]
    if folders:
        con.execute(
            f"UPDATE superseded SET counted = 1 WHERE file IN {of_these}", values
        )
    return folders


def _row(row: tuple[bytes, int, str, str, str, float | None]) -> ContentRow:
    """Return a row of content."""
    return ContentRow(
        sha1=row[0],
        size=row[1],
        asset_id=row[2],
        fate=Fate(row[3]),
        proof=Proof(row[4]),
        proof_at=row[5],
    )
