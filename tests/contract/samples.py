"""Makes the media files that the contract uploads: small, real and always the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import sha1
from io import BytesIO
from random import Random
import struct
from typing import Any, Self
import zlib

from PIL import ExifTags, Image, ImageChops

JPEG_SIZE = (640, 480)
VIDEO_SIZE = (320, 240)
FRAME_MS = 1000


class Kind(StrEnum):
    """What the bytes of a sample are."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    MP4 = "mp4"
    XMP = "xmp"
    RANDOM = "random"
    TRUNCATED = "truncated"
    """A JPEG whose picture data ends too early."""
    ONE_BYTE = "one byte"
    ZERO = "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one sample file must be.

    `size` is in bytes and kept exactly, `duration` in milliseconds, `gps` latitude and
    longitude in degrees, `taken` ISO 8601 with or without an offset.
    """

    kind: Kind
    size: int
    taken: str | None = None
    gps: tuple[float, float] | None = None
    make: str | None = None
    model: str | None = None
    description: str | None = None
    rating: int | None = None
    tags: tuple[str, ...] = ()
    duration: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the sample that the table describes."""
        values = dict(data)
        values["kind"] = Kind(values["kind"])
        if "gps" in values:
            latitude, longitude = values["gps"]
            values["gps"] = (latitude, longitude)
        values["tags"] = tuple(values.get("tags", ()))
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Return the sample as the table writes it, without what is not set."""
        values: dict[str, Any] = {"kind": str(self.kind), "size": self.size}
        for key in ("taken", "make", "model", "description", "rating", "duration"):
            if (value := getattr(self, key)) is not None:
                values[key] = value
        if self.gps is not None:
            values["gps"] = list(self.gps)
        if self.tags:
            values["tags"] = list(self.tags)
        return values


def content(name: str, sample: Sample) -> bytes:
    """Return the bytes of a sample; two names never give the same bytes.

    Zero bytes and one byte are the exception: there is only one such file worth having.
    Raises ValueError if `size` is too small for the kind.
    """
    data = _make(name, sample)
    if len(data) != sample.size:
        raise ValueError(f"{name}: {len(data)} bytes instead of {sample.size}")
    return data


def _make(name: str, sample: Sample) -> bytes:
    match sample.kind:
        case Kind.JPEG:
            return _jpeg(name, sample, sample.size)
        case Kind.TRUNCATED:
            return _jpeg(name, sample, sample.size + 1348)[: sample.size]
        case Kind.PNG:
            return _png(name, sample.size)
        case Kind.WEBP:
            return _webp(name, sample.size)
        case Kind.MP4:
            return _mp4(name, sample.duration or FRAME_MS, sample.size)
        case Kind.XMP:
            return _xmp(sample)
        case Kind.RANDOM:
            return Random(name).randbytes(sample.size)
        case Kind.ONE_BYTE:
            return b"x"
        case Kind.ZERO:
            return b""


@cache
def _picture(width: int, height: int) -> Image.Image:
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (across, down, ImageChops.invert(across)))


@cache
def _encoded(image_format: str, width: int, height: int) -> bytes:
    buffer = BytesIO()
    _picture(width, height).save(buffer, image_format, quality=60)
    return buffer.getvalue()


def _unique(name: str, length: int) -> bytes:
    """Return padding of `length` bytes that begins with a digest of the name."""
    digest = sha1(name.encode(), usedforsecurity=False).digest()
    if length < len(digest):
        raise ValueError(f"{name}: no room for {len(digest)} bytes of padding")
    return digest + bytes(length - len(digest))


def _jpeg(name: str, sample: Sample, size: int) -> bytes:
    plain = _encoded("JPEG", *JPEG_SIZE)
    exif = _exif_segment(sample)
    # The comment stands before the picture data, so that cutting the end damages that.
    comment = _unique(name, size - len(plain) - len(exif) - 4)
    segment = struct.pack(">HH", 0xFFFE, len(comment) + 2) + comment
    return plain[:2] + exif + segment + plain[2:]


def _exif_segment(sample: Sample) -> bytes:
    exif = Image.Exif()
    if sample.make is not None:
        exif[ExifTags.Base.Make] = sample.make
    if sample.model is not None:
        exif[ExifTags.Base.Model] = sample.model
    if sample.taken is not None:
        taken = datetime.fromisoformat(sample.taken)
        fields = exif.get_ifd(ExifTags.IFD.Exif)
        fields[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
        if taken.tzinfo is not None:
            fields[ExifTags.Base.OffsetTimeOriginal] = f"{taken:%:z}"
    if sample.gps is not None:
        latitude, longitude = sample.gps
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        place[ExifTags.GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
        place[ExifTags.GPS.GPSLatitude] = _degrees(latitude)
        place[ExifTags.GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
        place[ExifTags.GPS.GPSLongitude] = _degrees(longitude)
    if (sample.make, sample.model, sample.taken, sample.gps) == (None,) * 4:
        return b""
    data = exif.tobytes()
    return struct.pack(">HH", 0xFFE1, len(data) + 2) + data


def _degrees(value: float) -> tuple[float, float, float]:
    """Return degrees, minutes and seconds as EXIF wants them."""
    seconds = round(abs(value) * 3600, 4)
    return seconds // 3600, seconds % 3600 // 60, round(seconds % 60, 4)


def _png(name: str, size: int) -> bytes:
    plain = _encoded("PNG", *JPEG_SIZE)
    end = plain.rindex(b"IEND") - 4
    kind = b"prVt"
    padding = _unique(name, size - len(plain) - 12)
    chunk = struct.pack(">I", len(padding)) + kind + padding
    chunk += struct.pack(">I", zlib.crc32(kind + padding))
    return plain[:end] + chunk + plain[end:]


def _webp(name: str, size: int) -> bytes:
    plain = _encoded("WEBP", *JPEG_SIZE)
    padding = _unique(name, size - len(plain) - 8)
    chunk = b"PADD" + struct.pack("<I", len(padding)) + padding
    return b"RIFF" + struct.pack("<I", size - 8) + plain[8:] + chunk


def _box(kind: bytes, *payload: bytes) -> bytes:
    data = b"".join(payload)
    return struct.pack(">I", len(data) + 8) + kind + data


def _full_box(kind: bytes, flags: int, *payload: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *payload)


def _mp4(name: str, duration: int, size: int) -> bytes:
    """Return a video of JPEG frames, one per second, padded by a `free` box."""
    frame = _encoded("JPEG", *VIDEO_SIZE)
    count = max(1, duration // FRAME_MS)
    head = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2mp41")
    first_frame = len(head) + len(_moov(duration, count, len(frame), 0)) + 8
    video = head + _moov(duration, count, len(frame), first_frame)
    video += _box(b"mdat", frame * count)
    return video + _box(b"free", _unique(name, size - len(video) - 8))


def _moov(duration: int, count: int, frame_size: int, first_frame: int) -> bytes:
    width, height = VIDEO_SIZE
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie = _full_box(
        b"mvhd",
        0,
        struct.pack(">IIIIIH", 0, 0, 1000, duration, 0x10000, 0x100),
        bytes(10),
        matrix,
        bytes(24),
        struct.pack(">I", 2),
    )
    track = _full_box(
        b"tkhd",
        3,
        struct.pack(">IIIII", 0, 0, 1, 0, duration),
        bytes(16),
        matrix,
        struct.pack(">II", width << 16, height << 16),
    )
    media = _full_box(
        b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, 1000, duration, 0x55C4, 0)
    )
    handler = _full_box(b"hdlr", 0, bytes(4), b"vide", bytes(12), b"Video\0")
    data_reference = _box(
        b"dinf", _full_box(b"dref", 0, struct.pack(">I", 1), _full_box(b"url ", 1))
    )
    # MPEG-4 object type 0x6C: every sample is a JPEG picture.
    decoder = struct.pack(">BBBBI", 0x04, 13, 0x6C, 0x11, 0) + bytes(7)
    stream = struct.pack(">BBHB", 0x03, 3 + len(decoder) + 3, 1, 0) + decoder
    entry = _box(
        b"mp4v",
        bytes(6),
        struct.pack(">H", 1),
        bytes(16),
        struct.pack(">HHII", width, height, 0x480000, 0x480000),
        bytes(4),
        struct.pack(">H", 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
        _full_box(b"esds", 0, stream, b"\x06\x01\x02"),
    )
    table = _box(
        b"stbl",
        _full_box(b"stsd", 0, struct.pack(">I", 1), entry),
        _full_box(b"stts", 0, struct.pack(">III", 1, count, duration // count)),
        _full_box(b"stsc", 0, struct.pack(">IIII", 1, 1, count, 1)),
        _full_box(b"stsz", 0, struct.pack(">II", frame_size, count)),
        _full_box(b"stco", 0, struct.pack(">II", 1, first_frame)),
    )
    information = _box(b"minf", _full_box(b"vmhd", 1, bytes(8)), data_reference, table)
    return _box(
        b"moov",
        movie,
        _box(b"trak", track, _box(b"mdia", media, handler, information)),
    )


def _xmp(sample: Sample) -> bytes:
    attributes = []
    if sample.taken is not None:
        attributes.append(f'exif:DateTimeOriginal="{sample.taken}"')
    if sample.gps is not None:
        latitude, longitude = sample.gps
        attributes.append(f'exif:GPSLatitude="{_xmp_degrees(latitude, "NS")}"')
        attributes.append(f'exif:GPSLongitude="{_xmp_degrees(longitude, "EW")}"')
    if sample.rating is not None:
        attributes.append(f'xmp:Rating="{sample.rating}"')
    elements = ""
    if sample.description is not None:
        text = f'<rdf:li xml:lang="x-default">{sample.description}</rdf:li>'
        elements += f"<dc:description><rdf:Alt>{text}</rdf:Alt></dc:description>"
    if sample.tags:
        items = "".join(f"<rdf:li>{tag}</rdf:li>" for tag in sample.tags)
        elements += f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        f' xmlns:xmp="http://ns.adobe.com/xap/1.0/" {" ".join(attributes)}>'
        f"{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    return packet.ljust(sample.size)


def _xmp_degrees(value: float, directions: str) -> str:
    """Return degrees and decimal minutes as XMP wants them, e.g. 40,42.768N."""
    minutes = round(abs(value) * 60, 6)
    whole = int(minutes // 60)
    rest = f"{minutes - whole * 60:.6f}".rstrip("0").rstrip(".")
    return f"{whole},{rest}{directions[value < 0]}"
