"""File system events as a hint which directories to look at; never more than a hint.

The handler only notes directories. What is really there the scan says, which also runs
without any event: watchdog loses events silently when its queue overflows, and its
threads die with their folder (measured with watchdog 6.0.0).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
import errno
import os
import threading
from traceback import walk_tb
from typing import override

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter, ObservedWatch

# Not what tells that somebody reads: we do ourselves, and so do others.
_CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]

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


@dataclass(frozen=True, slots=True)
class _Watched:
    """How a folder is watched; ``inode`` is its directory's, to tell it from another."""

    watch: ObservedWatch
    # None if its thread died at once.
    emitter: EventEmitter | None
    notes: _Notes
    inode: int


class Watcher:
    """Watches folders with one observer; all methods but ``take`` are blocking."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake this loop."""
        self._loop = loop
        self._lock = threading.Lock()
        self._observer: BaseObserver | None = None
        self._folders: dict[str, _Watched] = {}
        self._closed = False

    def add(
        self, folder: str, root: bytes, *, recursive: bool, wake: Callable[[], None]
    ) -> None:
        """Watch a folder; raises WatchError when the system does not let us."""
        notes = _Notes(root, self._loop, wake)
        path = os.fsdecode(root)
        with self._lock:
            if self._closed:
                # Nobody would ever stop the threads.
                raise WatchError("closed")
            try:
                if self._observer is None:
                    observer = Observer()
                    observer.start()
                    self._observer = observer
                inode = os.stat(root).st_ino
                watch = self._observer.schedule(
                    notes, path, recursive=recursive, event_filter=_CHANGES
                )
            except OSError as err:
                _close_left_open(err)
                if self._observer is not None:
                    with suppress(KeyError):
                        self._observer.remove_handler_for_watch(
                            notes,
                            ObservedWatch(
                                path, recursive=recursive, event_filter=_CHANGES
                            ),
                        )
                if err.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE):
                    raise WatchError("limit") from err
                raise WatchError("failed") from err
            emitter = next(
                (one for one in self._observer.emitters if one.watch == watch), None
            )
            self._folders[folder] = _Watched(watch, emitter, notes, inode)

    def remove(self, folder: str) -> None:
        """Stop watching a folder; another folder at the same place is still watched."""
        with self._lock:
            found = self._folders.pop(folder, None)
            if found is None or self._observer is None:
                return
            # Its thread may have died with the folder, and taken the watch along.
            with suppress(KeyError):
                if any(found.watch == other.watch for other in self._folders.values()):
                    self._observer.remove_handler_for_watch(found.notes, found.watch)
                else:
                    self._observer.unschedule(found.watch)

    def take(self, folder: str) -> set[bytes] | None:
        """Return relative directories in which something happened; None: anywhere."""
        found = self._folders.get(folder)
        return set() if found is None else found.notes.take()

    def alive(self, folder: str, root: bytes) -> bool:
        """Return whether a folder is still watched, and is still the same one."""
        with self._lock:
            found = self._folders.get(folder)
            if found is None or self._observer is None:
                return False
            try:
                if os.stat(root).st_ino != found.inode:
                    return False
            except OSError:
                return False
            return (
                found.emitter is not None
                and found.emitter in self._observer.emitters
                and _works(found.emitter)
            )

    def close(self) -> None:
        """Stop all threads and wait for them; nothing is watched from then on."""
        with self._lock:
            self._closed = True
            observer, self._observer = self._observer, None
            self._folders.clear()
        if observer is not None:
            observer.stop()
            observer.join(10)


def _works(emitter: EventEmitter) -> bool:
    """Return whether an emitter's threads are alive, that which reads included.

    The reading thread dies by itself when watchdog 6.0.0 loses count of directories
    that come and go; its emitter then waits for ever.
    """
    reader = getattr(emitter, "_inotify", None)
    return emitter.is_alive() and (
        not isinstance(reader, threading.Thread) or reader.is_alive()
    )


def _close_left_open(error: OSError) -> None:
    """Close what watchdog 6.0.0 leaves open when it can't watch a directory."""
    for frame, _ in walk_tb(error.__traceback__):
        left = frame.f_locals.get("self")
        if type(left).__name__ == "Inotify":
            for name in ("_inotify_fd", "_kill_r", "_kill_w"):
                if isinstance(fd := vars(left).get(name), int):
                    with suppress(OSError):
                        os.close(fd)
            return
