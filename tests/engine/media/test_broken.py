"""Whatever bytes a file holds: facts, from little reading, at once."""

from datetime import datetime
from io import BytesIO
import struct
import time

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.immich_backup.engine.media import DateSource, MediaFacts, Trouble
from custom_components.immich_backup.engine.media.read import read_source
from custom_components.immich_backup.engine.media.source import BUDGET, Source
from tests.support import media, recordings

# Far more than any file takes on a slow machine, far less than a hang.
_SECONDS = 2.0
TEXT = "2024:05:01 10:11:12"
EXIF = media.tiff(
    {0x010F: "Apple", 0x0110: "iPhone 15", 0x0112: 6},
    {0x9003: TEXT, 0x9011: "+02:00", 0x927C: media.apple_note("content", "burst")},
    media.place(52.5, 13.4),
)
MOVIE = media.Video(
    created=3_797_395_872,
    keys={"creationdate": "2024-05-01T10:11:12+0200", "content.identifier": "id"},
    texts={b"\xa9xyz": "+52.5200+013.4050/"},
)
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sII5x4x", 13, b"IHDR", 40, 30)
    + struct.pack(">I4s", len(EXIF), b"eXIf")
    + EXIF
    + bytes(4)
)
WEBP = (
    b"RIFF\0\0\0\0WEBPVP8X"
    + struct.pack("<I4x3s3s", 10, b"\x27\0\0", b"\x1d\0\0")
    + b"EXIF"
    + struct.pack("<I", len(EXIF))
    + EXIF
)
WHOLE = {
    "jpeg": media.jpeg(EXIF),
    "tiff": EXIF,
    "heic": media.heic(EXIF),
    "mov": MOVIE.data(),
    "png": PNG,
    "webp": WEBP,
    "raf": b"FUJIFILM".ljust(84, b"\0")
    + struct.pack(">III", 96 + 12, len(media.jpeg(EXIF)), 96)
    + struct.pack(">IHHHH", 1, 0x0111, 4, 3000, 4000)
    + media.jpeg(EXIF),
    "avi": recordings.avi(b"Wed May  1 10:11:12 2024\n\0"),
    "mkv": recordings.matroska(datetime(2024, 5, 1), tags={"DATE_RECORDED": TEXT}),
    "wmv": recordings.asf(datetime(2024, 5, 1)),
    "mts": recordings.transport(
        recordings.PARAMETERS + recordings.mdpm(recordings.moment("20240501101112", 4))
    ),
    "gif": media.gif((10, 20), media.xmp('exif:DateTimeOriginal="2024-05-01T10:11"')),
    "jp2": recordings.jp2(media.box(b"uuid", b"JpgTiffExif->JP2", EXIF)),
    "crw": recordings.crw(1_714_558_272),
    "psd": recordings.psd(recordings.resource(0x0422, EXIF)),
    "iptc": media.jpeg(
        resources=recordings.resource(0x0404, recordings.iptc("20240501", "101112"))
    ),
    "profile": recordings.png_profile(EXIF),
    "jxl": media.box(b"JXL ", b"\r\n\x87\n") + media.box(b"Exif", bytes(4), EXIF),
}


def check(data: bytes, name: str = "") -> MediaFacts:
    """Read a file and check what must hold of any."""
    source = Source(BytesIO(data))
    began = time.process_time()
    facts = read_source(source, name)
    assert time.process_time() - began < _SECONDS
    assert source.bytes_read <= BUDGET
    assert facts.pixels is None or min(facts.pixels) > 0
    assert facts.captured_at is None or facts.captured_at.tzinfo is None
    assert (facts.latitude is None) == (facts.longitude is None)
    assert facts.orientation is None or 1 <= facts.orientation <= 8
    assert facts.duration is None or facts.duration >= 0
    return facts


@pytest.mark.parametrize("kind", WHOLE)
def test_whole(kind: str) -> None:
    """What is broken below is read when it is whole."""
    found = check(WHOLE[kind])
    assert found.captured_at is not None
    assert found.captured_source not in (None, DateSource.EXIF_CHANGED)
    by_camera = found.captured_source in (DateSource.EXIF, DateSource.QUICKTIME)
    assert found.has_location is (by_camera and kind != "crw")
    assert found.trouble is None


