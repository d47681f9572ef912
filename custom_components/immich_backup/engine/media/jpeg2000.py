"""JPEG 2000 and JPEG XL: where their facts stand."""

from .boxes import Box, boxes
from .picture import Picture, without_mark
from .source import Damaged, Part

CODESTREAM = b"\xff\x4f\xff\x51"
JXL_CODESTREAM = b"\xff\x0a"
_EXIFS = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTCS = (
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"),
    bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"),
)
# How wide a JPEG XL is beside its height, if its header says so by a number.
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_WIDTHS = (9, 13, 18, 30)


def read_jp2(whole: Part) -> Picture:
    """Return the parts of a JPEG 2000; what comes before damage counts."""
    picture = Picture()
    try:
        for box in boxes(whole):
            if box.kind == b"jp2h":
                for inner in boxes(box.content):
                    if inner.kind == b"ihdr":
                        sides = inner.content.number(4, 4), inner.content.number(0, 4)
                        picture.size = sides
            elif box.kind == b"uuid":
                _note(picture, box)
    except Damaged as err:
        picture.damage = err
    return picture


def _note(picture: Picture, box: Box) -> None:
    """Note what a box of a maker holds."""
    if box.uuid in _EXIFS:
        picture.exif.append(without_mark(box.content))
    elif box.uuid == _XMP:
        picture.xmp = picture.xmp or box.content
    elif box.uuid in _IPTCS:
        picture.iptc = picture.iptc or box.content


def read_codestream(whole: Part) -> Picture:
    """Return the size of a JPEG 2000 that is nothing but its pixels. Raises Damaged."""
    return Picture(size=(whole.number(8, 4), whole.number(12, 4)))


def read_jxl(whole: Part) -> Picture:
    """Return size, EXIF and XMP of a JPEG XL, as far as they are not compressed.

    Raises Damaged.
    """
    if whole.upto(2) == JXL_CODESTREAM:
        return Picture(size=_size(whole))
    picture = Picture()
    try:
        for box in boxes(whole):
            if box.kind == b"Exif":
                picture.exif.append(box.content.part(4 + box.content.number(0, 4)))
            elif box.kind == b"xml ":
                picture.xmp = box.content
            elif box.kind == b"jxlc":
                picture.size = _size(box.content)
    except Damaged as err:
        picture.damage = err
    return picture


def _size(part: Part) -> tuple[int, int]:
    """Return width and height from the header, whose bits begin with the lowest."""
    bits = int.from_bytes(part.upto(12, 2), "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & (1 << count) - 1, bits >> count
        return value

    def side(is_small: int) -> int:
        return 8 * (take(5) + 1) if is_small else take(_WIDTHS[take(2)]) + 1

    is_small = take(1)
    height = side(is_small)
    if ratio := take(3):
        over, under = _RATIOS[ratio - 1]
        return height * over // under, height
    return side(is_small), height
