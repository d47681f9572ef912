"""The ledger: exact numbers, results that are not stale, an order of work."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
import os
from pathlib import Path
import random
import sqlite3
from tempfile import TemporaryDirectory

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.immich_backup.engine.ledger import (
    Ledger,
    LedgerBusyError,
    LedgerError,
    agenda,
    contents,
    files,
    folders,
    opening,
    remove_ledger,
    reports,
    runs,
    scans,
    schema,
)
from custom_components.immich_backup.engine.ledger.files import LONGEST_BACKOFF, Verdict
from custom_components.immich_backup.engine.ledger.rows import FileRow
from custom_components.immich_backup.engine.ledger.scans import Entry, Sighting
from custom_components.immich_backup.engine.model import (
    Fate,
    FileState,
    Proof,
    Reason,
    RunCounts,
    RunOutcome,
    RunReport,
    RunTrigger,
)

from .support import sha1, stamp

NOW = 1_800_000_000.0
SESSION = 7
RULES = "v1"


class Book:
    """A ledger's connection with the jobs that tests repeat."""

    def __init__(self, con: sqlite3.Connection) -> None:
        """Make a folder."""
        self.con = con
        self.folder = folders.ensure(con, "camera").id

    def see(self, *names: str, folder: int | None = None, number: int = 1) -> None:
        """Record files that are new, all with the same stamp."""
        scans.record(
            self.con,
            folder or self.folder,
            b"",
            Sighting(
                new=[Entry(name.encode(), stamp(number)) for name in names],
                changed=[],
                back=[],
            ),
            existing=False,
            session=SESSION,
            now=NOW,
            seen=0.0,
        )

    def row(self, name: str) -> FileRow:
        """Return a file."""
        return next(
            file
            for file in files._rows(
                self.con.execute(f"SELECT {files._COLUMNS} {files._FROM}")
            )
            if file.path == name.encode()
        )

    def decide(self, *names: str, state: FileState = FileState.WAITING) -> None:
        """Decide for files."""
        files.record_verdicts(
            self.con,
            RULES,
            [
                Verdict(file=self.row(name), state=state, reason=Reason.QUEUED)
                for name in names
            ],
        )

    def store(self, name: str, content: bytes) -> None:
        """Record that a file's content is proven."""
        file = self.row(name)
        files.set_checksums(self.con, [(file, sha1(content))])
        contents.confirm(
            self.con, sha1(content), 1, f"asset-{name}", Reason.UPLOADED, NOW, file
        )

    def claim(self, limit: int = 10, skip: frozenset[int] = frozenset()) -> list[str]:
        """Return the names of the files that are due now."""
        return [
            file.path.decode()
            for file in files.claim(self.con, {self.folder: RULES}, NOW, limit, skip)
        ]


@contextmanager
def book_in(path: Path) -> Iterator[Book]:
    """Open a ledger's file for jobs."""
    connection = opening.connect(path)
    try:
        yield Book(connection)
    finally:
        connection.close()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """Return a new ledger's file."""
    with book_in(tmp_path / "ledger.db") as found:
        yield found


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """Return an open ledger."""
    found = Ledger(tmp_path / "ledger.db")
    await found.open()
    yield found
    await found.close()


def recount(con: sqlite3.Connection) -> dict[tuple[int, str], tuple[int, int]]:
    """Count all files by folder and state."""
    return {
        (folder, state): (count, size)
        for folder, state, count, size in con.execute(
            "SELECT folder, state, count(*), sum(size) FROM file GROUP BY 1, 2"
        )
    }


def kept(con: sqlite3.Connection) -> dict[tuple[int, str], tuple[int, int]]:
    """Return what the triggers counted."""
    return {
        (folder, state): (count, size)
        for folder, state, count, size in con.execute(
            "SELECT folder, state, files, bytes FROM tally WHERE files <> 0 OR bytes"
        )
    }


