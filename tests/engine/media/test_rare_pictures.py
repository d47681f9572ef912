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
