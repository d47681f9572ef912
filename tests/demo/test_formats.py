"""Raw pictures and HEIC decode to the pictures that they were made of."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
import subprocess

from PIL import Image, ImageChops, ImageStat
import pytest

from custom_components.immich_backup.engine.media.facts import MediaFacts
from custom_components.immich_backup.engine.media.read import read_facts
from demo.heic import heic
from demo.scenes import DUSK, Scene, draw
from demo.tiff import dng, text

from .test_video import ffmpeg

# Enough blocks that the coder of HEIC comes to its last state, and goes on.
SIZE = (320, 256)


@pytest.fixture
def picture() -> Image.Image:
    """Return a picture with edges and shades."""
    return draw(Scene(title="Test", palette=DUSK, water=True, seed=1), SIZE)


def facts_of(data: bytes, name: str) -> MediaFacts:
    """Return what the integration reads out of a file."""
    return read_facts(BytesIO(data), name)


def decode(folder: Path, name: str, data: bytes) -> Image.Image:
    """Return what a decoder that knows nothing of us makes of a file."""
    (folder / name).write_bytes(data)
    result = subprocess.run(
        [ffmpeg(), "-v", "warning", "-i", name, "-frames:v", "1", "-y", "shown.png"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "error" not in result.stderr.lower()
    with Image.open(folder / "shown.png") as shown:
        return shown.convert("RGB")


def test_heic(tmp_path: Path, picture: Image.Image) -> None:
    """A HEIC has the pixels, the size and the EXIF that it was given."""
    exif = Image.Exif()
    exif[0x010F] = "Demo"
    data = heic(picture, exif.tobytes().removeprefix(b"Exif\0\0"))
    shown = decode(tmp_path, "a.heic", data)
    # Colour is kept for four pixels together.
    difference = ImageChops.difference(shown, picture)
    assert max(ImageStat.Stat(difference).mean) < 4
    facts = facts_of(data, "a.heic")
    assert facts.trouble is None
    assert (facts.width, facts.height, facts.make) == (*SIZE, "Demo")
    again = heic(picture, exif.tobytes().removeprefix(b"Exif\0\0"))
    assert again == data


def test_dng(picture: Image.Image) -> None:
    """A raw picture has a preview, one colour for each pixel, and a date."""
    data = dng(
        picture,
        camera=("Demo", "Pinhole 1"),
        date="2025:10:05 11:40:00",
        details={0x9003: text("2025:10:05 11:40:00"), 0x9011: text("+02:00")},
    )
    facts = facts_of(data, "a.dng")
    assert facts.trouble is None
    assert (facts.width, facts.height) == SIZE
    assert facts.captured_at == datetime(2025, 10, 5, 11, 40)
    with Image.open(BytesIO(data)) as preview:
        shown = preview.convert("RGB")
    expected = picture.resize(shown.size)
    assert ImageChops.difference(shown, expected).getbbox() is None
    # What the sensor saw stands at the beginning, behind the header: green is every
    # second pixel, and light that is twice as strong is a number twice as large.
    green = int.from_bytes(data[8 + 2 : 8 + 4], "little")
    level = picture.getpixel((1, 0))
    assert isinstance(level, tuple)
    assert green == pytest.approx(0xFFFF * (level[1] / 255) ** 2.2, abs=1)
