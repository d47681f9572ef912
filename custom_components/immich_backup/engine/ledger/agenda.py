"""Ledger jobs about what is to be done for each folder, and when it was last done."""

from collections.abc import Collection
import sqlite3


def note_success(con: sqlite3.Connection, keys: Collection[str], now: float) -> None:
    """Record that a run left nothing undone in these folders (epoch seconds)."""
    con.executemany(
        "INSERT INTO agenda (folder, succeeded_at)"
        " SELECT id, ?1 FROM folder WHERE key = ?2"
        " ON CONFLICT DO UPDATE SET succeeded_at = excluded.succeeded_at",
        [(now, key) for key in keys],
    )


def successes(con: sqlite3.Connection) -> dict[str, float]:
    """Return when a run last left nothing undone, by folder (epoch seconds)."""
    return dict(
        con.execute(
            "SELECT o.key, a.succeeded_at FROM agenda a JOIN folder o ON o.id = a.folder"
            " WHERE a.succeeded_at IS NOT NULL"
        ).fetchall()
    )
