"""Watching one folder: by events where they can be expected, else by polling it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from enum import Enum, auto
import os

from ..clock import Clock
from ..events import Event, PollingFallback
from ..model import Detection, Folder
from .mounts import Area
from .root import Root
from .scan_timer import ScanTimer
from .tree import Tree
from .watch import Watcher, WatchError

# Seconds in which events of one burst gather.
_GATHER = 0.5
# Seconds until events that the system refused are tried again.
_RETRY = 3600.0


class _State(Enum):
    """How a folder is watched; ``REFUSED`` is polled although it wants events."""

    UNWATCHED = auto()
    EVENTS = auto()
    POLLED = auto()
    REFUSED = auto()


class FolderWatch:
    """Keeps one folder watched, and notes in which directories something happened."""

    def __init__(
        self,
        folder_id: str,
        *,
        watcher: Watcher,
        pool: Executor,
        scan_pool: Executor,
        clock: Clock,
        timer: ScanTimer,
        emit: Callable[[Event], None],
        wake: Callable[[], None],
    ) -> None:
        """Take what it needs.

        ``wake`` is called when there is something to gather; ``timer`` is told when
        only a full scan can say what happened.
        """
        self._id = folder_id
        self._watcher = watcher
        self._pool = pool
        self._scan_pool = scan_pool
        self._clock = clock
        self._timer = timer
        self._emit = emit
        self._wake = wake
        self._state = _State.UNWATCHED
        # What is watched, or is going to be, and which directory and areas these are.
        self._tree: Tree | None = None
        self._watched: tuple[tuple[int, int] | None, Sequence[Area]] = (None, ())
        self._next_try = clock.monotonic()
        self._noted: set[bytes] = set()
        self._noted_at: float | None = None

    @property
    def watching(self) -> bool:
        """Return whether the folder is watched by events."""
        return self._state is _State.EVENTS

    @property
    def polling(self) -> bool:
        """Return whether the folder is polled, by choice or because events fail."""
        return self._state in (_State.POLLED, _State.REFUSED)

    @property
    def due_at(self) -> float | None:
        """Return when to gather, in monotonic seconds; None if nothing happened."""
        return None if self._noted_at is None else self._noted_at + _GATHER

    async def keep(self, folder: Folder, root: Root) -> None:
        """Watch a root that can be read by events, if it wants and can; else poll it.

        Told now and then, so that a watch that died is begun anew.
        """
        assert root.location is not None
        loop = asyncio.get_running_loop()
        if self._tree is not None:
            if self._watcher.alive(self._tree) and self._watched == (
                root.place,
                root.areas,
            ):
                return
            # It died, its directory is another one, or something was mounted below;
            # what came meanwhile a scan finds.
            await self.end()
            self._timer.scan_now()
        wants_events = folder.detection is Detection.EVENTS or (
            folder.detection is Detection.AUTO and root.location.mount.has_events
        )
        if not wants_events:
            self._state = _State.POLLED
            return
        now = self._clock.monotonic()
        if now < self._next_try:
            return
        self._tree = tree = Tree(
            os.fsencode(root.path),
            recursive=folder.recursive,
            loop=loop,
            wake=self._happened,
        )
        self._watched = root.place, root.areas
        try:
            await loop.run_in_executor(self._scan_pool, self._watcher.add, tree)
        except WatchError as err:
            self._tree = None
            # Trying walks through all directories, so it is not done often.
            self._next_try = now + _RETRY
            if self._state is not _State.REFUSED:
                self._state = _State.REFUSED
                self._timer.begin_polling()
                self._emit(PollingFallback(self._id, err.reason))
            return
        self._state = _State.EVENTS

    async def end(self) -> None:
        """Stop watching by events; forget what was noted."""
        self._next_try = self._clock.monotonic()
        self._noted.clear()
        self._noted_at = None
        if self.watching:
            self._state = _State.UNWATCHED
        tree, self._tree = self._tree, None
        if tree is not None:
            # Also one that is still being walked through, and whoever is cancelled.
            await asyncio.shield(
                asyncio.get_running_loop().run_in_executor(
                    self._pool, self._watcher.remove, tree
                )
            )

    def note(self, directories: Collection[bytes]) -> None:
        """Note directories (relative paths) to be looked at after a moment."""
        self._noted.update(directories)
        if self._noted_at is None:
            self._noted_at = self._clock.monotonic()

    def gather(self) -> None:
        """Collect what the events told, once their burst is over."""
        if self.due_at is None or self._clock.monotonic() < self.due_at:
            return
        self._noted_at = None
        noted = set() if self._tree is None else self._tree.take()
        if noted is None:
            self._timer.scan_now()
        else:
            self._noted |= noted

    def take(self) -> set[bytes]:
        """Return the directories that were gathered or noted, and begin anew."""
        noted, self._noted = self._noted, set()
        return noted

    def _happened(self) -> None:
        """Something happened in the folder; wait a moment for what comes with it."""
        self.note(())
        self._wake()
