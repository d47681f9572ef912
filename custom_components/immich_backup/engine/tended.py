"""The folders that are tended: adding and changing them, and finding the one meant."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
import os
import secrets
from typing import override

from .clock import Clock
from .context import Context
from .detect.names import ignored_path
from .detect.overlaps import Overlaps
from .detect.watch import SHARED
from .events import Event, FoldersOverlap
from .ledger import Ledger
from .ledger.rows import FileRow, Stamp
from .model import Folder
from .texts import IGNORED_NAME, NOT_SEEN, OUTSIDE, SUB_FOLDER
from .watched import WatchedFolder


class UnseenState(StrEnum):
    """Why nothing is known of a file; beside the states of those that are known."""

    IGNORED = "ignored"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why nothing is known of a file, as a state and a sentence, and its folder."""

    folder: str | None
    state: UnseenState
    text: str


class TendedFolders(Mapping[str, WatchedFolder]):
    """All folders of an account by their ids, each of them at work once it began."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        scan_pool: Executor,
        pool: Executor,
        clock: Clock,
        context: Context,
        emit: Callable[[Event], None],
        arrived: Callable[[str], None],
        organise: Callable[[], None],
    ) -> None:
        """Take what every folder needs.

        ``arrived`` is told where files may wait; ``organise`` is called when there may
        be something to organise.
        """
        self._ledger = ledger
        self._scan_pool = scan_pool
        self._pool = pool
        self._clock = clock
        self._context = context
        self._emit = emit
        self._arrived = arrived
        self._organise = organise
        # Tells what was seen by this process from what another one saw.
        self._session = secrets.randbits(62)
        self._folders: dict[str, WatchedFolder] = {}
        self._overlaps = Overlaps(lambda *pair: emit(FoldersOverlap(*pair)))
        self._begun = False

    @override
    def __getitem__(self, folder_id: str) -> WatchedFolder:
        return self._folders[folder_id]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    @override
    def __len__(self) -> int:
        return len(self._folders)

    @property
    def overlaps(self) -> Collection[tuple[str, str]]:
        """Return the pairs of folders (their ids) that have files in common."""
        return self._overlaps.pairs

    def begin(self) -> None:
        """Let all folders be tended, and those that come later at once; called once."""
        self._begun = True
        for watched in self._folders.values():
            watched.start()

    async def apply(self, folder: Folder) -> None:
        """Add a folder, or take its changed configuration."""
        if (watched := self._folders.get(folder.id)) is not None:
            await watched.apply(folder)
            self._arrived(folder.id)
            return
        watched = WatchedFolder(
            folder,
            ledger=self._ledger,
            watcher=SHARED,
            scan_pool=self._scan_pool,
            pool=self._pool,
            clock=self._clock,
            context=self._context,
            session=self._session,
            emit=self._emit,
            arrived=self._arrived,
            looked=self._look_for_overlaps,
            organise=self._organise,
        )
        self._folders[folder.id] = watched
        if self._begun:
            watched.start()

    async def remove(self, folder_id: str) -> None:
        """Stop tending a folder, if there is one of this id, and let go of it."""
        watched = self._folders.pop(folder_id, None)
        if watched is not None:
            await watched.stop()
        self._look_for_overlaps(folder_id)

    async def stop(self) -> None:
        """Stop tending all folders; they are still known."""
        await asyncio.gather(
            *(watched.stop() for watched in self._folders.values()),
            return_exceptions=True,
        )

    def close(self) -> None:
        """Let go of all folders, after ``stop``."""
        self._folders.clear()

    def find(self, path: str) -> Sequence[tuple[str, bytes]]:
        """Return the folders in which an absolute path may lie, and its name there.

        The name is relative to the folder, in raw bytes. A folder is found by the path
        that it was given and by where that leads.
        """
        path = os.path.normpath(path)
        return [
            (key, os.fsencode(path[len(top) :]))
            for key, watched in self._folders.items()
            for root in {watched.folder.path, watched.root and watched.root.path}
            if root and path.startswith(top := f"{root.rstrip('/')}/")
        ]

    def unseen(self, path: str) -> Unseen:
        """Return why nothing is known of a file at an absolute path."""
        for key, relative in self.find(path):
            if ignored_path(relative):
                state, text = UnseenState.IGNORED, IGNORED_NAME
            elif b"/" in relative and not self._folders[key].folder.recursive:
                state, text = UnseenState.IGNORED, SUB_FOLDER
            else:
                state, text = UnseenState.UNKNOWN, NOT_SEEN
            return Unseen(key, state, text)
        return Unseen(None, UnseenState.OUTSIDE, OUTSIDE)

    def decide_again(self) -> None:
        """Let all files be decided by the rules of today."""
        for watched in self._folders.values():
            watched.decide_again()

    async def unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again; raises LedgerError."""
        if (watched := self._numbered(file.folder)) is not None:
            await watched.unsettle(file, stamp)

    def look_again(self, number: int) -> None:
        """Look at a folder (the ledger's number) again: it is not as the ledger says."""
        if (watched := self._numbered(number)) is not None:
            watched.look_again()

    def _numbered(self, number: int) -> WatchedFolder | None:
        """Return the folder of the ledger's number; None once it is gone."""
        for watched in self._folders.values():
            if watched.number == number:
                return watched
        return None

    def _look_for_overlaps(self, folder_id: str) -> None:
        """Compare a folder with the others, and tell of those it begins to overlap."""
        self._overlaps.look(self._folders, folder_id)
