"""Ledger jobs about runs, and a few values of the whole account."""

from dataclasses import asdict
import json
import sqlite3
from typing import Any

from ..model import RunCounts, RunOutcome, RunReport, RunTrigger

_KEEP = 500
_SELECT = (
    "SELECT id, trigger, folders, started, finished, outcome, counts, error FROM run"
)


def save(con: sqlite3.Connection, run: RunReport) -> None:
    """Write a run, begun or ended; keeps the last 500, and the last without errors."""
    con.execute(
        "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " finished = excluded.finished, outcome = excluded.outcome,"
        " counts = excluded.counts, error = excluded.error,"
        " folders = excluded.folders",
        (
            run.id,
            run.trigger,
            json.dumps(run.folders),
            run.started,
            run.finished,
            run.outcome,
            json.dumps(asdict(run.counts)),
            run.error,
        ),
    )
    con.execute(
        "DELETE FROM run WHERE id NOT IN"
        " (SELECT id FROM run ORDER BY started DESC LIMIT ?1) AND id NOT IN"
        " (SELECT id FROM run WHERE outcome = ?2 ORDER BY finished DESC LIMIT 1)",
        (_KEEP, RunOutcome.COMPLETED),
    )


def close_interrupted(con: sqlite3.Connection, now: float) -> None:
    """End runs that a crash or a power cut interrupted."""
    con.execute(
        "UPDATE run SET finished = ?, outcome = ? WHERE finished IS NULL",
        (now, RunOutcome.STOPPED),
    )


def last_success(con: sqlite3.Connection) -> float | None:
    """Return when the last run without errors ended (epoch seconds)."""
    (finished,) = con.execute(
        "SELECT max(finished) FROM run WHERE outcome = ?", (RunOutcome.COMPLETED,)
    ).fetchone()
    return None if finished is None else float(finished)


def get(con: sqlite3.Connection, run_id: str) -> RunReport | None:
    """Return a run, or None when it is not (or no longer) known."""
    row = con.execute(f"{_SELECT} WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else _report(row)


def latest(con: sqlite3.Connection, limit: int) -> list[RunReport]:
    """Return the runs that began last, the newest first."""
    rows = con.execute(f"{_SELECT} ORDER BY started DESC LIMIT ?", (limit,))
    return [_report(row) for row in rows]


def _report(row: tuple[Any, ...]) -> RunReport:
    """Return the report of a row."""
    return RunReport(
        id=row[0],
        trigger=RunTrigger(row[1]),
        folders=tuple(json.loads(row[2])),
        started=row[3],
        finished=row[4],
        outcome=None if row[5] is None else RunOutcome(row[5]),
        counts=RunCounts(**json.loads(row[6])),
        error=row[7],
    )


def get_value(con: sqlite3.Connection, key: str) -> str | None:
    """Return a value of the account."""
    row = con.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def set_value(con: sqlite3.Connection, key: str, value: str | None) -> None:
    """Write a value of the account; None forgets it."""
    con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
