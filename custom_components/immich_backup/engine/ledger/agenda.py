"""Ledger jobs about what is to be done for each folder, and when it was last done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
import sqlite3


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaRow:
    """What is known of one folder; times in epoch seconds.

    ``since`` is when it was first tended, ``succeeded_at`` when a run last left nothing
    undone, ``well_at`` when nothing was left to do, ``scheduled_until`` until when its
    schedule was followed. It is ``owed`` a run that was asked for and had to wait;
    ``overdue`` is what was told last.
    """

    since: float
    succeeded_at: float | None
    well_at: float | None
    scheduled_until: float | None
    owed: bool
    overdue: bool


def ensure(con: sqlite3.Connection, key: str, now: float) -> None:
    """Begin to remember what is done for a folder, which may have begun already."""
    con.execute(
        "INSERT INTO agenda (folder, since) SELECT id, ?1 FROM folder WHERE key = ?2"
        " ON CONFLICT DO NOTHING",
        (now, key),
    )


def read(con: sqlite3.Connection) -> Mapping[str, AgendaRow]:
    """Return what is known of all folders, by their ids."""
    return {
        row[0]: AgendaRow(
            since=row[1],
            succeeded_at=row[2],
            well_at=row[3],
            scheduled_until=row[4],
            owed=bool(row[5]),
            overdue=bool(row[6]),
        )
        for row in con.execute(
            "SELECT o.key, a.since, a.succeeded_at, a.well_at, a.scheduled_until,"
            " a.owed, a.overdue FROM agenda a JOIN folder o ON o.id = a.folder"
        )
    }


def set_since(con: sqlite3.Connection, keys: Collection[str], now: float) -> None:
    """Correct when these folders were first tended: that was a clock's mistake."""
    _set(con, "since", keys, now)


def note_success(con: sqlite3.Connection, keys: Collection[str], now: float) -> None:
    """Record that a run left nothing undone in these folders."""
    _set(con, "succeeded_at", keys, now)


def note_well(con: sqlite3.Connection, keys: Collection[str], now: float) -> None:
    """Record that nothing was left to do in these folders."""
    _set(con, "well_at", keys, now)


def note_scheduled(con: sqlite3.Connection, key: str, now: float) -> None:
    """Record that a folder's schedule was followed until now."""
    _set(con, "scheduled_until", [key], now)


def set_owed(con: sqlite3.Connection, keys: Collection[str], *, owed: bool) -> None:
    """Record whether these folders are owed a run."""
    _set(con, "owed", keys, int(owed))


def set_overdue(con: sqlite3.Connection, key: str, overdue: bool) -> None:
    """Record that it was told whether a folder is overdue."""
    _set(con, "overdue", [key], int(overdue))


def _set(
    con: sqlite3.Connection, column: str, keys: Collection[str], value: float
) -> None:
    """Write one column of some folders."""
    con.executemany(
        f"UPDATE agenda SET {column} = ?"
        " WHERE folder = (SELECT id FROM folder WHERE key = ?)",
        [(value, key) for key in keys],
    )
