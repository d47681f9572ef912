"""Scans of a real tree: afterwards the ledger holds what the disk does."""

import asyncio
from collections.abc import Callable, Iterator
import os
from pathlib import Path
import random
import shutil
import sqlite3
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.immich_backup.engine.access import (
    AccessError,
    ChangedError,
    VanishedError,
    look_at,
    open_unchanged,
    stamp_of,
)
from custom_components.immich_backup.engine.detect import scan as scan_module
from custom_components.immich_backup.engine.detect.names import ignored_path
from custom_components.immich_backup.engine.detect.scan import (
    Listing,
    Scanner,
    ScanResult,
    ScanStoppedError,
)
from custom_components.immich_backup.engine.ledger import Ledger, folders, scans
from custom_components.immich_backup.engine.ledger.rows import Stamp
from custom_components.immich_backup.engine.model import FileState

from .support import make

NOW = 1_800_000_000.0


class Tree:
    """A directory and the ledger in which its scans are recorded."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with an empty directory."""
        self.root = path / "root"
        self.root.mkdir()
        self.loop = loop
        self.ledger = Ledger(path / "ledger.db")
        loop.run_until_complete(self.ledger.open())
        self.folder = self.ledger.run_sync(folders.ensure, "camera").id

    def close(self) -> None:
        """Close the ledger."""
        self.loop.run_until_complete(self.ledger.close())

    def scanner(self, **values: Any) -> Scanner:
        """Return a scanner of the directory."""
        defaults: dict[str, Any] = {
            "folder": self.folder,
            "root": os.fsencode(self.root),
            "recursive": True,
            "existing": False,
            "session": 1,
            "time": lambda: NOW,
            "monotonic": lambda: 1.0,
            "stopped": lambda: False,
        }
        return Scanner(self.ledger, **(defaults | values))

    def scan(self, *, certain: bool = True, **values: Any) -> ScanResult:
        """Scan everything."""
        return self.scanner(**values).scan(certain=lambda _: certain)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the ledger."""

        def job(con: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return con.execute(sql).fetchall()

        return self.ledger.run_sync(job)

    def present(self) -> dict[bytes, Stamp]:
        """Return the files that the ledger says are there."""
        return {
            os.path.join(path, name): Stamp(size, mtime, ctime)  # noqa: PTH118
            for path, name, size, mtime, ctime in self.query(
                "SELECT d.path, f.name, f.size, f.mtime_ns, f.ctime_ns FROM file f"
                " JOIN directory d ON d.id = f.directory WHERE f.state <> 'gone'"
            )
        }

    def on_disk(self) -> dict[bytes, Stamp]:
        """Return the files that are there."""
        top = os.fsencode(self.root)
        return {
            relative: stamp_of(os.lstat(full))
            for path, _, names in os.walk(top)
            for name in names
            if not os.path.islink(full := os.path.join(path, name))  # noqa: PTH114, PTH118
            and os.path.isfile(full)  # noqa: PTH113
            and not ignored_path(relative := os.path.relpath(full, top))
        }

    def states(self) -> dict[bytes, str]:
        """Return the state of each file by its name."""
        return dict(self.query("SELECT name, state FROM file"))

    def assert_equal(self) -> None:
        """Assert that ledger and disk say the same."""
        assert self.present() == self.on_disk()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return a loop for the ledger alone; scans run without one."""
    found = asyncio.new_event_loop()
    yield found
    found.close()


@pytest.fixture
def tree(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Tree]:
    """Return an empty tree."""
    found = Tree(tmp_path, loop)
    yield found
    found.close()


