"""The hash step: the SHA-1 of files, of exactly the bytes that were seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
import hashlib

from ..immich import SMALL_BODY
from .access import (
    AccessError,
    ChangedError,
    ReadFailedError,
    look_at,
    open_unchanged,
    read_part,
)
from .beside import Beside
from .ledger.rows import FileRow, Stamp

_CHUNK = 1024 * 1024
# So many small files are read in one go: to hand a single one to a thread takes longer
# than to read it.
_GROUP_FILES = 16
_GROUP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hashed:
    """The SHA-1 of a file (20 raw bytes), and its bytes if it is small and was read.

    ``sidecar`` is the relative path of its XMP sidecar, if it has one.
    """

    sha1: bytes
    content: bytes | None = field(default=None, repr=False)
    sidecar: bytes | None = None


def groups(batch: Sequence[FileRow]) -> Iterator[list[FileRow]]:
    """Split files into groups that are hashed in one go, each of one folder."""
    group: list[FileRow] = []
    size = 0
    for file in batch:
        if group and (
            file.folder != group[0].folder
            or len(group) >= _GROUP_FILES
            or size + file.stamp.size > _GROUP_BYTES
        ):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.stamp.size
    if group:
        yield group


def hash_files(
    root: bytes,
    group: Sequence[FileRow],
    stopped: Callable[[], bool],
    sidecars: Beside | None = None,
) -> list[Hashed | AccessError]:
    """Return what each file of a folder holds, or why it can't be read; blocking.

    Of a file whose SHA-1 is known it is only seen that it did not change. ``sidecars``
    finds what lies beside them.
    """
    results: list[Hashed | AccessError] = []
    for file in group:
        try:
            hashed = _hashed(root, file, stopped)
            if sidecars is not None and (beside := sidecars.of(file.path)) is not None:
                hashed = replace(hashed, sidecar=beside)
            results.append(hashed)
        except AccessError as err:
            results.append(err)
    return results


def _hashed(root: bytes, file: FileRow, stopped: Callable[[], bool]) -> Hashed:
    """Return what a file holds; raises AccessError."""
    if file.sha1 is not None:
        if (stamp := look_at(root, file.path)) != file.stamp:
            raise ChangedError(stamp)
        return Hashed(file.sha1)
    if file.stamp.size > SMALL_BODY:
        return Hashed(hash_file(root, file.path, file.stamp, stopped))
    if stopped():
        raise ReadFailedError("Reading was stopped")
    content = read_whole(root, file.path, file.stamp)
    return Hashed(sha1_of(content), content)


def hash_file(
    root: bytes, path: bytes, stamp: Stamp, stopped: Callable[[], bool]
) -> bytes:
    """Return a file's SHA-1 (20 raw bytes); blocking, releases the GIL.

    Raises AccessError, ChangedError among them when the file is not as it was seen;
    ReadFailedError when it is told to stop. SHA-1 is what Immich compares contents by.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    buffer = memoryview(bytearray(min(_CHUNK, max(1, stamp.size))))
    with open_unchanged(root, path, stamp) as file:
        while count := file.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:count])
            if stopped():
                raise ReadFailedError("Reading was stopped")
    return digest.digest()


def read_whole(root: bytes, path: bytes, stamp: Stamp) -> bytes:
    """Return the bytes of a small file as it was seen; blocking. Raises AccessError."""
    with open_unchanged(root, path, stamp) as file:
        # Whether it grew is seen at the end.
        content = read_part(file, stamp.size)
        while len(content) < stamp.size:
            if not (more := read_part(file, stamp.size - len(content))):
                break
            content += more
    if len(content) < stamp.size:
        raise ReadFailedError("The file ends too early")
    return content


def sha1_of(content: bytes) -> bytes:
    """Return the SHA-1 of bytes in memory, 20 raw bytes."""
    return hashlib.sha1(content, usedforsecurity=False).digest()
