"""Facts read out of pictures, broken ones included."""

from datetime import datetime
from io import BytesIO

from hypothesis import given, strategies as st
from PIL import Image, ImageFile
import pytest

from custom_components.immich_backup.engine.media.image import ImageFacts, read_image

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


def facts(data: bytes) -> ImageFacts:
    """Return the facts of a picture."""
    return read_image(BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats(kind: str) -> None:
    """The server's most usual pictures tell their size and date."""
    assert facts(picture(kind, exif(original=TEXT))) == ImageFacts(TAKEN, (40, 30))
    assert facts(picture(kind)) == ImageFacts(None, (40, 30))


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


@given(st.data())
def test_broken_pictures_raise_nothing(data: st.DataObject) -> None:
    """Cut, overwritten or made up: what can't be read is unknown."""
    whole = picture(
        data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"])),
        exif(original=TEXT, orientation=6),
    )
    broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, len(whole)), max_size=20)):
        if place < len(broken):
            broken[place] = data.draw(st.integers(0, 255))
    found = facts(bytes(broken))
    assert found.pixels is None or min(found.pixels) >= 0
    assert found.captured_at is None or found.captured_at.tzinfo is None


@given(st.binary(max_size=200))
def test_no_picture_at_all(data: bytes) -> None:
    """Any bytes give facts."""
    facts(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_pixels_are_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is only measured; its pixels may be more than the memory holds."""
    decoded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded.append)
    assert facts(picture(kind)) == ImageFacts(None, (40, 30))
    assert decoded == []


def test_other_formats_are_unknown() -> None:
    """A format that nobody asked for is not opened, whatever its name."""
    assert facts(picture("GIF")) == ImageFacts()
