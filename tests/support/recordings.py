"""Small videos in other containers than MP4, and pictures that are rarer than JPEG."""

from collections.abc import Mapping
from datetime import datetime
import struct
import zlib

MDPM = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
_ASF_HEADER = "3026b2758e66cf11a6d900aa0062ce6c"
_ASF_FILE = "a1dcab8c47a9cf118ee400c00c205365"
_ASF_STREAM = "9107dcb7b7a9cf118ee600c00c205365"
_ASF_VIDEO = "c0ef19bc4d5bcf11a8fd00805f5c442b"
_ASF_DATA = "3626b2758e66cf11a6d900aa0062ce6c"


def chunk(kind: bytes, *content: bytes) -> bytes:
    """Return a chunk of a RIFF file."""
    body = b"".join(content)
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def avi(
    taken: bytes | None = None,
    *,
    size: tuple[int, int] = (640, 480),
    frames: tuple[int, int] = (50, 50),
    more: bytes = b"",
    stream: bytes = b"",
) -> bytes:
    """Return an AVI of 25 frames in a second.

    ``frames`` are those of the header and of its stream; ``more`` are chunks behind the
    pictures, ``stream`` some of the stream.
    """
    width, height = size
    main = struct.pack("<14I", 40_000, *[0] * 3, frames[0], 0, 1, 0, *size, *[0] * 4)
    head = b"vidsMJPG" + struct.pack("<12I", *[0] * 3, 1, 25, 0, frames[1], *[0] * 5)
    form = struct.pack("<IiiHHI20x", 40, width, -height, 1, 24, 0)
    body = (
        chunk(
            b"LIST",
            b"hdrl",
            chunk(b"avih", main),
            chunk(b"LIST", b"strl", chunk(b"strh", head), chunk(b"strf", form), stream),
            b"" if taken is None else chunk(b"IDIT", taken),
        )
        + chunk(b"LIST", b"movi", chunk(b"00dc", bytes(100)))
        + more
    )
    return chunk(b"RIFF", b"AVI ", body)