def operations(book: Book, dice: random.Random) -> dict[str, Callable[[], object]]:
    """Return what may happen to a ledger, each time to other files."""
    con = book.con
    names = [f"{number}.jpg" for number in range(6)]

    def some() -> FileRow | None:
        rows = files._rows(con.execute(f"SELECT {files._COLUMNS} {files._FROM}"))
        return dice.choice(rows) if rows else None

    def on_some(job: Callable[[FileRow], object]) -> Callable[[], object]:
        return lambda: None if (file := some()) is None else job(file)

    def content() -> bytes:
        return sha1(bytes([dice.randrange(4)]))

    def scan() -> None:
        number = scans.begin(con, book.folder, NOW)
        missing = [row.id for row in (some(),) if row and row.folder == book.folder]
        directory = scans.finish_directory(con, book.folder, b"", number, b"x", missing)
        scans.finish(
            con,
            book.folder,
            number,
            {directory} if dice.random() < 0.8 else set(),
            now=NOW + dice.choice((0, 1e8)),
            files=1,
            errors=0,
            ended=True,
            complete=True,
        )

    def absent() -> None:
        contents.mark_absent(con, [content()])
        contents.judge_absent(con, dice.randrange(1, 4))

    def other_folder() -> int:
        return folders.ensure(con, dice.choice(("camera", "phone"))).id

    return {
        "see": lambda: book.see(
            dice.choice(names), folder=other_folder(), number=dice.randrange(99)
        ),
        "change": on_some(
            lambda file: scans.unsettle(
                con,
                file.id,
                stamp(dice.randrange(99)),
                session=SESSION,
                now=NOW,
                seen=0.0,
            )
        ),
        "decide": on_some(
            lambda file: files.record_verdicts(
                con,
                RULES,
                [
                    Verdict(
                        file=file,
                        state=dice.choice(
                            (FileState.WAITING, FileState.UNWANTED, FileState.PARKED)
                        ),
                        reason=Reason.QUEUED,
                    )
                ],
            )
        ),
        "hash": on_some(lambda file: files.set_checksums(con, [(file, content())])),
        "fail": on_some(
            lambda file: files.fail(con, file, Reason.READ_ERROR, None, NOW)
        ),
        "park": on_some(lambda file: files.park(con, file, Reason.REFUSED, None)),
        "claim": lambda: contents.claim_stored(con, content(), 1, "asset"),
        "confirm": on_some(
            lambda file: contents.confirm(
                con, content(), 1, "asset", Reason.UPLOADED, NOW, file
            )
        ),
        "decline": lambda: contents.decline(con, content(), 1, "a", Reason.TRASHED),
        "lose": lambda: contents.lose(con, [content()]),
        "absent": absent,
        "unfounded": lambda: contents.lose_unfounded(con),
        "retry": lambda: files.retry(con, [book.folder]),
        "forget settling": on_some(lambda file: scans.forget_settling(con, [file.id])),
        "scan": scan,
        "forget root": lambda: folders.forget_root(con, other_folder()),
        "remove": lambda: folders.remove(con, "phone"),
        "lose all": lambda: contents.lose_all(con),
    }


@settings(max_examples=40)
@given(st.integers())
def test_tally_equals_a_recount(seed: int) -> None:
    """Whatever happens, the numbers are those of the files, and nothing dangles."""
    dice = random.Random(seed)
    with TemporaryDirectory() as path, book_in(Path(path) / "ledger.db") as book:
        con = book.con
        jobs = operations(book, dice)
        weights = [1 if "all" in name or "re" in name else 6 for name in jobs]
        for name in dice.choices(list(jobs), weights, k=60):
            con.execute("BEGIN")
            jobs[name]()
            con.execute("COMMIT")
            assert kept(con) == recount(con), name
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []
        # Protected are only files of a proven content, declined of a declined one.
        assert con.execute(
            "SELECT count(*) FROM file f LEFT JOIN content c ON c.sha1 = f.sha1"
            " WHERE f.state = 'protected' AND c.proof IS NOT 'confirmed'"
        ).fetchone() == (0,)


def test_numbers_are_counted_anew_when_opened(tmp_path: Path) -> None:
    """A tally that a broken disk changed is corrected."""
    path = tmp_path / "ledger.db"
    with book_in(path) as book:
        book.see("a.jpg", number=5)
        book.con.execute("UPDATE tally SET files = 99")
    with book_in(path) as book:
        assert kept(book.con) == recount(book.con) != {}


def test_failure_of_former_bytes_does_not_count(book: Book) -> None:
    """A file that changed and waits again has not failed by what was before."""
    book.see("a.jpg")
    book.decide("a.jpg")
    before = book.row("a.jpg")
    scans.unsettle(book.con, before.id, stamp(2), session=SESSION, now=NOW, seen=1.0)
    book.decide("a.jpg")
    expected = book.row("a.jpg")
    files.fail(book.con, before, Reason.READ_ERROR, "x", NOW)
    files.park(book.con, before, Reason.REFUSED, "x")
    files.set_checksums(book.con, [(before, sha1(b"old"))])
    assert book.row("a.jpg") == expected
    assert book.claim() == ["a.jpg"]


