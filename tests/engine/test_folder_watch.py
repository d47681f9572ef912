"""One folder: watched by events or polled, and what the events note."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from custom_components.immich_backup.engine import Detection, Folder, RuleSet
from custom_components.immich_backup.engine.detect.folder_watch import FolderWatch
from custom_components.immich_backup.engine.detect.mounts import Location, Mount
from custom_components.immich_backup.engine.detect.root import Root
from custom_components.immich_backup.engine.detect.scan_timer import ScanTimer
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
    noted: set[bytes] | None = field(default_factory=set)
    tries: int = 0
    watched: set[str] = field(default_factory=set)
    wake: Callable[[], None] = lambda: None

    def add(
        self, folder: str, root: bytes, *, recursive: bool, wake: Callable[[], None]
    ) -> None:
        """Watch a folder."""
        self.tries += 1
        if self.refuses:
            raise WatchError("limit")
        self.watched.add(folder)
        self.wake = wake

    def remove(self, folder: str) -> None:
        """Stop watching it."""
        self.watched.discard(folder)

    def alive(self, folder: str, root: bytes) -> bool:
        """Return whether its watch works."""
        return self.lives

    def take(self, folder: str) -> set[bytes] | None:
        """Return what was noted."""
        noted, self.noted = self.noted, set()
        return noted


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
    assert desk.system.watched == ({"camera"} if events else set())
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


async def test_burst_is_awaited(desk: Desk) -> None:
    """What events note is gathered once, a moment after the first of them."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    desk.system.noted = {b"sub"}
    assert desk.watch.due_at is None
    desk.system.wake()
    assert desk.woken.is_set()
    assert desk.watch.due_at is not None
    desk.watch.gather()
    assert desk.watch.take() == set()
    desk.clock.passed += 0.4
    desk.system.wake()
    desk.clock.passed += 0.2
    desk.watch.gather()
    assert desk.watch.due_at is None
    assert desk.watch.take() == {b"sub"}
    assert desk.watch.take() == set()
    assert not desk.timer.due


async def test_more_than_can_be_noted(desk: Desk) -> None:
    """Then everything is scanned."""
    await desk.watch.keep(FOLDER, LOCAL)
    desk.scanned()
    desk.system.noted = None
    desk.system.wake()
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
