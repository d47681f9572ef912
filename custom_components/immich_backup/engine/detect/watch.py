"""File system events as a hint which directories to look at; never more than a hint.

The handler only notes directories. What is really there the scan says, which also runs
without any event: watchdog loses events silently when its queue overflows, and its
threads die with their folder (measured with watchdog 6.0.0).
"""

import asyncio
from collections.abc import Callable
import errno
import logging
import os
import threading
from typing import override

from watchdog.events import (
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

_LOGGER = logging.getLogger(__name__)

# Above this many noted directories a full scan is cheaper than remembering them.
_MAX_NOTED = 500


class WatchError(Exception):
    """The folder can't be watched; ``reason`` is a stable word for it."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class _Notes(FileSystemEventHandler):
    """Notes the directories in which something happened."""

    def __init__(
        self, root: bytes, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
    ) -> None:
        """Call ``wake`` in the loop when the first directory is noted."""
        self._root = root
        self._loop = loop
        self._wake = wake
        self._lock = threading.Lock()
        self._noted: set[bytes] | None = set()

    @override
    def dispatch(self, event: FileSystemEvent) -> None:
        """Note the directories of an event; runs in watchdog's thread."""
        if event.event_type in (EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE):
            return
        with self._lock:
            first = not self._noted and self._noted is not None
            for path in (event.src_path, event.dest_path):
                if path:
                    self._note(os.fsencode(path))
        if first:
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:
                # The loop closed; nobody is interested any more.
                return

    def _note(self, path: bytes) -> None:
        """Note the directory that holds a path."""
        if self._noted is None:
            return
        directory = os.path.dirname(path)
        if directory == self._root:
            self._noted.add(b"")
        elif directory.startswith(self._root + b"/"):
            self._noted.add(directory[len(self._root) + 1 :])
        if len(self._noted) > _MAX_NOTED:
            self._noted = None

    def take(self) -> set[bytes] | None:
        """Return the noted directories (None: too many), and begin anew."""
        with self._lock:
            noted, self._noted = self._noted, set()
        return noted


class Watcher:
    """Watches folders with one observer; all methods but ``take`` are blocking."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake this loop."""
        self._loop = loop
        self._lock = threading.Lock()
        self._observer: BaseObserver | None = None
        self._watches: dict[str, tuple[ObservedWatch, _Notes, int]] = {}

    def add(
        self, folder: str, root: bytes, *, recursive: bool, wake: Callable[[], None]
    ) -> None:
        """Watch a folder; raises WatchError when the system does not let us."""
        notes = _Notes(root, self._loop, wake)
        with self._lock:
            try:
                if self._observer is None:
                    observer = Observer()
                    observer.start()
                    self._observer = observer
                watch = self._observer.schedule(
                    notes, os.fsdecode(root), recursive=recursive
                )
                inode = os.stat(root).st_ino
            except OSError as err:
                if err.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE):
                    raise WatchError("limit") from err
                raise WatchError("failed") from err
            self._watches[folder] = (watch, notes, inode)

    def remove(self, folder: str) -> None:
        """Stop watching a folder."""
        with self._lock:
            found = self._watches.pop(folder, None)
            if found is not None and self._observer is not None:
                try:
                    self._observer.unschedule(found[0])
                except KeyError:
                    # Its thread died with the folder, and took the watch along.
                    _LOGGER.debug("The watch was gone already")

    def take(self, folder: str) -> set[bytes] | None:
        """Return relative directories in which something happened; None: anywhere."""
        found = self._watches.get(folder)
        return set() if found is None else found[1].take()

    def alive(self, folder: str, root: bytes) -> bool:
        """Return whether a folder is still watched, and is still the same one."""
        with self._lock:
            found = self._watches.get(folder)
            if found is None or self._observer is None:
                return False
            watch, _, inode = found
            try:
                if os.stat(root).st_ino != inode:
                    return False
            except OSError:
                return False
            return any(
                emitter.watch == watch and emitter.is_alive()
                for emitter in self._observer.emitters
            )

    def close(self) -> None:
        """Stop all threads and wait for them."""
        with self._lock:
            observer, self._observer = self._observer, None
            self._watches.clear()
        if observer is not None:
            observer.stop()
            observer.join(10)
