"""Write HEIC pictures that can be decoded, without an encoder.

The picture is HEVC with uncompressed blocks (pcm_flag, ITU-T H.265 7.3.8.5). The same
picture always gives the same bytes.
"""

import struct

from PIL import Image

from .bits import Bits
from .boxes import box, full_box
from .video import blocks_of

_BLOCK = 16
# The headers of NAL units: their types, and that there are no layers.
_VPS, _SPS, _PPS, _SLICE_IDR = (
    struct.pack(">H", kind << 9 | 1) for kind in (32, 33, 34, 20)
)
# The range of the less probable symbol while the range itself is near 510, by the state
# of the context (ITU-T H.265 table 9-52): what part_mode costs, the same each time.
_LESS_PROBABLE = (
    *(240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110),
    *(104, 99, 94, 89, 85, 80, 76, 72, 69, 65, 62, 59, 56, 53, 50, 48),
    *(45, 43, 41, 39, 37, 35, 33, 31, 30, 28, 27, 25, 24, 23, 22, 21),
    *(20, 19, 18, 17, 16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9),
)
_PROFILE = 3  # Main Still Picture, which decoders of Main and Main 10 take as well.
_COMPATIBLE = 0x70000000
_LEVEL = 120


def _profile(bits: Bits) -> None:
    """Append profile, tier and level: progressive frames only."""
    bits.put(_PROFILE, 8)
    bits.put(_COMPATIBLE, 32)
    bits.put(0b1001, 4)
    bits.put(0, 44)
    bits.put(_LEVEL, 8)


def _video_parameters() -> bytes:
    """Return the VPS: one layer, one picture."""
    bits = Bits()
    bits.put(0b0000_11_000000_000_1, 16)
    bits.put(0xFFFF, 16)
    _profile(bits)
    bits.put(1, 1)
    bits.golomb(0, 0, 0)
    bits.put(0, 6)
    bits.golomb(0)
    bits.put(0b00, 2)
    return bits.unit(_VPS)


def _sequence_parameters(width: int, height: int) -> bytes:
    """Return the SPS: blocks of 16x16, which may be uncompressed."""
    bits = Bits()
    bits.put(0b0000_000_1, 8)
    _profile(bits)
    # Identifier, 4:2:0, size.
    bits.golomb(0, 1, width, height)
    bits.put(0, 1)
    # Eight bits of depth, 16 pictures in the order's count.
    bits.golomb(0, 0, 0)
    bits.put(1, 1)
    bits.golomb(0, 0, 0)
    # Coded blocks of 16x16, transformed in blocks from 4x4 to 16x16.
    bits.golomb(1, 0, 0, 2, 0, 0)
    # No scaling lists, no asymmetric parts, no sample adaptive offset.
    bits.put(0b000, 3)
    # Uncompressed blocks of eight bits and 16x16, which no filter changes.
    bits.put(0b1_0111_0111, 9)
    bits.golomb(1, 0)
    bits.put(1, 1)
    # No reference pictures, no other tools, no usability information.
    bits.golomb(0)
    bits.put(0b00000, 5)
    return bits.unit(_SPS)


def _picture_parameters() -> bytes:
    """Return the PPS: nothing but that deblocking is off."""
    bits = Bits()
    bits.golomb(0, 0)
    bits.put(0b00_000_00, 7)
    bits.golomb(0, 0, 0)
    bits.put(0b000, 3)
    bits.golomb(0, 0)
    bits.put(0b0000000, 7)
    bits.put(0b101, 3)
    bits.put(0b00, 2)
    bits.golomb(0)
    bits.put(0b00, 2)
    return bits.unit(_PPS)


def _slice(picture: Image.Image) -> bytes:
    """Return the slice that holds the whole picture.

    Before each block the arithmetic coder says three things: that the picture goes on,
    that the block has one part, and that it is uncompressed. The second is the more
    probable symbol every time, and no bit is due before the third one ends the coder.
    So what it writes is where its range ends then, in nine bits of which the last is 1.
    """
    bits = Bits()
    # The first slice, which keeps nothing; parameters, type (I), difference of quality.
    bits.put(0b10, 2)
    bits.golomb(0, 2, 0)
    bits.end()
    for number, block in enumerate(blocks_of(picture)):
        begin = 510 if number == 0 else 508
        state = min(number, len(_LESS_PROBABLE) - 1)
        bits.put((begin - _LESS_PROBABLE[state] - 2) >> 1, 8)
        bits.end()
        bits.raw(block)
    # Only that the picture ends; the last of the nine bits ends the unit.
    bits.put(508 >> 1, 8)
    return bits.unit(_SLICE_IDR)


def _settings(*units: bytes) -> bytes:
    """Return the box with the units that tell how the picture is encoded."""
    return box(
        "hvcC",
        struct.pack(
            ">BBI6sBHBBBBHBB",
            *(1, _PROFILE, _COMPATIBLE, b"\x90\0\0\0\0\0", _LEVEL),
            *(0xF000, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0x0F, len(units)),
        ),
        *(
            struct.pack(">BHH", 0x80 | unit[0] >> 1, 1, len(unit)) + unit
            for unit in units
        ),
    )


def heic(picture: Image.Image, exif: bytes) -> bytes:
    """Return an RGB picture as HEIC; its width and height are multiples of 16.

    ``exif`` is a TIFF, without the mark that it has in a JPEG.
    """
    width, height = picture.size
    image = _slice(picture)
    items = (
        (1, "hvc1", struct.pack(">I", len(image)) + image),
        (2, "Exif", struct.pack(">I", 6) + b"Exif\0\0" + exif),
    )
    kind = box("ftyp", b"heic\0\0\0\0mif1heic")
    properties = (
        _settings(
            _video_parameters(),
            _sequence_parameters(width, height),
            _picture_parameters(),
        ),
        full_box("ispe", struct.pack(">II", width, height)),
        # Colours of BT.709 in the range of video, by BT.601's matrix.
        box("colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0)),
        full_box("pixi", b"\3\x08\x08\x08"),
    )

    def meta(start: int) -> bytes:
        places = []
        for number, _, data in items:
            places.append(struct.pack(">HHHII", number, 0, 1, start, len(data)))
            start += len(data)
        names = [
            full_box(
                "infe", struct.pack(">HH", number, 0), name.encode(), b"\0", version=2
            )
            for number, name, _ in items
        ]
        links = b"\x81\x02\x03\x04"
        return full_box(
            "meta",
            full_box("hdlr", struct.pack(">I4s12x", 0, b"pict"), b"\0"),
            full_box("pitm", struct.pack(">H", 1)),
            full_box("iloc", b"\x44\0", struct.pack(">H", len(items)), *places),
            full_box("iinf", struct.pack(">H", len(items)), *names),
            full_box("iref", box("cdsc", struct.pack(">HHH", 2, 1, 1))),
            box(
                "iprp",
                box("ipco", *properties),
                full_box("ipma", struct.pack(">IHB", 1, 1, len(links)), links),
            ),
        )

    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + box("mdat", *(data for _, _, data in items))
