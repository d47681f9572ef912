"""Watching folders by file system events."""

import asyncio
from collections.abc import Callable, Iterator
import errno
import os
from pathlib import Path
import threading

import pytest

from custom_components.immich_backup.engine.detect import inotify
from custom_components.immich_backup.engine.detect.inotify import Inotify
from custom_components.immich_backup.engine.detect.reader import Reader
from custom_components.immich_backup.engine.detect.tree import Tree
from custom_components.immich_backup.engine.detect.watch import Watcher, WatchError
from tests.support.instances import inotify_instances
from tests.support.mounting import mounted

MAX_QUEUED = Path("/proc/sys/fs/inotify/max_queued_events")


def nothing() -> None:
    """Do nothing when something is noted."""


def tree_at(
    path: Path, *, recursive: bool = True, wake: Callable[[], None] = nothing
) -> Tree:
    """Return a folder's directories, which are not watched yet."""
    loop = asyncio.get_running_loop()
    return Tree(os.fsencode(path), recursive=recursive, loop=loop, wake=wake)


def open_files() -> int:
    """Return how many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def readers() -> int:
    """Return how many threads read events."""
    return [thread.name for thread in threading.enumerate()].count(
        "immich_backup inotify"
    )


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """Return a watcher; it leaves nothing behind once its trees are removed."""
    before = open_files()
    watcher = Watcher()
    yield watcher
    for tree in list(watcher._readers):
        watcher.remove(tree)
    assert (open_files(), readers()) == (before, 0)


async def noted(tree: Tree, *directories: bytes) -> set[bytes]:
    """Wait until something was noted in directories; return all that was noted."""
    found: set[bytes] = set()
    async with asyncio.timeout(20):
        while not found.issuperset(directories):
            taken = tree.take()
            assert taken is not None
            found |= taken
            await asyncio.sleep(0.02)
    return found


async def failed(tree: Tree) -> None:
    """Wait until a tree says that something is missed."""
    async with asyncio.timeout(20):
        while not tree.broken or tree.take() is not None:
            await asyncio.sleep(0.02)


def reader_of(watcher: Watcher) -> Reader:
    """Return who reads for a watcher's trees."""
    assert watcher._reader is not None
    return watcher._reader


async def test_one_instance(watcher: Watcher, tmp_path: Path) -> None:
    """Many folders share one instance, whoever comes and goes; none is kept for none."""
    before = inotify_instances()
    trees = []
    for number in range(20):
        path = tmp_path / str(number)
        (path / "sub").mkdir(parents=True)
        trees.append(tree_at(path))
        watcher.add(trees[-1])
    assert inotify_instances() == before + 1
    watcher.remove(trees[3])
    trees[3] = tree_at(tmp_path / "3")
    watcher.add(trees[3])
    assert inotify_instances() == before + 1
    for number, tree in enumerate(trees):
        (tmp_path / str(number) / "sub" / "x.jpg").write_bytes(b"x")
        assert await noted(tree, b"sub") == {b"sub"}
        assert watcher.alive(tree)
    for tree in trees:
        watcher.remove(tree)
    assert inotify_instances() == before


