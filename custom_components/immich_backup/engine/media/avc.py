"""AVC: what stands between the pictures of an H.264 stream, as camcorders write it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
import re
import struct

from .dates import parse_date
from .exif import Found
from .facts import DateSource
from .place import degrees, on_earth
from .tiff import decode

_START = re.compile(rb"\x00\x00\x01")
_NOTES, _PARAMETERS = 6, 7
# The notes of camcorders: Modified Digital Video Pack Metadata.
_MARK = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
_UNREGISTERED = 5
_DATE, _DATE_REST, _LATITUDE_REF, _LATITUDE = 0x18, 0x19, 0xB1, 0xB2
_LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE = 0xB5, 0xB6, 0xB9, 0xBA
_MAKE, _MODEL = 0xE0, 0xE4
_MAKERS = {0x0103: "Panasonic", 0x0108: "Sony", 0x1011: "Canon", 0x1104: "JVC"}
# A profile from here on tells more of colours before it tells the size.
_HIGH = 100
_WIDTHS, _HEIGHTS = range(160, 4097), range(120, 3073)


def read_frame(data: bytes) -> Found:
    """Return what the beginning of a frame says; what is cut off is left out."""
    found: Found = {}
    for kind, unit in _units(data):
        with suppress(ValueError, IndexError, struct.error):
            if kind == _NOTES and "captured_at" not in found:
                found |= _notes(unit)
            elif kind == _PARAMETERS and "width" not in found:
                found |= _size(unit)
    return found


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the units of a stream: their kind, and their bytes without padding."""
    starts = [match.end() for match in _START.finditer(data)]
    for start, end in zip(starts, [*starts[1:], len(data) + 3], strict=True):
        if start < len(data):
            unit = data[start + 1 : end - 3]
            yield data[start] & 31, unit.replace(b"\0\0\3", b"\0\0")


def _notes(unit: bytes) -> Found:
    """Return what the camcorder notes in one of the messages of a unit."""
    at = 0
    while at < len(unit):
        kind, at = _sum(unit, at)
        size, at = _sum(unit, at)
        body = unit[at : at + size]
        at += size
        if kind == _UNREGISTERED:
            return _camcorder(body) if body.startswith(_MARK) else {}
    return {}


def _sum(unit: bytes, at: int) -> tuple[int, int]:
    """Return a number that goes on while its bytes are 255, and where it ends."""
    total = 0
    while unit[at] == 255:
        total, at = total + 255, at + 1
    return total + unit[at], at + 1


def _camcorder(body: bytes) -> Found:
    """Return what the notes of a camcorder say: rows of a tag and four bytes."""
    at = len(_MARK) + 1
    count = body[at - 1]
    rows = {
        body[place]: body[place + 1 : place + 5]
        for place in range(at, min(at + 5 * count, len(body) - 4), 5)
    }
    found: Found = {}
    if _DATE in rows and _DATE_REST in rows:
        found |= _taken(rows[_DATE] + rows[_DATE_REST])
    place = on_earth(
        _degrees(rows, _LATITUDE, _LATITUDE_REF),
        _degrees(rows, _LONGITUDE, _LONGITUDE_REF),
    )
    if place is not None:
        found["latitude"], found["longitude"] = place
        if (height := _fraction(rows.get(_ALTITUDE))) is not None:
            below = any(rows.get(_ALTITUDE_REF, b""))
            found["altitude"] = -height if below else height
    if _MAKE in rows:
        make = _MAKERS.get(int.from_bytes(rows[_MAKE][:2]))
        if make is not None:
            found["make"] = make
        if make == "Sony":
            model = b"".join(rows.get(tag, b"") for tag in range(_MODEL, _MODEL + 3))
            if text := decode(model):
                found["model"] = text
    return found


def _taken(raw: bytes) -> Found:
    """Return when it was recorded: the offset, then digits of the local time."""
    zone, digits = raw[0], raw[1:].hex()
    parsed = parse_date(
        f"{digits[:4]}:{digits[4:6]}:{digits[6:8]}"
        f" {digits[8:10]}:{digits[10:12]}:{digits[12:14]}"
    )
    if parsed is None:
        return {}
    offset = timedelta(hours=zone >> 1 & 15, minutes=30 * (zone & 1))
    return {
        "captured_at": parsed[0],
        "utc_offset": -offset if zone & 0x20 else offset,
        "captured_source": DateSource.RECORDING,
    }


def _degrees(rows: dict[int, bytes], tag: int, ref: int) -> float | None:
    """Return degrees from three fractions; None if one is missing."""
    parts = [_fraction(rows.get(tag + number)) for number in range(3)]
    if None in parts:
        return None
    return degrees(
        [part for part in parts if part is not None], decode(rows.get(ref, b""))
    )


def _fraction(raw: bytes | None) -> float | None:
    """Return a number over another one, of two bytes each."""
    if raw is None:
        return None
    over, under = struct.unpack(">HH", raw)
    return over / under if under else None


class _Bits:
    """Numbers of any count of bits, one after the other."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first bit."""
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number. Raises ValueError behind the end."""
        self._left -= count
        if self._left < 0:
            raise ValueError("A unit is cut off")
        return self._value >> self._left & ((1 << count) - 1)

    def code(self) -> int:
        """Return a number that tells its own length. Raises ValueError."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros | self.take(zeros)) - 1

    def signed(self) -> int:
        """Return such a number with a sign. Raises ValueError."""
        number = self.code()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def _size(unit: bytes) -> Found:
    """Return the pixels from the parameters of a sequence (ITU-T H.264, 7.3.2.1)."""
    bits = _Bits(unit)
    profile = bits.take(8)
    bits.take(16)
    bits.code()
    if profile >= _HIGH:
        _skip_colours(bits)
    bits.code()
    match bits.code():
        case 0:
            bits.code()
        case 1:
            bits.take(1)
            bits.code()
            bits.code()
            for _ in range(bits.code()):
                bits.code()
    bits.code()
    bits.take(1)
    width, height = 16 * (bits.code() + 1), 16 * (bits.code() + 1)
    is_frame = bits.take(1)
    if not is_frame:
        height *= 2
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        # What is cut off at the edges is counted in pairs of pixels, or of lines.
        lines = 2 if is_frame else 4
        width -= 2 * (bits.code() + bits.code())
        height -= lines * (bits.code() + bits.code())
    if width in _WIDTHS and height in _HEIGHTS:
        return {"width": width, "height": height}
    return {}


def _skip_colours(bits: _Bits) -> None:
    """Pass over what profiles for more colours tell before the size."""
    kind = bits.code()
    if kind == 3:
        bits.take(1)
    bits.code()
    bits.code()
    bits.take(1)
    if not bits.take(1):
        return
    for number in range(12 if kind == 3 else 8):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.signed()) & 0xFF
            last = following or last
