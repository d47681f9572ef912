"""Ledger jobs about files that tell of others: what they say may have changed."""

from collections.abc import Collection, Iterable, Mapping
import os
import re
import sqlite3

from ..media.companions import KINDS
from .rows import FileRow

# So far a file's name is that of what tells about it, however Takeout cuts it.
_BEGIN = re.compile(rb"[^.(]{1,40}")


def told_anew(con: sqlite3.Connection, files: Iterable[FileRow]) -> bool:
    """Let photos be organised again beside which these files are new or changed.

    Only what is proven and in a folder that is organised; the others will be anyway.
    Returns whether there are any.
    """
    found: set[int] = set()
    for file in files:
        name = file.path.rpartition(b"/")[2]
        for kind in KINDS:
            if not name.lower().endswith(kind.extension):
                continue
            protected, others = _beside(con, file, name)
            if not protected:
                continue
            about = kind.among({name, *protected, *others})
            found.update(
                number
                for other, number in protected.items()
                if about.get(os.fsdecode(other)) == os.fsdecode(name)
            )
    con.executemany(
        "INSERT INTO unarranged (file) VALUES (?)"
        " ON CONFLICT DO UPDATE SET attempts = 0, next_try = NULL",
        [(number,) for number in found],
    )
    return bool(found)


def _beside(
    con: sqlite3.Connection, file: FileRow, name: bytes
) -> tuple[Mapping[bytes, int], Collection[bytes]]:
    """Return files whose names begin as that of one beside them.

    First those that are proven, with their numbers, then the names of others.
    """
    match = _BEGIN.match(name)
    begin = b"" if match is None else match[0]
    rows = con.execute(
        "SELECT o.name, o.id, o.state FROM file f"
        " JOIN file o ON o.directory = f.directory"
        " JOIN arranged a ON a.folder = f.folder"
        " WHERE f.id = ? AND o.name >= ? AND o.name < ? AND o.state <> 'gone'",
        (file.id, begin, begin + b"\xff"),
    ).fetchall()
    protected = {other: number for other, number, state in rows if state == "protected"}
    return protected, [other for other, _, _ in rows]
