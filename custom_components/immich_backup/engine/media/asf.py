"""ASF: date, size and length of a WMV video."""

from collections.abc import Iterator
from datetime import UTC, datetime
import struct

from .recording import Recording
from .source import Damaged, Part

MARK = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_XMP = bytes.fromhex("cbcf7abea997e8429c71999491e3afac")
# An object begins with what it is and how long; the header's then counts the others.
_OBJECT, _HEADER = 24, 30
_MOST_OBJECTS = 1000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS = 10_000_000


def read_asf(whole: Part) -> Recording:
    """Return what the header of a video says; what comes before damage counts."""
    recording = Recording()
    try:
        for kind, content in _objects(whole):
            if kind == MARK:
                _read_header(recording, content.part(_HEADER - _OBJECT))
            elif kind == _XMP:
                recording.xmp = recording.xmp or content
    except Damaged as err:
        recording.damage = err
    return recording


def _objects(part: Part) -> Iterator[tuple[bytes, Part]]:
    """Yield the objects of a stretch; one that is cut off is the last. Raises Damaged."""
    offset = 0
    for _ in range(_MOST_OBJECTS):
        if offset + _OBJECT > part.size:
            return
        kind, size = struct.unpack("<16sQ", part.read(offset, _OBJECT))
        if size < _OBJECT:
            raise Damaged("An object is smaller than its header")
        rest = part.size - offset
        yield kind, part.part(offset + _OBJECT, min(size, rest) - _OBJECT)
        offset += size


def _read_header(recording: Recording, header: Part) -> None:
    """Read what describes the whole, and the size of its video. Raises Damaged."""
    for kind, content in _objects(header):
        if kind == _FILE:
            created, _, duration = struct.unpack("<QQQ", content.read(24, 24))
            # Zero stands for an unknown date.
            if created:
                recording.taken_at(_EPOCH, created // 10)
            recording.found["duration"] = duration / _TICKS
        elif kind == _STREAM and content.read(0, 16) == _VIDEO:
            width, height = struct.unpack("<II", content.read(54, 8))
            if width and height:
                recording.found |= {"width": width, "height": height}
