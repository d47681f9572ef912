"""Capture date and pixel size of JPEG, PNG and WebP, read with Pillow."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
import warnings

_FORMATS = ("JPEG", "PNG", "WEBP")
_EXIF_IFD = 0x8769
_DATE_TIME_ORIGINAL = 0x9003
_DATE_TIME_DIGITIZED = 0x9004
# EXIF 2.32, 4.6.5: DateTime is when the file was changed; cameras set it as well.
_DATE_TIME = 0x0132
_ORIENTATION = 0x0112
# Orientations that turn the picture by a quarter.
_QUARTER_TURNS = frozenset((5, 6, 7, 8))


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture says of itself; None is unknown.

    ``captured_at`` is the camera's clock, without a zone. ``pixels`` is width and
    height as shown.
    """

    captured_at: datetime | None = None
    pixels: tuple[int, int] | None = None


def read_image(file: BinaryIO) -> ImageFacts:
    """Read the facts of an open file; blocking. What can't be read is unknown.

    Only headers are read, no pixels are decoded.
    """
    # Pillow is slow to import and needed only where a rule asks for such facts.
    from PIL import Image  # noqa: PLC0415

    # Broken pictures raise nearly anything in a decoder; none of it concerns us.
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(file, formats=_FORMATS) as image:
            return _facts(image)
    return ImageFacts()


def _facts(image: object) -> ImageFacts:
    """Return the facts of an image that Pillow opened."""
    from PIL import Image  # noqa: PLC0415

    assert isinstance(image, Image.Image)
    width, height = image.size
    captured: datetime | None = None
    with suppress(Exception):
        # Not the method of PNG pictures: where it finds none, it decodes all pixels.
        exif = Image.Image.getexif(image)
        if exif.get(_ORIENTATION) in _QUARTER_TURNS:
            width, height = height, width
        details = exif.get_ifd(_EXIF_IFD)
        captured = (
            _moment(details.get(_DATE_TIME_ORIGINAL))
            or _moment(details.get(_DATE_TIME_DIGITIZED))
            or _moment(exif.get(_DATE_TIME))
        )
    return ImageFacts(captured, (width, height))


def _moment(value: object) -> datetime | None:
    """Return an EXIF date (`2024:05:01 10:00:00`), or None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
