"""EXIF as Pillow reads it, in the words of the API."""

from dataclasses import dataclass, field
import math
import mmap
from pathlib import Path
import re
from typing import Any, Final

from PIL import ExifTags, Image

from .dates import Taken, parse_taken

# What Pillow raises for files that are not what they seem.
BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    Image.DecompressionBombError,
)
_HEIF = re.compile(rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class PictureFacts:
    """What a picture says of itself; told uses the names of the API's exifInfo."""

    width: int | None = None
    height: int | None = None
    taken: Taken | None = None
    latitude: float | None = None
    longitude: float | None = None
    told: dict[str, Any] = field(default_factory=dict)


def is_heif(path: Path) -> bool:
    """Say whether this is a HEIF picture, which Pillow alone cannot open."""
    with path.open("rb") as handle:
        return _HEIF.match(handle.read(16)) is not None


def read_picture(path: Path) -> PictureFacts:
    """Return what is known of a picture; nothing for what is none."""
    facts = PictureFacts()
    try:
        with Image.open(path) as picture:
            facts.width, facts.height = picture.size
            exif = picture.getexif()
            _read_exif(exif, facts)
    except BROKEN:
        if facts.width is None and path.stat().st_size > 16 and is_heif(path):
            _read_heif(path, facts)
    return facts


def _read_heif(path: Path, facts: PictureFacts) -> None:
    """Find size and EXIF of a HEIF file by their marks."""
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        largest = (0, 0)
        at = data.find(b"ispe")
        while at >= 0:
            width = int.from_bytes(data[at + 8 : at + 12])
            height = int.from_bytes(data[at + 12 : at + 16])
            largest = max(largest, (width, height))
            at = data.find(b"ispe", at + 4)
        if all(largest):
            facts.width, facts.height = largest
        for mark in (b"Exif\0\0MM\0*", b"Exif\0\0II*\0"):
            at = data.find(mark)
            if at >= 0:
                exif = Image.Exif()
                try:
                    exif.load(data[at : at + 256 * 1024])
                    _read_exif(exif, facts)
                except BROKEN:
                    return


def _read_exif(exif: Image.Exif, facts: PictureFacts) -> None:
    base, image = ExifTags.Base, exif.get_ifd(ExifTags.IFD.Exif)
    facts.told = {
        "make": _text(exif.get(base.Make)),
        "model": _text(exif.get(base.Model)),
        "orientation": _text(exif.get(base.Orientation)),
        "description": _text(exif.get(base.ImageDescription)) or "",
        "lensModel": _text(image.get(base.LensModel)),
        "fNumber": _number(image.get(base.FNumber)),
        "focalLength": _number(image.get(base.FocalLength)),
        "iso": _integer(image.get(base.ISOSpeedRatings)),
        "exposureTime": _exposure(_number(image.get(base.ExposureTime))),
    }
    offset = _text(image.get(base.OffsetTimeOriginal)) or _text(
        image.get(base.OffsetTime)
    )
    for tag in (base.DateTimeOriginal, base.DateTimeDigitized):
        text = _text(image.get(tag))
        if text and (taken := parse_taken(text, offset)):
            facts.taken = taken
            break
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef)
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef)
    if latitude is not None and longitude is not None and (latitude or longitude):
        facts.latitude, facts.longitude = latitude, longitude


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).replace("\0", "").strip() or None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except TypeError, ValueError, ZeroDivisionError:
        return None
    return None if math.isnan(number) else round(number, 4)


def _integer(value: Any) -> int | None:
    number = _number(value[0] if isinstance(value, tuple) and value else value)
    return None if number is None else round(number)


def _exposure(seconds: float | None) -> str | None:
    if not seconds:
        return None
    return f"1/{round(1 / seconds)}" if seconds < 1 else f"{seconds:g}"


def _degrees(gps: dict[int, Any], tag: int, reference: int) -> float | None:
    parts = gps.get(tag)
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    value = sum(
        number / 60**power for power, number in enumerate(numbers) if number is not None
    )
    if _text(gps.get(reference)) in ("S", "W"):
        value = -value
    return round(value, 7) if abs(value) <= 180 else None
