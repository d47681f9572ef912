"""Small photos and videos that say what a test wants them to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
import struct

from PIL import Image

type Value = str | bytes | int | Sequence[tuple[int, int]]
type Tags = Mapping[int, Value]

ROOT, EXIF, GPS = "root", "exif", "gps"
_POINTERS = {EXIF: 0x8769, GPS: 0x8825}
# Tags whose bytes are numbers: GPSAltitudeRef.
_BYTES = frozenset((0x0005,))


def tiff(
    root: Tags | None = None,
    exif: Tags | None = None,
    gps: Tags | None = None,
    *,
    order: str = "<",
    magic: bytes | None = None,
) -> bytes:
    """Return a TIFF with a directory, and those of EXIF and GPS below it."""
    head = magic or (b"II*\0" if order == "<" else b"MM\0*")
    directories = {ROOT: dict(root or {}), EXIF: exif, GPS: gps}
    # Laid out twice: the first time only to know where everything will stand.
    places = dict.fromkeys(_POINTERS, 0)
    for _ in range(2):
        data = bytearray(head + struct.pack(f"{order}I", 8))
        for name, tags in directories.items():
            if tags is None:
                continue
            if name == ROOT:
                pointers = {
                    tag: places[below]
                    for below, tag in _POINTERS.items()
                    if directories[below] is not None
                }
                tags = {**tags, **pointers}
            else:
                places[name] = len(data)
            data += _directory(tags, len(data), order)
    return bytes(data)


def _directory(tags: Tags, start: int, order: str) -> bytes:
    """Return a directory that begins at an offset, with its long values behind it."""
    rows = bytearray(struct.pack(f"{order}H", len(tags)))
    rest = bytearray()
    after = start + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        kind, count, raw = _encode(tag, value, order)
        if len(raw) > 4:
            offset = after + len(rest)
            rest += raw + b"\0" * (len(raw) % 2)
            raw = struct.pack(f"{order}I", offset)
        rows += struct.pack(f"{order}HHI", tag, kind, count) + raw.ljust(4, b"\0")
    return bytes(rows + bytes(4) + rest)


def _encode(tag: int, value: Value, order: str) -> tuple[int, int, bytes]:
    """Return type, count and bytes of a value."""
    if isinstance(value, str):
        raw = value.encode() + b"\0"
        return 2, len(raw), raw
    if isinstance(value, bytes):
        return (1 if tag in _BYTES else 7), len(value), value
    if isinstance(value, int):
        return 4, 1, struct.pack(f"{order}I", value)
    return 5, len(value), b"".join(struct.pack(f"{order}II", *part) for part in value)


def degrees(value: float) -> Sequence[tuple[int, int]]:
    """Return degrees, minutes and seconds as EXIF has them."""
    value = abs(value)
    minutes = value % 1 * 60
    seconds = round(minutes % 1 * 60 * 1_000_000)
    return (int(value), 1), (int(minutes), 1), (seconds, 1_000_000)


def place(latitude: float, longitude: float) -> dict[int, Value]:
    """Return the GPS tags of a place."""
    return {
        1: "N" if latitude >= 0 else "S",
        2: degrees(latitude),
        3: "E" if longitude >= 0 else "W",
        4: degrees(longitude),
    }


def apple_note(content: str | None = None, burst: str | None = None) -> bytes:
    """Return Apple's maker note with the identifiers of a live photo and a burst."""
    tags: dict[int, Value] = {1: 1}
    if burst is not None:
        tags[0x000B] = burst
    if content is not None:
        tags[0x0011] = content
    head = b"Apple iOS\0\0\1MM"
    return head + _directory(tags, len(head), ">")


def jpeg(
    exif: bytes | None = None,
    xmp: str | None = None,
    *,
    size: tuple[int, int] = (40, 30),
    resources: bytes | None = None,
    appended: bytes = b"",
) -> bytes:
    """Return a JPEG; ``resources`` are Photoshop's."""
    buffer = BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "JPEG")
    plain = buffer.getvalue()
    parts = [plain[:2]]
    for marker, mark, body in (
        (0xE1, b"Exif\0\0", exif),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0", xmp and xmp.encode()),
        (0xED, b"Photoshop 3.0\0", resources),
    ):
        if body is not None:
            parts.append(struct.pack(">BBH", 0xFF, marker, 2 + len(mark + body)))
            parts.append(mark + body)
    return b"".join((*parts, plain[2:], appended))


def gif(delays: Sequence[int], xmp: str | None = None) -> bytes:
    """Return a GIF of small pictures, each shown for so many hundredths of a second."""
    parts = [b"GIF89a", struct.pack("<HHBBB6x", 40, 30, 0x80, 0, 0)]
    if xmp is not None:
        landing = bytes([1, *range(255, -1, -1), 0])
        parts.append(b"\x21\xff\x0bXMP DataXMP" + xmp.encode() + landing)
    for delay in delays:
        parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 0, delay, 0, 0))
        parts.append(struct.pack("<BHHHHB", 0x2C, 0, 0, 40, 30, 0))
        parts.append(b"\2\2\x4c\1\0")
    return b"".join((*parts, b";"))


def bmp(size: tuple[int, int]) -> bytes:
    """Return a BMP without pixels."""
    head = struct.pack("<IiiHHI20x", 40, *size, 1, 24, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(head), 0, 0, 54) + head


