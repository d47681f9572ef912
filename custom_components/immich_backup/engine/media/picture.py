"""PNG, WebP, BMP and Minolta's raw: where their facts stand."""

from dataclasses import dataclass, field
from io import BytesIO
import zlib

from .riff import chunks
from .source import Damaged, Part, Source

EXIF = b"Exif\0"
TIFFS = (b"II*\0", b"MM\0*")
_PNG_XMP = b"XML:com.adobe.xmp"
_MOST_CHUNKS = 20_000
# What ImageMagick notes by the name of a raw profile: a name, a length, and digits.
_PROFILE = b"Raw profile type "
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_MOST_NOTES = 8
_LONGEST_NOTE = 128 * 1024
_LONGEST_PROFILE = 256 * 1024
# The headers of BMP: that of OS/2, and those of Windows, which only became longer.
_OS2, _WINDOWS = 12, 40


@dataclass(slots=True)
class Picture:
    """Where the facts of a picture stand; ``size`` is width and height.

    Of several pieces of EXIF the last counts most. ``resources`` is a list of
    Photoshop's; ``duration`` is in seconds.
    """

    exif: list[Part] = field(default_factory=list)
    xmp: Part | None = None
    iptc: Part | None = None
    resources: Part | None = None
    size: tuple[int, int] | None = None
    duration: float | None = None
    has_video: bool = False
    damage: Damaged | None = None


def begins(part: Part, mark: bytes) -> bool:
    """Return whether a part begins with this, and goes on."""
    return part.size > len(mark) and part.read(0, len(mark)) == mark


def without_mark(part: Part) -> Part:
    """Return EXIF without the mark that it has in JPEG, and at times elsewhere."""
    return part.part(len(EXIF) + 1) if begins(part, EXIF) else part


def read_png(whole: Part) -> Picture:
    """Return the parts of a PNG, those behind its pixels included."""
    picture = Picture()
    offset, notes = 8, 0
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
                picture.exif.append(without_mark(content))
            elif kind in (b"tEXt", b"zTXt", b"iTXt") and notes < _MOST_NOTES:
                notes += _note(picture, kind, content)
            elif kind == b"IEND":
                break
            offset += 12 + size
    except Damaged as err:
        picture.damage = err
    return picture


def _note(picture: Picture, kind: bytes, content: Part) -> bool:
    """Read a note if it holds XMP, or EXIF as ImageMagick writes it; return whether."""
    name, end, _ = content.upto(80).partition(b"\0")
    if not end or not (name == _PNG_XMP or name.startswith(_PROFILE)):
        return False
    at, is_packed = len(name) + 1, kind == b"zTXt"
    if kind == b"zTXt":
        at += 1
    elif kind == b"iTXt":
        # Whether and how it is compressed, then two texts: language and translation.
        mark = content.upto(300, at)
        if mark.count(b"\0", 2) < 2:
            return False
        is_packed = mark[0] == 1
        at += mark.index(b"\0", mark.index(b"\0", 2) + 1) + 1
    text = content.part(at)
    if is_packed:
        text = _memory(_unpacked(text.upto(_LONGEST_NOTE)))
    if name == _PNG_XMP:
        picture.xmp = text
    elif name.startswith(_PROFILE):
        _profile(picture, text.upto(2 * _LONGEST_PROFILE))
    return True


def _profile(picture: Picture, text: bytes) -> None:
    """Read a raw profile: a name, the count of its bytes, and their digits."""
    _, _, _, digits = (text.split(b"\n", 3) + [b""] * 4)[:4]
    try:
        part = _memory(bytes.fromhex(digits.decode("ascii")))
    except ValueError as err:
        raise Damaged("A profile has other signs than digits") from err
    # The names are of many programs; what it is shows at its beginning.
    head = part.upto(4)
    if begins(part, _XMP_MARK):
        picture.xmp = part.part(len(_XMP_MARK))
    elif head == EXIF[:4] or head in TIFFS:
        picture.exif.append(without_mark(part))
    elif head == b"8BIM":
        picture.resources = part
    elif head.startswith(b"<"):
        picture.xmp = part


def _unpacked(data: bytes) -> bytes:
    """Return what was compressed, as far as it is not too long. Raises Damaged."""
    try:
        return zlib.decompressobj().decompress(data, 2 * _LONGEST_PROFILE)
    except zlib.error as err:
        raise Damaged("A note can't be unpacked") from err


def _memory(data: bytes) -> Part:
    """Return bytes as if they were a file."""
    return Source(BytesIO(data), len(data) + _LONGEST_PROFILE).whole()


def read_webp(whole: Part) -> Picture:
    """Return the parts of a WebP."""
    picture = Picture()
    try:
        for kind, content in chunks(whole, 12):
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
                picture.exif.append(without_mark(content))
            elif kind == b"XMP ":
                picture.xmp = content
    except Damaged as err:
        picture.damage = err
    return picture


def read_bmp(whole: Part) -> Picture:
    """Return the size of a BMP; a negative height counts from the top."""
    length = int.from_bytes(whole.read(14, 4), "little")
    if length == _OS2:
        sides = whole.read(18, 4)
        width, height = (int.from_bytes(sides[at : at + 2], "little") for at in (0, 2))
    elif length >= _WINDOWS:
        width = int.from_bytes(whole.read(18, 4), "little")
        height = abs(int.from_bytes(whole.read(22, 4), "little", signed=True))
    else:
        raise Damaged("The header is of no known length")
    return Picture(size=(width, height))


def read_mrw(whole: Part) -> Picture:
    """Return size and EXIF of Minolta's raw: blocks of a name, a length, a content."""
    picture = Picture()
    end, offset = 8 + whole.number(4, 4), 8
    try:
        while offset + 8 <= end and len(picture.exif) < 2:
            kind, size = whole.read(offset, 4), whole.number(offset + 4, 4)
            content = whole.part(offset + 8, size)
            if kind == b"\0PRD":
                picture.size = content.number(14, 2), content.number(12, 2)
            elif kind == b"\0TTW":
                picture.exif.append(content)
            offset += 8 + size
    except Damaged as err:
        picture.damage = err
    return picture
