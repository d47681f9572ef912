"""Ledger queries that answer a person: one file, lists of files."""

import os
import sqlite3

from ..model import FileReport, FileState, Proof, Reason
from .files import PATH

_SELECT = (
    f"SELECT o.key, {PATH}, f.size, f.mtime_ns, f.state, f.reason, f.detail, f.rule,"
    " f.criterion, f.sha1, c.asset_id, c.proof, c.proof_at, f.attempts, f.next_try,"
    " (SELECT group_concat(s.asset_id) FROM superseded s WHERE s.file = f.id)"
    " FROM file f JOIN directory d ON d.id = f.directory"
    " JOIN folder o ON o.id = f.folder LEFT JOIN content c ON c.sha1 = f.sha1"
)


def one(con: sqlite3.Connection, folder: str, path: bytes) -> FileReport | None:
    """Return what is known of the file at a path below a folder."""
    directory, _, name = path.rpartition(b"/")
    row = con.execute(
        f"{_SELECT} WHERE o.key = ? AND d.path = ? AND f.name = ?",
        (folder, directory, name),
    ).fetchone()
    return None if row is None else _report(row)


def many(
    con: sqlite3.Connection,
    folder: str | None,
    states: tuple[FileState, ...],
    limit: int,
    offset: int,
) -> tuple[list[FileReport], int]:
    """Return files of these states (none: all), and how many there are in all."""
    where = "(?1 IS NULL OR o.key = ?1)"
    if states:
        # The values are those of an enumeration, so they need no quoting.
        names = ",".join(f"'{state.value}'" for state in states)
        where += f" AND f.state IN ({names})"
    (total,) = con.execute(
        f"SELECT count(*) FROM file f JOIN folder o ON o.id = f.folder WHERE {where}",
        (folder,),
    ).fetchone()
    rows = con.execute(
        f"{_SELECT} WHERE {where} ORDER BY f.id LIMIT ?2 OFFSET ?3",
        (folder, limit, offset),
    )
    return [_report(row) for row in rows], int(total)


def largest_parked(con: sqlite3.Connection, reason: Reason) -> int | None:
    """Return the size of the largest file that is parked for a reason; None if none."""
    (size,) = con.execute(
        "SELECT max(size) FROM file WHERE folder IN (SELECT id FROM folder)"
        " AND state = ? AND reason = ?",
        (FileState.PARKED, reason),
    ).fetchone()
    return None if size is None else int(size)


def _report(row: tuple[object, ...]) -> FileReport:
    """Return the report of a row."""
    (
        folder, path, size, mtime_ns, state, reason, detail, rule, criterion, sha1,
        asset_id, proof, proof_at, attempts, next_try, superseded,
    ) = row  # fmt: skip
    assert isinstance(path, bytes)
    assert isinstance(mtime_ns, int)
    return FileReport(
        folder=str(folder),
        path=os.fsdecode(path),
        size=size,  # type: ignore[arg-type]
        modified=mtime_ns / 1e9,
        state=FileState(str(state)),
        reason=Reason(str(reason)),
        detail=detail,  # type: ignore[arg-type]
        rule=rule,  # type: ignore[arg-type]
        criterion=criterion,  # type: ignore[arg-type]
        sha1=sha1.hex() if isinstance(sha1, bytes) else None,
        asset_id=asset_id,  # type: ignore[arg-type]
        proof=Proof(str(proof)) if proof else None,
        proof_at=proof_at,  # type: ignore[arg-type]
        attempts=attempts,  # type: ignore[arg-type]
        next_try=next_try,  # type: ignore[arg-type]
        superseded=tuple(str(superseded).split(",")) if superseded else (),
    )