@pytest.mark.parametrize("seen", ["changed", "gone"])
def test_stale_results_do_not_count(book: Book, seen: str) -> None:
    """What is found out of a file does not count once it is another one."""
    book.see("a.jpg")
    book.decide("a.jpg")
    before = book.row("a.jpg")
    if seen == "changed":
        scans.unsettle(
            book.con, before.id, stamp(2), session=SESSION, now=NOW, seen=1.0
        )
    else:
        book.con.execute("DELETE FROM file")
        book.see("a.jpg", number=3)
    expected = book.row("a.jpg")
    files.set_checksums(book.con, [(before, sha1(b"old"))])
    files.fail(book.con, before, Reason.READ_ERROR, "x", NOW)
    files.park(book.con, before, Reason.REFUSED, "x")
    files.record_verdicts(
        book.con,
        RULES,
        [Verdict(file=before, state=FileState.WAITING, reason=Reason.QUEUED)],
    )
    files.keep_verdicts(
        book.con,
        RULES,
        [Verdict(file=before, state=FileState.WAITING, reason=Reason.QUEUED)],
    )
    assert book.row("a.jpg") == expected
    assert expected.state is FileState.SETTLING
    assert book.claim() == []


def test_result_after_proof_does_not_count(book: Book) -> None:
    """Neither a decision nor a failure takes away what is proven."""
    book.see("a.jpg")
    book.decide("a.jpg")
    before = book.row("a.jpg")
    book.store("a.jpg", b"x")
    book.decide("a.jpg", state=FileState.UNWANTED)
    files.fail(book.con, before, Reason.READ_ERROR, None, NOW)
    files.park(book.con, before, Reason.REFUSED, None)
    assert book.row("a.jpg").state is FileState.PROTECTED


def test_proof_of_former_bytes_protects_nothing(book: Book) -> None:
    """A file that changed during its upload is not protected by it, and this is told."""
    book.see("a.jpg")
    book.decide("a.jpg")
    files.set_checksums(book.con, [(book.row("a.jpg"), sha1(b"old"))])
    before = book.row("a.jpg")
    scans.unsettle(book.con, before.id, stamp(2), session=SESSION, now=NOW, seen=1.0)
    assert contents.confirm(
        book.con, sha1(b"old"), 1, "old", Reason.UPLOADED, NOW, before
    ) == [book.folder]
    assert book.row("a.jpg").state is FileState.SETTLING
    report = reports.one(book.con, "camera", b"a.jpg")
    assert report is not None
    assert report.superseded == ("old",)


def test_claims_in_order_without_what_is_taken(book: Book) -> None:
    """The oldest first, only this version of the rules, none twice."""
    names = [f"{number}.jpg" for number in range(5)]
    book.see(*names)
    assert book.claim() == []
    book.decide(*reversed(names))
    assert book.claim(3) == names[:3]
    taken = frozenset(book.row(name).id for name in names[:3])
    assert book.claim(3, taken) == names[3:]
    assert files.claim(book.con, {book.folder: "other"}, NOW, 9) == []
    assert files.claim(book.con, {book.folder + 1: RULES}, NOW, 9) == []


def test_claims_from_many_folders(book: Book) -> None:
    """The oldest of all come first, and only a few more are read than are claimed."""
    for number in range(9):
        folder = folders.ensure(book.con, f"camera {number}").id
        directory = book.con.execute(
            "INSERT INTO directory (folder, path) VALUES (?, x'')", (folder,)
        ).lastrowid
        book.con.executemany(
            "INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns,"
            " state, reason, rules_version, session, settle_from)"
            " VALUES (?, ?, ?, 1, 1, 1, 'waiting', 'queued', ?, 1, 1)",
            [(folder, directory, b"%d" % file, RULES) for file in range(100)],
        )
    wanted = {
        folders.ensure(book.con, f"camera {number}").id: RULES for number in range(9)
    }
    everything = files.claim(book.con, wanted, NOW, 1000)
    assert len(everything) == 900
    ids = [file.id for file in everything]
    assert ids == sorted(ids)
    read: list[int] = []
    book.con.set_progress_handler(lambda: read.append(1) or 0, 1)
    some = files.claim(book.con, wanted, NOW, 10, frozenset(ids[:5]))
    book.con.set_progress_handler(None, 0)
    assert some == everything[5:15]
    assert len(read) < 3000
    assert files.with_due(book.con, wanted | {10**6: RULES}, NOW) == set(wanted)
    assert files.with_due(book.con, dict.fromkeys(wanted, "other"), NOW) == set()


