"""Matroska and WebM: date, size, length and camera of a video."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import IntEnum
import struct

from .dates import parse_date
from .facts import DateSource
from .recording import Recording
from .source import Damaged, Part
from .tiff import decode

MARK = b"\x1a\x45\xdf\xa3"
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
# Nanoseconds of a tick, if nothing else is said.
_USUAL_SCALE = 1_000_000
_MOST_ELEMENTS = 2000
_DEEPEST = 6
_LONGEST_TEXT = 1024


class _Id(IntEnum):
    """The elements that are looked into or at (RFC 9559), as their bytes are."""

    SEGMENT = 0x18538067
    CLUSTER = 0x1F43B675
    INFO = 0x1549A966
    TRACKS = 0x1654AE6B
    TRACK = 0xAE
    VIDEO = 0xE0
    TAGS = 0x1254C367
    TAG = 0x7373
    SIMPLE_TAG = 0x67C8
    SCALE = 0x2AD7B1
    DURATION = 0x4489
    DATE = 0x4461
    WIDTH = 0xB0
    HEIGHT = 0xBA
    TAG_NAME = 0x45A3
    TAG_TEXT = 0x4487
    TAG_LANGUAGE = 0x447A
    TAG_LANGUAGE_BCP = 0x447B


_CONTAINERS = frozenset(
    (_Id.SEGMENT, _Id.INFO, _Id.TRACKS, _Id.TRACK, _Id.VIDEO, _Id.TAGS, _Id.TAG)
)


def read_matroska(whole: Part) -> Recording:
    """Return what stands before the pictures and sounds; no further is looked."""
    matroska = _Matroska()
    try:
        matroska.read(whole)
    except Damaged as err:
        matroska.recording.damage = err
    matroska.conclude()
    return matroska.recording


def _elements(part: Part) -> Iterator[tuple[int, Part]]:
    """Yield the elements of a stretch; one that is cut off is the last.

    Raises Damaged.
    """
    offset = 0
    for _ in range(_MOST_ELEMENTS):
        if offset >= part.size:
            return
        head = part.upto(12, offset)
        # The number keeps the bit that tells its length, the size loses it.
        wide = 9 - head[0].bit_length()
        if wide > 4 or wide >= len(head):
            raise Damaged("An element has no number")
        number, first = int.from_bytes(head[:wide]), head[wide]
        length = 9 - first.bit_length()
        if length > 8 or wide + length > len(head):
            raise Damaged("An element has no size")
        bits = (1 << 7 * length) - 1
        size = int.from_bytes(head[wide : wide + length]) & bits
        offset += wide + length
        rest = part.size - offset
        # All ones: what was recorded live goes on to the end.
        size = rest if size == bits else size
        yield number, part.part(offset, min(size, rest))
        offset += size


class _Matroska:
    """Gathers what the elements say."""

    def __init__(self) -> None:
        """Begin without facts."""
        self.recording = Recording()
        self._ticks: float | None = None
        self._scale = _USUAL_SCALE
        self._is_over = False

    def read(self, part: Part, depth: int = 0) -> None:
        """Read elements, and those within, up to the first cluster. Raises Damaged."""
        found = self.recording.found
        for number, content in _elements(part):
            if self._is_over:
                return
            match number:
                case _ if number in _CONTAINERS and depth < _DEEPEST:
                    self.read(content, depth + 1)
                case _Id.CLUSTER:
                    self._is_over = True
                case _Id.SCALE:
                    self._scale = _unsigned(content)
                case _Id.DURATION:
                    self._ticks = _float(content)
                case _Id.DATE:
                    nanoseconds = int.from_bytes(content.upto(8), signed=True)
                    self.recording.taken_at(_EPOCH, nanoseconds // 1000)
                case _Id.WIDTH if width := _unsigned(content):
                    found["width"] = width
                case _Id.HEIGHT if height := _unsigned(content):
                    found["height"] = height
                case _Id.SIMPLE_TAG:
                    self._read_tag(content)

    def conclude(self) -> None:
        """Tell the length; half a size is none."""
        found = self.recording.found
        if self._ticks is not None and self._ticks >= 0:
            found.setdefault("duration", self._ticks * self._scale / 1e9)
        if ("width" in found) != ("height" in found):
            found.pop("width", None)
            found.pop("height", None)

    def _read_tag(self, part: Part) -> None:
        """Read a name and its text; those of a certain language count for others."""
        name = text = None
        for number, content in _elements(part):
            match number:
                case _Id.TAG_NAME:
                    name = decode(content.upto(_LONGEST_TEXT))
                case _Id.TAG_TEXT:
                    text = decode(content.upto(_LONGEST_TEXT))
                case _Id.TAG_LANGUAGE | _Id.TAG_LANGUAGE_BCP:
                    return
        match name:
            case "DATE_RECORDED" | "DATE_DIGITIZED":
                is_known = "captured_at" in self.recording.found
                parsed = parse_date(text)
                if parsed is not None and (name == "DATE_RECORDED" or not is_known):
                    self.recording.taken(*parsed, DateSource.RECORDING)
            case "MAKE" | "MODEL" if text is not None:
                self.recording.found[name.lower()] = text


def _unsigned(part: Part) -> int:
    """Return a number of any length. Raises Damaged."""
    return int.from_bytes(part.upto(8))


def _float(part: Part) -> float | None:
    """Return a number with a fraction; None for one of no known length."""
    match part.size:
        case 4:
            return float(struct.unpack(">f", part.read(0, 4))[0])
        case 8:
            return float(struct.unpack(">d", part.read(0, 8))[0])
    return None
