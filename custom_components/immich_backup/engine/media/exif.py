"""EXIF: when, where and with what a picture was taken."""

from datetime import datetime, timedelta
from typing import Any

from .dates import has_time, parse_date, parse_offset
from .facts import DateSource
from .place import degrees, numbers_in, on_earth
from .source import Damaged, Part
from .tiff import Directory, read_directory, read_header

# The names are those of the standard, EXIF 2.32.
_IMAGE_WIDTH, _IMAGE_LENGTH, _DESCRIPTION = 0x0100, 0x0101, 0x010E
_MAKE, _MODEL, _ORIENTATION, _DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
_SUB_IFDS, _RATING, _EXIF_IFD, _GPS_IFD = 0x014A, 0x4746, 0x8769, 0x8825
XMP, IPTC, PHOTOSHOP = 0x02BC, 0x83BB, 0x8649
_NEW_SUBFILE_TYPE = 0x00FE
# Panasonic's raw says where on the sensor the picture lies.
_TOP, _LEFT, _BOTTOM, _RIGHT = 4, 5, 6, 7
_ORIGINAL, _DIGITIZED = 0x9003, 0x9004
_ROOT = frozenset(
    (
        *(_IMAGE_WIDTH, _IMAGE_LENGTH, _DESCRIPTION, _MAKE, _MODEL, _ORIENTATION),
        *(_DATE_TIME, _SUB_IFDS, _RATING, _EXIF_IFD, _GPS_IFD, XMP, IPTC, PHOTOSHOP),
        *(_NEW_SUBFILE_TYPE, _TOP, _LEFT, _BOTTOM, _RIGHT, _ORIGINAL, _DIGITIZED),
    )
)
_LENS = 0xA434
_OFFSET, _OFFSET_ORIGINAL, _OFFSET_DIGITIZED = 0x9010, 0x9011, 0x9012
_SUBSEC, _SUBSEC_ORIGINAL, _SUBSEC_DIGITIZED = 0x9290, 0x9291, 0x9292
_MAKER_NOTE, _USER_COMMENT, _PIXEL_X, _PIXEL_Y = 0x927C, 0x9286, 0xA002, 0xA003
_DETAILS = frozenset(
    (
        *(_ORIGINAL, _DIGITIZED, _LENS, _OFFSET, _OFFSET_ORIGINAL, _OFFSET_DIGITIZED),
        *(_SUBSEC, _SUBSEC_ORIGINAL, _SUBSEC_DIGITIZED, _MAKER_NOTE, _USER_COMMENT),
        *(_PIXEL_X, _PIXEL_Y),
    )
)
_MOMENTS = (
    (_ORIGINAL, _SUBSEC_ORIGINAL, _OFFSET_ORIGINAL, DateSource.EXIF),
    (_DIGITIZED, _SUBSEC_DIGITIZED, _OFFSET_DIGITIZED, DateSource.EXIF),
    (_DATE_TIME, _SUBSEC, _OFFSET, DateSource.EXIF_CHANGED),
)
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_ALTITUDE_REF, _ALTITUDE, _TIME_STAMP, _DATE_STAMP = 5, 6, 7, 29
_GPS = frozenset((*range(1, 8), _DATE_STAMP))
_APPLE = b"Apple iOS\0"
_APPLE_BURST, _APPLE_CONTENT = 0x000B, 0x0011
_SCREENSHOT = b"Screenshot"
# Pictures inside a raw picture; more than a few are not looked at.
_MOST_SUB_IFDS = 8

type Found = dict[str, Any]


def read_exif(part: Part) -> Found:
    """Return what the TIFF of a picture's EXIF says, by names of MediaFacts.

    What is damaged is left out. Raises Damaged if there is no EXIF.
    """
    return read_bare(part, *read_header(part))


