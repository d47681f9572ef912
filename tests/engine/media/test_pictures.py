"""Facts read out of pictures, broken ones included."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
import struct

from PIL import Image
import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Trouble,
    read_facts,
)
from tests.support import media

TAKEN = datetime(2024, 5, 1, 10, 11, 12)
TEXT = "2024:05:01 10:11:12"


def picture(kind: str = "JPEG", exif: Image.Exif | None = None) -> bytes:
    """Return a picture of 40 by 30 pixels."""
    buffer = BytesIO()
    image = Image.new("RGB", (40, 30), "teal")
    image.save(buffer, kind, **({} if exif is None else {"exif": exif}))
    return buffer.getvalue()


def exif(**values: object) -> Image.Exif:
    """Return EXIF with a date, an original date and an orientation."""
    found = Image.Exif()
    found[0x0112] = values.get("orientation", 1)
    if "changed" in values:
        found[0x0132] = values["changed"]
    details = found.get_ifd(0x8769)
    if "original" in values:
        details[0x9003] = values["original"]
    if "digitised" in values:
        details[0x9004] = values["digitised"]
    return found


def facts(data: bytes) -> MediaFacts:
    """Return the facts of a picture."""
    return read_facts(BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats(kind: str) -> None:
    """The server's most usual pictures tell their size and date."""
    found = facts(picture(kind, exif(original=TEXT)))
    assert (found.captured_at, found.captured_source) == (TAKEN, DateSource.EXIF)
    assert (found.width, found.height, found.trouble) == (40, 30, None)
    found = facts(picture(kind))
    assert (found.captured_at, found.pixels) == (None, (40, 30))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_of_an_encoder(orientation: int) -> None:
    """An encoder makes a property of the orientation that it is given."""
    found = facts(picture("AVIF", exif(orientation=orientation)))
    assert found.pixels == ((30, 40) if orientation > 4 else (40, 30))
    assert found.trouble is None


@pytest.mark.parametrize("quality", [{"lossless": True}, {"quality": 5}])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (3, 4001)])
def test_plain_webp(quality: dict[str, int], size: tuple[int, int]) -> None:
    """WebP without a header for all has its size in either kind of pixels."""
    buffer = BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "WEBP", **quality)
    assert facts(buffer.getvalue()).pixels == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_those_that_are_shown(orientation: int) -> None:
    """A quarter turn exchanges width and height."""
    shown = facts(picture(exif=exif(orientation=orientation))).pixels
    assert shown == ((30, 40) if orientation > 4 else (40, 30))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"original": TEXT, "changed": "2025:01:01 00:00:00"}, TAKEN),
        ({"digitised": TEXT, "changed": "2025:01:01 00:00:00"}, TAKEN),
        ({"changed": TEXT}, TAKEN),
        ({"original": "0000:00:00 00:00:00", "changed": TEXT}, TAKEN),
        ({"original": "    :  :     :  :  "}, None),
        ({"original": TEXT + "\0"}, TAKEN),
        ({"original": "soon"}, None),
        ({"original": ""}, None),
    ],
)
def test_capture_date(values: dict[str, object], expected: datetime | None) -> None:
    """The original date wins; what is no date is unknown."""
    assert facts(picture(exif=exif(**values))).captured_at == expected


@pytest.mark.parametrize(
    ("details", "offset", "fraction"),
    [
        ({}, None, 0),
        ({0x9011: "+02:00", 0x9010: "+01:00"}, timedelta(hours=2), 0),
        ({0x9010: "-09:30"}, timedelta(hours=-9.5), 0),
        ({0x9011: "Z"}, timedelta(), 0),
        ({0x9011: "+14:00"}, timedelta(hours=14), 0),
        ({0x9011: "+25:00"}, None, 0),
        ({0x9011: "   :  "}, None, 0),
        ({0x9291: "5"}, None, 500_000),
        ({0x9291: "012345678"}, None, 12_345),
        ({0x9291: "x"}, None, 0),
    ],
)
def test_offset_and_fraction(
    details: media.Tags, offset: timedelta | None, fraction: int
) -> None:
    """The offset of the original date wins; what is none is unknown."""
    found = facts(media.jpeg(media.tiff({}, {0x9003: TEXT, **details})))
    assert found.utc_offset == offset
    assert found.captured_at == TAKEN.replace(microsecond=fraction)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("place", [(52.516275, -13.377704), (-33.856784, 151.215297)])