def element(number: int, *content: bytes) -> bytes:
    """Return an element of a Matroska file."""
    body = b"".join(content)
    size = struct.pack(">Q", 1 << 56 | len(body))
    return number.to_bytes((number.bit_length() + 7) // 8) + size + body


def matroska(
    taken: datetime | None = None,
    *,
    seconds: float = 2.5,
    size: tuple[int, int] = (640, 480),
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Return a Matroska video without pictures."""
    info = [
        element(0x2AD7B1, struct.pack(">I", 1_000_000)),
        element(0x4489, struct.pack(">d", seconds * 1000)),
    ]
    if taken is not None:
        since = taken - datetime(2001, 1, 1)
        info.append(
            element(0x4461, struct.pack(">q", int(since.total_seconds()) * 10**9))
        )
    video = [
        element(kind, struct.pack(">H", side))
        for kind, side in zip((0xB0, 0xBA), size, strict=True)
    ]
    notes = [
        element(0x67C8, element(0x45A3, name.encode()), element(0x4487, text.encode()))
        for name, text in (tags or {}).items()
    ]
    return element(
        0x1A45DFA3, element(0x4282, b"matroska"), element(0x4287, b"\4")
    ) + element(
        0x18538067,
        element(0xEC, bytes(20)),
        element(0x1549A966, *info),
        element(0x1654AE6B, element(0xAE, element(0x83, b"\1"), element(0xE0, *video))),
        element(0x1254C367, element(0x7373, *notes)),
        element(0x1F43B675, element(0xE7, b"\0"), bytes(100)),
    )


def asf(
    taken: datetime | None = None,
    *,
    seconds: float = 2.5,
    size: tuple[int, int] = (640, 480),
) -> bytes:
    """Return a WMV video without pictures."""

    def part(kind: str, *content: bytes) -> bytes:
        body = b"".join(content)
        return bytes.fromhex(kind) + struct.pack("<Q", 24 + len(body)) + body

    ticks = 0
    if taken is not None:
        ticks = int((taken - datetime(1601, 1, 1)).total_seconds()) * 10**7
    length = round(seconds * 10**7)
    file = part(_ASF_FILE, struct.pack("<24xQQQ32x", ticks, 1, length), bytes(8))
    stream = part(
        _ASF_STREAM, bytes.fromhex(_ASF_VIDEO), bytes(38), struct.pack("<II", *size)
    )
    header = part(_ASF_HEADER, struct.pack("<IH", 2, 0x0201), file, stream)
    return header + part(_ASF_DATA, bytes(100))


def mdpm(rows: Mapping[int, bytes]) -> bytes:
    """Return a unit of H.264 that holds the notes of a camcorder."""
    body = MDPM + bytes([len(rows)])
    body += b"".join(bytes([tag]) + value for tag, value in rows.items())
    unit = b"\6" + b"\x05" + bytes([len(body)]) + body + b"\x80"
    # Three zeros would begin another unit.
    for zeros in (b"\0\0\0", b"\0\0\1", b"\0\0\2"):
        unit = unit.replace(zeros, zeros[:2] + b"\3" + zeros[2:])
    return b"\0\0\0\1" + unit


def moment(taken: str, zone: int) -> dict[int, bytes]:
    """Return the rows of a date: digits of the local time, and a byte for the zone."""
    return {
        0x18: bytes([zone]) + bytes.fromhex(taken[:6]),
        0x19: bytes.fromhex(taken[6:]),
    }


def fractions(first: int, *parts: tuple[int, int]) -> dict[int, bytes]:
    """Return rows of fractions, from a number on."""
    return {first + at: struct.pack(">HH", *part) for at, part in enumerate(parts)}


# A picture of 1920 by 1080, whose last eight lines are cut off, as x264 writes it.
PARAMETERS = bytes.fromhex(
    "0000000167640028acd940780227e5c044000003000400000300c83c60c658"
)


def transport(
    video: bytes,
    *,
    kind: int = 0x1B,
    seconds: float = 2.5,
    stamp: bool = True,
    filling: int = 20,
) -> bytes:
    """Return a transport stream; with a time before each packet if ``stamp``."""
    frame = b"\0\0\1\xe0\0\0\x80\0\0" + video
    pieces = [frame[at : at + 150] for at in range(0, len(frame), 150)]
    packets = [
        _packet(0, True, b"\0" + _table(0, struct.pack(">HH", 1, 0xE100))),
        _packet(
            0x100,
            True,
            b"\0"
            + _table(2, struct.pack(">HHBHH", 0xE101, 0xF000, kind, 0xE101, 0xF000)),
        ),
        _packet(0x101, False, b"", time=1_000_000),
        *(_packet(0x101, not at, piece) for at, piece in enumerate(pieces)),
        _packet(0x101, True, frame[:9] + b"\0\0\1\x09"),
        *(_packet(0x1FFF, False, bytes(184)) for _ in range(filling)),
        _packet(0x101, False, b"", time=1_000_000 + round(seconds * 27_000_000)),
        *(_packet(0x1FFF, False, bytes(184)) for _ in range(4)),
    ]
    return b"".join(bytes(4 * stamp) + packet for packet in packets)


def _packet(
    number: int, is_start: bool, content: bytes, *, time: int | None = None
) -> bytes:
    """Return a packet, filled up in its header."""
    room = 184 - len(content)
    head = struct.pack(">BH", 0x47, (0x4000 if is_start else 0) | number)
    carries = 0x10 if content else 0
    if not room:
        return head + bytes([carries]) + content
    extra = b""
    if room > 1:
        extra = b"\0"
        if time is not None:
            base, rest = divmod(time % (300 << 33), 300)
            extra = b"\x10" + struct.pack(">IH", base >> 1, (base & 1) << 15 | rest)
        extra = extra.ljust(room - 1, b"\xff")
    return head + bytes([0x20 | carries, room - 1]) + extra + content


def _table(number: int, rows: bytes) -> bytes:
    """Return a table of a transport stream."""
    body = struct.pack(">HBBB", 1, 0xC1, 0, 0) + rows + bytes(4)
    return bytes([number]) + struct.pack(">H", 0xB000 | len(body)) + body


def program(size: tuple[int, int] = (720, 576)) -> bytes:
    """Return a program stream, as on a DVD."""
    sides = (size[0] << 12 | size[1]).to_bytes(3)
    pack = b"\0\0\1\xba\x44" + bytes(9)
    sequence = b"\0\0\1\xb3" + sides + b"\x33" + bytes(60)
    return pack + b"\0\0\1\xe0" + struct.pack(">H", 100) + b"\x80\0\0" + sequence


def jp2(*more: bytes, size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a JPEG 2000 without pixels, with more boxes."""
    head = b"ihdr" + struct.pack(">IIHBBBB", size[1], size[0], 3, 7, 7, 0, 0)
    head = struct.pack(">I", 4 + len(head)) + head
    return (
        b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
        + struct.pack(">I", 8 + len(head))
        + b"jp2h"
        + head
        + b"".join(more)
    )


def resource(number: int, content: bytes) -> bytes:
    """Return a resource of Photoshop."""
    padding = b"\0" * (len(content) % 2)
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + padding


def psd(*resources: bytes, size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a Photoshop file without pixels."""
    body = b"".join(resources)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, size[1], size[0], 8, 3)
    return head + bytes(4) + struct.pack(">I", len(body)) + body + bytes(8)


def iptc(day: str, time: str = "") -> bytes:
    """Return IPTC that tells when a picture was taken: `20240501`, `101112+0200`."""
    notes = ((55, day), (60, time))
    return b"".join(
        struct.pack(">BBBH", 0x1C, 2, kind, len(text)) + text.encode()
        for kind, text in notes
        if text
    )


def png_profile(exif: bytes) -> bytes:
    """Return a PNG of 40 by 30 pixels with EXIF as ImageMagick writes it."""
    text = b"\nexif\n%8d\n" % len(exif) + exif.hex().encode()
    head = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + bytes(4) for kind, body in chunks
    )


def crw(taken: int, *, size: tuple[int, int] = (3072, 2048)) -> bytes:
    """Return a raw picture of Canon without pixels; taken in seconds since 1970."""

    def heap(*values: tuple[int, bytes]) -> bytes:
        data, rows = b"", struct.pack("<H", len(values))
        for number, value in values:
            rows += struct.pack("<HII", number, len(value), len(data))
            data += value
        return data + rows + struct.pack("<I", len(data))

    camera = heap((0x080A, b"Canon\0Canon EOS 10D\0"))
    described = heap(
        (0x180E, struct.pack("<III", taken, 0, 0)),
        (0x1810, struct.pack("<II20x", *size)),
        (0x2807, camera),
    )
    return (
        b"II"
        + struct.pack("<I", 26)
        + b"HEAPCCDR"
        + bytes(12)
        + heap((0x300A, described))
    )
