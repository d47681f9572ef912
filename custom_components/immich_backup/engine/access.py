"""Opening files that certainly lie inside their folder, unchanged and regular."""

from collections.abc import Iterator
from contextlib import contextmanager
import errno
import os
import stat
from typing import BinaryIO

from .ledger.rows import Stamp


class AccessError(Exception):
    """Base of what keeps us from reading a file as it was."""


class VanishedError(AccessError):
    """The file is no longer there, or no longer a file inside the folder."""


class ChangedError(AccessError):
    """The file is not the one that was seen; ``stamp`` is what it is now."""

    def __init__(self, stamp: Stamp) -> None:
        """Keep what the file is now."""
        super().__init__("The file changed")
        self.stamp = stamp


class UnreadableError(AccessError):
    """We may not read the file."""


class ReadFailedError(AccessError):
    """The disk or the network share failed; trying later may help."""


# The ledger and the fingerprints of directories hold 64 bits.
_LAST_NS = 2**63 - 1


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what tells a changed file from an unchanged one.

    Times beyond the year 2262 are taken as its last moment.
    """
    return Stamp(
        status.st_size,
        min(status.st_mtime_ns, _LAST_NS),
        min(status.st_ctime_ns, _LAST_NS),
    )


def look_at(root: bytes, path: bytes) -> Stamp:
    """Return a file's stamp without opening it; blocking. Raises AccessError."""
    try:
        status = os.lstat(os.path.join(root, path))
    except OSError as err:
        raise _named(err) from err
    if not stat.S_ISREG(status.st_mode):
        raise VanishedError("There is no regular file any more")
    return stamp_of(status)


def open_file(root: bytes, path: bytes, stamp: Stamp) -> BinaryIO:
    """Open a file that must be as it was seen, unbuffered; blocking.

    No link is followed, nothing outside the folder is opened, a FIFO does not block.
    Raises AccessError.
    """
    full = os.path.join(root, path)
    try:
        fd = os.open(
            full,
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY,
        )
    except OSError as err:
        raise _named(err) from err
    try:
        file = open(fd, "rb", buffering=0)
    except OSError as err:
        # A directory is there now.
        os.close(fd)
        raise _named(err) from err
    try:
        check_unchanged(file, stamp)
        # A directory on the way may have been swapped for a link meanwhile.
        try:
            real = os.readlink(f"/proc/self/fd/{fd}".encode())
        except OSError:
            real = os.path.realpath(full)
    except BaseException:
        file.close()
        raise
    if real != full:
        file.close()
        raise VanishedError("The path leads out of the folder")
    return file


@contextmanager
def open_unchanged(root: bytes, path: bytes, stamp: Stamp) -> Iterator[BinaryIO]:
    """Open a file as open_file does, and check at the end that it did not change.

    An error of the file system in between is raised as an AccessError.
    """
    with open_file(root, path, stamp) as file:
        try:
            yield file
        except OSError as err:
            raise _named(err) from err
        check_unchanged(file, stamp)


def read_part(file: BinaryIO, count: int) -> bytes:
    """Read up to so many bytes; blocking. Raises AccessError."""
    try:
        return file.read(count)
    except OSError as err:
        raise _named(err) from err


def check_unchanged(file: BinaryIO, stamp: Stamp) -> None:
    """Raise ChangedError unless the open file is as it was seen; blocking."""
    try:
        status = os.fstat(file.fileno())
    except OSError as err:
        raise _named(err) from err
    if not stat.S_ISREG(status.st_mode):
        raise VanishedError("This is not a regular file")
    if stamp_of(status) != stamp:
        raise ChangedError(stamp_of(status))


def _named(err: OSError) -> AccessError:
    """Return what an error of the file system means for the file."""
    if isinstance(err, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return VanishedError("The file is gone")
    if isinstance(err, PermissionError):
        return UnreadableError("The file may not be read")
    # ELOOP is a link in the file's place, ENXIO a socket or a FIFO.
    if err.errno in (errno.ELOOP, errno.ENXIO):
        return VanishedError("There is no regular file any more")
    return ReadFailedError(err.strerror or "The file can't be read")