def read_bare(part: Part, order: str, offset: int) -> Found:
    """Return what EXIF without a header says, of an order and at an offset.

    Raises Damaged if there is none.
    """
    root = read_directory(part, order, offset, _ROOT)
    return facts_of(
        root, _below(root, _EXIF_IFD, _DETAILS), _below(root, _GPS_IFD, _GPS)
    )


def read_raw(part: Part) -> tuple[Found, Directory]:
    """Return what a TIFF or a raw picture says, with its size; and its directory.

    Raises Damaged.
    """
    order, offset = read_header(part)
    root = read_directory(part, order, offset, _ROOT)
    details = _below(root, _EXIF_IFD, _DETAILS)
    found = facts_of(root, details, _below(root, _GPS_IFD, _GPS))
    # Canon's raw begins with a preview; its EXIF tells the size of the picture.
    is_canon = part.read(8, 2) == b"CR"
    found |= (is_canon and _size_of_exif(details)) or _size(root)
    if "width" not in found:
        found |= _size_of_exif(details)
    return found, root


def read_loose(root: Part | None, details: Part | None, gps: Part | None) -> Found:
    """Return what three TIFFs say of which each holds one directory, as in CR3.

    Raises Damaged if there is none of the first.
    """
    if root is None:
        raise Damaged("There is no EXIF")
    first = _alone(root, _ROOT)
    assert first is not None
    found = facts_of(first, _alone(details, _DETAILS), _alone(gps, _GPS))
    return found | _size(first)


def _alone(part: Part | None, wanted: frozenset[int]) -> Directory | None:
    """Return the directory of a TIFF that holds no other."""
    if part is None:
        return None
    order, offset = read_header(part)
    return read_directory(part, order, offset, wanted)


def facts_of(
    root: Directory, details: Directory | None, gps: Directory | None
) -> Found:
    """Return what the directories say, by names of MediaFacts."""
    found: Found = {
        "make": root.text(_MAKE),
        "model": root.text(_MODEL),
        "description": root.text(_DESCRIPTION),
    }
    orientation = root.integer(_ORIENTATION)
    if orientation is not None and 1 <= orientation <= 8:
        found["orientation"] = orientation
    rating = root.integer(_RATING)
    if rating is not None and -1 <= rating <= 5:
        found["rating"] = rating
    found |= _captured(root, details)
    if details is not None:
        found["lens"] = details.text(_LENS)
        found |= _apple(details)
        if (details.raw(_USER_COMMENT) or b"")[8:].strip(b"\0 ") == _SCREENSHOT:
            found["is_screenshot"] = True
    if gps is not None:
        found |= _place(gps)
    return {name: value for name, value in found.items() if value is not None}


def _below(root: Directory, tag: int, wanted: frozenset[int]) -> Directory | None:
    """Return a directory to which a value points, if it is there."""
    offset = root.integer(tag)
    if offset is None:
        return None
    try:
        return read_directory(root.part, root.order, offset, wanted)
    except Damaged:
        return None


def _captured(root: Directory, details: Directory | None) -> Found:
    """Return when the picture was taken."""
    # Raw pictures may tell it at their root, as TIFF/EP has it.
    tries = [
        (directory, *tags)
        for tags in _MOMENTS
        for directory in (details, root)
        if directory is not None and tags[0] in directory
    ]
    for directory, tag, subsec, own_offset, source in tries:
        text = directory.text(tag)
        # A day alone is none for the server.
        if (parsed := parse_date(text)) is None or not has_time(text):
            continue
        moment, offset = parsed
        if details is not None:
            moment = moment.replace(
                microsecond=_fraction(details.text(subsec)) or moment.microsecond
            )
            for own in (own_offset, _OFFSET):
                offset = parse_offset(details.text(own)) if offset is None else offset
        return {
            "captured_at": moment,
            "utc_offset": offset,
            "captured_source": source,
            "is_original": tag == _ORIGINAL,
        }
    return {}


def _fraction(text: str | None) -> int:
    """Return microseconds from the digits behind the point."""
    digits = (text or "").strip()
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return int(digits.ljust(6, "0")[:6])


