"""Write short MP4 and MOV videos that play everywhere, without an encoder.

The pictures are H.264 with uncompressed macroblocks (I_PCM, ITU-T H.264 7.3.5) where
something changed, and skipped macroblocks elsewhere. The same pictures always give the
same bytes.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
import re
import struct

from PIL import Image

_BLOCK = 16
_TIMESCALE = 600
# QuickTime counts seconds from here.
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)

_SLICE_P, _SLICE_IDR, _SPS, _PPS = 0x41, 0x65, 0x67, 0x68


class _Bits:
    """A bit stream with the codes that H.264 uses."""

    def __init__(self) -> None:
        """Begin empty."""
        self._done = bytearray()
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Append an unsigned number of so many bits."""
        self._value = self._value << count | value
        self._count += count
        whole, rest = divmod(self._count, 8)
        if whole:
            self._done += (self._value >> rest).to_bytes(whole, "big")
            self._value &= (1 << rest) - 1
            self._count = rest

    def golomb(self, *values: int) -> None:
        """Append unsigned Exp-Golomb codes, ue(v)."""
        for value in values:
            length = (value + 1).bit_length()
            self.put(value + 1, 2 * length - 1)

    def raw(self, data: bytes) -> None:
        """Append bytes at the next byte boundary."""
        if self._count:
            self.put(0, 8 - self._count)
        self._done += data

    def unit(self, header: int) -> bytes:
        """End the stream and return it as a NAL unit with its length in front."""
        self.put(1, 1)
        if self._count:
            self.put(0, 8 - self._count)
        payload = _escape(bytes(self._done))
        return struct.pack(">IB", len(payload) + 1, header) + payload


def _escape(data: bytes) -> bytes:
    """Keep start codes from appearing inside of a NAL unit (H.264 7.4.1)."""
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", data)


def _sequence_parameters(columns: int, rows: int) -> bytes:
    """Return the SPS: baseline profile, level 3.0, one reference picture."""
    bits = _Bits()
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
    bits = _Bits()
    bits.golomb(0, 0)
    bits.put(0, 2)
    bits.golomb(0, 0, 0)
    bits.put(0, 3)
    bits.golomb(0, 0, 0)
    bits.put(0b100, 3)
    return bits.unit(_PPS)


def _blocks(picture: Image.Image) -> list[bytes]:
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
    bits = _Bits()
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
    bits = _Bits()
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
    blocks = [_blocks(picture) for picture in pictures]
    yield _first_frame(blocks[0])
    for number, (before, now) in enumerate(pairwise(blocks), 1):
        yield _next_frame(number, before, now)


def _box(name: str, *parts: bytes) -> bytes:
    """Return a box of the container, an "atom" of QuickTime."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, name.encode()) + content


def _full_box(name: str, *parts: bytes, flags: int = 0) -> bytes:
    """Return a box with a version (0) and flags."""
    return _box(name, struct.pack(">I", flags), *parts)


def _codec_box(width: int, height: int) -> bytes:
    """Return how the samples are encoded."""
    sps = _sequence_parameters(width // _BLOCK, height // _BLOCK)[4:]
    pps = _picture_parameters()[4:]
    settings = (
        struct.pack(">B3sBBH", 1, sps[1:4], 0xFF, 0xE1, len(sps))
        + sps
        + struct.pack(">BH", 1, len(pps))
        + pps
    )
    return _box(
        "avc1",
        struct.pack(">6xH16xHH", 1, width, height),
        struct.pack(">IIIH32xHh", 0x480000, 0x480000, 0, 1, 24, -1),
        _box("avcC", settings),
    )


def _movie(
    sizes: Sequence[int], offset: int, width: int, height: int, fps: int, taken: int
) -> bytes:
    """Return the box that describes one track, whose samples begin at ``offset``."""
    count = len(sizes)
    duration = count * _TIMESCALE // fps
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    samples = _box(
        "stbl",
        _full_box("stsd", struct.pack(">I", 1), _codec_box(width, height)),
        _full_box("stts", struct.pack(">III", 1, count, _TIMESCALE // fps)),
        _full_box("stss", struct.pack(">II", 1, 1)),
        _full_box("stsc", struct.pack(">IIII", 1, 1, count, 1)),
        _full_box("stsz", struct.pack(f">II{count}I", 0, count, *sizes)),
        _full_box("stco", struct.pack(">II", 1, offset)),
    )
    media = _box(
        "mdia",
        _full_box(
            "mdhd",
            struct.pack(">IIIIHH", taken, taken, _TIMESCALE, duration, 0x55C4, 0),
        ),
        _full_box("hdlr", struct.pack(">I4s12x", 0, b"vide"), b"Video\0"),
        _box(
            "minf",
            _full_box("vmhd", struct.pack(">8x"), flags=1),
            _box(
                "dinf",
                _full_box("dref", struct.pack(">I", 1), _full_box("url ", flags=1)),
            ),
            samples,
        ),
    )
    track = _box(
        "trak",
        _full_box(
            "tkhd",
            struct.pack(">IIIII8xHHHH", taken, taken, 1, 0, duration, 0, 0, 0, 0),
            matrix,
            struct.pack(">II", width << 16, height << 16),
            flags=3,
        ),
        media,
    )
    header = _full_box(
        "mvhd",
        struct.pack(">IIIIIH10x", taken, taken, _TIMESCALE, duration, 0x10000, 0x100),
        matrix,
        struct.pack(">24xI", 2),
    )
    return _box("moov", header, track)


def video(
    pictures: Sequence[Image.Image], *, fps: int, taken: datetime, quicktime: bool
) -> bytes:
    """Return a video of equally large RGB pictures as MP4, or as MOV for QuickTime.

    Width and height are multiples of 16, ``fps`` divides 600; ``taken`` is aware of its
    time zone.
    """
    brands = b"qt  \0\0\2\0qt  " if quicktime else b"isom\0\0\2\0isomiso2avc1mp41"
    kind = _box("ftyp", brands)
    frames = list(_frames(pictures))
    width, height = pictures[0].size
    seconds = int((taken - _EPOCH).total_seconds())

    def movie(offset: int) -> bytes:
        sizes = [len(frame) for frame in frames]
        return _movie(sizes, offset, width, height, fps, seconds)

    offset = len(kind) + len(movie(0)) + 8
    return kind + movie(offset) + _box("mdat", *frames)
