"""Reading little of a file, however large it is and whatever stands in it."""

from collections import deque
from dataclasses import dataclass
import os
from typing import BinaryIO

# No file is read further than this, whatever it promises.
BUDGET = 512 * 1024
# The facts of most pictures stand here.
_HEAD = 16 * 1024
# Every further look costs time, even at a single byte.
_LEAST_COST = 32
# Parts that were read last are likely to be looked at again.
_KEPT = 8


class Damaged(ValueError):
    """The file is not what its format promises."""


class TooMuch(Damaged):
    """More of the file would have to be read than is allowed."""


class Source:
    """An open file; blocking.

    ``bytes_read`` is how much was read so far. All methods raise OSError when the disk
    fails.
    """

    def __init__(self, file: BinaryIO, budget: int = BUDGET) -> None:
        """Take an open file, whatever its position."""
        self._file = file
        self._left = budget
        self._head = b""
        self._chunks: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self.size = file.seek(0, os.SEEK_END)
        self.bytes_read = 0

    def whole(self) -> Part:
        """Return all of the file."""
        return Part(self, 0, self.size)

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly these bytes.

        Raises Damaged if the file is too short, TooMuch if it was read enough.
        """
        if count < 0 or offset < 0 or offset + count > self.size:
            raise Damaged("The file ends too early")
        if not self._head and count:
            self._head = self._fetch(0, min(_HEAD, self.size))
        if offset + count <= len(self._head):
            return self._head[offset : offset + count]
        for start, data in self._chunks:
            if start <= offset and offset + count <= start + len(data):
                return data[offset - start : offset - start + count]
        data = self._fetch(offset, count)
        self._chunks.appendleft((offset, data))
        return data

    def _fetch(self, offset: int, count: int) -> bytes:
        """Read from the file, as far as it may be read."""
        self._left -= max(count, _LEAST_COST)
        if self._left < 0:
            raise TooMuch("Too much of the file would have to be read")
        self._file.seek(offset)
        found = bytearray()
        while len(found) < count:
            data = self._file.read(count - len(found))
            if not data:
                raise Damaged("The file became shorter")
            found += data
        self.bytes_read += count
        return bytes(found)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file; nothing outside of it can be read through it."""

    source: Source
    start: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly these bytes of it. Raises Damaged."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise Damaged("A part ends too early")
        return self.source.read(self.start + offset, count)

    def upto(self, most: int, offset: int = 0) -> bytes:
        """Return what there is from an offset on, but no more than so many bytes."""
        return self.read(offset, max(0, min(most, self.size - offset)))

    def number(self, offset: int, count: int) -> int:
        """Return an unsigned number, its highest byte first."""
        return int.from_bytes(self.read(offset, count))

    def part(self, offset: int, size: int | None = None) -> Part:
        """Return a stretch of this one, to its end without a size. Raises Damaged."""
        rest = self.size - offset
        if size is None:
            size = rest
        if offset < 0 or not 0 <= size <= rest:
            raise Damaged("A part reaches beyond its whole")
        return Part(self.source, self.start + offset, size)
