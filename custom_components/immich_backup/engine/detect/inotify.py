"""The kernel's inotify(7): one instance, its watches, and what they tell."""

from collections.abc import Iterator
import ctypes
import errno
from functools import cache
import os
import select
import struct
from typing import Final

# From the kernel's uapi/linux/inotify.h.
MODIFY: Final = 0x2
ATTRIB: Final = 0x4
CLOSE_WRITE: Final = 0x8
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
UNMOUNT: Final = 0x2000
OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
IS_DIRECTORY: Final = 0x40000000
_ONLY_DIRECTORIES = 0x01000000
_NO_LINKS = 0x02000000
_ONLY_LINKED = 0x04000000

# Not what tells that somebody reads: we do ourselves, and so do others.
_MASK = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE
_MASK |= _ONLY_DIRECTORIES | _NO_LINKS | _ONLY_LINKED

# wd, mask, cookie, length of the name that follows.
_HEADER = struct.Struct("iIII")
_BUFFER = 262_144
# Milliseconds in which more may come. While a large file is written the kernel tells it
# once instead of thousands of times.
_GATHER = 50

# Watch descriptor, what happened (bits), and the name of what it happened to in the
# watched directory, empty for that itself.
type Happening = tuple[int, int, bytes]


class Inotify:
    """One instance; of these a user has few (128), while watches are many."""

    def __init__(self) -> None:
        """Begin without watches; raises OSError, also where there is no inotify."""
        self._fd = _call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._stop = os.eventfd(0)
        except OSError:
            os.close(self._fd)
            raise
        self._stopped, self._told = select.poll(), select.poll()
        self._stopped.register(self._stop, select.POLLIN)
        self._told.register(self._stop, select.POLLIN)
        self._told.register(self._fd, select.POLLIN)

    def watch(self, directory: bytes) -> int:
        """Watch a directory, not what is below; return its watch descriptor.

        One that is watched already has the same. Blocking; raises OSError.
        """
        return _call("inotify_add_watch", self._fd, directory, _MASK)

    def unwatch(self, descriptor: int) -> None:
        """Watch a directory no longer; raises OSError if it is not watched."""
        _call("inotify_rm_watch", self._fd, descriptor)

    def read(self) -> Iterator[Happening] | None:
        """Wait until something happened; None once it is to stop. Raises OSError."""
        self._told.poll()
        if self._stopped.poll(_GATHER):
            return None
        return _parse(os.read(self._fd, _BUFFER))

    def stop(self) -> None:
        """Let whoever reads stop."""
        os.eventfd_write(self._stop, 1)

    def close(self) -> None:
        """Let go of all, once nobody reads and watches any more."""
        os.close(self._fd)
        os.close(self._stop)


def _parse(events: bytes) -> Iterator[Happening]:
    """Yield what the kernel told."""
    at = 0
    while at < len(events):
        descriptor, mask, _, length = _HEADER.unpack_from(events, at)
        at += _HEADER.size + length
        yield descriptor, mask, events[at - length : at].rstrip(b"\0")


@cache
def _libc() -> ctypes.CDLL:
    """Return the C library that this process runs with."""
    return ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: int | bytes) -> int:
    """Call a function of the C library; raises OSError when it fails or is missing."""
    try:
        result: int = getattr(_libc(), function)(*arguments)
    except AttributeError as err:
        # Not Linux.
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from err
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
