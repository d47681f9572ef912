"""Ledger jobs about contents: what became of each SHA-1 on the server."""

from collections.abc import Sequence
import sqlite3

from ..model import Fate, FileState, Proof, Reason
from .rows import ContentRow


def get(con: sqlite3.Connection, checksums: Sequence[bytes]) -> dict[bytes, ContentRow]:
    """Return what is known of these contents."""
    found: dict[bytes, ContentRow] = {}
    for start in range(0, len(checksums), 500):
        part = checksums[start : start + 500]
        for row in con.execute(
            "SELECT sha1, size, asset_id, fate, proof, proof_at FROM content"
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
            "SELECT sha1, size, asset_id, fate, proof, proof_at FROM content"
            " WHERE sha1 > ? ORDER BY sha1 LIMIT ?",
            (after, limit),
        )
    ]


def claim_stored(
    con: sqlite3.Connection, sha1: bytes, size: int, asset_id: str
) -> None:
    """Record what the server said after an upload; not yet a proof."""
    con.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET"
        " asset_id = excluded.asset_id, fate = excluded.fate, proof = excluded.proof,"
        " proof_at = NULL",
        (sha1, size, asset_id, Fate.STORED, Proof.NONE),
    )


def confirm(
    con: sqlite3.Connection,
    sha1: bytes,
    size: int,
    asset_id: str,
    reason: Reason,
    now: float,
) -> None:
    """Record a proof: every file of this content is protected by it."""
    con.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " asset_id = excluded.asset_id, fate = excluded.fate, proof = excluded.proof,"
        " proof_at = excluded.proof_at",
        (sha1, size, asset_id, Fate.STORED, Proof.CONFIRMED, now),
    )
    _move(con, sha1, FileState.PROTECTED, reason)


def refresh(con: sqlite3.Connection, checksums: Sequence[bytes], now: float) -> None:
    """Record that these contents are proven again."""
    con.executemany(
        "UPDATE content SET proof_at = ? WHERE sha1 = ?",
        [(now, sha1) for sha1 in checksums],
    )


def decline(
    con: sqlite3.Connection, sha1: bytes, size: int, asset_id: str, reason: Reason
) -> None:
    """Record that someone removed this content from the server."""
    con.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET"
        " fate = excluded.fate",
        (sha1, size, asset_id, Fate.DECLINED, Proof.NONE),
    )
    _move(con, sha1, FileState.DECLINED, reason)


def lose(con: sqlite3.Connection, checksums: Sequence[bytes]) -> None:
    """Forget contents that the server lost; their files wait to be stored again."""
    for sha1 in checksums:
        con.execute("DELETE FROM content WHERE sha1 = ?", (sha1,))
        con.execute(
            "UPDATE file SET state = 'waiting', reason = ?, detail = NULL,"
            " attempts = 0, next_try = NULL WHERE sha1 = ?"
            " AND state IN ('protected', 'declined')",
            (Reason.PROOF_LOST, sha1),
        )


def lose_all(con: sqlite3.Connection) -> None:
    """Forget all contents: the server is another one; all files wait again."""
    con.execute("DELETE FROM content")
    con.execute(
        "UPDATE file SET state = 'waiting', reason = ?, detail = NULL, attempts = 0,"
        " next_try = NULL WHERE state IN ('protected', 'declined')",
        (Reason.PROOF_LOST,),
    )


def _move(
    con: sqlite3.Connection, sha1: bytes, state: FileState, reason: Reason
) -> None:
    """Move all files of a content that someone wanted; the others are left alone."""
    con.execute(
        "UPDATE file SET state = ?, reason = ?, detail = NULL, attempts = 0,"
        " next_try = NULL WHERE sha1 = ? AND state IN"
        " ('waiting', 'failed', 'parked', 'protected', 'declined') AND state <> ?",
        (state, reason, sha1, state),
    )


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