def xmp(attributes: str = "", elements: str = "") -> str:
    """Return XMP with properties written as attributes and as elements."""
    spaces = {
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "lr": "http://ns.adobe.com/lightroom/1.0/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "digiKam": "http://www.digikam.org/ns/1.0/",
        "GCamera": "http://ns.google.com/photos/1.0/camera/",
        "other": "http://example.org/",
    }
    names = " ".join(f'xmlns:{name}="{space}"' for name, space in spaces.items())
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names} {attributes}>{elements}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def bag(name: str, *items: str, kind: str = "Bag") -> str:
    """Return a property of XMP that is a list."""
    listed = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return f"<{name}><rdf:{kind}>{listed}</rdf:{kind}></{name}>"


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of an MP4 or HEIC file."""
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def heic(
    exif: bytes | None = None,
    xmp: str | None = None,
    *,
    size: tuple[int, int] = (4032, 3024),
    turns: int = 0,
    brand: bytes = b"heic",
) -> bytes:
    """Return a HEIC without pixels; ``turns`` are quarters against the clock."""
    items: list[tuple[int, bytes, bytes]] = [(1, b"hvc1", b"pixels")]
    if exif is not None:
        items.append((2, b"Exif", struct.pack(">I", 6) + b"Exif\0\0" + exif))
    if xmp is not None:
        items.append((3, b"mime\0application/rdf+xml", xmp.encode()))
    kind = box(b"ftyp", brand + b"\0\0\0\0mif1" + brand)

    def meta(start: int) -> bytes:
        entries, places = [], []
        for number, name, data in items:
            entries.append(
                full(b"infe", struct.pack(">HH", number, 0), name, b"\0\0", version=2)
            )
            places.append(struct.pack(">HHHII", number, 0, 1, start, len(data)))
            start += len(data)
        properties = [full(b"ispe", struct.pack(">II", *size))]
        if turns:
            properties.append(box(b"irot", bytes([turns])))
        numbers = bytes(range(1, len(properties) + 1))
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iinf", struct.pack(">H", len(items)), *entries),
            full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *places),
            box(
                b"iprp",
                box(b"ipco", *properties),
                full(b"ipma", struct.pack(">IHB", 1, 1, len(numbers)), numbers),
            ),
        )

    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + box(b"mdat", *(data for _, _, data in items))


@dataclass(frozen=True, kw_only=True)
class Video:
    """A video without pictures; dates are seconds since 1904, seconds its length.

    ``keys`` are Apple's, ``texts`` those of its `udta` box.
    """

    created: int = 0
    tracked: int = 0
    seconds: float = 2.5
    size: tuple[int, int] = (1920, 1080)
    quarters: int = 0
    keys: Mapping[str, str] | None = None
    texts: Mapping[bytes, str] | None = None
    brand: bytes = b"qt  "
    wide: bool = False

    def moov(self) -> bytes:
        """Return the box that describes the video."""
        parts = [self._header(), self._track()]
        if self.texts:
            parts.append(
                box(
                    b"udta",
                    *(
                        box(
                            name,
                            struct.pack(">HH", len(text.encode()), 0x15C7),
                            text.encode(),
                        )
                        for name, text in self.texts.items()
                    ),
                )
            )
        if self.keys:
            names = [f"com.apple.quicktime.{name}".encode() for name in self.keys]
            parts.append(
                box(
                    b"meta",
                    full(b"hdlr", bytes(4), b"mdta", bytes(13)),
                    full(
                        b"keys",
                        struct.pack(">I", len(names)),
                        *(box(b"mdta", name) for name in names),
                    ),
                    box(
                        b"ilst",
                        *(
                            box(
                                struct.pack(">I", number),
                                box(b"data", struct.pack(">II", 1, 0), text.encode()),
                            )
                            for number, text in enumerate(self.keys.values(), 1)
                        ),
                    ),
                )
            )
        return box(b"moov", *parts)

    def _header(self) -> bytes:
        """Return the header of the movie; with large numbers if ``wide``."""
        scale, duration = 600, round(self.seconds * 600)
        code = ">QQIQ" if self.wide else ">IIII"
        return full(
            b"mvhd",
            struct.pack(code, self.created, self.created, scale, duration),
            struct.pack(">IH10x", 0x10000, 0x100),
            _matrix(0),
            struct.pack(">24xI", 2),
            version=int(self.wide),
        )

    def _track(self) -> bytes:
        """Return a track that shows something."""
        width, height = self.size
        date = struct.pack(">II", self.tracked, self.tracked)
        length = round(self.seconds * 600)
        return box(
            b"trak",
            full(
                b"tkhd",
                date,
                struct.pack(">III16x", 1, 0, length),
                _matrix(self.quarters),
                struct.pack(">II", width << 16, height << 16),
                flags=3,
            ),
            box(
                b"mdia",
                full(b"mdhd", date, struct.pack(">IIHH", 600, length, 0x55C4, 0)),
                full(b"hdlr", bytes(4), b"vide", bytes(13)),
            ),
        )

    def data(self, *, pixels: int = 100) -> bytes:
        """Return the whole file, what describes it at its end."""
        kind = box(b"ftyp", self.brand + bytes(4) + self.brand)
        return kind + box(b"mdat", bytes(pixels)) + self.moov()


def _matrix(quarters: int) -> bytes:
    """Return the matrix that turns a picture clockwise by quarters."""
    cosine = (1, 0, -1, 0)[quarters] * 0x10000
    sine = (0, 1, 0, -1)[quarters] * 0x10000
    return struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x40000000)
