"""Ledger jobs about files that tell of others: what they say may have changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import os
import re
import sqlite3

from ..media.companions import KINDS
from .rows import FileRow
from .schema import DECIDED

# So far a file's name is that of what tells about it, however Takeout cuts it.
_BEGIN = re.compile(rb"[^.(]{1,40}")


@dataclass(frozen=True, slots=True)
class _Other:
    """A file in the directory of one that tells of others."""

    id: int
    name: bytes
    protected: bool
    decided: bool


def told_anew(
    con: sqlite3.Connection, folder: int, files: Iterable[FileRow], *, decide: bool
) -> bool:
    """Let photos be looked at again beside which these files are new or changed.

    What is proven is organised again if its folder is organised; what is not will be
    anyway, and with ``decide`` is decided again. ``files`` are of this folder and were
    just decided themselves. Returns whether there is something to organise.
    """
    arranged = _is_arranged(con, folder)
    if not (arranged or decide):
        return False
    settled = {file.id: file for file in files}
    found: dict[int, _Other] = {}
    for file in settled.values():
        name = file.path.rpartition(b"/")[2]
        for kind in KINDS:
            if not name.lower().endswith(kind.extension):
                continue
            others = _beside(con, file, name)
            about = kind.among({name, *(other.name for other in others)})
            found |= {
                other.id: other
                for other in others
                if about.get(os.fsdecode(other.name)) == os.fsdecode(name)
            }
    proven = [(one.id,) for one in found.values() if arranged and one.protected]
    con.executemany(
        "INSERT INTO unarranged (file) VALUES (?)"
        " ON CONFLICT DO UPDATE SET attempts = 0, next_try = NULL",
        proven,
    )
    con.executemany(
        # Whatever the clock says, that is now.
        f"UPDATE file SET reevaluate_at = 0 WHERE id = ? AND {DECIDED}",
        [
            (one.id,)
            for one in found.values()
            # What settled with its sidecar was decided by it.
            if decide and one.decided and one.id not in settled
        ],
    )
    return bool(proven)


def _is_arranged(con: sqlite3.Connection, folder: int) -> bool:
    """Return whether the files of a folder are organised."""
    row = con.execute("SELECT 1 FROM arranged WHERE folder = ?", (folder,)).fetchone()
    return row is not None


def _beside(con: sqlite3.Connection, file: FileRow, name: bytes) -> Sequence[_Other]:
    """Return files whose names begin as that of one beside them."""
    match = _BEGIN.match(name)
    begin = b"" if match is None else match[0]
    rows = con.execute(
        f"SELECT id, name, state = 'protected', {DECIDED} FROM file"
        " WHERE directory = (SELECT directory FROM file WHERE id = ?)"
        " AND name >= ? AND name < ? AND state <> 'gone'",
        (file.id, begin, begin + b"\xff"),
    )
    return [
        _Other(number, other, bool(protected), bool(decided))
        for number, other, protected, decided in rows
    ]
