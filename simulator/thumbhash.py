"""ThumbHash: a picture in some 20 bytes, as Immich keeps for placeholders."""

import base64
import math

from PIL import Image

_SIDE = 32


def _cosines(count: int, size: int) -> list[list[float]]:
    return [
        [math.cos(math.pi / size * order * (at + 0.5)) for at in range(size)]
        for order in range(count)
    ]


def _channel(
    values: list[float], width: int, height: int, nx: int, ny: int
) -> tuple[float, list[float], float]:
    """Return the mean, the scaled coefficients and the scale of one channel."""
    columns, rows = _cosines(nx, width), _cosines(ny, height)
    lines = [values[y * width : (y + 1) * width] for y in range(height)]
    by_column = [
        [sum(map(float.__mul__, line, cosine)) for line in lines] for cosine in columns
    ]
    mean = 0.0
    found: list[float] = []
    for cy in range(ny):
        cx = 0
        while cx * ny < nx * (ny - cy):
            value = sum(map(float.__mul__, by_column[cx], rows[cy])) / (width * height)
            if cx or cy:
                found.append(value)
            else:
                mean = value
            cx += 1
    scale = max(map(abs, found), default=0.0)
    if scale:
        found = [0.5 + 0.5 / scale * value for value in found]
    return mean, found, scale


def thumbhash(picture: Image.Image) -> str:
    """Return the ThumbHash of a picture in base64; transparency is left out."""
    small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    width, height = small.size
    raw = small.tobytes()
    red, green, blue = (
        [value / 255 for value in raw[offset::3]] for offset in range(3)
    )
    light = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    warm = [r - g for r, g in zip(red, green, strict=True)]
    longest = max(width, height)
    nx = max(1, round(7 * width / longest))
    ny = max(1, round(7 * height / longest))
    l_mean, l_all, l_scale = _channel(light, width, height, max(3, nx), max(3, ny))
    p_mean, p_all, p_scale = _channel(yellow, width, height, 3, 3)
    q_mean, q_all, q_scale = _channel(warm, width, height, 3, 3)
    wide = width > height
    head = (
        round(63 * l_mean)
        | round(31.5 + 31.5 * p_mean) << 6
        | round(31.5 + 31.5 * q_mean) << 12
        | round(31 * l_scale) << 18
    )
    tail = (
        (ny if wide else nx)
        | round(63 * p_scale) << 3
        | round(63 * q_scale) << 9
        | wide << 15
    )
    result = bytearray(head.to_bytes(3, "little") + tail.to_bytes(2, "little"))
    nibbles = [round(15 * value) for value in (*l_all, *p_all, *q_all)]
    if len(nibbles) % 2:
        nibbles.append(0)
    result += bytes(
        low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True)
    )
    return base64.b64encode(result).decode()
