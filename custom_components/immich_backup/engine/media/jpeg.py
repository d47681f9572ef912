"""JPEG, and Fuji's raw: where their facts stand."""

from collections.abc import Iterator
import re

from .picture import TIFFS, Picture, begins
from .source import Damaged, Part

# Some cameras write its first bytes in another way, or other bytes before it.
_EXIF = re.compile(rb".{0,4}?Exif\0", re.DOTALL | re.IGNORECASE)
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_RESOURCES = b"Photoshop 3.0\0"
# Start of frame: all but those of tables (C4), arithmetic conditions (CC), and JPG (C8).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
# Markers without content.
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_MOST_SEGMENTS = 1000
_LARGEST_GAP = 16 * 1024
# The end of a file tells whether Samsung's phones appended a video.
_TRAILER = 1024


def read_jpeg(whole: Part) -> Picture:
    """Return the parts of a JPEG before its pixels."""
    picture = Picture()
    try:
        for marker, content in _segments(whole):
            if marker == 0xE1 and (tiff := _exif(content)) is not None:
                picture.exif.append(tiff)
            elif marker == 0xE1 and picture.xmp is None and begins(content, _XMP):
                picture.xmp = content.part(len(_XMP))
            elif marker == 0xED and begins(content, _RESOURCES):
                picture.resources = picture.resources or content.part(len(_RESOURCES))
            elif marker in _FRAMES and picture.size is None:
                picture.size = content.number(3, 2), content.number(1, 2)
    except Damaged as err:
        picture.damage = err
    picture.has_video = _has_samsung_video(whole)
    return picture


def _segments(whole: Part) -> Iterator[tuple[int, Part]]:
    """Yield the segments up to the pixels. Raises Damaged."""
    offset = 2
    for _ in range(_MOST_SEGMENTS):
        head = whole.read(offset, 2)
        if head[0] != 0xFF:
            # What lies between segments is skipped, as decoders do.
            gap = whole.upto(_LARGEST_GAP, offset).find(b"\xff")
            if gap < 0:
                raise Damaged("A segment is missing")
            offset += gap
            continue
        marker = head[1]
        if marker == 0xFF:
            # A marker may be padded.
            offset += 1
        elif marker in _BARE:
            offset += 2
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        else:
            size = whole.number(offset + 2, 2)
            if size < 2:
                raise Damaged("A segment is smaller than its header")
            if offset + 2 + size > whole.size:
                # What is cut off is not believed; ExifTool, and so the server, does not.
                raise Damaged("A segment is cut off")
            yield marker, whole.part(offset + 4, size - 2)
            offset += 2 + size


def _exif(content: Part) -> Part | None:
    """Return the TIFF of a segment that holds EXIF; a further piece of it is none."""
    match = _EXIF.match(content.upto(10))
    if match is None or content.size < match.end() + 9:
        return None
    tiff = content.part(match.end() + 1)
    return tiff if tiff.read(0, 4) in TIFFS else None


def _has_samsung_video(whole: Part) -> bool:
    """Return whether Samsung's trailer lists a video (type 0x0A30)."""
    if whole.size < _TRAILER:
        return False
    end = whole.read(whole.size - _TRAILER, _TRAILER)
    if not end.endswith(b"SEFT"):
        return False
    at = end.rfind(b"SEFH")
    if at < 0:
        return False
    count = min(int.from_bytes(end[at + 8 : at + 12], "little"), _TRAILER // 12)
    kinds = (end[at + 14 + 12 * n : at + 16 + 12 * n] for n in range(count))
    return b"\x30\x0a" in kinds


def read_raf(whole: Part) -> Picture:
    """Return the facts of Fuji's raw: EXIF stands in the JPEG that is its preview."""
    start, size = whole.number(84, 4), whole.number(88, 4)
    picture = read_jpeg(whole.part(start, size))
    picture.size = None
    try:
        picture.size = _size_of_raf(whole, whole.number(92, 4))
    except Damaged as err:
        picture.damage = err
    return picture


def _size_of_raf(whole: Part, at: int) -> tuple[int, int] | None:
    """Return the size as cropped (0x0111) from a list of tags. Raises Damaged."""
    count, at = min(whole.number(at, 4), 255), at + 4
    for _ in range(count):
        tag, length = whole.number(at, 2), whole.number(at + 2, 2)
        if tag == 0x0111 and length == 4:
            return whole.number(at + 6, 2), whole.number(at + 4, 2)
        at += 4 + length
    return None