def test_backoff_and_a_clock_that_jumped(book: Book) -> None:
    """A next try is waited for, unless it is later than any try could be."""
    book.see("soon.jpg", "due.jpg", "jumped.jpg")
    book.decide("soon.jpg", "due.jpg", "jumped.jpg")
    for name, at in (
        ("soon.jpg", NOW + 1),
        ("due.jpg", NOW),
        ("jumped.jpg", NOW + LONGEST_BACKOFF + 1),
    ):
        files.fail(book.con, book.row(name), Reason.SERVER_ERROR, None, at)
    assert book.claim() == ["due.jpg", "jumped.jpg"]
    assert files.next_try(book.con, [book.folder]) == NOW
    assert book.row("due.jpg").attempts == 1


def test_retry_takes_failed_and_parked_but_not_empty(book: Book) -> None:
    """A person lets all be tried again that can succeed."""
    book.see("failed.jpg", "parked.jpg", "empty.jpg", "wrong.jpg")
    book.decide("failed.jpg", "parked.jpg", "empty.jpg", "wrong.jpg")
    files.fail(book.con, book.row("failed.jpg"), Reason.READ_ERROR, None, NOW + 9)
    files.park(book.con, book.row("parked.jpg"), Reason.REFUSED, None)
    files.park(book.con, book.row("empty.jpg"), Reason.EMPTY, None)
    files.park(book.con, book.row("wrong.jpg"), Reason.UNSUPPORTED, None)
    assert files.retry_reasons(book.con, [Reason.UNSUPPORTED]) == 1
    assert files.retry(book.con, [book.folder]) == 2
    assert book.claim() == ["failed.jpg", "parked.jpg", "wrong.jpg"]
    assert book.row("empty.jpg").state is FileState.PARKED


def test_declined_moves_all_that_is_wanted(book: Book) -> None:
    """All files of a content are declined, also one that a folder forgot and met again."""
    book.see("a.jpg", "copy.jpg", "unwanted.jpg")
    book.decide("a.jpg", "copy.jpg")
    book.decide("unwanted.jpg", state=FileState.UNWANTED)
    for name in ("a.jpg", "copy.jpg", "unwanted.jpg"):
        files.set_checksums(book.con, [(book.row(name), sha1(b"x"))])
    contents.decline(book.con, sha1(b"x"), 1, "asset", Reason.DELETED)
    assert {name: book.row(name).state for name in ("a.jpg", "copy.jpg")} == {
        "a.jpg": FileState.DECLINED,
        "copy.jpg": FileState.DECLINED,
    }
    assert book.row("unwanted.jpg").state is FileState.UNWANTED
    folders.remove(book.con, "camera")
    known = contents.get(book.con, [sha1(b"x")])
    assert known[sha1(b"x")].fate == "declined"


@pytest.mark.parametrize(
    ("stored", "missing", "lost"),
    [
        (30, range(20, 30), True),
        (30, range(5), False),
        (30, range(0, 30, 3), False),
        (12, range(12), True),
    ],
)
def test_mass_loss_and_single_deletions(
    book: Book, stored: int, missing: range, lost: bool
) -> None:
    """All that came since a moment was lost by the server; single ones by a person."""
    for number in range(stored):
        contents.confirm(
            book.con, sha1(bytes([number])), 1, "a", Reason.UPLOADED, NOW + number
        )
    contents.mark_absent(book.con, [sha1(bytes([number])) for number in missing])
    outcome = contents.judge_absent(book.con, 10)
    assert outcome == ((len(missing), 0) if lost else (0, len(missing)))


