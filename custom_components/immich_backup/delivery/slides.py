"""The pictures of a clip: a card with the words of a message, and photos."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
import io
from pathlib import Path
import re
from typing import TYPE_CHECKING, Final
import warnings

if TYPE_CHECKING:
    # Pillow is slow to import and needed only when there is something to show.
    from PIL import Image, ImageDraw, ImageFont

SIZE: Final = (1280, 720)
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
# Pixels of a photo that are decoded at most; a preview has less than four million.
_MAX_PIXELS: Final = 24_000_000
_ICON: Final = Path(__file__).parent.parent / "brand" / "icon.png"
_BACKGROUND: Final = (18, 24, 38)
_TITLE: Final = (255, 255, 255)
_TEXT: Final = (203, 213, 225)
_MARGIN: Final = 96
# What stays on one line: a word, with the number that counts it.
_UNBROKEN: Final = re.compile(r"\d+ \S+|\S+")
# Home Assistant's own font, where its user interface is installed,
_FRONTEND: Final = "hass_frontend"
_FRONTEND_FONT: Final = "static/fonts/roboto/Roboto-Regular.woff2"
# and for what it has no letters for, those that the system has.
_FONTS: Final = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
)


def card(title: str, text: str) -> bytes:
    """Return a JPEG with a title and a text below it; blocking.

    Words that no font here has letters for are left out.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415

    picture = Image.new("RGB", SIZE, _BACKGROUND)
    with suppress(OSError), Image.open(_ICON) as icon:
        small = icon.resize((128, 128))
        picture.paste(small, (_MARGIN, _MARGIN), small)
    draw = ImageDraw.Draw(picture)
    top = _MARGIN + 128 + 40
    for words, size, colour, most in ((title, 64, _TITLE, 2), (text, 44, _TEXT, 6)):
        font = _font_for(words, size)
        if font is None:
            continue
        for line in _lines(draw, words, font, most):
            if top + size > SIZE[1] - _MARGIN // 2:
                break
            draw.text((_MARGIN, top), line, font=font, fill=colour)
            top += size * 5 // 4
        top += size // 3
    return _jpeg(picture)


def photo(content: bytes) -> bytes | None:
    """Return a JPEG of a photo that fills the screen; blocking. None if it is broken."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    # Broken pictures raise nearly anything in a decoder; none of it concerns us.
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            image.draft("RGB", SIZE)
            whole = ImageOps.contain(image.convert("RGB"), SIZE)
        # Beside it is what it looks like without glasses, darker.
        blurred = ImageOps.fit(whole, (32, 18)).resize(SIZE, Image.Resampling.BICUBIC)
        screen = Image.blend(blurred, Image.new("RGB", SIZE), 0.6)
        screen.paste(
            whole, ((SIZE[0] - whole.width) // 2, (SIZE[1] - whole.height) // 2)
        )
        return _jpeg(screen)
    return None


def _jpeg(picture: Image.Image) -> bytes:
    """Return a picture as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88)
    return file.getvalue()


def _font_for(
    words: str, size: int
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """Return a font that has all letters of some words; None if there is none."""
    from PIL import ImageFont  # noqa: PLC0415

    letters = {letter for letter in words if not letter.isspace()}
    for name in (*_frontend_fonts(), *_FONTS, None):
        with suppress(OSError):
            if name is None:
                # Pillow's own knows no more than the letters of English.
                font = ImageFont.load_default(size)
            else:
                font = ImageFont.truetype(name, size)
            missing = _drawn(font, "\uffff")
            if not any(_drawn(font, letter) == missing for letter in letters):
                return font
    return None


def _frontend_fonts() -> Sequence[str]:
    """Return the fonts of Home Assistant's user interface."""
    spec = find_spec(_FRONTEND)
    folders = (spec.submodule_search_locations if spec is not None else None) or ()
    return [str(Path(folder) / _FRONTEND_FONT) for folder in folders]


def _drawn(
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont, letter: str
) -> tuple[tuple[int, int], bytes] | None:
    """Return what a letter looks like; None if it can't be drawn at all."""
    try:
        mask = font.getmask(letter)
    except UnicodeEncodeError, ValueError, OSError:
        return None
    return mask.size, bytes(mask)


def _lines(
    draw: ImageDraw.ImageDraw,
    words: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    most: int,
) -> Iterator[str]:
    """Yield the lines of a text as wide as the screen has room for."""
    room = SIZE[0] - 2 * _MARGIN
    line = ""
    count = 1
    for word in _UNBROKEN.findall(" ".join(words.split())):
        longer = f"{line} {word}".strip()
        if not line or draw.textlength(longer, font=font) <= room:
            line = longer
            continue
        if count == most:
            line += " ..."
            break
        yield line
        count += 1
        line = word
    yield line
