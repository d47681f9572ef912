"""Facts read out of rarer pictures, and of rarer places in common ones."""

from datetime import datetime, timedelta
from io import BytesIO
import struct
import tracemalloc
import zlib

import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    read_facts,
)
from custom_components.immich_backup.engine.media.read import read_source
from custom_components.immich_backup.engine.media.source import Source
from tests.support import media, recordings

TAKEN = datetime(2024, 5, 1, 10, 11, 12)
TEXT = "2024:05:01 10:11:12"


def facts(data: bytes) -> MediaFacts:
    """Return the facts of a file."""
    return read_facts(BytesIO(data))


@pytest.mark.parametrize(
    "packed",
    [
        (b"zTXt", b"Raw profile type exif\0\0", b"exif"),
        (b"zTXt", b"Raw profile type APP1\0\0", b"generic profile"),
        (b"tEXt", b"Raw profile type exif\0", b"exif"),
    ],
)
def test_profiles_of_png(packed: tuple[bytes, bytes, bytes]) -> None:
    """Other programs wrote EXIF as digits, before PNG had a place for it."""
    kind, head, name = packed
    details = b"Exif\0\0" + media.tiff({}, {0x9003: TEXT})
    text = b"\n%s\n%8d\n%s\n" % (name, len(details), details.hex("\n", 36).encode())
    found = facts(
        _with_chunk(kind, head + (zlib.compress(text) if kind[0] == 0x7A else text))
    )
    assert (found.captured_at, found.pixels) == (TAKEN, (40, 30))
    assert facts(_with_chunk(kind, head + b"rubbish")).pixels == (40, 30)


def test_packed_xmp_of_png() -> None:
    """The text of a PNG may be packed; one without an end takes no memory."""
    head = b"XML:com.adobe.xmp\0\1\0\0\0"
    packet = media.xmp('exif:DateTimeOriginal="2024-05-01T10:11:12"').encode()
    assert (
        facts(_with_chunk(b"iTXt", head + zlib.compress(packet))).captured_at == TAKEN
    )
    endless = zlib.compress(packet + bytes(100_000_000))
    data = _with_chunk(b"iTXt", head + endless)
    tracemalloc.start()
    found = facts(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.captured_at, found.pixels) == (TAKEN, (40, 30))
    assert peak < 4_000_000


def _with_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk."""
    chunk = struct.pack(">I", len(body)) + kind + body + bytes(4)
    plain = recordings.png_profile(media.tiff({}))
    return plain[:33] + chunk + plain[33:]


def test_gif() -> None:
    """A GIF tells how long it moves; one that is too long is not read to its end."""
    packet = media.xmp('exif:DateTimeOriginal="2024-05-01T10:11:12"')
    found = facts(media.gif((100, 250), packet))
    assert (found.duration, found.captured_at) == (3.5, TAKEN)
    assert facts(media.gif(())).duration is None
    source = Source(BytesIO(media.gif([1] * 30_000, packet)))
    found = read_source(source)
    assert (found.duration, found.captured_at) == (None, TAKEN)
    assert source.bytes_read <= 20_000


def test_iptc() -> None:
    """IPTC tells when a picture was taken, if with the time and if EXIF does not."""
    told = recordings.resource(0x0404, recordings.iptc("20240501", "101112+0200"))
    digitized = media.tiff({}, {0x9004: "2020:01:01 00:00:00"})
    for exif in (None, digitized):
        found = facts(media.jpeg(exif, resources=told))
        assert (found.captured_at, found.utc_offset) == (TAKEN, timedelta(hours=2))
        assert found.captured_source is DateSource.XMP
    original = media.tiff({}, {0x9003: "2020:01:01 00:00:00"})
    assert facts(media.jpeg(original, resources=told)).captured_at == datetime(
        2020, 1, 1
    )
    day = recordings.resource(0x0404, recordings.iptc("20240501"))
    assert facts(media.jpeg(resources=day)).captured_at is None
    told = recordings.psd(told, size=(4000, 3000))
    assert (facts(told).captured_at, facts(told).pixels) == (TAKEN, (4000, 3000))


def test_rare_pictures() -> None:
    """Sizes of BMP, JPEG 2000 and JPEG XL."""
    assert facts(media.bmp((40, -30))).pixels == (40, 30)
    assert facts(recordings.jp2(size=(4000, 3000))).pixels == (4000, 3000)
    stream = b"\xff\x4f\xff\x51\0\x2f\0\0" + struct.pack(">II", 4000, 3000) + bytes(8)
    assert facts(stream).pixels == (4000, 3000)
    # 8 times 5 high, and 4 by 3; then 3000 high and 4000 wide, each with its bits.
    assert facts(b"\xff\x0a" + (1 | 4 << 1 | 3 << 6).to_bytes(2, "little")).pixels == (
        53,
        40,
    )
    bits = 1 << 1 | 2999 << 3 | 0 << 16 | 1 << 19 | 3999 << 21
    found = facts(b"\xff\x0a" + bits.to_bytes(8, "little"))
    assert found.pixels == (4000, 3000)


def test_canon_before_cr2() -> None:
    """The values stand in heaps within heaps, whose lists are at their ends."""
    found = facts(recordings.crw(1_714_558_272))
    assert (found.captured_at, found.utc_offset) == (TAKEN, None)
    assert (found.camera, found.pixels) == ("Canon EOS 10D", (3072, 2048))
    assert facts(recordings.crw(0)).captured_at is None


def test_minolta() -> None:
    """Blocks of Minolta's raw hold its size and its EXIF."""
    details = media.tiff({0x0110: "DiMAGE 7"}, {0x9003: TEXT}, order=">")
    size = b"21810002" + struct.pack(">HHHH8x", 1928, 2568, 1920, 2560)
    blocks = b"".join(
        kind + struct.pack(">I", len(body)) + body
        for kind, body in ((b"\0PRD", size), (b"\0TTW", details))
    )
    found = facts(b"\0MRM" + struct.pack(">I", len(blocks)) + blocks)
    assert (found.model, found.captured_at) == ("DiMAGE 7", TAKEN)
    assert found.pixels == (2560, 1920)