def test_foreign_keys_take_everything_along(book: Book) -> None:
    """With a folder go its directories, files and what hangs on them; contents stay."""
    book.see("a.jpg")
    book.decide("a.jpg")
    book.store("a.jpg", b"x")
    scans.begin(book.con, book.folder, NOW)
    scans.unsettle(
        book.con, book.row("a.jpg").id, stamp(2), session=SESSION, now=NOW, seen=1.0
    )
    folders.remove_missing(book.con, frozenset({"phone"}))
    for table in ("folder", "directory", "file", "superseded", "scan", "tally"):
        query = f"SELECT count(*) FROM {table}"  # noqa: S608
        assert book.con.execute(query).fetchone() == (0,)
    assert list(contents.get(book.con, [sha1(b"x")])) == [sha1(b"x")]
    with pytest.raises(sqlite3.IntegrityError):
        book.con.execute("INSERT INTO directory (folder, path) VALUES (99, x'')")


def test_number_of_a_folder_is_never_given_again(book: Book) -> None:
    """What is under way for a removed folder can't reach the next one."""
    folders.remove(book.con, "camera")
    assert folders.ensure(book.con, "phone").id > book.folder


def test_runs_are_kept_and_interrupted_ones_closed(book: Book) -> None:
    """A run reads as it was written; the last 500 stay."""
    for number in range(503):
        runs.save(
            book.con,
            RunReport(
                id=str(number),
                trigger=RunTrigger.MANUAL,
                folders=("camera",),
                started=NOW + number,
                finished=None,
                outcome=None,
                counts=RunCounts(uploaded=number),
            ),
        )
    runs.close_interrupted(book.con, NOW)
    latest = runs.latest(book.con, 1000)
    assert [run.id for run in latest[:2]] == ["502", "501"]
    assert len(latest) == 500
    assert latest[0].counts.uploaded == 502
    assert {run.outcome for run in latest} == {RunOutcome.STOPPED}
    assert runs.get(book.con, "1") is None
    assert runs.last_success(book.con) is None


def test_lists_and_single_files(book: Book) -> None:
    """Files can be asked for by state and page, names of any bytes included."""
    odd = os.fsdecode(b"\xff\n.jpg")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        book.see(name)
    scans.record(
        book.con,
        book.folder,
        b"sub/dir",
        Sighting(new=[Entry(os.fsencode(odd), stamp(1))], changed=[], back=[]),
        existing=True,
        session=SESSION,
        now=NOW,
        seen=0.0,
    )
    book.decide("b.jpg")
    book.store("b.jpg", b"x")
    found, total = reports.many(book.con, None, (), 2, 1)
    assert ([file.path for file in found], total) == (["b.jpg", "c.jpg"], 4)
    found, total = reports.many(book.con, "camera", (FileState.PROTECTED,), 9, 0)
    assert ([file.proof for file in found], total) == ([Proof.CONFIRMED], 1)
    found, total = reports.many(book.con, "camera", (FileState.SETTLING,), 9, 2)
    assert ([file.path for file in found], total) == ([f"sub/dir/{odd}"], 3)
    assert reports.many(book.con, "other", (), 9, 0) == ([], 0)
    assert reports.one(book.con, "camera", b"sub/dir/\xff\n.jpg") is not None
    assert reports.one(book.con, "camera", b"sub/dir") is None


async def test_one_ledger_has_one_user(ledger: Ledger) -> None:
    """A second engine is refused, and nothing is removed under the first."""
    second = Ledger(ledger.path)
    with pytest.raises(LedgerBusyError):
        await second.open()
    await second.close()
    with pytest.raises(LedgerBusyError):
        remove_ledger(ledger.path)
    assert ledger.path.exists()


async def test_remove_takes_everything(tmp_path: Path) -> None:
    """A removed ledger leaves nothing, the damaged ones included; also if none is there."""
    path = tmp_path / "ledgers" / "ledger.db"
    remove_ledger(path)
    for _ in range(4):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no database" * 100)
        found = Ledger(path)
        await found.open()
        assert found.quarantined is not None
        await found.close()
    assert len(list(path.parent.glob("*.corrupt-*"))) == 2
    (path.parent / "other.db").write_bytes(b"x")
    remove_ledger(path)
    assert [file.name for file in path.parent.iterdir()] == ["other.db"]


