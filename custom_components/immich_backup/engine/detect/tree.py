"""The directories of one folder that are watched, and what happened in them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
import os
import threading

from .names import ignored_directory

# Above this many noted directories a full scan is cheaper than remembering them.
_MAX_NOTED = 500


class Tree:
    """Knows where each watched directory of a folder lies, and notes what happens.

    Paths are relative to the root, whose own is empty.
    """

    def __init__(
        self,
        root: bytes,
        *,
        recursive: bool,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[], None],
    ) -> None:
        """Call ``wake`` in the loop when the first directory is noted."""
        self.root = root
        # Where the directory of a watch descriptor lies.
        self.paths: dict[int, bytes] = {}
        # What happens in it is not told any more, or not all of it.
        self.broken = False
        # Nobody is interested any more.
        self.removed = False
        self._recursive = recursive
        self._loop = loop
        self._wake = wake
        self._lock = threading.Lock()
        self._noted: set[bytes] | None = set()

    def full(self, path: bytes) -> bytes:
        """Return the absolute path of a relative one."""
        return inside(self.root, path) if path else self.root

    def below(self, path: bytes) -> Iterator[bytes]:
        """Yield the directories in a directory that a scan would read too; blocking.

        There are none if it is gone or can't be read.
        """
        if not self._recursive:
            return
        with suppress(OSError), os.scandir(self.full(path)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and self.takes(entry.name):
                    yield inside(path, entry.name)

    def takes(self, name: bytes) -> bool:
        """Return whether a directory of this name belongs to the folder."""
        return self._recursive and not ignored_directory(name)

    def note(self, directory: bytes) -> None:
        """Note a directory in which something happened."""
        with self._lock:
            if self._noted is None:
                return
            first = not self._noted
            self._noted.add(directory)
            if len(self._noted) > _MAX_NOTED:
                self._noted = None
        if first:
            self._tell()

    def fail(self) -> None:
        """Note that things happened anywhere, and that others will not be told."""
        self.broken = True
        with self._lock:
            self._noted = None
        self._tell()

    def take(self) -> set[bytes] | None:
        """Return the noted directories (None: too many), and begin anew."""
        with self._lock:
            noted, self._noted = self._noted, set()
        return noted

    def _tell(self) -> None:
        """Wake whoever waits for this, unless its loop closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)


def inside(directory: bytes, name: bytes) -> bytes:
    """Return the path of what has this name, or relative path, in a directory."""
    return os.path.join(directory, name) if directory else name
