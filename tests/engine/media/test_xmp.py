"""What stands in XMP, inside of pictures and beside them."""

from datetime import datetime, timedelta
from io import BytesIO
import struct
import time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Trouble,
    read_facts,
    read_sidecar,
)
from tests.support import media
from tests.support.media import bag, xmp

TAKEN = datetime(2024, 5, 1, 10, 11, 12)


def sidecar(text: str | bytes) -> MediaFacts:
    """Return the facts of a sidecar."""
    return read_sidecar(BytesIO(text.encode() if isinstance(text, str) else text))


FULL = xmp(
    'exif:DateTimeOriginal="2024-05-01T10:11:12.5+02:00" xmp:Rating="4"'
    ' exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24,18W"'
    ' exif:GPSAltitude="35083/1000" tiff:Make="Apple" tiff:Model="iPhone 15"',
    bag("dc:description", "A day at the lake", kind="Alt")
    + bag("dc:subject", "lake", "summer"),
)
EXPECTED = {
    "captured_at": TAKEN.replace(microsecond=500_000),
    "utc_offset": timedelta(hours=2),
    "latitude": 52.52,
    "longitude": -13.405,
    "altitude": 35.083,
    "rating": 4,
    "make": "Apple",
    "model": "iPhone 15",
    "description": "A day at the lake",
    "keywords": ("lake", "summer"),
}


def test_sidecar() -> None:
    """Date, place, rating, description and keywords."""
    facts = sidecar(FULL)
    assert facts == MediaFacts(**EXPECTED, captured_source=DateSource.SIDECAR)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """XMP may begin with a mark of its encoding."""
    assert sidecar(FULL.encode(encoding)).description == "A day at the lake"


def test_elements() -> None:
    """Properties may be elements; what stands deeper in them is none of theirs."""
    facts = sidecar(
        xmp(
            "",
            "<exif:DateTimeOriginal>2024-05-01T10:11:12</exif:DateTimeOriginal>"
            "<xmp:Rating>-1</xmp:Rating>"
            "<other:Regions rdf:parseType='Resource'><dc:subject>wrong</dc:subject>"
            "<xmp:Rating>5</xmp:Rating></other:Regions>"
            "<other:History><rdf:Seq><rdf:li><rdf:Description xmp:Rating='5'"
            " dc:subject='wrong'/></rdf:li></rdf:Seq></other:History>"
            + bag("dc:subject", "right", ""),
        )
    )
    assert (facts.captured_at, facts.utc_offset, facts.rating) == (TAKEN, None, -1)
    assert facts.keywords == ("right",)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"xmp:CreateDate": "2024-05-01T10:11:12", "xmp:ModifyDate": "2025"}, TAKEN),
        (
            {
                "xmp:CreateDate": "2025-05-01T10:11:12",
                "photoshop:DateCreated": "2024-05-01T10:11:12",
            },
            TAKEN,
        ),
        # A day alone counts less than a moment.
        (
            {
                "exif:DateTimeOriginal": "2023-05-01",
                "xmp:CreateDate": "2024-05-01T10:11:12",
            },
            TAKEN,
        ),
        ({"exif:DateTimeOriginal": "2023-05-01"}, datetime(2023, 5, 1)),
        ({"exif:DateTimeOriginal": "2024-02-30T10:11:12"}, None),
        ({"exif:DateTimeOriginal": "2024"}, None),
        ({"xmp:ModifyDate": "2024-05-01T10:11:12"}, None),
    ],
)
def test_dates(dates: dict[str, str], expected: datetime | None) -> None:
    """The original date counts first."""
    text = " ".join(f'{name}="{value}"' for name, value in dates.items())
    assert sidecar(xmp(text)).captured_at == expected


@pytest.mark.parametrize(
    ("lists", "keywords"),
    [
        (bag("digiKam:TagsList", "Trips/Lake", kind="Seq"), ("Trips/Lake",)),
        (bag("lr:hierarchicalSubject", "Trips|Lake", "1/2"), ("Trips/Lake", "1|2")),
        (
            bag("dc:subject", "Lake") + bag("lr:hierarchicalSubject", "Trips|Lake"),
            ("Trips/Lake",),
        ),
        (
            bag("lr:hierarchicalSubject", "a") + bag("digiKam:TagsList", "b", "b"),
            ("b",),
        ),
        (bag("dc:subject", "a &amp; b"), ("a & b",)),
        ("", ()),
    ],
)
def test_keywords(lists: str, keywords: tuple[str, ...]) -> None:
    """What knows of a hierarchy counts before what does not."""
    assert sidecar(xmp("", lists)).keywords == keywords


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("5", 5),
        ("3.0", 3),
        ("0", 0),
        ("-1", -1),
        ("6", None),
        ("inf", None),
        ("", None),
    ],
)
def test_rating(text: str, rating: int | None) -> None:
    """Ratings are stars or a rejection."""
    assert sidecar(xmp(f'xmp:Rating="{text}"')).rating == rating