def _changes(root: Path, dice: random.Random) -> dict[str, Callable[[], object]]:
    """Return what may happen to a tree, each time to another part of it."""

    def paths(directories: bool) -> list[Path]:
        return [
            path
            for path in sorted(root.rglob("*"))
            if not path.is_symlink() and path.is_dir() is directories
        ]

    def directory() -> Path:
        return dice.choice([root, *paths(True)])

    def file() -> Path | None:
        return dice.choice(found) if (found := paths(False)) else None

    def on_file(job: Callable[[Path], object]) -> Callable[[], object]:
        return lambda: None if (path := file()) is None else job(path)

    def name() -> str:
        return dice.choice(("a.jpg", "b.jpg", "c\n.jpg", "d\udcff.jpg", "x.tmp", "e"))

    def append(path: Path) -> None:
        with path.open("ab") as opened:
            opened.write(b"more")

    def replace(path: Path) -> None:
        other = make(root.parent, "other", b"replaced %d" % dice.randrange(9))
        other.replace(path)

    def move() -> None:
        source = dice.choice(paths(True) or [root])
        target = directory() / f"moved{dice.randrange(3)}"
        if source != root and source not in target.parents and not target.exists():
            source.rename(target)

    def remove() -> None:
        if found := paths(True):
            shutil.rmtree(dice.choice(found))

    def create() -> None:
        path = directory() / name()
        if not path.is_dir():
            path.write_bytes(b"new")

    return {
        "create": create,
        "append": on_file(append),
        "rename": on_file(lambda path: _rename(path, directory() / name())),
        "delete": on_file(Path.unlink),
        "replace": on_file(replace),
        "chmod": on_file(lambda path: path.chmod(dice.choice((0o600, 0o644)))),
        "touch": on_file(lambda path: os.utime(path, ns=(1, dice.randrange(99)))),
        "mkdir": lambda: (directory() / f"sub{dice.randrange(4)}").mkdir(exist_ok=True),
        "move": move,
        "remove": remove,
    }


def _rename(source: Path, target: Path) -> None:
    """Rename a file, over another one if there is one."""
    if not target.is_dir():
        source.rename(target)


@settings(max_examples=25)
@given(seed=st.integers(), small=st.booleans())
def test_ledger_equals_the_disk(
    loop: asyncio.AbstractEventLoop, seed: int, small: bool
) -> None:
    """Whatever happened in between, a full scan finds out, however large directories."""
    dice = random.Random(seed)
    with TemporaryDirectory() as path, pytest.MonkeyPatch.context() as patch:
        if small:
            # A directory of more than two files is a large one.
            patch.setattr(scan_module, "_KEEP", 2)
            patch.setattr(scan_module, "_BATCH", 2)
        tree = Tree(Path(path), loop)
        try:
            changes = _changes(tree.root, dice)
            for _ in range(6):
                for name in dice.choices(list(changes), k=6):
                    changes[name]()
                result = tree.scan()
                assert result.complete, result.errors
                tree.assert_equal()
                assert tree.scan().changes == 0
        finally:
            tree.close()


