"""Boxes: what MP4, MOV, HEIC, AVIF, CR3 and JPEG XL files are made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from .source import Damaged, Part

# Long recordings in pieces have a box for each; the facts stand before or behind.
_MOST_BOXES = 4000


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its four letters, and what it holds; cut off, it is not whole.

    ``uuid`` names one of a maker.
    """

    kind: bytes
    content: Part
    uuid: bytes | None = None
    is_whole: bool = True


def boxes(part: Part, offset: int = 0) -> Iterator[Box]:
    """Yield the boxes of a stretch, one after the other (ISO 14496-12, 4.2).

    One that is cut off is the last one. Raises Damaged for a size that none can have.
    """
    for _ in range(_MOST_BOXES):
        # QuickTime may end a list by a zero.
        if offset + 8 > part.size:
            return
        head = part.read(offset, 8)
        size, kind = int.from_bytes(head[:4]), head[4:]
        header = 8
        if size == 1:
            size, header = part.number(offset + 8, 8), 16
        elif size == 0:
            if kind == b"\0\0\0\0":
                return
            size = part.size - offset
        if size < header:
            raise Damaged("A box is smaller than its header")
        uuid = None
        if kind == b"uuid" and size >= header + 16:
            uuid = part.read(offset + header, 16)
            header += 16
        end = min(offset + size, part.size)
        if end < offset + header:
            raise Damaged("A box is cut off")
        content = part.part(offset + header, end - offset - header)
        yield Box(kind, content, uuid, offset + size <= part.size)
        offset += size


def find(part: Part, *path: bytes) -> Part | None:
    """Return what the first box below such a path holds."""
    for kind in path:
        for box in boxes(part):
            if box.kind == kind:
                part = box.content
                break
        else:
            return None
    return part


def meta_boxes(part: Part) -> Iterator[Box]:
    """Yield the boxes of a `meta` box: in ISO files they follow version and flags."""
    is_quicktime = part.size >= 8 and part.read(4, 4) in (b"hdlr", b"keys", b"ilst")
    return boxes(part, 0 if is_quicktime else 4)
