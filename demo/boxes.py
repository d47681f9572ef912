"""Write the boxes of MP4, MOV and HEIC files."""

import struct


def box(name: str, *parts: bytes) -> bytes:
    """Return a box of the container, an "atom" of QuickTime."""
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + name.encode("latin-1") + content


def full_box(name: str, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags), *parts)
