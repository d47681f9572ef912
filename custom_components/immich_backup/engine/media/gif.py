"""GIF: its size, how long it moves, and its XMP."""

from io import BytesIO

from .picture import Picture
from .source import Part, Source

# Its blocks say only where the next one stands: all of it must be read, or little.
_WHOLE, _BEGINNING = 384 * 1024, 16 * 1024
_PICTURE, _EXTENSION, _CONTROL, _PROGRAM = 0x2C, 0x21, 0xF9, 0xFF
_XMP = b"XMP DataXMP"
# Behind XMP stand 257 bytes that lead any reader to the end of the block.
_LANDING = 257


def read_gif(whole: Part) -> Picture:
    """Return size, length and XMP of a GIF; of a long one not how long it moves.

    Raises Damaged.
    """
    is_whole = whole.size <= _WHOLE
    data = whole.upto(_WHOLE if is_whole else _BEGINNING)
    sides = whole.read(6, 4)
    picture = Picture(
        size=(
            int.from_bytes(sides[:2], "little"),
            int.from_bytes(sides[2:], "little"),
        )
    )
    hundredths = _walk(data, picture)
    if is_whole and hundredths:
        picture.duration = hundredths / 100
    return picture


def _walk(data: bytes, picture: Picture) -> int:
    """Note the XMP among the blocks; return the delays of all pictures together."""
    total, at = 0, 13 + _palette(data[10:11])
    while at + 2 < len(data):
        if data[at] == _PICTURE:
            # Its place, its palette, and the size of its codes.
            at = _end(data, at + 11 + _palette(data[at + 9 : at + 10]))
        elif data[at] == _EXTENSION:
            kind, start = data[at + 1], at + 2
            at = _end(data, start)
            if kind == _CONTROL and data[start] == 4:
                total += int.from_bytes(data[start + 2 : start + 4], "little")
            elif kind == _PROGRAM and data[start + 1 : start + 12] == _XMP:
                packet = data[start + 12 : at - 1 - _LANDING]
                picture.xmp = Source(BytesIO(packet)).whole()
        else:
            break
    return total


def _palette(flags: bytes) -> int:
    """Return how many bytes of colours follow."""
    return 3 << (1 + (flags[0] & 7)) if flags and flags[0] & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """Return where a row of pieces ends, each of which tells its length."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