def test_place(order: str, place: tuple[float, float]) -> None:
    """Degrees, minutes and seconds are exact, south and west are negative."""
    gps = {
        **media.place(*place),
        5: b"\1",
        6: ((1050, 100),),
        7: ((23, 1), (59, 1), (595, 10)),
        29: "2024:05:01",
    }
    found = facts(media.jpeg(media.tiff({}, {}, gps, order=order)))
    assert (found.latitude, found.longitude) == pytest.approx(place, abs=1e-6)
    assert found.altitude == -10.5
    assert found.has_location
    assert found.satellite_at == datetime(2024, 5, 1, 23, 59, 59, 500_000)


@pytest.mark.parametrize(
    "gps",
    [
        media.place(0, 0),
        {2: media.degrees(52.5)},
        {**media.place(52.5, 13), 4: ((1, 0), (0, 0), (0, 0))},
        {**media.place(52.5, 13), 2: ((91, 1),)},
        {**media.place(52.5, 13), 2: "north"},
        {**media.place(52.5, 13), 2: ((52, 1), (30, 1), (0, 0))},
    ],
)
def test_no_place(gps: media.Tags) -> None:
    """Zero degrees in both are those of a device that knows nothing."""
    assert not facts(media.jpeg(media.tiff({}, {}, gps))).has_location


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("OLYMPUS IMAGING CORP.", "E-M10", "OLYMPUS E-M10"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("samsung", "SM-S906U", "samsung SM-S906U"),
        ("FUJIFILM", None, "FUJIFILM"),
        (None, "Pixel 8", "Pixel 8"),
        ("CO", "1", "CO 1"),
        (" ", "\0", None),
    ],
)
def test_camera(make: str | None, model: str | None, camera: str | None) -> None:
    """Maker and model as one says them, the maker not twice."""
    values = {0x010F: make, 0x0110: model}
    root = {tag: value for tag, value in values.items() if value is not None}
    assert facts(media.jpeg(media.tiff(root))).camera == camera


@pytest.mark.parametrize("make", [media.jpeg, media.heic])
def test_identifiers_of_apple(make: Callable[[bytes], bytes]) -> None:
    """A live photo and a burst are known by the maker's note."""
    note = media.apple_note("8C4F-CONTENT", "51D2-BURST")
    found = facts(make(media.tiff({}, {0x927C: note})))
    assert (found.content_identifier, found.burst_id) == ("8C4F-CONTENT", "51D2-BURST")
    found = facts(make(media.tiff({}, {0x927C: b"Nikon\0" + note})))
    assert (found.content_identifier, found.burst_id) == (None, None)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
@pytest.mark.parametrize(
    ("turns", "shown"), [(0, (40, 30)), (1, (30, 40)), (2, (40, 30))]
)
def test_heif(brand: bytes, turns: int, shown: tuple[int, int]) -> None:
    """HEIC and AVIF are turned by a property of their own, not by EXIF."""
    details = media.tiff({0x0112: 6, 0x0110: "iPhone 15"}, {0x9003: TEXT})
    found = facts(media.heic(details, size=(40, 30), turns=turns, brand=brand))
    assert (found.width, found.height, found.pixels) == (40, 30, shown)
    assert (found.captured_at, found.camera) == (TAKEN, "iPhone 15")
    assert found.trouble is None


