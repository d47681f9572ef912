"""File system events as a hint which directories to look at; never more than a hint.

What is really there the scan says, which also runs without any event.
"""

import errno
import threading
from typing import Final

from .reader import Reader
from .tree import Tree

_LIMITS = (errno.ENOSPC, errno.EMFILE, errno.ENFILE)


class WatchError(Exception):
    """The folder can't be watched; ``reason`` is a stable word for it."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class Watcher:
    """Watches trees with one instance of inotify; ``add`` and ``remove`` are blocking."""

    def __init__(self) -> None:
        """Begin with none; there is an instance only while there are trees."""
        self._lock = threading.Lock()
        self._reader: Reader | None = None
        self._readers: dict[Tree, Reader] = {}
        # Trees whose directories are being walked through.
        self._walking: set[Tree] = set()

    def add(self, tree: Tree) -> None:
        """Watch a tree; raises WatchError when the system does not let us."""
        complete = False
        try:
            reader = self._begin(tree)
            reader.extend(tree, b"")
            complete = True
        except OSError as err:
            limited = err.errno in _LIMITS
            raise WatchError("limit" if limited else "failed") from err
        finally:
            with self._lock:
                self._walking.discard(tree)
                tree.removed |= not complete
            if tree.removed:
                self.remove(tree)
        if tree.removed:
            raise WatchError("removed")

    def remove(self, tree: Tree) -> None:
        """Watch a tree no longer, also one that is just being added."""
        with self._lock:
            tree.removed = True
            if tree in self._walking or tree not in self._readers:
                # Whoever walks lets go of it then.
                return
            reader = self._readers.pop(tree)
            empty = reader.remove(tree)
            if empty and reader is self._reader:
                self._reader = None
        if empty:
            reader.end()

    def alive(self, tree: Tree) -> bool:
        """Return whether all that happens in a tree's directories is still told."""
        reader = self._readers.get(tree)
        return reader is not None and reader.works and not tree.broken

    def _begin(self, tree: Tree) -> Reader:
        """Find a reader for a tree that is to be walked through; raises OSError."""
        with self._lock:
            if self._reader is None or not self._reader.works:
                self._reader = Reader()
            reader = self._readers[tree] = self._reader
            self._walking.add(tree)
            reader.add(tree)
        return reader


# All folders of the process, of whatever account: a user may have few instances, and
# other integrations need some too.
SHARED: Final = Watcher()
