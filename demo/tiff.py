"""Write what stands in TIFF: raw pictures (DNG), and Apple's notes in EXIF."""

from collections.abc import Mapping
from fractions import Fraction
import struct

from PIL import Image

# Type, count and bytes of a value, in one of the two orders of bytes.
type Value = tuple[int, int, bytes]
type Directory = Mapping[int, Value]

_PREVIEW = (256, 192)
_EXIF, _GPS, _SUB = 0x8769, 0x8825, 0x014A
# What XYZ is in the colours of the camera, whose own are those of sRGB.
_COLOURS = (
    *(3.2405, -1.5371, -0.4985),
    *(-0.9693, 1.8760, 0.0416),
    *(0.0556, -0.2040, 1.0572),
)


def text(value: str) -> Value:
    """Return a text."""
    raw = value.encode() + b"\0"
    return 2, len(raw), raw


def octets(*values: int) -> Value:
    """Return numbers of eight bits."""
    return 1, len(values), bytes(values)


def shorts(*values: int) -> Value:
    """Return numbers of 16 bits, the lower byte first."""
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def longs(*values: int) -> Value:
    """Return numbers of 32 bits, the lower byte first."""
    return 4, len(values), struct.pack(f"<{len(values)}I", *values)


def ratios(*values: float) -> Value:
    """Return fractions that may be negative, the lower byte first."""
    parts = [Fraction(value).limit_denominator(10_000) for value in values]
    raw = b"".join(struct.pack("<ii", *part.as_integer_ratio()) for part in parts)
    return 10, len(values), raw


def _directory(values: Directory, start: int, order: str = "<") -> bytes:
    """Return a directory that begins at an offset, with its long values behind it."""
    rows = bytearray(struct.pack(f"{order}H", len(values)))
    rest = bytearray()
    after = start + 2 + 12 * len(values) + 4
    for tag, (kind, count, raw) in sorted(values.items()):
        if len(raw) > 4:
            offset = after + len(rest)
            rest += raw + b"\0" * (len(raw) % 2)
            raw = struct.pack(f"{order}I", offset)
        rows += struct.pack(f"{order}HHI", tag, kind, count) + raw.ljust(4, b"\0")
    return bytes(rows + bytes(4) + rest)


def apple_note(identifier: str) -> bytes:
    """Return Apple's maker note with the content identifier of a live photo."""
    head = b"Apple iOS\0\0\1MM"
    return head + _directory({0x0011: text(identifier)}, len(head), ">")


def dng(
    picture: Image.Image, *, camera: tuple[str, str], date: str, details: Directory
) -> bytes:
    """Return an RGB picture as a raw picture with a small preview.

    ``camera`` is maker and model, ``date`` as EXIF has it, ``details`` are what else
    stands in EXIF. Width and height are even.
    """
    width, height = picture.size
    preview = picture.resize(_PREVIEW)
    data = bytearray(b"II*\0" + bytes(4))

    def add(content: bytes) -> int:
        place = len(data)
        data.extend(content + b"\0" * (len(content) % 2))
        return place

    def strip(content: bytes, rows: int) -> dict[int, Value]:
        return {
            0x0111: longs(add(content)),
            0x0116: longs(rows),
            0x0117: longs(len(content)),
        }

    raw = {
        0x00FE: longs(0),
        0x0100: longs(width),
        0x0101: longs(height),
        0x0102: shorts(16),
        0x0103: shorts(1),
        0x0106: shorts(32803),
        0x0115: shorts(1),
        **strip(_mosaic(picture), height),
        0x828D: shorts(2, 2),
        # Red and green, green and blue.
        0x828E: octets(0, 1, 1, 2),
        0xC61D: longs(0xFFFF),
    }
    shown = {
        0x00FE: longs(1),
        0x0100: longs(preview.width),
        0x0101: longs(preview.height),
        0x0102: shorts(8, 8, 8),
        0x0103: shorts(1),
        0x0106: shorts(2),
        0x010F: text(camera[0]),
        0x0110: text(camera[1]),
        0x0112: shorts(1),
        0x0115: shorts(3),
        **strip(preview.tobytes(), preview.height),
        0x011C: shorts(1),
        0x0132: text(date),
        _SUB: longs(add(_directory(raw, len(data)))),
        _EXIF: longs(add(_directory(details, len(data)))),
        0xC612: octets(1, 4, 0, 0),
        0xC613: octets(1, 1, 0, 0),
        0xC614: text(" ".join(camera)),
        0xC621: ratios(*_COLOURS),
        0xC628: ratios(1, 1, 1),
        # Daylight.
        0xC65A: shorts(21),
    }
    struct.pack_into("<I", data, 4, add(_directory(shown, len(data))))
    return bytes(data)


def _mosaic(picture: Image.Image) -> bytes:
    """Return what a sensor sees of a picture: one colour for each pixel, linear."""
    red, green, blue = (band.tobytes() for band in picture.split())
    linear = [round(0xFFFF * (value / 255) ** 2.2) for value in range(256)]
    width = picture.width
    samples = bytearray(len(green))
    for start in range(0, len(green), width):
        row, end = start // width, start + width
        first, second = (red, green) if row % 2 == 0 else (green, blue)
        samples[start:end:2] = first[start:end:2]
        samples[start + 1 : end : 2] = second[start + 1 : end : 2]
    return struct.pack(f"<{len(samples)}H", *(linear[value] for value in samples))