async def test_refusal_leaves_nothing_behind(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that allows no more watches is asked again and again without harm."""
    (tmp_path / "a/sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    other = tree_at(tmp_path / "other")
    watcher.add(other)
    watch = Inotify.watch

    def refuse(self: Inotify, directory: bytes) -> int:
        if directory.endswith(b"/sub"):
            raise OSError(errno.ENOSPC, "no space")
        return watch(self, directory)

    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(Inotify, "watch", refuse)
        for _ in range(5):
            tree = tree_at(tmp_path / "a")
            with pytest.raises(WatchError) as error:
                watcher.add(tree)
            assert error.value.reason == "limit"
            assert not watcher.alive(tree)
        # What comes later is refused too, which is not kept secret.
        (tmp_path / "other/sub").mkdir()
        await failed(other)
        assert not watcher.alive(other)
    assert (open_files(), readers()) == (before, 1)
    assert len(reader_of(watcher)._owners) == 1
    tree = tree_at(tmp_path / "a")
    watcher.add(tree)
    assert watcher.alive(tree)
    (tmp_path / "a/sub/x.jpg").write_bytes(b"x")
    await noted(tree, b"sub")


@pytest.mark.parametrize(
    ("error", "reason"), [(errno.EMFILE, "limit"), (errno.ENOSYS, "failed")]
)
async def test_no_instance(
    watcher: Watcher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    reason: str,
) -> None:
    """All instances are taken, or the system has none; later there may be one."""

    def refuse(function: str, *arguments: int | bytes) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(inotify, "_call", refuse)
        with pytest.raises(WatchError) as raised:
            watcher.add(tree_at(tmp_path))
        assert raised.value.reason == reason
    tree = tree_at(tmp_path)
    watcher.add(tree)
    assert watcher.alive(tree)


def test_system_without_inotify() -> None:
    """Another system than Linux says that it has no such function."""
    with pytest.raises(OSError) as error:
        inotify._call("inotify_of_another_system")
    assert error.value.errno == errno.ENOSYS


async def test_folder_that_is_not_there(watcher: Watcher, tmp_path: Path) -> None:
    """What does not exist can't be watched, and keeps nobody from going on."""
    tree = tree_at(tmp_path / "none")
    with pytest.raises(WatchError) as error:
        watcher.add(tree)
    assert error.value.reason == "failed"
    watcher.remove(tree)
    assert not watcher.alive(tree)


async def test_removed_while_it_is_added(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that goes while its directories are walked through is let go of."""
    (tmp_path / "a/sub/deep").mkdir(parents=True)
    tree = tree_at(tmp_path / "a")
    watch = Inotify.watch

    def remove(self: Inotify, directory: bytes) -> int:
        if directory.endswith(b"/sub"):
            watcher.remove(tree)
        return watch(self, directory)

    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(Inotify, "watch", remove)
        with pytest.raises(WatchError) as error:
            watcher.add(tree)
    assert error.value.reason == "removed"
    assert open_files() == before
    # So is one whose turn only comes then.
    with pytest.raises(WatchError):
        watcher.add(tree)
    assert open_files() == before


async def test_removed_while_a_directory_comes(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is watched any more for a folder that goes just then."""
    trees = [tree_at(tmp_path / name) for name in ("a", "b")]
    for tree in trees:
        Path(os.fsdecode(tree.root)).mkdir()
        watcher.add(tree)
    gone, other = trees
    watch, unwatch = Inotify.watch, Inotify.unwatch
    given_up: list[int] = []
    came: list[int] = []

    def remove(self: Inotify, directory: bytes) -> int:
        if directory.endswith(b"/a/sub"):
            watcher.remove(gone)
            came.append(watch(self, directory))
            return came[-1]
        return watch(self, directory)

    def note(self: Inotify, descriptor: int) -> None:
        unwatch(self, descriptor)
        given_up.append(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(Inotify, "watch", remove)
        patch.setattr(Inotify, "unwatch", note)
        (tmp_path / "a/sub").mkdir()
        (tmp_path / "b/sub").mkdir()
        await noted(other, b"sub")
    assert came
    assert set(came) <= set(given_up)
    assert set(reader_of(watcher)._owners) == set(other.paths)


async def test_folders_in_one_place(watcher: Watcher, tmp_path: Path) -> None:
    """Folders that overlap are all told, and one goes without the others noticing."""
    (tmp_path / "sub").mkdir()
    first, second = tree_at(tmp_path), tree_at(tmp_path)
    inner, flat = tree_at(tmp_path / "sub"), tree_at(tmp_path, recursive=False)
    for tree in (first, second, inner, flat):
        watcher.add(tree)
    (tmp_path / "sub/x.jpg").write_bytes(b"x")
    for tree, directory in ((first, b"sub"), (second, b"sub"), (inner, b"")):
        assert await noted(tree, directory) == {directory}
    assert flat.take() == set()
    watcher.remove(first)
    assert not watcher.alive(first)
    assert watcher.alive(second)
    (tmp_path / "sub/y.jpg").write_bytes(b"y")
    await noted(second, b"sub")
    await noted(inner, b"")
    assert first.take() == set()
    watcher.remove(second)
    watcher.remove(second)
    (tmp_path / "sub/z.jpg").write_bytes(b"z")
    await noted(inner, b"")
    (tmp_path / "z.jpg").write_bytes(b"z")
    await noted(flat, b"")


async def test_one_gives_up_what_another_begins_to_watch(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor that is given up meanwhile is not taken for one that tells."""
    former, tree = tree_at(tmp_path), tree_at(tmp_path)
    (tmp_path / "other").mkdir()
    other = tree_at(tmp_path / "other")
    watcher.add(former)
    watcher.add(other)
    watch = Inotify.watch

    def give_up(self: Inotify, directory: bytes) -> int:
        descriptor = watch(self, directory)
        watcher.remove(former)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(Inotify, "watch", give_up)
        # One of them gives up while the other already knows the descriptor.
        watcher.add(tree)
    (tmp_path / "x.jpg").write_bytes(b"x")
    await noted(tree, b"")
    assert watcher.alive(tree)


async def test_death_is_noticed(watcher: Watcher, tmp_path: Path) -> None:
    """A watch that sees nothing any more is not taken for one that does."""
    root = tmp_path / "root"
    for harm in ("removed", "reader"):
        root.mkdir(exist_ok=True)
        tree = tree_at(root)
        watcher.add(tree)
        assert watcher.alive(tree)
        if harm == "removed":
            root.rmdir()
            await failed(tree)
        else:
            reader = reader_of(watcher)
            reader._inotify.stop()
            await asyncio.to_thread(reader._thread.join)
            # The next one gets a reader that reads.
            other = tree_at(tmp_path)
            watcher.add(other)
            assert watcher.alive(other)
        assert not watcher.alive(tree)
        watcher.remove(tree)


async def test_reader_that_fails(
    watcher: Watcher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the reason, all trees are told that they miss something."""

    def fail(self: Reader, happenings: object) -> None:
        raise RuntimeError("unexpected")

    monkeypatch.setattr(Reader, "_pass_on", fail)
    tree = tree_at(tmp_path)
    watcher.add(tree)
    (tmp_path / "x.jpg").write_bytes(b"x")
    await failed(tree)
    assert not watcher.alive(tree)
    assert "unexpected" in caplog.text


async def test_unmounted(watcher: Watcher, tmp_path: Path) -> None:
    """A file system that goes from under a folder, or below it, is noticed."""
    (tmp_path / "a/disk").mkdir(parents=True)
    outer = tree_at(tmp_path / "a")
    with mounted(tmp_path / "a/disk", "-t", "tmpfs", "tmpfs"):
        inner = tree_at(tmp_path / "a/disk")
        for tree in (outer, inner):
            watcher.add(tree)
            assert watcher.alive(tree)
        (tmp_path / "a/disk/x.jpg").write_bytes(b"x")
        await noted(outer, b"disk")
    for tree in (outer, inner):
        await failed(tree)
        assert not watcher.alive(tree)
        watcher.remove(tree)


async def test_overflow(watcher: Watcher, tmp_path: Path) -> None:
    """More than the system keeps for us is taken for something missed, anywhere."""
    trees = [tree_at(tmp_path / name) for name in ("busy", "idle")]
    for tree in trees:
        Path(os.fsdecode(tree.root)).mkdir()
        watcher.add(tree)
    # Two events for each, and only a part of what the system keeps is read meanwhile.
    with reader_of(watcher)._lock:
        for number in range(int(MAX_QUEUED.read_text())):
            (tmp_path / f"busy/{number}").touch()
    for tree in trees:
        await failed(tree)
        assert not watcher.alive(tree)


async def test_new_directories(watcher: Watcher, tmp_path: Path) -> None:
    """What comes is watched at all depths, but not junk, links and what is no folder."""
    tree = tree_at(tmp_path)
    watcher.add(tree)
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "@eaDir/x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "file.jpg").write_bytes(b"x")
    assert await noted(tree, b"", b"a", b"a/b", b"a/b/c") == {
        b"",
        b"a",
        b"a/b",
        b"a/b/c",
    }
    assert set(tree.paths.values()) == {b"", b"a", b"a/b", b"a/b/c"}
    (tmp_path / "a/b/c/x.jpg").write_bytes(b"x")
    assert await noted(tree, b"a/b/c") == {b"a/b/c"}
    (tmp_path / "a/b/c/x.jpg").unlink()
    (tmp_path / "a/b/c").rmdir()
    await noted(tree, b"a/b")
    async with asyncio.timeout(20):
        while b"a/b/c" in tree.paths.values():
            await asyncio.sleep(0.02)
    (tmp_path / "a/b/c").mkdir()
    await noted(tree, b"a/b/c")
    (tmp_path / "a/b/c/\udcff.jpg").write_bytes(b"x")
    assert await noted(tree, b"a/b/c") == {b"a/b/c"}


async def test_directories_that_move(watcher: Watcher, tmp_path: Path) -> None:
    """They are followed within the folder, into it and out of it, with all below."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a/deep").mkdir(parents=True)
    (root / "b").mkdir()
    outside.mkdir()
    tree = tree_at(root)
    watcher.add(tree)
    (root / "a").rename(root / "b/a")
    # That one is gone from there only a scan can see.
    await noted(tree, b"", b"a", b"b", b"b/a", b"b/a/deep")
    (root / "b/a/deep/x.jpg").write_bytes(b"x")
    assert await noted(tree, b"b/a/deep") == {b"b/a/deep"}
    (root / "b/a").rename(outside / "a")
    assert await noted(tree, b"b", b"b/a") == {b"b", b"b/a"}
    assert set(tree.paths.values()) == {b"", b"b"}
    # What happens there is nothing of ours.
    (outside / "a/deep/y.jpg").write_bytes(b"y")
    (outside / "a").rename(root / "back")
    assert await noted(tree, b"", b"back", b"back/deep") == {
        b"",
        b"back",
        b"back/deep",
    }
    (root / "back/deep/z.jpg").write_bytes(b"z")
    assert await noted(tree, b"back/deep") == {b"back/deep"}


async def test_directory_that_becomes_readable(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that we may not read is passed over, and watched once we may."""
    closed = tmp_path / "closed"
    (closed / "deep").mkdir(parents=True)
    (tmp_path / "open").mkdir()
    tree, watch = tree_at(tmp_path), Inotify.watch

    def refuse(self: Inotify, directory: bytes) -> int:
        if b"/closed" in directory:
            raise OSError(errno.EACCES, "not permitted")
        return watch(self, directory)

    with monkeypatch.context() as patch:
        # To the administrator of the system nothing is closed.
        patch.setattr(Inotify, "watch", refuse)
        watcher.add(tree)
        assert set(tree.paths.values()) == {b"", b"open"}
    assert watcher.alive(tree)
    closed.chmod(0o700)
    await noted(tree, b"closed", b"closed/deep")
    (closed / "deep/x.jpg").write_bytes(b"x")
    await noted(tree, b"closed/deep")


async def test_too_many_directories(tmp_path: Path) -> None:
    """Where something happens nearly everywhere, all is looked at; then anew."""
    woken = asyncio.Event()
    tree = tree_at(tmp_path, wake=woken.set)
    for number in range(1000):
        tree.note(b"%d" % number)
    assert tree.take() is None
    assert tree.take() == set()
    await woken.wait()


async def test_woken_once(tmp_path: Path) -> None:
    """Whoever waits is woken by the first that is noted, and again after it is taken."""
    woken: list[int] = []
    tree = tree_at(tmp_path, wake=lambda: woken.append(1))
    for _ in range(2):
        tree.note(b"a")
        tree.note(b"b")
        await asyncio.sleep(0)
        assert tree.take() == {b"a", b"b"}
    assert len(woken) == 2


async def test_reading_is_no_event(watcher: Watcher, tmp_path: Path) -> None:
    """Nobody is told that a file is read, which happens to every file backed up."""
    read, written = tmp_path / "read", tmp_path / "written"
    for directory in (read, written):
        directory.mkdir()
        (directory / "x.jpg").write_bytes(b"x")
    tree = tree_at(tmp_path)
    watcher.add(tree)
    assert (read / "x.jpg").read_bytes() == b"x"
    (written / "x.jpg").write_bytes(b"y")
    # Events come in their order.
    assert await noted(tree, b"written") == {b"written"}
