"""Places on earth as files write them."""

from collections.abc import Sequence
import math
import re

# ISO 6709: +DD.DDDD, +DDMM.MMM or +DDMMSS.SS, the longitude with one digit more.
_ISO_6709 = re.compile(
    r"([+-]\d{1,6}(?:\.\d*)?)\s?([+-]\d{1,7}(?:\.\d*)?)\s?([+-]\d+(?:\.\d*)?)?",
    re.ASCII,
)
_XMP = re.compile(r"(\d{1,3}),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])?", re.ASCII)
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_LONGEST = 100


def on_earth(
    latitude: float | None, longitude: float | None
) -> tuple[float, float] | None:
    """Return a place if it can be one.

    Zero north, zero east is what devices write that don't know where they are.
    """
    if latitude is None or longitude is None or not (latitude or longitude):
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return latitude, longitude


def degrees(parts: Sequence[float], reference: str | None) -> float | None:
    """Return degrees from degrees, minutes and seconds (missing ones are none)."""
    if not parts:
        return None
    value = sum(abs(part) / 60.0**power for power, part in enumerate(parts[:3]))
    return -value if (reference or "")[:1].upper() in ("S", "W") else value


def numbers_in(text: str) -> Sequence[float]:
    """Return the numbers in a text, whatever stands between them."""
    return [float(number) for number in _NUMBER.findall(text[:_LONGEST])]


def parse_iso6709(text: str) -> tuple[float, float, float | None] | None:
    """Return latitude, longitude and altitude from `+37.3316-122.0301+010.000/`."""
    match = _ISO_6709.match(text.strip("\0 "))
    if match is None:
        return None
    place = on_earth(_compact(match[1], 2), _compact(match[2], 3))
    return None if place is None else (*place, float(match[3]) if match[3] else None)


def parse_xmp(text: str | None) -> float | None:
    """Return degrees from `40,42.768N`, `40,42,46N` or a plain number."""
    if text is None:
        return None
    match = _XMP.fullmatch(text.strip())
    if match is not None:
        return degrees([float(part) for part in match.groups()[:3] if part], match[4])
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _compact(text: str, digits: int) -> float:
    """Return degrees from a number whose first digits are degrees, minutes, seconds."""
    whole, _, rest = text[1:].partition(".")
    groups = [whole[:digits], *(whole[at : at + 2] for at in (digits, digits + 2))]
    parts = [group for group in groups if group]
    parts[-1] += f".{rest or 0}"
    value = sum(float(part) / 60.0**power for power, part in enumerate(parts))
    return -value if text[0] == "-" else value
