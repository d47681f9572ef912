"""What an MP4 or MOV file says of itself, without ffmpeg."""

from dataclasses import dataclass
from pathlib import Path
import struct
from typing import BinaryIO

# Seconds from 1904, where MP4 counts from, to 1970.
_EPOCH = 2_082_844_800
_MAX_BOX = 16 * 1024 * 1024
_FOLDERS = frozenset({b"moov", b"trak"})


@dataclass(slots=True, kw_only=True)
class VideoFacts:
    """Duration in milliseconds, creation in microseconds since 1970, size in pixels."""

    duration: int | None = None
    created_at: int | None = None
    width: int | None = None
    height: int | None = None


def read_mp4(path: Path) -> VideoFacts | None:
    """Return what the headers say, None if this is no such file."""
    facts = VideoFacts()
    with path.open("rb") as handle:
        head = handle.read(12)
        if len(head) < 12 or head[4:8] not in (b"ftyp", b"moov", b"wide", b"mdat"):
            return None
        handle.seek(0, 2)
        _walk(handle, 0, handle.tell(), facts)
    return facts


def _walk(handle: BinaryIO, start: int, end: int, facts: VideoFacts) -> None:
    while start + 8 <= end:
        handle.seek(start)
        size, kind = struct.unpack(">I4s", handle.read(8))
        header = 8
        if size == 1:
            size = int.from_bytes(handle.read(8))
            header = 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        body_end = min(start + size, end)
        if kind in _FOLDERS:
            _walk(handle, start + header, body_end, facts)
        elif kind in (b"mvhd", b"tkhd") and size < _MAX_BOX:
            data = handle.read(body_end - start - header)
            (_movie if kind == b"mvhd" else _track)(data, facts)
        start += size


def _movie(data: bytes, facts: VideoFacts) -> None:
    try:
        if data[0] == 1:
            created, _, scale, duration = struct.unpack_from(">QQIQ", data, 4)
        else:
            created, _, scale, duration = struct.unpack_from(">IIII", data, 4)
    except struct.error, IndexError:
        return
    if scale:
        facts.duration = round(duration * 1000 / scale)
    if created > _EPOCH:
        facts.created_at = (created - _EPOCH) * 1_000_000


def _track(data: bytes, facts: VideoFacts) -> None:
    try:
        width, height = struct.unpack_from(">II", data, len(data) - 8)
    except struct.error:
        return
    if width and height:
        facts.width, facts.height = width >> 16, height >> 16
