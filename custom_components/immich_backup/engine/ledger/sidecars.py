"""Ledger jobs about files that tell of others: what they say may have changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    for (_, begin), telling in _by_beginning(settled.values()).items():
        others = _beside(con, telling[0], begin)
        for kind in KINDS:
            names = {_name(file) for file in telling}
            names = {name for name in names if name.lower().endswith(kind.extension)}
            if not names:
                continue
            about = kind.among(names | {other.name for other in others})
            found |= {
                other.id: other
                for other in others
                if (by := about.get(os.fsdecode(other.name))) is not None
                and os.fsencode(by) in names
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


def _by_beginning(
    files: Iterable[FileRow],
) -> Mapping[tuple[bytes, bytes], Sequence[FileRow]]:
    """Return those that tell of others, by their directory and how their names begin.

    Hundreds may begin alike: what lies beside them is then looked at once for all.
    """
    found: defaultdict[tuple[bytes, bytes], list[FileRow]] = defaultdict(list)
    for file in files:
        name = _name(file)
        if any(name.lower().endswith(kind.extension) for kind in KINDS):
            match = _BEGIN.match(name)
            begin = b"" if match is None else match[0]
            found[file.path.rpartition(b"/")[0], begin].append(file)
    return found


def _name(file: FileRow) -> bytes:
    """Return a file's name without its directory."""
    return file.path.rpartition(b"/")[2]


def _beside(con: sqlite3.Connection, file: FileRow, begin: bytes) -> Sequence[_Other]:
    """Return files of a file's directory whose names begin so, as it is or in one case."""
    return [
        _Other(number, other, bool(protected), bool(decided))
        for one in {begin, begin.lower(), begin.upper()}
        for number, other, protected, decided in con.execute(
            f"SELECT id, name, state = 'protected', {DECIDED} FROM file"
            " WHERE directory = (SELECT directory FROM file WHERE id = ?)"
            " AND name >= ? AND name < ? AND state <> 'gone'",
            (file.id, one, one + b"\xff"),
        )
    ]
