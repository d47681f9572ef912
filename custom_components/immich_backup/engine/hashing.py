"""The hash step: the SHA-1 of a file, of exactly the bytes that were seen."""

from collections.abc import Callable
import hashlib

from .access import ReadFailedError, open_unchanged
from .ledger.rows import Stamp

_CHUNK = 1024 * 1024


def hash_file(
    root: bytes,
    path: bytes,
    stamp: Stamp,
    stopped: Callable[[], bool] = lambda: False,
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
