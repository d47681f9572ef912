"""CIFF: Canon's raw pictures before there were CR2, as a heap with its list at the end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import struct

from .exif import Found
from .facts import DateSource
from .source import Part
from .tiff import decode

MARK = b"II\x1a\0\0\0HEAPCCDR"
# The highest bits of a number say where the value is, others that it is a heap itself.
_PLACE, _HERE, _NUMBER = 0xC000, 0x4000, 0x3FFF
_KIND, _HEAPS = 0x3800, (0x2800, 0x3000)
_MAKE_MODEL, _TAKEN, _SIZE = 0x080A, 0x180E, 0x1810
_MOST_VALUES = 500
_LONGEST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def read_ciff(whole: Part) -> Found:
    """Return what a raw picture says, by names of MediaFacts. Raises Damaged."""
    start = int.from_bytes(whole.read(2, 4), "little")
    found: Found = {}
    for number, value in _values(whole.part(start)):
        if number == _MAKE_MODEL:
            make, _, model = value.upto(_LONGEST).partition(b"\0")
            named = {"make": decode(make), "model": decode(model)}
            found |= {name: text for name, text in named.items() if text}
        elif number == _TAKEN:
            # By the clock of the camera, counted as if that were UTC.
            if seconds := int.from_bytes(value.read(0, 4), "little"):
                found |= {
                    "captured_at": _EPOCH + timedelta(seconds=seconds),
                    "utc_offset": None,
                    "captured_source": DateSource.EXIF,
                    "is_original": True,
                }
        elif number == _SIZE:
            width, height = struct.unpack("<II", value.read(0, 8))
            if width and height:
                found |= {"width": width, "height": height}
    return found


def _values(whole: Part) -> Iterator[tuple[int, Part]]:
    """Yield the values of a heap, then those of the heaps within. Raises Damaged."""
    heaps, left = [whole], _MOST_VALUES
    # More are found on the way; those that hold themselves come to an end.
    for heap in heaps:
        start = int.from_bytes(heap.read(heap.size - 4, 4), "little")
        count = min(int.from_bytes(heap.read(start, 2), "little"), left)
        left -= count
        for at in range(start + 2, start + 2 + 10 * count, 10):
            number, size, offset = struct.unpack("<HII", heap.read(at, 10))
            if number & _PLACE == _HERE:
                yield number & _NUMBER, heap.part(at + 2, 8)
            elif number & _PLACE == 0 and number & _KIND in _HEAPS:
                heaps.append(heap.part(offset, size))
            elif number & _PLACE == 0:
                yield number, heap.part(offset, size)