def test_date_at_the_root() -> None:
    """Raw pictures may tell when they were taken where others tell their size."""
    root: media.Tags = {0x0100: 40, 0x0101: 30, 0x9003: TEXT}
    assert facts(media.tiff(root)).captured_at == TAKEN
    other = media.tiff(root, {0x9003: "2020:01:01 00:00:00"})
    assert facts(other).captured_at == datetime(2020, 1, 1)


def test_picture_behind_a_smaller_one() -> None:
    """The first directory may be a preview, and the next one the picture."""
    small = media.tiff({0x00FE: 1, 0x0100: 160, 0x0101: 120})
    # As for offsets the second counts from the beginning of the file.
    large = media.tiff({0x00FE: 0, 0x0100: 4000, 0x0101: 3000})[8:]
    linked = small[:-4] + struct.pack("<I", len(small)) + large
    assert facts(linked).pixels == (4000, 3000)
    assert facts(small).pixels == (160, 120)
    assert facts(small[:-4] + struct.pack("<I", 8)).pixels == (160, 120)


@pytest.mark.parametrize("brand", [b"heic", b"avif", b"MiHE", b"1pic"])
def test_brands_of_heif(brand: bytes) -> None:
    """One of the brands tells that it is a picture, not always the first."""
    found = facts(media.heic(media.tiff({}, {0x9003: TEXT}), brand=brand))
    assert (found.captured_at, found.pixels) == (TAKEN, (4032, 3024))


@pytest.mark.parametrize(
    ("xmp", "expected"),
    [
        # The original date of XMP comes before the date of digitising of EXIF.
        ('exif:DateTimeOriginal="2024-05-01T10:11:12"', TAKEN),
        ('photoshop:DateCreated="2024-05-01T10:11:12"', TAKEN),
        ('xmp:CreateDate="2024-05-01T10:11:12"', datetime(2020, 1, 1)),
    ],
)
def test_original_before_digitised(xmp: str, expected: datetime) -> None:
    """Whatever tells the original date counts more than what tells another."""
    digitised = media.tiff({}, {0x9004: "2020:01:01 00:00:00"})
    assert facts(media.jpeg(digitised, media.xmp(xmp))).captured_at == expected
    video = media.Video(keys={"creationdate": "2020-01-01T00:00:00+0100"}).moov()
    packet = media.box(b"XMP_", media.xmp(xmp).encode())
    moov = media.box(b"moov", video[8:], media.box(b"udta", packet))
    found = facts(media.box(b"ftyp", b"qt  \0\0\0\0") + moov)
    assert found.captured_at == expected


@pytest.mark.parametrize("text", ["2024:05:01", "2024:05", "2024", "2024:05:01 "])
def test_day_alone(text: str) -> None:
    """A day without a time is no date in EXIF, nor for the server."""
    assert facts(media.jpeg(media.tiff({}, {0x9003: text}))).captured_at is None
    both = media.tiff({}, {0x9003: text, 0x9004: TEXT})
    assert facts(media.jpeg(both)).captured_at == TAKEN


def test_degrees_as_texts() -> None:
    """Some programs write numbers as texts."""
    gps: media.Tags = {1: "S", 2: "33,51,24.4", 3: "E", 4: "151.25"}
    found = facts(media.jpeg(media.tiff({}, {}, gps)))
    assert found.place == pytest.approx((-33.856778, 151.25), abs=1e-6)
