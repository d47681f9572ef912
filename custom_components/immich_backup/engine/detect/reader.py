"""One instance of inotify for many folders, read in a thread of its own."""

from collections.abc import Collection, Iterable
from contextlib import suppress
import errno
import logging
import threading

from .inotify import (
    ATTRIB,
    CREATE,
    IGNORED,
    IS_DIRECTORY,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    UNMOUNT,
    Happening,
    Inotify,
)
from .tree import Tree, inside

_LOGGER = logging.getLogger(__name__)

# A directory may go, become something else or be closed to us while we walk; a scan
# does not read it either.
_PASSED_OVER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES)
# What may bring a directory: one that became readable too.
_BRINGS = CREATE | MOVED_TO | ATTRIB
# Seconds that the thread has to end; more only if a network share does not answer.
_PATIENCE = 10.0


class Reader:
    """Passes what happens in directories on to the trees that they belong to."""

    def __init__(self) -> None:
        """Begin to read, for no tree yet; raises OSError when the system refuses."""
        self._inotify = Inotify()
        self._lock = threading.Lock()
        self._trees: set[Tree] = set()
        # Whose directory a watch descriptor is: several trees' if they overlap.
        self._owners: dict[int, tuple[Tree, ...]] = {}
        # How often a directory was given up, as its descriptor means nothing then.
        self._given_up = 0
        self._thread = threading.Thread(
            target=self._work, name="immich_backup inotify", daemon=True
        )
        self._thread.start()

    @property
    def works(self) -> bool:
        """Return whether it still reads."""
        return self._thread.is_alive()

    def add(self, tree: Tree) -> None:
        """Take a tree in, whose directories are still to be watched."""
        with self._lock:
            self._trees.add(tree)

    def remove(self, tree: Tree) -> bool:
        """Let go of a tree; return whether there is none left. None may be walking."""
        with self._lock:
            self._trees.discard(tree)
            if not self._trees:
                # All watches go with the instance.
                return True
            self._leave(tree, list(tree.paths))
        return False

    def end(self) -> None:
        """Stop reading, after the last tree went; blocking."""
        self._inotify.stop()
        self._thread.join(_PATIENCE)
        if not self._thread.is_alive():
            self._inotify.close()

    def extend(self, tree: Tree, path: bytes, *, noted: bool = False) -> None:
        """Watch a directory and all below it that are not watched yet; blocking.

        Those that are new are noted, if that is wanted. Ends early once the tree is
        removed. Raises OSError when the system refuses.
        """
        stack = [path]
        while stack and not tree.removed:
            path = stack.pop()
            try:
                new = self._watch(tree, path)
            except OSError as err:
                if path and err.errno in _PASSED_OVER:
                    continue
                raise
            if new:
                if noted:
                    tree.note(path)
                # What comes into it later the system tells.
                stack += tree.below(path)

    def _watch(self, tree: Tree, path: bytes) -> bool:
        """Watch one directory, and return whether it was not; raises OSError."""
        while True:
            given_up = self._given_up
            # Without the lock, as a network share may not answer.
            descriptor = self._inotify.watch(tree.full(path))
            with self._lock:
                if given_up != self._given_up:
                    # It may have been this one, which another tree had.
                    continue
                if tree not in self._trees:
                    # It went meanwhile.
                    if descriptor not in self._owners:
                        self._give_up(descriptor)
                    return False
                if tree.paths.get(descriptor) == path:
                    return False
                tree.paths[descriptor] = path
                owners = self._owners.get(descriptor, ())
                if tree not in owners:
                    self._owners[descriptor] = (*owners, tree)
                return True

    def _leave(self, tree: Tree, descriptors: Iterable[int]) -> None:
        """Let a tree have directories no longer; with the lock."""
        for descriptor in descriptors:
            del tree.paths[descriptor]
            owners = tuple(
                other for other in self._owners[descriptor] if other is not tree
            )
            if owners:
                self._owners[descriptor] = owners
                continue
            del self._owners[descriptor]
            self._give_up(descriptor)

    def _give_up(self, descriptor: int) -> None:
        """Watch a directory no longer, which no tree has; with the lock."""
        self._given_up += 1
        # It may be gone already, which will be told.
        with suppress(OSError):
            self._inotify.unwatch(descriptor)

    def _work(self) -> None:
        """Read until the end."""
        try:
            while (happenings := self._inotify.read()) is not None:
                self._pass_on(happenings)
        except Exception:
            _LOGGER.exception("Unexpected error while reading file system events")
            with self._lock:
                trees = list(self._trees)
            for tree in trees:
                tree.fail()

    def _pass_on(self, happenings: Iterable[Happening]) -> None:
        """Tell the trees what happened, once they watch what is new.

        What came and what went is only noted at first: what is there in the end is
        what counts.
        """
        noted: dict[tuple[Tree, bytes], None] = {}
        came: dict[tuple[Tree, bytes], None] = {}
        went: dict[Tree, set[bytes]] = {}
        failed: set[Tree] = set()
        with self._lock:
            for descriptor, mask, name in happenings:
                if mask & OVERFLOW:
                    failed |= self._trees
                if mask & IGNORED:
                    # The directory is gone, or was given up.
                    for tree in self._owners.pop(descriptor, ()):
                        if not tree.paths.pop(descriptor):
                            failed.add(tree)
                    continue
                for tree in self._owners.get(descriptor, ()):
                    directory = tree.paths[descriptor]
                    noted[tree, directory] = None
                    if mask & UNMOUNT:
                        failed.add(tree)
                    if name and mask & IS_DIRECTORY and tree.takes(name):
                        path = inside(directory, name)
                        if mask & MOVED_FROM:
                            went.setdefault(tree, set()).add(path)
                            noted[tree, path] = None
                        elif mask & _BRINGS:
                            came[tree, path] = None
            for tree, paths in went.items():
                self._leave(
                    tree,
                    [wd for wd, path in tree.paths.items() if _is_below(path, paths)],
                )
        for tree, path in came:
            try:
                self.extend(tree, path, noted=True)
            except OSError:
                failed.add(tree)
        for tree, path in noted:
            tree.note(path)
        for tree in failed:
            tree.fail()


def _is_below(path: bytes, tops: Collection[bytes]) -> bool:
    """Return whether a path is one of these or lies below one."""
    while path not in tops:
        path = path.rpartition(b"/")[0]
        if not path:
            return False
    return True
