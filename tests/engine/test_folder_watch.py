"""One folder: watched by events or polled, and what the events note."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
import threading
from typing import cast

import pytest

from custom_components.immich_backup.engine import Detection, Folder, RuleSet
from custom_components.immich_backup.engine.detect.folder_watch import FolderWatch
from custom_components.immich_backup.engine.detect.mounts import Area, Location, Mount
from custom_components.immich_backup.engine.detect.root import Root
from custom_components.immich_backup.engine.detect.scan_timer import ScanTimer
from custom_components.immich_backup.engine.detect.tree import Tree
from custom_components.immich_backup.engine.detect.watch import Watcher, WatchError
from custom_components.immich_backup.engine.events import Event, PollingFallback

from .support import ShiftedClock

FOLDER = Folder(id="camera", name="Camera", path="/camera", rules=RuleSet())


def root_on(kind: str) -> Root:
    """Return a root on a file system of this kind."""
    mount = Mount(
        id="1", parent="0", device="8:1", root="/", point="/", kind=kind, source=kind
    )
    return Root("/camera", Location(mount, "/camera"), None)


LOCAL, SHARE = root_on("ext4"), root_on("cifs")


@dataclass(slots=True)
class System:
    """Stands in for the watcher: what the system would do and what it was told."""

    refuses: bool = False
    lives: bool = True
    tries: int = 0
    watched: list[Tree] = field(default_factory=list)

    def add(self, tree: Tree) -> None:
        """Watch a tree."""
        self.tries += 1
        if self.refuses:
            raise WatchError("limit")
        self.watched.append(tree)

    def remove(self, tree: Tree) -> None:
        """Stop watching it."""
        self.watched.remove(tree)

    def alive(self, tree: Tree) -> bool:
        """Return whether its watch works."""
        return self.lives

    @property
    def tree(self) -> Tree:
        """Return the only tree that is watched."""
        (tree,) = self.watched
        return tree


@dataclass(slots=True)
class Desk:
    """A folder's watch with all that it needs."""

    system: System
    clock: ShiftedClock
    timer: ScanTimer
    watch: FolderWatch
    events: list[Event]
    woken: asyncio.Event

    def scanned(self) -> None:
        """Let a scan be not due for an hour."""
        self.timer.ended(self.clock.monotonic(), doubtful=False, polling=False)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a folder's watch that has not begun."""
    system, clock, woken = System(), ShiftedClock(), asyncio.Event()
    timer = ScanTimer(clock.monotonic)
    events: list[Event] = []
    with ThreadPoolExecutor(1) as pool:
        watch = FolderWatch(
            FOLDER.id,
            watcher=cast("Watcher", system),
            pool=pool,
            scan_pool=pool,
            clock=clock,
            timer=timer,
            emit=events.append,
            wake=woken.set,
        )
        yield Desk(system, clock, timer, watch, events, woken)


@pytest.mark.parametrize(
    ("detection", "root", "events"),
    [
        (Detection.AUTO, LOCAL, True),
        (Detection.AUTO, SHARE, False),
        (Detection.EVENTS, SHARE, True),
        (Detection.POLLING, LOCAL, False),
    ],
)
async def test_how_it_is_watched(
    desk: Desk, detection: Detection, root: Root, events: bool
) -> None:
    """By events where they can be expected or are asked for."""
    assert (desk.watch.watching, desk.watch.polling) == (False, False)
    await desk.watch.keep(replace(FOLDER, detection=detection), root)
    assert (desk.watch.watching, desk.watch.polling) == (events, not events)
    assert [tree.root for tree in desk.system.watched] == [b"/camera"] * events
    await desk.watch.end()
    assert not desk.watch.watching
    assert not desk.system.watched
    assert desk.events == []