def test_inside_of_pictures() -> None:
    """A JPEG and a HEIC tell what XMP says where EXIF says nothing."""
    for data in (media.jpeg(None, FULL), media.heic(None, FULL)):
        facts = read_facts(BytesIO(data))
        for name, value in EXPECTED.items():
            assert getattr(facts, name) == value
        assert facts.captured_source is DateSource.XMP
    exif = media.tiff(
        {0x0110: "Pinhole"}, {0x9003: "2023:01:01 00:00:00"}, media.place(1, 2)
    )
    facts = read_facts(BytesIO(media.jpeg(exif, FULL)))
    assert (facts.captured_at, facts.utc_offset) == (datetime(2023, 1, 1), None)
    assert facts.captured_source is DateSource.EXIF
    assert (facts.latitude, facts.altitude, facts.model) == (1, None, "Pinhole")
    assert facts.keywords == ("lake", "summer")
    # The date of the last change counts less than a date of XMP.
    exif = media.tiff({0x0132: "2023:01:01 00:00:00"})
    facts = read_facts(BytesIO(media.jpeg(exif, FULL)))
    assert (facts.captured_source, facts.rating) == (DateSource.XMP, 4)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0title\0"),
        (b"tEXt", b"XML:com.adobe.xmp\0"),
    ],
)
def test_inside_of_png(kind: bytes, head: bytes) -> None:
    """PNG has it as a text, in either kind."""
    body = head + FULL.encode()
    chunk = struct.pack(">I", len(body)) + kind + body + bytes(4)
    facts = read_facts(BytesIO(b"\x89PNG\r\n\x1a\n" + chunk))
    assert (facts.rating, facts.trouble) == (4, None)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('GCamera:MotionPhoto="1"', True),
        ('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="123"', True),
        ('GCamera:MotionPhoto="0"', False),
        ("", False),
    ],
)
def test_motion_photo(attributes: str, expected: bool) -> None:
    """Google's cameras say whether a picture brings its video along."""
    facts = read_facts(BytesIO(media.jpeg(None, xmp(attributes))))
    assert facts.is_motion_photo is expected


def test_motion_photo_of_samsung() -> None:
    """Samsung's phones list what they append to a JPEG, and have a box in a HEIC."""
    listed = b"SEFH" + struct.pack("<IIHHII", 107, 1, 0, 0x0A30, 100, 100)
    trailer = bytes(2000) + listed + struct.pack("<I", len(listed)) + b"SEFT"
    assert read_facts(BytesIO(media.jpeg(appended=trailer))).is_motion_photo
    other = trailer.replace(b"\x30\x0a", b"\x31\x0a")
    assert not read_facts(BytesIO(media.jpeg(appended=other))).is_motion_photo
    whole = media.heic() + media.box(b"mpvd", bytes(100))
    assert read_facts(BytesIO(whole)).is_motion_photo


def test_screenshots() -> None:
    """The phone says so, or a name where no camera does."""
    comment = {0x9286: b"ASCII\0\0\0Screenshot"}
    by_phone = media.jpeg(media.tiff({}, comment))
    assert read_facts(BytesIO(by_phone)).is_screenshot
    by_xmp = xmp("", bag("exif:UserComment", "Screenshot", kind="Alt"))
    assert read_facts(BytesIO(media.jpeg(None, by_xmp))).is_screenshot
    name = "DCIM/Screenshots/1.jpg"
    assert read_facts(BytesIO(media.jpeg()), name).is_screenshot
    photo = media.jpeg(media.tiff({0x010F: "Canon"}))
    assert not read_facts(BytesIO(photo), name).is_screenshot
    video = media.Video().data()
    assert not read_facts(BytesIO(video), "Screenshots/1.mp4").is_screenshot
    assert not read_facts(BytesIO(media.jpeg()), "IMG_1.jpg").is_screenshot


LAUGHS = (
    "<!DOCTYPE lolz [<!ENTITY a '"
    + "x" * 1000
    + "'>"
    + "".join(
        f"<!ENTITY {name} '{f'&{before};' * 20}'>"
        for before, name in zip("abcdef", "bcdefg", strict=True)
    )
    + "]>"
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS + xmp("", "<dc:subject>&g;</dc:subject>"),
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + xmp('xmp:Rating="4"'),
        "<a>" * 100_000,
        "<?xml version='1.0' encoding='nonsense'?>" + xmp(),
        "<?xml version='1.0' encoding='idna'?>" + xmp(),
        "",
        "no XML",
        "\0\0",
    ],
)
def test_harm_is_refused(text: str) -> None:
    """Nothing is expanded or fetched, nothing goes deep."""
    began = time.process_time()
    assert sidecar(text) == MediaFacts(trouble=Trouble.DAMAGED)
    assert time.process_time() - began < 2


def test_long_sidecar() -> None:
    """Of a very long one the beginning counts."""
    masks = "<other:Mask>" + "x" * 5_000_000 + "</other:Mask>"
    file = BytesIO(xmp('xmp:Rating="4"', masks).encode())
    facts = read_sidecar(file)
    assert (facts.rating, facts.trouble) == (4, Trouble.TOO_MUCH)
    assert file.tell() <= 4 * 1024 * 1024 + 1
    # As is one of many values.
    facts = sidecar(xmp("", bag("dc:subject", *map(str, range(100_000)))))
    assert len(facts.keywords) <= 2000


@given(st.data())
@settings(max_examples=200)
def test_any_sidecar(data: st.DataObject) -> None:
    """Cut, overwritten or made up: facts."""
    broken = bytearray(FULL.encode()[: data.draw(st.integers(0, len(FULL)))])
    for at in data.draw(st.lists(st.integers(0, len(FULL)), max_size=10)):
        if at < len(broken):
            broken[at] = data.draw(st.integers(0, 255))
    for content in (bytes(broken), data.draw(st.binary(max_size=100))):
        facts = sidecar(content)
        assert facts.captured_at is None or facts.captured_at.tzinfo is None
        read_facts(BytesIO(media.heic(None, content.decode("latin-1"))))