@given(st.data())
@settings(max_examples=400)
def test_cut_overwritten_or_moved(data: st.DataObject) -> None:
    """Bytes that are gone, changed, inserted or repeated."""
    broken = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(broken)))
        count = data.draw(st.integers(0, 40))
        match data.draw(st.integers(0, 3)):
            case 0:
                del broken[at : at + count]
            case 1:
                broken[at:at] = data.draw(st.binary(max_size=40))
            case 2:
                broken[at:at] = broken[at : at + count]
            case _:
                broken = broken[:at]
    numbers = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    for at in data.draw(st.lists(st.integers(0, max(0, len(broken) - 1)), max_size=12)):
        if at < len(broken):
            broken[at] = data.draw(numbers)
    check(bytes(broken))


def _numbers(count: int) -> st.SearchStrategy[bytes]:
    """Return numbers of so many bytes, the extreme ones often."""
    most = 2 ** (8 * count) - 1
    extreme = st.sampled_from([0, 1, 2, most, most - 1, most // 2 + 1])
    return (extreme | st.integers(0, 300)).map(
        lambda number: min(number, most).to_bytes(count, "big")
    )


entries = st.tuples(
    st.sampled_from([0x0100, 0x010F, 0x0132, 0x014A, 0x8769, 0x8825, 0x927C, 2, 4]).map(
        lambda tag: struct.pack("<H", tag)
    ),
    st.integers(0, 14).map(lambda kind: struct.pack("<H", kind)),
    _numbers(4).map(lambda raw: raw[::-1]),
    _numbers(4).map(lambda raw: raw[::-1]),
).map(b"".join)


@given(st.lists(entries, max_size=20), _numbers(2), st.binary(max_size=100))
@settings(max_examples=200)
def test_made_up_directories(rows: list[bytes], count: bytes, rest: bytes) -> None:
    """Directories that point to themselves, and counts beyond everything."""
    for number in (count[::-1], struct.pack("<H", len(rows))):
        tiff = b"II*\0" + struct.pack("<I", 8) + number + b"".join(rows) + rest
        check(tiff)
        check(media.jpeg(tiff))
        check(media.heic(tiff))


KINDS = (
    b"ftyp moov mvhd trak tkhd mdia mdhd udta meta keys ilst data mvex mehd uuid iinf"
    b" infe iloc iprp ipco ipma ispe irot pitm idat hdlr loci mpvd Exif"
).split()
nested = st.recursive(
    st.binary(max_size=60),
    lambda inner: st.lists(
        st.tuples(st.sampled_from(KINDS), inner, st.none() | _numbers(4)), max_size=5
    ).map(
        lambda found: b"".join(
            (size or struct.pack(">I", 8 + len(body))) + kind + body
            for kind, body, size in found
        )
    ),
    max_leaves=20,
)


@given(nested, st.sampled_from([b"heic", b"qt  ", b"isom", b"crx ", b"avif"]))
@settings(max_examples=300)
def test_made_up_boxes(content: bytes, brand: bytes) -> None:
    """Boxes in any order and depth, of any size."""
    check(media.box(b"ftyp", brand + bytes(4)) + content)
    check(media.box(b"ftyp", brand + bytes(4)) + media.box(b"moov", content))
    check(media.box(b"ftyp", brand + bytes(4)) + media.full(b"meta", content))


@given(
    st.binary(max_size=300), st.sampled_from([whole[:12] for whole in WHOLE.values()])
)
@example(b"", b"")
def test_anything(data: bytes, beginning: bytes) -> None:
    """Any bytes give facts, behind any beginning."""
    check(data)
    check(beginning + data)


kinds = st.sampled_from(
    (
        *(0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1254C367, 0x7373),
        *(0x67C8, 0x4489, 0x4461, 0x2AD7B1, 0x45A3, 0x4487, 0xB0, 0xBA, 0xEC),
    )
)


@given(
    st.recursive(
        st.binary(max_size=40),
        lambda inner: st.lists(st.tuples(kinds, inner), max_size=5).map(
            lambda found: b"".join(recordings.element(*one) for one in found)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=200)
def test_made_up_elements(content: bytes) -> None:
    """Elements in any order and depth."""
    check(recordings.element(0x1A45DFA3) + content)


@given(st.binary(max_size=300), st.integers(0, 40), st.integers(0, 255))
@settings(max_examples=200)
def test_made_up_video(content: bytes, at: int, byte: int) -> None:
    """Units of H.264 with anything in them."""
    unit = bytearray(recordings.PARAMETERS)
    unit[4 + at % (len(unit) - 4)] = byte
    for body in (bytes(unit), b"\0\0\1\6" + content, b"\0\0\1\x67" + content):
        check(recordings.transport(body))
        check(recordings.transport(body, kind=2))
    check(
        recordings.transport(recordings.PARAMETERS + recordings.mdpm({24: content[:4]}))
    )


@given(st.binary(max_size=200), st.sampled_from([b"strd", b"JUNK", b"nctg", b"IDIT"]))
@settings(max_examples=200)
def test_made_up_chunks(content: bytes, kind: bytes) -> None:
    """What makers write into AVI, with anything in it."""
    marks = (b"", b"AVIF", b"QVMI", b"OLYMDigital Camera", b"PENTDigital Camera")
    for mark in marks:
        made = recordings.chunk(kind, mark + content)
        check(recordings.avi(stream=made))
        check(recordings.avi(more=recordings.chunk(b"LIST", b"ncdt", made) + made))


ENDLESS = {
    "directories": b"II*\0"
    + struct.pack("<IH", 8, 3)
    + b"".join(struct.pack("<HHII", tag, 4, 1, 8) for tag in (0x014A, 0x8769, 0x8825)),
    "segments": b"\xff\xd8" + b"\xff\xe1\0\2" * 300_000,
    "padding": b"\xff\xd8" + b"\xff" * 1_000_000,
    "rubbish": b"\xff\xd8\xff\xe1\0\2" + bytes(2_000_000),
    "chunks": b"\x89PNG\r\n\x1a\n" + (bytes(4) + b"IDAT" + bytes(4)) * 300_000,
    "riff": b"RIFF\0\0\0\0WEBP" + (b"ABCD" + bytes(4)) * 300_000,
    "lists": recordings.avi(more=recordings.chunk(b"LIST", b"strl") * 300_000),
    "elements": recordings.element(0x1A45DFA3) + recordings.element(0xEC) * 300_000,
    "tables": recordings.transport(recordings.PARAMETERS)[:384] * 20_000,
    "blocks": media.gif([1] * 20_000),
    "profile": recordings.png_profile(bytes(4_000_000)),
    "profiles": recordings.png_profile(bytes(200_000))[:33]
    + recordings.png_profile(bytes(200_000))[33:-12] * 2000,
    # A heap that holds itself again and again.
    "heaps": recordings.crw(1)[:26]
    + struct.pack("<H", 500)
    + struct.pack("<HII", 0x300A, 5006, 0) * 500
    + bytes(4),
    "resources": recordings.psd(recordings.resource(1, b"") * 100_000),
    "boxes": media.box(b"ftyp", b"isom\0\0\0\0") + media.box(b"free") * 300_000,
    "tracks": media.box(b"moov", media.Video().moov()[8:] * 3000),
    "keys": media.box(
        b"moov",
        media.box(
            b"meta",
            media.full(b"keys", bytes(4), media.box(b"mdta", b"x" * 100) * 30_000),
        ),
    ),
    # Each in 65,535 pieces, of which nothing tells where they are.
    "pieces": media.box(b"ftyp", b"heic\0\0\0\0")
    + media.full(
        b"meta",
        media.full(b"iloc", b"\0\0\xff\xff", b"\0\1\0\0\xff\xff" * 20_000),
    ),
    "items": media.box(b"ftyp", b"heic\0\0\0\0")
    + media.full(
        b"meta",
        media.full(
            b"iinf",
            struct.pack(">H", 65535),
            media.full(b"infe", struct.pack(">HH", 1, 0), b"Exif\0", version=2) * 65535,
        ),
    ),
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.timeout(20)
def test_endless(kind: str) -> None:
    """Loops and lists without end come to one."""
    check(ENDLESS[kind])


def test_deep() -> None:
    """Boxes within boxes are not followed down."""
    data = media.box(b"mvhd")
    for _ in range(2000):
        data = media.box(b"udta", media.box(b"meta", bytes(4), data))
    check(media.box(b"moov", data))
    check(media.box(b"moov", media.box(b"meta", data)))


def test_deep_elements() -> None:
    """Elements within elements are not followed down either."""
    data = recordings.element(0x4461, bytes(8))
    for _ in range(2000):
        data = recordings.element(0x18538067, data)
    check(recordings.element(0x1A45DFA3) + data)


def test_too_much() -> None:
    """A file that makes one read on and on is given up, and the facts say so."""
    chunk = struct.pack(">I", 100) + b"IDAT" + bytes(104)
    facts = check(PNG[:33] + chunk * 30_000)
    assert facts.pixels == (40, 30)
    assert facts.trouble is Trouble.TOO_MUCH


def test_shrinking_file() -> None:
    """A file that becomes shorter while it is read is damaged, not a crash."""

    class Shrinking(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            self.truncate(10)
            return super().read(size)

    facts = read_source(Source(Shrinking(WHOLE["jpeg"])))
    assert facts.trouble is Trouble.DAMAGED
