"""MPEG-1 and MPEG-2: the size of the video in a program stream, as on a DVD."""

from .exif import Found
from .recording import Recording
from .source import Damaged, Part

_SEQUENCE = b"\0\0\1\xb3"
# The header of the video stands near the beginning; elsewhere nobody looks for it.
_FURTHEST = 256 * 1024
_STEP = 32 * 1024
_ASPECTS, _RATES = range(1, 15), range(1, 9)


def read_program(whole: Part) -> Recording:
    """Return the size of a video; its length is told nowhere."""
    recording = Recording()
    try:
        for offset in range(0, min(whole.size, _FURTHEST), _STEP):
            # A little further, for a header on the border.
            recording.found |= size_in(whole.upto(_STEP + 8, offset))
            if recording.found:
                break
    except Damaged as err:
        recording.damage = err
    return recording


def size_in(data: bytes) -> Found:
    """Return the size by the first header of a sequence that can be one."""
    at = data.find(_SEQUENCE)
    while at >= 0 and at + 8 <= len(data):
        sides, kinds = int.from_bytes(data[at + 4 : at + 7]), data[at + 7]
        width, height = sides >> 12, sides & 0xFFF
        is_valid = kinds >> 4 in _ASPECTS and kinds & 15 in _RATES
        if is_valid and width and height:
            return {"width": width, "height": height}
        at = data.find(_SEQUENCE, at + 4)
    return {}
