"""Ledger queries that answer a person: one file, lists of files."""

from collections.abc import Sequence
from dataclasses import dataclass
import os
import sqlite3

from ..model import Fate, FileReport, FileState, Proof, Reason
from .files import PATH
from .rows import Stamp
from .schema import UNPROTECTED

# What someone removed from the server has no proof, whatever was proven before.
_SELECT = (
    f"SELECT o.key, {PATH}, f.size, f.mtime_ns, f.state, f.reason, f.detail, f.rule,"
    " f.criterion, f.sha1, c.asset_id, iif(c.fate = 'stored', c.proof, NULL),"
    " iif(c.fate = 'stored', c.proof_at, NULL), f.attempts, f.next_try,"
    " (SELECT group_concat(s.asset_id) FROM superseded s WHERE s.file = f.id)"
    " FROM file f JOIN directory d ON d.id = f.directory"
    " JOIN folder o ON o.id = f.folder AND o.id = d.folder LEFT JOIN content c ON c.sha1 = f.sha1"
)


def one(con: sqlite3.Connection, folder: str, path: bytes) -> FileReport | None:
    """Return what is known of the file at a path below a folder."""
    directory, _, name = path.rpartition(b"/")
    row = con.execute(
        f"{_SELECT} WHERE o.key = ? AND d.path = ? AND f.name = ?",
        (folder, directory, name),
    ).fetchone()
    return None if row is None else _report(row)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as it was seen; ``fate`` is protected, declined or None: yet to be stored."""

    stamp: Stamp
    existing: bool
    fate: FileState | None


def known_files(
    con: sqlite3.Connection, folder: str, path: bytes, names: Sequence[bytes]
) -> dict[bytes, KnownFile]:
    """Return what is known of files in a directory (relative path) of a folder."""
    marks = ",".join("?" * len(names))
    return {
        name: KnownFile(
            Stamp(size, mtime_ns, ctime_ns),
            bool(existing),
            FileState.DECLINED
            if fate == Fate.DECLINED
            else FileState.PROTECTED
            if proof not in (None, Proof.NONE)
            else None,
        )
        for name, size, mtime_ns, ctime_ns, existing, fate, proof in con.execute(
            "SELECT f.name, f.size, f.mtime_ns, f.ctime_ns, f.existing, c.fate, c.proof"
            " FROM folder o JOIN directory d ON d.folder = o.id AND d.path = ?2"
            " JOIN file f ON f.directory = d.id LEFT JOIN content c ON c.sha1 = f.sha1"
            f" WHERE o.key = ?1 AND f.state <> 'gone' AND f.name IN ({marks})",
            (folder, path, *names),
        )
    }


def many(
    con: sqlite3.Connection,
    folder: str | None,
    states: tuple[FileState, ...],
    limit: int,
    offset: int,
) -> tuple[list[FileReport], int]:
    """Return files of these states (none: all), and how many there are in all."""
    where = "(?1 IS NULL OR folder = (SELECT id FROM folder WHERE key = ?1))"
    if states:
        # The values are those of an enumeration, so they need no quoting.
        names = ",".join(f"'{state.value}'" for state in states)
        where += f" AND state IN ({names})"
    (total,) = con.execute(
        f"SELECT coalesce(sum(files), 0) FROM tally WHERE {where}", (folder,)
    ).fetchone()
    if states and FileState.PROTECTED not in states:
        where += f" AND {UNPROTECTED}"
    rows = con.execute(
        f"{_SELECT} WHERE f.id IN (SELECT id FROM file WHERE {where}"
        " ORDER BY id LIMIT ?2 OFFSET ?3) ORDER BY f.id",
        (folder, limit, offset),
    )
    return [_report(row) for row in rows], int(total)


def largest_parked(con: sqlite3.Connection, reason: Reason) -> FileReport | None:
    """Return the largest file that is parked for a reason; None if there is none."""
    row = con.execute(
        f"{_SELECT} WHERE f.id = (SELECT id FROM file WHERE state = ?"
        f" AND {UNPROTECTED} AND reason = ? ORDER BY size DESC, id LIMIT 1)",
        (FileState.PARKED, reason),
    ).fetchone()
    return None if row is None else _report(row)


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
