"""JPEG, PNG, WebP, GIF, JPEG XL and Fuji's raw: where their facts stand."""

from collections.abc import Iterator
from dataclasses import dataclass

from .boxes import boxes
from .source import Damaged, Part

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
# Start of frame: all but those of tables (C4), arithmetic conditions (CC), and JPG (C8).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
# Markers without content.
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_MOST_SEGMENTS = 1000
_LARGEST_GAP = 16 * 1024
_MOST_CHUNKS = 20_000
# The end of a file tells whether Samsung's phones appended a video.
_TRAILER = 1024


@dataclass(slots=True)
class Picture:
    """Where the facts of a picture stand; ``size`` is width and height."""

    exif: Part | None = None
    xmp: Part | None = None
    size: tuple[int, int] | None = None
    has_video: bool = False
    damage: Damaged | None = None


def read_jpeg(whole: Part) -> Picture:
    """Return the parts of a JPEG before its pixels; the first of each kind counts."""
    picture = Picture()
    try:
        for marker, content in _segments(whole):
            if marker == 0xE1 and picture.exif is None and _begins(content, _EXIF):
                picture.exif = content.part(6)
            elif marker == 0xE1 and picture.xmp is None and _begins(content, _XMP):
                picture.xmp = content.part(len(_XMP))
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
            yield marker, whole.part(offset + 4, size - 2)
            offset += 2 + size


def _begins(part: Part, mark: bytes) -> bool:
    """Return whether a part begins with this."""
    return part.size > len(mark) and part.read(0, len(mark)) == mark


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


def read_png(whole: Part) -> Picture:
    """Return the parts of a PNG, those behind its pixels included."""
    picture = Picture()
    offset = 8
    try:
        for _ in range(_MOST_CHUNKS):
            if offset + 8 > whole.size:
                break
            head = whole.read(offset, 8)
            size, kind = int.from_bytes(head[:4]), head[4:]
            content = whole.part(offset + 8, min(size, whole.size - offset - 8))
            if kind == b"IHDR":
                picture.size = content.number(0, 4), content.number(4, 4)
            elif kind == b"eXIf":
                # Some programs write the mark of JPEG as well.
                has_mark = _begins(content, _EXIF)
                picture.exif = content.part(6) if has_mark else content
            elif kind == b"iTXt" and _begins(content, _PNG_XMP):
                # Only what is not compressed: no compression, language, translation.
                mark = content.upto(300, len(_PNG_XMP))
                if mark[:1] == b"\0" and mark.count(b"\0", 2) >= 2:
                    at = mark.index(b"\0", mark.index(b"\0", 2) + 1) + 1
                    picture.xmp = content.part(len(_PNG_XMP) + at)
            elif kind == b"tEXt" and _begins(content, _PNG_XMP):
                picture.xmp = content.part(len(_PNG_XMP))
            elif kind == b"IEND":
                break
            offset += 12 + size
    except Damaged as err:
        picture.damage = err
    return picture


def read_webp(whole: Part) -> Picture:
    """Return the parts of a WebP."""
    picture = Picture()
    try:
        for kind, content in _riff(whole):
            if kind == b"VP8X":
                picture.size = (
                    1 + int.from_bytes(content.read(4, 3), "little"),
                    1 + int.from_bytes(content.read(7, 3), "little"),
                )
            elif kind == b"VP8 " and picture.size is None:
                # Three bytes of the frame, three that mark its start, 14 bits each.
                sides = content.read(6, 4)
                picture.size = (
                    int.from_bytes(sides[:2], "little") & 0x3FFF,
                    int.from_bytes(sides[2:], "little") & 0x3FFF,
                )
            elif kind == b"VP8L" and picture.size is None:
                bits = int.from_bytes(content.read(1, 4), "little")
                picture.size = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
            elif kind == b"EXIF":
                has_mark = _begins(content, _EXIF)
                picture.exif = content.part(6) if has_mark else content
            elif kind == b"XMP ":
                picture.xmp = content
    except Damaged as err:
        picture.damage = err
    return picture


def _riff(whole: Part) -> Iterator[tuple[bytes, Part]]:
    """Yield the chunks of a RIFF file."""
    offset = 12
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > whole.size:
            return
        head = whole.read(offset, 8)
        size = int.from_bytes(head[4:], "little")
        yield head[:4], whole.part(offset + 8, min(size, whole.size - offset - 8))
        offset += 8 + size + (size & 1)


def read_gif(whole: Part) -> Picture:
    """Return the size of a GIF."""
    sides = whole.read(6, 4)
    return Picture(
        size=(
            int.from_bytes(sides[:2], "little"),
            int.from_bytes(sides[2:], "little"),
        )
    )


def read_jxl(whole: Part) -> Picture:
    """Return EXIF and XMP of a JPEG XL in its container, as far as not compressed."""
    picture = Picture()
    try:
        for box in boxes(whole):
            if box.kind == b"Exif":
                picture.exif = box.content.part(4 + box.content.number(0, 4))
            elif box.kind == b"xml ":
                picture.xmp = box.content
    except Damaged as err:
        picture.damage = err
    return picture


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
