"""Watching folders by file system events."""

import asyncio
from collections.abc import AsyncIterator
import errno
import os
from pathlib import Path
import threading

import pytest
from watchdog.events import FileCreatedEvent, FileMovedEvent
from watchdog.observers.inotify_c import Inotify

from custom_components.immich_backup.engine.detect.watch import Watcher, WatchError


async def test_closed_before_added(tmp_path: Path) -> None:
    """A folder whose turn comes after the end leaves no thread behind."""
    threads = threading.active_count()
    watcher = Watcher(asyncio.get_running_loop())
    watcher.close()
    with pytest.raises(WatchError) as error:
        watcher.add("a", os.fsencode(tmp_path), recursive=True, wake=lambda: None)
    assert error.value.reason == "closed"
    assert threading.active_count() == threads


def open_files() -> int:
    """Return how many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    """Return a watcher that wakes this loop."""
    watcher = Watcher(asyncio.get_running_loop())
    yield watcher
    await asyncio.to_thread(watcher.close)


async def noted(watcher: Watcher, folder: str, directory: bytes) -> None:
    """Wait until something was noted in a directory of a folder."""
    async with asyncio.timeout(20):
        while directory not in (watcher.take(folder) or ()):
            await asyncio.sleep(0.02)


async def test_refusal_leaves_nothing_behind(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that allows no more watches is asked again and again without harm."""
    root = os.fsencode(tmp_path)
    (tmp_path / "sub").mkdir()
    watcher.add("other", root, recursive=False, wake=lambda: None)
    add_watch = Inotify._add_watch

    def refuse(self: Inotify, path: bytes, mask: int) -> int:
        if path.endswith(b"/sub"):
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return add_watch(self, path, mask)

    monkeypatch.setattr(Inotify, "_add_watch", refuse)
    before, threads = open_files(), threading.active_count()
    for _ in range(5):
        with pytest.raises(WatchError) as error:
            watcher.add("a", root, recursive=True, wake=lambda: None)
        assert error.value.reason == "limit"
    assert (open_files(), threading.active_count()) == (before, threads)
    assert not watcher.alive("a", root)
    monkeypatch.undo()
    watcher.add("a", root, recursive=True, wake=lambda: None)
    assert watcher.alive("a", root)
    (tmp_path / "sub" / "x.jpg").write_bytes(b"x")
    await noted(watcher, "a", b"sub")


async def test_folder_that_is_not_there(watcher: Watcher, tmp_path: Path) -> None:
    """What does not exist can't be watched, and leaves nothing open."""
    before = open_files()
    with pytest.raises(WatchError) as error:
        watcher.add(
            "a", os.fsencode(tmp_path / "none"), recursive=True, wake=lambda: None
        )
    assert error.value.reason == "failed"
    # The observer itself stays for the next folder.
    watcher.remove("a")
    assert open_files() <= before + 3


async def test_two_folders_in_one_place(watcher: Watcher, tmp_path: Path) -> None:
    """One of them can go without the other noticing."""
    root = os.fsencode(tmp_path)
    for key in ("a", "b"):
        watcher.add(key, root, recursive=True, wake=lambda: None)
    watcher.remove("a")
    assert watcher.alive("b", root)
    assert not watcher.alive("a", root)
    (tmp_path / "x.jpg").write_bytes(b"x")
    await noted(watcher, "b", b"")
    assert watcher.take("a") == set()
    watcher.remove("b")
    watcher.remove("b")
    assert not watcher.alive("b", root)


async def test_death_is_noticed(watcher: Watcher, tmp_path: Path) -> None:
    """A watch that sees nothing any more is not taken for one that does."""
    root = tmp_path / "root"
    for harm in ("removed", "exchanged", "reader"):
        root.mkdir(exist_ok=True)
        watcher.add("a", os.fsencode(root), recursive=True, wake=lambda: None)
        assert watcher.alive("a", os.fsencode(root))
        assert watcher._observer is not None
        if harm == "removed":
            root.rmdir()
        elif harm == "exchanged":
            root.rename(tmp_path / "former")
            root.mkdir()
        else:
            (emitter,) = watcher._observer.emitters
            emitter._inotify.stop()
            await asyncio.to_thread(emitter._inotify.join)
            assert emitter.is_alive()
        assert not watcher.alive("a", os.fsencode(root))
        await asyncio.to_thread(watcher.remove, "a")


async def test_too_many_directories(watcher: Watcher, tmp_path: Path) -> None:
    """Where something happens nearly everywhere, all is looked at; then anew."""
    woken = asyncio.Event()
    watcher.add("a", os.fsencode(tmp_path), recursive=False, wake=woken.set)
    notes = watcher._folders["a"].notes
    for number in range(1000):
        notes.dispatch(FileCreatedEvent(f"{tmp_path}/{number}/x.jpg"))
    assert watcher.take("a") is None
    assert watcher.take("a") == set()
    notes.dispatch(FileMovedEvent(f"{tmp_path}/a/x.jpg", f"{tmp_path}/b/\udcff.jpg"))
    assert watcher.take("a") == {b"a", b"b"}
    await woken.wait()


async def test_reading_is_no_event(watcher: Watcher, tmp_path: Path) -> None:
    """Nobody is told that a file is read, which happens to every file backed up."""
    read, written = tmp_path / "read", tmp_path / "written"
    for directory in (read, written):
        directory.mkdir()
        (directory / "x.jpg").write_bytes(b"x")
    woken = asyncio.Event()
    await asyncio.to_thread(
        watcher.add, "a", os.fsencode(tmp_path), recursive=True, wake=woken.set
    )
    assert (read / "x.jpg").read_bytes() == b"x"
    (written / "x.jpg").write_bytes(b"y")
    async with asyncio.timeout(20):
        await woken.wait()
    # Events come in their order.
    directories = watcher.take("a") or set()
    assert b"written" in directories
    assert b"read" not in directories