@pytest.mark.parametrize("magic", [None, b"IIRO", b"IIU\0", b"MMOR"])
def test_raw(magic: bytes | None) -> None:
    """Raw pictures are TIFF, whatever their makers write in its head."""
    order = ">" if magic == b"MMOR" else "<"
    root: media.Tags = {0x0100: 6000, 0x0101: 4000, 0x0110: "X-1"}
    found = facts(media.tiff(root, {0x9003: TEXT}, order=order, magic=magic))
    assert (found.captured_at, found.camera) == (TAKEN, "X-1")
    assert found.pixels == (6000, 4000)


def test_segments_that_are_odd() -> None:
    """Padding and rubbish between segments are skipped, as decoders do."""
    whole = media.jpeg(media.tiff({}, {0x9003: TEXT}))
    assert facts(whole[:2] + b"\xff\xff" + whole[2:]).captured_at == TAKEN
    # What begins with anything else, ExifTool and the server take for what follows.
    assert facts(whole[:2] + b"rubbish" + whole[2:]).captured_at == TAKEN
    assert facts(bytes(128) + whole).pixels == (40, 30)
    assert facts(bytes(2000) + whole).trouble is Trouble.UNKNOWN_FORMAT
    at = whole.index(b"\xff\xe1") + 2
    at += int.from_bytes(whole[at : at + 2])
    found = facts(whole[:at] + b"rubbish" + whole[at:])
    assert (found.captured_at, found.pixels) == (TAKEN, (40, 30))


def test_exif_behind_the_pixels() -> None:
    """PNG may tell of itself at its end, and with the mark of JPEG."""
    details = media.tiff({}, {0x9003: TEXT})
    plain = picture("PNG")
    for body in (details, b"Exif\0\0" + details):
        chunk = struct.pack(">I", len(body)) + b"eXIf" + body + bytes(4)
        found = facts(plain[:-12] + chunk + plain[-12:])
        assert (found.captured_at, found.pixels) == (TAKEN, (40, 30))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_cut_off(kind: str) -> None:
    """What is left of a picture still tells what it can; nothing else is made up."""
    whole = picture(kind, exif(original=TEXT, orientation=6))
    complete = facts(whole)
    assert complete.captured_at == TAKEN
    for size in range(len(whole)):
        found = facts(whole[:size])
        assert found.captured_at in (None, TAKEN)
        assert found.pixels in (None, (30, 40), (40, 30))
    assert facts(whole[:5]).trouble is not None


def test_exif_that_is_cut_off() -> None:
    """Of a segment that is not whole nothing is believed, as by the server."""
    whole = media.jpeg(media.tiff({0x010F: "Canon"}, {0x9003: TEXT}, {}))
    end = whole.index(b"\xff\xe1") + 2
    end += int.from_bytes(whole[end : end + 2])
    found = facts(whole[: end - 1])
    assert (found.captured_at, found.make) == (None, None)
    assert found.trouble is Trouble.DAMAGED
    assert facts(whole[:end] + b"\xff\xd9").captured_at == TAKEN


def test_several_pieces_of_exif() -> None:
    """Of two the last counts, as for the server; what is only a part of one doesn't."""
    pieces = [
        b"Exif\0\0" + media.tiff({0x010F: "First", 0x0110: "A"}),
        b"exif\0\0" + media.tiff({0x010F: "Second"}, {0x9003: TEXT}),
        b"Exif\0\0" + b"the rest of a long one",
    ]
    plain = media.jpeg()
    data = b"".join(
        b"\xff\xe1" + struct.pack(">H", 2 + len(one)) + one for one in pieces
    )
    found = facts(plain[:2] + data + plain[2:])
    assert (found.make, found.model, found.captured_at) == ("Second", "A", TAKEN)


def test_other_formats_are_unknown() -> None:
    """What has no reader says so, whatever its name."""
    assert facts(picture("PPM")) == MediaFacts(trouble=Trouble.UNKNOWN_FORMAT)
    assert facts(b"") == MediaFacts(trouble=Trouble.UNKNOWN_FORMAT)