def _place(gps: Directory) -> Found:
    """Return where the picture was taken, and when by the satellites."""
    found: Found = {}
    place = on_earth(
        _degrees(gps, _LATITUDE, _LATITUDE_REF),
        _degrees(gps, _LONGITUDE, _LONGITUDE_REF),
    )
    if place is not None:
        found["latitude"], found["longitude"] = place
        if height := gps.numbers(_ALTITUDE):
            below = (gps.raw(_ALTITUDE_REF) or b"\0")[:1] == b"\1"
            found["altitude"] = -height[0] if below else height[0]
    day, clock = parse_date(gps.text(_DATE_STAMP)), gps.numbers(_TIME_STAMP)
    if day is not None and len(clock) == 3 and _is_clock(*clock):
        hours, minutes, seconds = clock
        midnight = datetime.combine(day[0], datetime.min.time())
        # The day may be the last that there is.
        if midnight.year < datetime.max.year:
            found["satellite_at"] = midnight + timedelta(
                hours=hours, minutes=minutes, seconds=seconds
            )
    return found


def _degrees(gps: Directory, tag: int, reference: int) -> float | None:
    """Return degrees; None if a part of them is no number, as of some broken clocks."""
    parts = gps.numbers(tag)
    # Some programs write them as texts.
    if not parts and (text := gps.text(tag)) is not None:
        return degrees(numbers_in(text), gps.text(reference))
    if len(parts) < min(gps.count(tag), 3):
        return None
    return degrees(parts, gps.text(reference))


def _is_clock(hours: float, minutes: float, seconds: float) -> bool:
    """Return whether this is a time of the day."""
    return 0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds <= 60


def _apple(details: Directory) -> Found:
    """Return what Apple's maker note says about live photos and bursts."""
    note = details.place(_MAKER_NOTE)
    try:
        if note is None or note.read(0, len(_APPLE)) != _APPLE:
            return {}
        # A version, the byte order, then a directory whose offsets count from here.
        tags = read_directory(note, ">", 14, (_APPLE_BURST, _APPLE_CONTENT))
    except Damaged:
        return {}
    return {
        "burst_id": tags.text(_APPLE_BURST),
        "content_identifier": tags.text(_APPLE_CONTENT),
    }


def _size(root: Directory) -> Found:
    """Return the pixels of the picture itself, not of a preview."""
    best = _pixels(root.integer(_IMAGE_WIDTH), root.integer(_IMAGE_LENGTH))
    if not best and _RIGHT in root:
        edges = [root.integer(tag) or 0 for tag in (_LEFT, _RIGHT, _TOP, _BOTTOM)]
        best = _pixels(edges[1] - edges[0], edges[3] - edges[2])
    offsets = [int(offset) for offset in root.numbers(_SUB_IFDS)[:_MOST_SUB_IFDS]]
    # Where the first is a smaller version, the picture itself may come next.
    if root.integer(_NEW_SUBFILE_TYPE) and root.following:
        offsets.append(root.following)
    for offset in offsets:
        try:
            below = read_directory(root.part, root.order, offset, _ROOT)
        except Damaged:
            continue
        # Zero is the picture in full, one a smaller version.
        if below.integer(_NEW_SUBFILE_TYPE) == 0:
            size = _pixels(below.integer(_IMAGE_WIDTH), below.integer(_IMAGE_LENGTH))
            if size.get("width", 0) > best.get("width", 0):
                best = size
    return best


def _size_of_exif(details: Directory | None) -> Found:
    """Return the pixels that EXIF tells."""
    if details is None:
        return {}
    return _pixels(details.integer(_PIXEL_X), details.integer(_PIXEL_Y))


def _pixels(width: int | None, height: int | None) -> Found:
    """Return a size, if it is one."""
    if width is None or height is None or width <= 0 or height <= 0:
        return {}
    return {"width": width, "height": height}
