"""Draw pleasant landscapes: a sky, something that shines in it, hills, water, a title."""

from dataclasses import dataclass
from math import pi, sin
import random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

type Color = tuple[int, int, int]

# Drawn larger and scaled down, which smooths every edge.
_SMOOTH = 2
_LAYERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of a time of day."""

    sky: tuple[Color, Color]
    light: Color
    far: Color
    near: Color
    ink: Color = (255, 255, 255)
    stars: int = 0


DAWN = Palette(
    sky=((70, 84, 150), (250, 190, 160)),
    light=(255, 226, 170),
    far=(146, 126, 160),
    near=(58, 62, 96),
)
DAY = Palette(
    sky=((54, 126, 206), (196, 226, 246)),
    light=(255, 244, 196),
    far=(136, 178, 190),
    near=(52, 112, 78),
)
AUTUMN = Palette(
    sky=((96, 132, 170), (244, 222, 186)),
    light=(255, 236, 190),
    far=(196, 150, 104),
    near=(134, 64, 38),
)
DUSK = Palette(
    sky=((54, 30, 92), (248, 132, 92)),
    light=(255, 190, 104),
    far=(128, 66, 108),
    near=(42, 26, 56),
)
NIGHT = Palette(
    sky=((6, 12, 38), (44, 66, 118)),
    light=(236, 240, 250),
    far=(30, 44, 80),
    near=(10, 16, 34),
    stars=160,
)
WINTER = Palette(
    sky=((122, 158, 200), (234, 240, 248)),
    light=(255, 250, 232),
    far=(186, 204, 224),
    near=(240, 246, 252),
    ink=(36, 62, 104),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a picture shows; ``light`` is where the sun or moon is, as shares of it."""

    title: str
    palette: Palette
    light: tuple[float, float] = (0.7, 0.3)
    water: bool = False
    seed: int = 0


def _mix(first: Color, second: Color, share: float) -> Color:
    """Return a colour between two."""
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def _gradient(size: tuple[int, int], top: Color, bottom: Color) -> Image.Image:
    """Return a picture that fades from top to bottom."""
    return Image.composite(
        Image.new("RGB", size, bottom),
        Image.new("RGB", size, top),
        Image.linear_gradient("L").resize(size),
    )


def _draw_light(picture: Image.Image, scene: Scene) -> None:
    """Draw the sun or the moon with its glow."""
    width, height = picture.size
    x, y = scene.light[0] * width, scene.light[1] * height
    radius = height * 0.07
    # The glow is soft: drawn small, blurred and scaled up.
    glow = Image.new("L", (width // 8, height // 8))
    box = [value / 8 for value in (x - radius, y - radius, x + radius, y + radius)]
    ImageDraw.Draw(glow).ellipse(box, fill=230)
    glow = glow.filter(ImageFilter.GaussianBlur(radius / 6)).resize(picture.size)
    picture.paste(scene.palette.light, mask=glow)
    ImageDraw.Draw(picture).ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=scene.palette.light
    )


def _draw_stars(picture: Image.Image, scene: Scene, chance: random.Random) -> None:
    """Scatter stars over the upper part of the sky."""
    draw = ImageDraw.Draw(picture)
    for _ in range(scene.palette.stars):
        x, y = chance.random() * picture.width, chance.random() * picture.height * 0.6
        radius = chance.uniform(0.6, 2.2) * picture.height / 1000
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="white")


def _draw_hills(picture: Image.Image, scene: Scene, chance: random.Random) -> None:
    """Draw ranges of hills, the nearer the darker (or, with snow, the lighter)."""
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    for layer in range(_LAYERS):
        share = layer / (_LAYERS - 1)
        base = height * (0.52 + 0.14 * share)
        waves = [
            (chance.uniform(0.6, 1.4) * 2**octave, chance.random() * 2 * pi)
            for octave in range(4)
        ]
        ridge = [
            (
                x,
                base
                - sum(
                    sin(x / width * 2 * pi * frequency + phase)
                    * height
                    * 0.07
                    / (octave + 1)
                    for octave, (frequency, phase) in enumerate(waves)
                ),
            )
            for x in range(0, width + 4, 4)
        ]
        color = _mix(scene.palette.far, scene.palette.near, share)
        draw.polygon([(0, height), *ridge, (width, height)], fill=color)


def _mirror_in_water(picture: Image.Image, scene: Scene) -> None:
    """Cover the lower part with water that mirrors what is above."""
    width, height = picture.size
    shore = round(height * 0.68)
    mirrored = picture.crop((0, 2 * shore - height, width, shore)).transpose(
        Image.Transpose.FLIP_TOP_BOTTOM
    )
    tint = Image.new("RGB", mirrored.size, _mix(*scene.palette.sky, 0.4))
    picture.paste(Image.blend(mirrored, tint, 0.45), (0, shore))


def _write_title(picture: Image.Image, scene: Scene) -> None:
    """Write the title in the lower left corner; the font has ASCII letters only."""
    ImageDraw.Draw(picture).text(
        (picture.width * 0.05, picture.height * 0.86),
        scene.title,
        fill=scene.palette.ink,
        font=ImageFont.load_default(picture.height / 14),
    )


def draw(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """Return an RGB picture of a scene, the same for the same scene and size."""
    chance = random.Random(scene.seed)
    large = (size[0] * _SMOOTH, size[1] * _SMOOTH)
    picture = _gradient(large, *scene.palette.sky)
    _draw_stars(picture, scene, chance)
    _draw_light(picture, scene)
    _draw_hills(picture, scene, chance)
    if scene.water:
        _mirror_in_water(picture, scene)
    picture = picture.resize(size, Image.Resampling.BOX)
    _write_title(picture, scene)
    return picture
