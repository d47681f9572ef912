"""Tests that the samples are what the contract says they are."""

from io import BytesIO
import struct

from PIL import ExifTags, Image
import pytest

from .derive import TABLE
from .samples import Kind, Sample, content
from .table import Table

SAMPLES = Table.load(TABLE).samples
PICTURES = {
    name: sample
    for name, sample in SAMPLES.items()
    if sample.kind in {Kind.JPEG, Kind.PNG, Kind.WEBP}
}


def test_samples_are_exact_and_always_the_same() -> None:
    """Every sample has its size, makes the same bytes twice and no two are equal."""
    made = {name: content(name, sample) for name, sample in SAMPLES.items()}
    for name, sample in SAMPLES.items():
        assert len(made[name]) == sample.size
        if sample.size < 1_000_000:
            assert content(name, sample) == made[name]
    alike = {Kind.ZERO, Kind.XMP}
    unique = [made[name] for name, s in SAMPLES.items() if s.kind not in alike]
    assert len(set(unique)) == len(unique)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_can_be_opened(name: str) -> None:
    """Pictures are whole, of their format and 640 by 480 pixels."""
    with Image.open(BytesIO(content(name, PICTURES[name]))) as picture:
        picture.load()
        assert picture.size == (640, 480)
        assert picture.format == PICTURES[name].kind.upper()


def test_picture_carries_its_exif() -> None:
    """Date with offset, place and camera can be read back."""
    with Image.open(BytesIO(content("p1", SAMPLES["p1"]))) as picture:
        exif = picture.getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert exif[ExifTags.Base.Make] == "Canon"
    assert exif[ExifTags.Base.Model] == "EOS R5"
    assert details[ExifTags.Base.DateTimeOriginal] == "2023:07:14 12:30:00"
    assert details[ExifTags.Base.OffsetTimeOriginal] == "+02:00"
    degrees, minutes, seconds = place[ExifTags.GPS.GPSLatitude]
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(48.8584)
    assert place[ExifTags.GPS.GPSLongitudeRef] == "E"


def test_date_without_offset() -> None:
    """A date without an offset has none in the file either."""
    with Image.open(BytesIO(content("p3", SAMPLES["p3"]))) as picture:
        details = picture.getexif().get_ifd(ExifTags.IFD.Exif)
    assert dict(details) == {ExifTags.Base.DateTimeOriginal: "2022:01:01 00:00:00"}


def test_truncated_picture_is_broken() -> None:
    """It begins like a picture and its data ends too early."""
    data = content("truncated", SAMPLES["truncated"])
    with Image.open(BytesIO(data)) as picture:
        assert picture.size == (640, 480)
        with pytest.raises(OSError, match="truncated"):
            picture.load()


def test_video_tells_its_duration_and_holds_its_frames() -> None:
    """The movie header has the duration, the first chunk starts with a JPEG."""
    sample = SAMPLES["v1"]
    data = content("v1", sample)
    assert data[4:8] == b"ftyp"
    header = data.index(b"mvhd") + 4
    assert struct.unpack_from(">II", data, header + 12) == (1000, sample.duration)
    chunk = data.index(b"stco") + 12
    (offset,) = struct.unpack_from(">I", data, chunk)
    assert data[offset : offset + 2] == b"\xff\xd8"


def test_sidecar_is_written_as_xmp() -> None:
    """Date, place, rating, description and tags are in it."""
    text = content("p4.jpg", SAMPLES["p4.jpg"]).decode()
    assert 'exif:GPSLatitude="40,42.768N"' in text
    assert 'exif:GPSLongitude="74,0.36W"' in text
    assert 'xmp:Rating="4"' in text
    assert "From the sidecar" in text
    assert "<rdf:li>sidecar-tag</rdf:li>" in text


def test_too_small_a_size_is_refused() -> None:
    """A picture does not fit into a few bytes."""
    with pytest.raises(ValueError, match="no room"):
        content("tiny", Sample(kind=Kind.JPEG, size=100))
