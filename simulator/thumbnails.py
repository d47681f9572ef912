"""Thumbnails: a small WebP, a larger JPEG and a hash of a few bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from .exif import BROKEN, is_heif
from .mp4 import read_mp4
from .thumbhash import thumbhash

# The shorter side in pixels (measured on Immich 3.0.3).
_SMALL = 250
_LARGE = 1440
_GREY = (96, 96, 96)


def make_thumbnails(path: Path, small: Path, large: Path) -> str | None:
    """Write both thumbnails and return the ThumbHash; None for a broken file.

    A film and a HEIF picture get a grey stand-in, for nothing here can decode them.
    """
    try:
        picture = _load(path)
        if picture is None:
            return None
        preview = _fitted(picture, _LARGE)
        with _whole(large) as file:
            preview.save(file, "JPEG", quality=80)
        with _whole(small) as file:
            _fitted(preview, _SMALL).save(file, "WEBP", quality=80, method=2)
        return thumbhash(preview)
    except BROKEN:
        return None


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a file to write that gets its name once it is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _load(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (_LARGE, _LARGE))
            turned = ImageOps.exif_transpose(picture)
            return turned.convert("RGB")
    except UnidentifiedImageError:
        if path.stat().st_size <= 16:
            return None
        film = read_mp4(path)
        if film is not None and film.width and film.height:
            return _stand_in(film.width, film.height, film=True)
        if is_heif(path):
            return _stand_in(640, 480, film=False)
        return None


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Shrink a picture so that its shorter side fits; never enlarge it."""
    scale = side / min(picture.size)
    if scale >= 1:
        return picture
    width, height = picture.size
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _stand_in(width: int, height: int, *, film: bool) -> Image.Image:
    picture = Image.new("RGB", (min(width, 4096), min(height, 4096)), _GREY)
    if film:
        wide, high = picture.size
        unit = min(wide, high) / 6
        points = [
            (wide / 2 - unit, high / 2 - unit),
            (wide / 2 - unit, high / 2 + unit),
            (wide / 2 + unit, high / 2),
        ]
        ImageDraw.Draw(picture).polygon(points, fill="white")
    return picture
