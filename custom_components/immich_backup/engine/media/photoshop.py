"""Photoshop: its files, and what it and others note in JPEG and TIFF beside EXIF."""

from collections.abc import Iterator
import re

from .dates import parse_date
from .exif import Found
from .facts import DateSource
from .picture import Picture
from .source import Damaged, Part

_IPTC, _EXIF, _XMP = 0x0404, 0x0422, 0x0424
_MOST_RESOURCES = 1000
_MOST_NOTES = 1000
# IPTC's notes: what begins each, and those of the day and the time.
_NOTE, _DAY, _TIME = 0x1C, (2, 55), (2, 60)
_LONGEST_IPTC = 64 * 1024
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)([+-]\d{4})?", re.ASCII)


def read_psd(whole: Part) -> Picture:
    """Return the parts of a Photoshop file. Raises Damaged."""
    # Behind size and depth a palette, then the resources; each tells its length.
    palette = whole.number(26, 4)
    length = whole.number(30 + palette, 4)
    rest = whole.size - 34 - palette
    picture = read_resources(whole.part(34 + palette, min(length, rest)))
    picture.size = whole.number(18, 4), whole.number(14, 4)
    return picture


def read_resources(part: Part) -> Picture:
    """Return what stands in a list of resources; what comes before damage counts."""
    picture = Picture()
    try:
        for number, content in _resources(part):
            if number == _IPTC:
                picture.iptc = picture.iptc or content
            elif number == _EXIF:
                picture.exif.append(content)
            elif number == _XMP:
                picture.xmp = picture.xmp or content
    except Damaged as err:
        picture.damage = err
    return picture


def _resources(part: Part) -> Iterator[tuple[int, Part]]:
    """Yield number and content of each resource. Raises Damaged."""
    offset = 0
    for _ in range(_MOST_RESOURCES):
        # The mark, a number, a name padded to two bytes, the size.
        if offset + 12 > part.size:
            return
        number = part.number(offset + 4, 2)
        offset += 6 + (2 + part.number(offset + 6, 1) & ~1)
        size = part.number(offset, 4)
        yield number, part.part(offset + 4, size)
        offset += 4 + (size + 1 & ~1)


def read_iptc(part: Part) -> Found:
    """Return when a picture was taken by IPTC; a day without a time is none.

    Raises Damaged.
    """
    notes: dict[tuple[int, int], str] = {}
    offset, data = 0, part.upto(_LONGEST_IPTC)
    for _ in range(_MOST_NOTES):
        head = data[offset : offset + 5]
        if len(head) < 5 or head[0] != _NOTE:
            break
        size = int.from_bytes(head[3:])
        value = data[offset + 5 : offset + 5 + size]
        notes.setdefault((head[1], head[2]), value.decode("latin-1"))
        offset += 5 + size
    match = _DIGITS.fullmatch(f"{notes.get(_DAY, '')} {notes.get(_TIME, '')}")
    if match is None:
        return {}
    year, month, day, hour, minute, second, offset_text = match.groups()
    parsed = parse_date(
        f"{year}:{month}:{day} {hour}:{minute}:{second}{offset_text or ''}"
    )
    if parsed is None:
        return {}
    return {
        "captured_at": parsed[0],
        "utc_offset": parsed[1],
        "captured_source": DateSource.XMP,
        "is_original": True,
    }
