"""TIFF: directories of tagged values, as EXIF and most raw pictures hold them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
import math
import struct

from .source import Damaged, Part

# Bytes of one value of each type.
_SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1))
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_RATIONAL, _SIGNED_RATIONAL = 5, 10
# The largest directories of cameras hold some hundred values.
_MOST_ENTRIES = 2000
_LONGEST_VALUE = 64 * 1024
_ORDERS = {b"II": "<", b"MM": ">"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a value stands, how many there are and of which type."""

    kind: int
    count: int
    place: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """The wanted entries of one directory; a value that is damaged is None.

    ``following`` is the offset of the next directory, 0 for none.
    """

    part: Part
    order: str
    entries: dict[int, _Entry]
    following: int = 0

    def __contains__(self, tag: int) -> bool:
        """Return whether there is such a value."""
        return tag in self.entries

    def raw(self, tag: int) -> bytes | None:
        """Return a value's bytes."""
        entry = self.entries.get(tag)
        if entry is None:
            return None
        size = _SIZES[entry.kind] * entry.count
        if size <= 4:
            return entry.place[:size]
        if size > _LONGEST_VALUE:
            return None
        try:
            return self.part.read(self._offset(entry), size)
        except Damaged:
            return None

    def place(self, tag: int) -> Part | None:
        """Return where a value stands in the file, however long it is."""
        entry = self.entries.get(tag)
        if entry is None or (size := _SIZES[entry.kind] * entry.count) <= 4:
            return None
        try:
            return self.part.part(self._offset(entry), size)
        except Damaged:
            return None

    def count(self, tag: int) -> int:
        """Return how many numbers a value promises."""
        entry = self.entries.get(tag)
        return 0 if entry is None else entry.count

    def numbers(self, tag: int) -> Sequence[float]:
        """Return numbers, or what comes before the first that is none."""
        raw = self.raw(tag)
        if raw is None:
            return ()
        kind = self.entries[tag].kind
        if kind in (_RATIONAL, _SIGNED_RATIONAL):
            code = "II" if kind == _RATIONAL else "ii"
            found: list[float] = []
            for over, under in struct.iter_unpack(self.order + code, raw):
                if not under:
                    break
                found.append(over / under)
            return found
        form = _FORMATS.get(kind)
        if form is None:
            return ()
        count = len(raw) // _SIZES[kind]
        values = struct.unpack(f"{self.order}{count}{form}", raw)
        return [value for value in values if math.isfinite(value)]

    def integer(self, tag: int) -> int | None:
        """Return the first number."""
        numbers = self.numbers(tag)
        return int(numbers[0]) if numbers else None

    def text(self, tag: int) -> str | None:
        """Return a text without the blanks around it; None for an empty one."""
        raw = self.raw(tag)
        return None if raw is None else decode(raw)

    def _offset(self, entry: _Entry) -> int:
        """Return where a value stands that is too long for its entry."""
        (offset,) = struct.unpack(f"{self.order}I", entry.place)
        return int(offset)


def decode(raw: bytes) -> str | None:
    """Return what a text of any program says; None if it says nothing."""
    raw = raw.partition(b"\0")[0]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.strip() or None


def read_header(part: Part) -> tuple[str, int]:
    """Return the byte order and the offset of the first directory. Raises Damaged."""
    head = part.read(0, 8)
    order = _ORDERS.get(head[:2])
    if order is None:
        raise Damaged("There is no TIFF")
    # The two bytes between are 42, or what makers of raw pictures put there.
    return order, struct.unpack(f"{order}I", head[4:])[0]


def read_directory(
    part: Part, order: str, offset: int, wanted: Collection[int]
) -> Directory:
    """Return the wanted values of a directory; offsets count from the part's start.

    Raises Damaged if there is none. One that is cut off is taken as far as it goes.
    """
    (count,) = struct.unpack(f"{order}H", part.read(offset, 2))
    if not count:
        raise Damaged("A directory is empty")
    end = offset + 2 + count * 12
    count = min(count, _MOST_ENTRIES, (part.size - offset - 2) // 12)
    entries: dict[int, _Entry] = {}
    rows = part.read(offset + 2, count * 12)
    for tag, kind, length, place in struct.iter_unpack(f"{order}HHI4s", rows):
        # As in other readers, the first of two counts.
        if tag in wanted and kind in _SIZES and length and tag not in entries:
            entries[tag] = _Entry(kind, length, place)
    following = part.upto(4, end) if end <= part.size else b""
    (after,) = struct.unpack(f"{order}I", following.rjust(4, b"\0"))
    return Directory(part, order, entries, after if len(following) == 4 else 0)
