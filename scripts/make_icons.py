"""Draw the integration's icons: a photo, and a shield that says it is safe.

Run with the environment's Python: ``.venv/bin/python scripts/make_icons.py``.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

BRAND = Path(__file__).resolve().parent.parent / "custom_components/immich_backup/brand"
SIZES = {"icon.png": 256, "icon@2x.png": 512}

# Drawn on a large square and scaled down, which smooths every edge.
SIDE = 2048
TOP, BOTTOM = (38, 82, 196), (18, 150, 158)
PAPER = (255, 255, 255)
SKY, SUN = (205, 228, 250), (255, 190, 60)
FAR_HILL, NEAR_HILL = (96, 150, 205), (42, 98, 168)
SHIELD, SHIELD_LIT = (22, 140, 92), (40, 178, 116)

type Point = tuple[float, float]


def rounded(box: tuple[int, int, int, int], radius: int) -> Image.Image:
    """Return a mask of a rectangle with round corners."""
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
    return mask


def shield(centre: Point, width: float) -> list[Point]:
    """Return the outline of a shield, 1.2 times as high as it is wide."""
    x, y = centre
    half, height = width / 2, width * 1.2
    top = y - height / 2
    steps = [step / 60 for step in range(61)]
    # From the right shoulder down to the tip, and the same mirrored.
    side = [(half * (1 - t**2.6), top + height * (0.42 + 0.58 * t)) for t in steps]
    shoulders = [(t * half, top + height * (0.12 * (1 - (1 - t) ** 2))) for t in steps]
    right = shoulders + side
    return [(x + dx, dy) for dx, dy in right] + [
        (x - dx, dy) for dx, dy in reversed(right)
    ]


def shadow(mask: Image.Image, offset: int) -> Image.Image:
    """Return a soft shadow of a mask, a little below it."""
    moved = Image.new("L", mask.size)
    moved.paste(mask.point(lambda value: value * 90 // 255), (0, offset))
    return moved.filter(ImageFilter.GaussianBlur(offset))


def draw_photo(icon: Image.Image) -> None:
    """Draw the photo: white paper with a landscape."""
    paper = rounded((330, 330, 1718, 1410), 130)
    icon.paste((10, 30, 70), mask=shadow(paper, 36))
    icon.paste(PAPER, mask=paper)

    picture = Image.new("RGB", (SIDE, SIDE), SKY)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((560, 530, 810, 780), fill=SUN)
    draw.polygon([(700, 1330), (1240, 670), (1800, 1330)], fill=FAR_HILL)
    draw.polygon([(300, 1330), (820, 870), (1330, 1330)], fill=NEAR_HILL)
    icon.paste(picture, mask=rounded((420, 420, 1628, 1320), 60))


def draw_shield(icon: Image.Image) -> None:
    """Draw the shield with its check mark over the photo's corner."""
    centre = (1450, 1280)
    rim = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(rim).polygon(shield(centre, 800), fill=255)
    icon.paste((10, 30, 70), mask=shadow(rim, 36))
    icon.paste(PAPER, mask=rim)

    draw = ImageDraw.Draw(icon)
    inner = shield(centre, 680)
    draw.polygon(inner, fill=SHIELD)
    draw.polygon([point for point in inner if point[0] <= centre[0]], fill=SHIELD_LIT)

    check = [(1290, 1270), (1410, 1390), (1620, 1150)]
    draw.line(check, fill=PAPER, width=100, joint="curve")
    for x, y in (check[0], check[2]):
        draw.ellipse((x - 50, y - 50, x + 50, y + 50), fill=PAPER)


def draw_icon() -> Image.Image:
    """Return the icon on transparent ground."""
    gradient = Image.linear_gradient("L").resize((SIDE, SIDE))
    ground = Image.composite(
        Image.new("RGB", (SIDE, SIDE), BOTTOM),
        Image.new("RGB", (SIDE, SIDE), TOP),
        gradient,
    )
    draw_photo(ground)
    draw_shield(ground)
    icon = Image.new("RGBA", (SIDE, SIDE))
    icon.paste(ground, mask=rounded((0, 0, SIDE - 1, SIDE - 1), 450))
    return icon


def main() -> None:
    """Write the icons in the sizes that Home Assistant shows."""
    icon = draw_icon()
    for name, size in SIZES.items():
        small = icon.resize((size, size), Image.Resampling.LANCZOS)
        small.save(BRAND / name, optimize=True)


if __name__ == "__main__":
    main()
