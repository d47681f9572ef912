"""What the ledger is asked all the time costs nothing for files that are done."""

from collections.abc import Callable, Iterator
from dataclasses import replace
import sqlite3

import pytest

from custom_components.immich_backup.engine import FileState
from custom_components.immich_backup.engine.ledger import (
    contents,
    files,
    folders,
    reports,
    scans,
    schema,
    siblings,
    sidecars,
)
from custom_components.immich_backup.engine.ledger.rows import FileRow, Stamp
from custom_components.immich_backup.engine.model import Reason

MANY = 20_000
FEW = 10
SESSION = 7
STAMP = Stamp(9, 9, 9)
ROW = FileRow(
    id=1,
    folder=1,
    path=b"a",
    stamp=Stamp(1, 1, 1),
    sha1=None,
    state=FileState.WAITING,
    existing=False,
    attempts=0,
)
SIDECAR = replace(ROW, path=b"IMG_00000001.xmp")


def fill(con: sqlite3.Connection, state: str, count: int) -> None:
    """Write a folder of many files in one state, as a long life leaves them."""
    folder = folders.ensure(con, f"folder {state}").id
    con.execute("INSERT INTO directory VALUES (?1, ?1, x'', NULL)", (folder,))
    con.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
        " INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns, sha1,"
        " state, reason, rules_version, session, settle_from, next_try, reevaluate_at)"
        " SELECT ?2, ?2, CAST(printf('IMG_%08d.jpg', i) AS BLOB), i, i, i,"
        " CASE WHEN ?3 = 'protected' THEN CAST(printf('%020d', i) AS BLOB) END, ?3,"
        " 'queued', 'v1', ?4, i, CASE WHEN ?3 = 'failed' THEN 1e12 + i END,"
        " CASE WHEN ?3 = 'protected' THEN i END FROM n",
        (count, folder, state, SESSION),
    )


@pytest.fixture(scope="module")
def ledger() -> Iterator[sqlite3.Connection]:
    """Return a ledger of many files, nearly all of which are protected."""
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.execute("PRAGMA foreign_keys = ON")
    con.executescript(schema.STATEMENTS)
    fill(con, "protected", MANY)
    for state in ("failed", "waiting", "unwanted", "settling"):
        fill(con, state, FEW)
    yield con
    con.close()


def finish(con: sqlite3.Connection) -> object:
    """End a scan in which nothing changed."""
    return scans.finish(
        con, 1, 1, {1}, now=1.0, files=MANY, errors=0, ended=True, complete=True
    )


type Ask = Callable[[sqlite3.Connection], object]

QUESTIONS: dict[str, Ask] = {
    "claim": lambda con: files.claim(con, dict.fromkeys((1, 2, 3), "v1"), 5, 200, {1}),
    "next try": lambda con: files.next_try(con, [1, 2, 3]),
    "settling": lambda con: files.due_settling(con, 1, SESSION, 1e9, 500),
    "next settled": lambda con: files.next_settled(con, 1, SESSION),
    "other rules": lambda con: files.decided_by_other_rules(con, 1, "v1", 500),
    "due again": lambda con: files.due_again(con, 1, 1e12, 500),
    "next due again": lambda con: files.next_due_again(con, 1),
    "siblings": lambda con: siblings.siblings(con, [ROW] * 20),
    "distrust far": lambda con: siblings.distrust_far(
        con, 1, [Reason.OTHER_KEPT, Reason.OTHER_AWAITED], 5.0
    ),
    "tally": lambda con: folders.tally(con, 1),
    "one": lambda con: reports.one(con, "folder protected", b"IMG_00000001.jpg"),
    "failed": lambda con: reports.many(con, None, (FileState.FAILED,), 10, 0),
    "parked": lambda con: reports.many(con, "folder failed", (FileState.PARKED,), 9, 0),
    "largest parked": lambda con: reports.largest_parked(con, Reason.TOO_LARGE),
    "retry": lambda con: files.retry(con, [1]),
    "retry reasons": lambda con: files.retry_reasons(con, [Reason.TOO_LARGE]),
    "park": lambda con: files.park(con, ROW, Reason.REFUSED, None),
    "confirm": lambda con: contents.confirm(
        con, b"x" * 20, 1, "asset", Reason.UPLOADED, 1.0, ROW
    ),
    "unsettle": lambda con: scans.unsettle(con, 1, STAMP, session=1, now=1.0, seen=1.0),
    "told anew": lambda con: sidecars.told_anew(con, 1, [SIDECAR], decide=True),
    "present": lambda con: scans.present_files(con, 1),
    "finish": finish,
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_done_files_cost_nothing(ledger: sqlite3.Connection, name: str) -> None:
    """No question reads all files; reading them takes ten steps for each at least."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1000
        return 0

    ledger.execute("BEGIN")
    ledger.set_progress_handler(count, 1000)
    try:
        QUESTIONS[name](ledger)
    finally:
        ledger.set_progress_handler(None, 0)
        ledger.execute("ROLLBACK")
    assert steps < MANY


def test_a_walk_over_all_would_be_noticed(ledger: sqlite3.Connection) -> None:
    """The measure tells a question that reads every file."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1000
        return 0

    ledger.set_progress_handler(count, 1000)
    ledger.execute("SELECT count(*) FROM file WHERE reason = 'x'").fetchone()
    ledger.set_progress_handler(None, 0)
    assert steps > MANY
