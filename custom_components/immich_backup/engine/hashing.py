"""The hash step: the SHA-1 of a file, of exactly the bytes that were seen."""

import hashlib

from .access import open_unchanged
from .ledger.rows import Stamp

_CHUNK = 1024 * 1024


def hash_file(root: bytes, path: bytes, stamp: Stamp) -> bytes:
    """Return a file's SHA-1 (20 raw bytes); blocking, releases the GIL.

    Raises AccessError, ChangedError among them when the file is not as it was seen.
    SHA-1 is what Immich compares contents by.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    buffer = memoryview(bytearray(min(_CHUNK, max(1, stamp.size))))
    with open_unchanged(root, path, stamp) as file:
        while count := file.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:count])
    return digest.digest()