async def test_refused_events(desk: Desk) -> None:
    """They are told once and tried again after an hour; until then it is polled."""
    desk.scanned()
    desk.system.refuses = True
    for _ in range(3):
        await desk.watch.keep(FOLDER, LOCAL)
    assert (desk.watch.polling, desk.system.tries) == (True, 1)
    assert desk.timer.due_at < desk.clock.monotonic() + 61
    desk.clock.passed += 3601
    await desk.watch.keep(FOLDER, LOCAL)
    assert desk.system.tries == 2
    assert desk.events == [PollingFallback("camera", "limit")]
    # What ends for another reason is tried again at once, and not told again either.
    await desk.watch.end()
    await desk.watch.keep(FOLDER, LOCAL)
    assert (desk.watch.polling, desk.system.tries) == (True, 3)
    assert len(desk.events) == 1
    await desk.watch.keep(replace(FOLDER, detection=Detection.POLLING), LOCAL)
    desk.clock.passed += 3601
    await desk.watch.keep(FOLDER, LOCAL)
    assert len(desk.events) == 2
    desk.system.refuses = False
    desk.clock.passed += 3601
    await desk.watch.keep(FOLDER, LOCAL)
    assert (desk.watch.watching, desk.watch.polling) == (True, False)


async def test_watch_that_died(desk: Desk) -> None:
    """It begins anew, and a scan finds what came meanwhile."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    await desk.watch.keep(FOLDER, LOCAL)
    assert (desk.system.tries, desk.timer.due) == (1, False)
    desk.system.lives = False
    await desk.watch.keep(FOLDER, LOCAL)
    assert (desk.watch.watching, desk.system.tries, desk.timer.due) == (True, 2, True)
    assert len(desk.system.watched) == 1


async def test_another_directory(desk: Desk) -> None:
    """One that took the place, or is mounted below, is watched and scanned anew."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    assert LOCAL.location is not None
    disk = replace(LOCAL, areas=[Area(LOCAL.location, True)])
    other = replace(disk, place=(1, 2))
    for root, tries in ((disk, 2), (disk, 2), (LOCAL, 3), (other, 4), (other, 4)):
        await desk.watch.keep(FOLDER, root)
        assert desk.system.tries == tries
    assert desk.timer.due
    assert len(desk.system.watched) == 1


async def test_end_while_it_begins(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that goes while its directories are walked through is let go of."""
    began, go_on = asyncio.Event(), threading.Event()
    loop, add = asyncio.get_running_loop(), System.add

    def slowly(self: System, tree: Tree) -> None:
        add(self, tree)
        loop.call_soon_threadsafe(began.set)
        go_on.wait()

    monkeypatch.setattr(System, "add", slowly)
    keeping = asyncio.create_task(desk.watch.keep(FOLDER, LOCAL))
    await began.wait()
    keeping.cancel()
    go_on.set()
    await desk.watch.end()
    assert not desk.system.watched
    assert not desk.watch.watching


async def test_burst_is_awaited(desk: Desk) -> None:
    """What events note is gathered once, a moment after the first of them."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    assert desk.watch.due_at is None
    desk.system.tree.note(b"sub")
    await desk.woken.wait()
    assert desk.watch.due_at is not None
    desk.watch.gather()
    assert desk.watch.take() == set()
    desk.clock.passed += 0.4
    desk.system.tree.note(b"other")
    await asyncio.sleep(0)
    desk.clock.passed += 0.2
    desk.watch.gather()
    assert desk.watch.due_at is None
    assert desk.watch.take() == {b"sub", b"other"}
    assert desk.watch.take() == set()
    assert not desk.timer.due


async def test_more_than_can_be_noted(desk: Desk) -> None:
    """Then everything is scanned."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    desk.system.tree.fail()
    await desk.woken.wait()
    desk.clock.passed += 1
    desk.watch.gather()
    assert desk.timer.due
    assert desk.watch.take() == set()


async def test_what_was_noted_ends_with_the_watch(desk: Desk) -> None:
    """It belongs to the place that is left."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.watch.note([b"old"])
    await desk.watch.end()
    assert desk.watch.due_at is None
    assert desk.watch.take() == set()
