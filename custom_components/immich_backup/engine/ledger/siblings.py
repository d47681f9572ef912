"""Ledger jobs about files beside a picture that may show the same shot."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import os
import sqlite3
from typing import Any

from ..media.pairs import burst_of, has_cover, is_cover, shot_of
from ..model import FileState, Reason
from .rows import FileRow, Stamp
from .schema import DECIDED

# One shot has a few files; where more have its name, nothing is certain.
_MOST = 32
_COVER = b"_COVER"
_SELECT = (
    "SELECT id, name, size, mtime_ns, ctime_ns, state, reason, attempts, reevaluate_at,"
    " rules_version FROM file WHERE directory = ? AND state <> 'gone'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A file of a directory, by its name there; ``again`` is when it is decided again.

    That is in epoch seconds, or None; ``rules_version`` is by which rules it was decided.
    """

    id: int
    name: str
    stamp: Stamp
    state: FileState
    reason: Reason
    attempts: int
    again: float | None
    rules_version: str | None


def siblings(
    con: sqlite3.Connection, files: Iterable[FileRow]
) -> dict[int, list[Sibling]]:
    """Return by their ids what has the names of files but for the extension.

    The files themselves are among them, and of a burst its covers.
    """
    found: dict[int, list[Sibling]] = {}
    covers: dict[int, Mapping[str, Sequence[bytes]]] = {}
    for file in files:
        row = con.execute(
            "SELECT directory FROM file WHERE id = ?", (file.id,)
        ).fetchone()
        if row is None:
            continue
        (directory,) = row
        name = os.fsdecode(file.path.rpartition(b"/")[2])
        beside = _of_shot(con, directory, shot_of(name))
        if has_cover(name):
            if directory not in covers:
                covers[directory] = _covers(con, directory)
            for cover in covers[directory].get(burst_of(name) or "", ()):
                rows = con.execute(f"{_SELECT} AND name = ?", (directory, cover))
                beside |= {row[0]: _sibling(row) for row in rows}
        found[file.id] = list(beside.values())
    return found


def distrust_far(
    con: sqlite3.Connection, folder: int, reasons: Iterable[Reason], latest: float
) -> None:
    """Decide now about files of these reasons that wait for a time after the latest.

    Such a time (epoch seconds) comes from a clock that jumped.
    """
    con.executemany(
        "UPDATE file SET reevaluate_at = 0 WHERE folder = ? AND reevaluate_at > ?"
        f" AND reevaluate_at IS NOT NULL AND {DECIDED} AND reason = ?",
        [(folder, latest, reason) for reason in reasons],
    )


def _of_shot(con: sqlite3.Connection, directory: int, shot: str) -> dict[int, Sibling]:
    """Return what has the name of a shot, as it is or in one case; nothing of too many."""
    found: dict[int, Sibling] = {}
    for begin in {os.fsencode(name) for name in (shot, shot.lower(), shot.upper())}:
        # What follows the dot is the slash, which no name has.
        rows = con.execute(
            f"{_SELECT} AND name > ? AND name < ? LIMIT ?",
            (directory, begin + b".", begin + b"/", _MOST + 1),
        ).fetchall()
        if len(rows) > _MOST:
            return {}
        found |= {row[0]: _sibling(row) for row in rows}
    key = shot.casefold()
    return {
        number: sibling
        for number, sibling in found.items()
        if shot_of(sibling.name).casefold() == key
    }


def _covers(con: sqlite3.Connection, directory: int) -> Mapping[str, Sequence[bytes]]:
    """Return the names of the pictures that phones chose of the bursts of a directory.

    They begin with a number that nobody knows, so all names are looked at, in the index.
    """
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for (name,) in con.execute(
        "SELECT name FROM file WHERE directory = ? AND instr(name, ?) > 0",
        (directory, _COVER),
    ):
        text = os.fsdecode(name)
        if is_cover(text) and (burst := burst_of(text)) is not None:
            found[burst].append(name)
    return found


def _sibling(row: tuple[Any, ...]) -> Sibling:
    """Return a row of the columns above."""
    number, name, size, mtime, ctime, state, reason, attempts, again, version = row
    return Sibling(
        id=number,
        name=os.fsdecode(name),
        stamp=Stamp(size, mtime, ctime),
        state=FileState(state),
        reason=Reason(reason),
        attempts=attempts,
        again=again,
        rules_version=version,
    )