def test_unchanged_directories_are_not_compared(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fingerprint that is as before saves asking the ledger for each file."""
    for name in ("a/1.jpg", "b/1.jpg", "b/c/1.jpg"):
        make(tree.root, name)
    tree.scan()
    compared: list[int | None] = []
    real = scans.compare

    def compare(con: sqlite3.Connection, directory: int | None, entries: Any) -> Any:
        compared.append(directory)
        return real(con, directory, entries)

    monkeypatch.setattr(scans, "compare", compare)
    assert tree.scan().files == 3
    assert compared == []
    make(tree.root, "b/c/2.jpg")
    tree.scan()
    assert len(compared) == 1
    tree.assert_equal()


def test_large_directory(tree: Tree) -> None:
    """A directory of more files than are kept in memory is compared all the same."""
    for number in range(2100):
        (tree.root / f"{number}.jpg").write_bytes(b"x")
    assert tree.scan().changes == 2100
    tree.assert_equal()
    (tree.root / "7.jpg").write_bytes(b"changed")
    (tree.root / "2099.jpg").unlink()
    (tree.root / "new.jpg").write_bytes(b"x")
    result = tree.scan()
    assert (result.changes, result.gone) == (2, 1)
    tree.assert_equal()


def test_gone_is_said_by_a_complete_scan_only(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a doubtful root nor a directory that can't be read makes files gone."""
    for name in ("a.jpg", "sub/b.jpg", "other/c.jpg"):
        make(tree.root, name)
    tree.scan()
    before = tree.present()
    (tree.root / "a.jpg").unlink()
    shutil.rmtree(tree.root / "other")
    assert tree.scan(certain=False).gone == 0
    assert tree.present() == before
    real = scan_module.list_directory

    def unreadable(path: bytes, *, recursive: bool, result: ScanResult) -> Listing:
        if path.endswith(b"sub"):
            raise PermissionError(13, "Permission denied")
        return real(path, recursive=recursive, result=result)

    with monkeypatch.context() as patch:
        patch.setattr(scan_module, "list_directory", unreadable)
        result = tree.scan()
    assert (result.complete, result.gone) == (False, 0)
    assert result.errors == ["Permission denied"]
    assert tree.present() == before
    result = tree.scan()
    assert (result.complete, result.gone) == (True, 2)
    tree.assert_equal()


def test_missing_root_is_an_error(tree: Tree) -> None:
    """A root that went away says nothing about its files."""
    make(tree.root, "a.jpg")
    tree.scan()
    tree.root.rename(tree.root.with_name("away"))
    result = tree.scan()
    assert (result.complete, result.ended, result.gone) == (False, False, 0)
    assert list(tree.present()) == [b"a.jpg"]


def test_single_directories_say_nothing_of_what_is_missing(tree: Tree) -> None:
    """Events lead to new and changed files; only a full scan tells what is gone."""
    make(tree.root, "a.jpg")
    make(tree.root, "sub/b.jpg")
    tree.scan()
    tree.query("UPDATE file SET state = 'waiting'")
    (tree.root / "a.jpg").unlink()
    shutil.rmtree(tree.root / "sub")
    make(tree.root, "new/deep/c.jpg")
    result = tree.scanner().scan_directories([b"", b"sub", b"@eaDir", b"none"])
    assert result.missing > 0
    assert tree.states() == {
        b"a.jpg": "waiting",
        b"b.jpg": "waiting",
        b"c.jpg": "settling",
    }


def test_links_and_special_files_are_never_media(tree: Tree, tmp_path: Path) -> None:
    """Nothing outside is met, nothing blocks, loops end."""
    outside = make(tmp_path / "outside", "secret.jpg")
    make(tree.root, "sub/a.jpg")
    (tree.root / "out.jpg").symlink_to(outside)
    (tree.root / "out").symlink_to(outside.parent)
    (tree.root / "sub/loop").symlink_to(tree.root)
    (tree.root / "broken.jpg").symlink_to("nowhere")
    os.mkfifo(tree.root / "fifo.jpg")
    (tree.root / "directory.jpg").mkdir()
    make(tree.root / "directory.jpg", "b.jpg")
    result = tree.scan()
    assert result.complete
    assert result.links == 4
    assert sorted(tree.present()) == [b"directory.jpg/b.jpg", b"sub/a.jpg"]
    for name in (b"out", b"sub/loop", b"fifo.jpg", b"../outside"):
        tree.scanner().scan_directories([name])
    assert len(tree.present()) == 2


def test_names_of_any_bytes(tree: Tree) -> None:
    """The longest names, broken UTF-8, line breaks and blanks are names."""
    root = os.fsencode(tree.root)
    names = [
        b"x" * 251 + b".jpg",
        b"\xff\xfe.jpg",
        b"line\nbreak.jpg",
        b" .jpg",
        b"'\";--.jpg",
        "e\u0301.jpg".encode(),
        "\u00e9.jpg".encode(),
    ]
    for name in names:
        Path(os.fsdecode(root + b"/" + name)).write_bytes(b"x")
    assert tree.scan().changes == len(names)
    assert sorted(tree.present()) == sorted(names)
    tree.assert_equal()


def test_times_beyond_64_bits(tree: Tree) -> None:
    """A time that the ledger can't hold is taken as the last moment that it can."""
    path = make(tree.root, "a.jpg")
    try:
        os.utime(path, (2**34, 2**34))
    except OverflowError:
        pytest.skip("the file system knows no such times")
    tree.scan()
    assert tree.scan().changes == 0
    tree.assert_equal()


def test_flat_folder(tree: Tree) -> None:
    """Without recursion only the folder's own files count."""
    make(tree.root, "a.jpg")
    make(tree.root, "sub/b.jpg")
    tree.scan()
    assert tree.scan(recursive=False).gone == 1
    assert list(tree.present()) == [b"a.jpg"]


def test_first_scan_that_ends_is_the_baseline(tree: Tree) -> None:
    """From then on what comes is new; a scan of a doubtful root does not count."""
    make(tree.root, "old.jpg")
    tree.scan(existing=True, certain=False)
    assert tree.query("SELECT baseline FROM folder") == [(0,)]
    tree.scan(existing=True)
    assert tree.query("SELECT baseline FROM folder") == [(1,)]
    assert tree.query("SELECT existing FROM file") == [(1,)]


def test_scan_can_be_stopped(tree: Tree) -> None:
    """A folder that is removed does not wait for the end of a walk."""
    for number in range(5):
        make(tree.root, f"{number}/a.jpg")
    answers = iter([False, False, True])
    with pytest.raises(ScanStoppedError):
        tree.scan(stopped=lambda: next(answers))
    assert tree.scan().files == 5


def test_recognises_one_file_as_it_was(tree: Tree) -> None:
    """The right root has at least one file that did not change."""
    make(tree.root, "sub/a.jpg")
    make(tree.root, "b.jpg")
    tree.scan()
    (tree.root / "b.jpg").write_bytes(b"changed")
    assert tree.scanner().recognise().recognised
    (tree.root / "sub/a.jpg").unlink()
    assert not tree.scanner().recognise().recognised
    assert tree.states()[b"a.jpg"] == FileState.SETTLING


def test_file_comes_back(tree: Tree) -> None:
    """What was missed for a moment goes on as if nothing had been."""
    path = make(tree.root, "a.jpg")
    tree.scan()
    tree.query("UPDATE file SET state = 'waiting'")
    path.rename(tree.root.parent / "away")
    tree.scan(certain=False)
    (tree.root.parent / "away").rename(path)
    tree.scan()
    tree.assert_equal()
    assert tree.query("SELECT missing_scan FROM file") == [(None,)]


def test_opened_is_only_what_was_seen(tmp_path: Path) -> None:
    """Neither links, nor FIFOs, nor changed files, nor paths that lead out are read."""
    root = os.fsencode(tmp_path / "root")
    path = make(tmp_path / "root", "sub/a.jpg")
    seen = look_at(root, b"sub/a.jpg")
    with open_unchanged(root, b"sub/a.jpg", seen) as file:
        assert file.read() == path.read_bytes()
    with (
        pytest.raises(ChangedError) as caught,
        open_unchanged(root, b"sub/a.jpg", seen) as file,
    ):
        path.write_bytes(b"other bytes")
    assert caught.value.stamp == look_at(root, b"sub/a.jpg")
    (tmp_path / "root/link.jpg").symlink_to(path)
    os.mkfifo(tmp_path / "root/fifo.jpg")
    (tmp_path / "root/away").symlink_to(tmp_path / "root/sub")
    now = look_at(root, b"sub/a.jpg")
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for name in (b"link.jpg", b"fifo.jpg", b"sub", b"none.jpg", b"away/a.jpg"):
        with pytest.raises(VanishedError), open_unchanged(root, name, now):
            raise AssertionError("it was opened")
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    with pytest.raises(AccessError):
        look_at(root, b"x" * 300)
