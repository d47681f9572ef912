"""Write short MP4 and MOV videos that play everywhere, without an encoder.

The pictures are H.264 with uncompressed macroblocks (I_PCM, ITU-T H.264 7.3.5) where
something changed, and skipped macroblocks elsewhere. The same pictures always give the
same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
import struct

from PIL import Image

from .bits import Bits
from .boxes import box, full_box

_BLOCK = 16
_TIMESCALE = 600
# QuickTime counts seconds from here.
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)

_SLICE_P, _SLICE_IDR, _SPS, _PPS = b"\x41", b"\x65", b"\x67", b"\x68"


def _sequence_parameters(columns: int, rows: int) -> bytes:
    """Return the SPS: baseline profile, level 3.0, one reference picture."""
    bits = Bits()
    bits.put(66, 8)
    bits.put(0xC0, 8)
    bits.put(30, 8)
    # Identifier, log2(frame numbers) - 4, order of pictures, reference pictures.
    bits.golomb(0, 0, 2, 1)
    bits.put(0, 1)
    bits.golomb(columns - 1, rows - 1)
    # Whole frames, 8x8 inference; no cropping and no usability information.
    bits.put(0b1100, 4)
    return bits.unit(_SPS)


def _picture_parameters() -> bytes:
    """Return the PPS: CAVLC, and slices say that deblocking is off."""
    bits = Bits()
    bits.golomb(0, 0)
    bits.put(0, 2)
    bits.golomb(0, 0, 0)
    bits.put(0, 3)
    bits.golomb(0, 0, 0)
    bits.put(0b100, 3)
    return bits.unit(_PPS)


def blocks_of(picture: Image.Image) -> list[bytes]:
    """Return the samples of each macroblock: 256 luma, 64 blue and 64 red difference."""
    # JPEG's full range to the range of video.
    luma, blue, red = picture.convert("YCbCr").split()
    luma = luma.point([16 + value * 219 // 255 for value in range(256)])
    narrow = [128 + (value - 128) * 224 // 255 for value in range(256)]
    half = (picture.width // 2, picture.height // 2)
    blue, red = (
        plane.resize(half, Image.Resampling.BOX).point(narrow) for plane in (blue, red)
    )
    result = []
    for top in range(0, picture.height, _BLOCK):
        for left in range(0, picture.width, _BLOCK):
            box = (left, top, left + _BLOCK, top + _BLOCK)
            small = (left // 2, top // 2, left // 2 + 8, top // 2 + 8)
            result.append(
                luma.crop(box).tobytes()
                + blue.crop(small).tobytes()
                + red.crop(small).tobytes()
            )
    return result


def _first_frame(blocks: Sequence[bytes]) -> bytes:
    """Return a slice that holds a whole picture."""
    bits = Bits()
    # First macroblock, type (only I), parameters, frame 0, identifier of the picture.
    bits.golomb(0, 7, 0)
    bits.put(0, 4)
    bits.golomb(0)
    bits.put(0, 2)
    # No difference of quality, no deblocking.
    bits.golomb(0, 1)
    for block in blocks:
        bits.golomb(25)
        bits.raw(block)
    return bits.unit(_SLICE_IDR)


def _next_frame(number: int, before: Sequence[bytes], blocks: Sequence[bytes]) -> bytes:
    """Return a slice with the macroblocks that differ from the frame before."""
    bits = Bits()
    bits.golomb(0, 5, 0)
    bits.put(number % 16, 4)
    bits.put(0, 3)
    bits.golomb(0, 1)
    skipped = 0
    for old, new in zip(before, blocks, strict=True):
        if old == new:
            skipped += 1
            continue
        bits.golomb(skipped, 30)
        bits.raw(new)
        skipped = 0
    if skipped:
        bits.golomb(skipped)
    return bits.unit(_SLICE_P)


def _frames(pictures: Sequence[Image.Image]) -> Iterator[bytes]:
    """Return the slices of all pictures."""
    blocks = [blocks_of(picture) for picture in pictures]
    yield _sized(_first_frame(blocks[0]))
    for number, (before, now) in enumerate(pairwise(blocks), 1):
        yield _sized(_next_frame(number, before, now))


def _sized(unit: bytes) -> bytes:
    """Return a NAL unit with its length in front."""
    return struct.pack(">I", len(unit)) + unit


def _codec_box(width: int, height: int) -> bytes:
    """Return how the samples are encoded."""
    sps = _sequence_parameters(width // _BLOCK, height // _BLOCK)
    pps = _picture_parameters()
    settings = (
        struct.pack(">B3sBBH", 1, sps[1:4], 0xFF, 0xE1, len(sps))
        + sps
        + struct.pack(">BH", 1, len(pps))
        + pps
    )
    return box(
        "avc1",
        struct.pack(">6xH16xHH", 1, width, height),
        struct.pack(">IIIH32xHh", 0x480000, 0x480000, 0, 1, 24, -1),
        box("avcC", settings),
    )


def _movie(
    sizes: Sequence[int],
    offset: int,
    size: tuple[int, int],
    fps: int,
    taken: int,
    keys: Mapping[str, str],
) -> bytes:
    """Return the box that describes one track, whose samples begin at ``offset``."""
    width, height = size
    count = len(sizes)
    duration = count * _TIMESCALE // fps
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    samples = box(
        "stbl",
        full_box("stsd", struct.pack(">I", 1), _codec_box(width, height)),
        full_box("stts", struct.pack(">III", 1, count, _TIMESCALE // fps)),
        full_box("stss", struct.pack(">II", 1, 1)),
        full_box("stsc", struct.pack(">IIII", 1, 1, count, 1)),
        full_box("stsz", struct.pack(f">II{count}I", 0, count, *sizes)),
        full_box("stco", struct.pack(">II", 1, offset)),
    )
    media = box(
        "mdia",
        full_box(
            "mdhd",
            struct.pack(">IIIIHH", taken, taken, _TIMESCALE, duration, 0x55C4, 0),
        ),
        full_box("hdlr", struct.pack(">I4s12x", 0, b"vide"), b"Video\0"),
        box(
            "minf",
            full_box("vmhd", struct.pack(">8x"), flags=1),
            box(
                "dinf",
                full_box("dref", struct.pack(">I", 1), full_box("url ", flags=1)),
            ),
            samples,
        ),
    )
    track = box(
        "trak",
        full_box(
            "tkhd",
            struct.pack(">IIIII8xHHHH", taken, taken, 1, 0, duration, 0, 0, 0, 0),
            matrix,
            struct.pack(">II", width << 16, height << 16),
            flags=3,
        ),
        media,
    )
    header = full_box(
        "mvhd",
        struct.pack(">IIIIIH10x", taken, taken, _TIMESCALE, duration, 0x10000, 0x100),
        matrix,
        struct.pack(">24xI", 2),
    )
    return box("moov", header, track, *([_keys(keys)] if keys else ()))


def _keys(keys: Mapping[str, str]) -> bytes:
    """Return Apple's list of keys with their texts."""
    names = (f"com.apple.quicktime.{name}".encode() for name in keys)
    listed = [box("mdta", name) for name in names]
    # The name of an item's box is its number.
    items = [
        box(
            chr(0) * 3 + chr(number),
            box("data", struct.pack(">II", 1, 0), text.encode()),
        )
        for number, text in enumerate(keys.values(), 1)
    ]
    return box(
        "meta",
        full_box("hdlr", struct.pack(">I4s12x", 0, b"mdta"), b"\0"),
        full_box("keys", struct.pack(">I", len(listed)), *listed),
        box("ilst", *items),
    )


def video(
    pictures: Sequence[Image.Image],
    *,
    fps: int,
    taken: datetime,
    quicktime: bool,
    keys: Mapping[str, str] | None = None,
) -> bytes:
    """Return a video of equally large RGB pictures as MP4, or as MOV for QuickTime.

    Width and height are multiples of 16, ``fps`` divides 600; ``taken`` is aware of its
    time zone. ``keys`` are texts by Apple's names of them.
    """
    brands = b"qt  \0\0\2\0qt  " if quicktime else b"isom\0\0\2\0isomiso2avc1mp41"
    kind = box("ftyp", brands)
    frames = list(_frames(pictures))
    seconds = int((taken - _EPOCH).total_seconds())

    def movie(offset: int) -> bytes:
        sizes = [len(frame) for frame in frames]
        return _movie(sizes, offset, pictures[0].size, fps, seconds, keys or {})

    offset = len(kind) + len(movie(0)) + 8
    return kind + movie(offset) + box("mdat", *frames)