async def test_hold_and_release(ledger: Ledger, tmp_path: Path) -> None:
    """During a hold the file stays as it is, complete; then everything is recorded."""
    await ledger.run(folders.ensure, "camera")
    await ledger.hold()
    before = ledger.path.read_bytes()
    wal = ledger.path.with_name("ledger.db-wal")
    assert not wal.exists() or not wal.stat().st_size
    first = asyncio.create_task(ledger.run(runs.set_value, "key", "first"))
    second = asyncio.create_task(ledger.run(runs.set_value, "key", "second"))
    assert await ledger.ask(runs.get_value, "key") is None
    assert not first.done()
    assert ledger.path.read_bytes() == before
    copy = tmp_path / "copy.db"
    copy.write_bytes(before)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT key FROM folder").fetchall() == [("camera",)]
    connection.close()
    ledger.release()
    await asyncio.gather(first, second)
    assert await ledger.ask(runs.get_value, "key") == "second"
    ledger.release()


async def test_hold_ends_by_itself(ledger: Ledger) -> None:
    """A hold that nobody ends does not stop the backup forever."""
    await ledger.hold(0.01)
    async with asyncio.timeout(5):
        await ledger.run(runs.set_value, "key", "value")


async def test_cancelled_write_of_a_hold_is_recorded(ledger: Ledger) -> None:
    """Who stops waiting does not take back what is to be recorded."""
    await ledger.hold()
    task = asyncio.create_task(ledger.run(runs.set_value, "key", "value"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.close()
    again = Ledger(ledger.path)
    await again.open()
    assert await again.ask(runs.get_value, "key") == "value"
    await again.close()


async def test_failed_job_leaves_nothing(ledger: Ledger) -> None:
    """A job is one transaction; a bug in it is not an error of the ledger."""

    def job(con: sqlite3.Connection) -> None:
        runs.set_value(con, "key", "value")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ledger.run(job)
    assert await ledger.ask(runs.get_value, "key") is None
    with pytest.raises(LedgerError):
        await ledger.ask(runs.set_value, "key", "value")


async def test_closed_ledger_says_so(ledger: Ledger) -> None:
    """Whoever comes too late gets an error that is expected."""
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerError):
        await ledger.run(runs.set_value, "key", "value")


@pytest.mark.parametrize("version", range(1, schema.VERSION))
async def test_ledger_of_an_earlier_version(tmp_path: Path, version: int) -> None:
    """What an earlier version knew stays known."""
    path = tmp_path / "ledger.db"
    statements = schema.STATEMENTS
    for later in range(version, schema.VERSION):
        assert schema.MIGRATIONS[later] in statements
        statements = statements.replace(schema.MIGRATIONS[later], "")
    with closing(sqlite3.connect(path)) as con:
        con.executescript(statements)
        con.execute("INSERT INTO folder (key) VALUES ('camera')")
        con.execute(
            "INSERT INTO content (sha1, size, asset_id, fate, proof)"
            " VALUES (?, 1, 'asset', 'declined', 'none')",
            (b"x" * 20,),
        )
        con.execute(f"PRAGMA user_version = {version}")
        con.commit()
    for _ in range(2):
        ledger = Ledger(path)
        await ledger.open()
        assert ledger.quarantined is None
        found = await ledger.ask(contents.get, [b"x" * 20])
        assert found[b"x" * 20].fate is Fate.DECLINED
        await ledger.run(agenda.ensure, "camera", NOW)
        await ledger.run(agenda.note_success, ["camera", "unknown"], NOW + 1)
        (row,) = (await ledger.ask(agenda.read)).values()
        assert (row.since, row.succeeded_at) == (NOW, NOW + 1)
        await ledger.close()


def test_agenda_goes_with_its_folder(book: Book) -> None:
    """What is to be done for a folder is remembered, and forgotten with it."""
    (key,) = book.con.execute("SELECT key FROM folder").fetchone()
    agenda.note_success(book.con, [key], NOW)
    assert agenda.read(book.con) == {}
    agenda.ensure(book.con, key, NOW)
    agenda.ensure(book.con, key, NOW + 1)
    agenda.note_success(book.con, [key], NOW + 2)
    agenda.note_well(book.con, [key], NOW + 3)
    agenda.note_scheduled(book.con, key, NOW + 4)
    agenda.set_owed(book.con, [key], owed=True)
    agenda.set_overdue(book.con, key, True)
    assert agenda.read(book.con) == {
        key: agenda.AgendaRow(
            since=NOW,
            succeeded_at=NOW + 2,
            well_at=NOW + 3,
            scheduled_until=NOW + 4,
            owed=True,
            overdue=True,
        )
    }
    folders.remove(book.con, key)
    assert agenda.read(book.con) == {}
