"""RIFF: the chunks of WebP and AVI; date, size, length and camera of an AVI."""

from collections.abc import Iterator
import struct

from .dates import parse_spoken_date
from .exif import read_bare
from .facts import DateSource
from .recording import Recording
from .source import Damaged, Part
from .tiff import decode

_MOST_CHUNKS = 20_000
# Chunks of headers stand in few lists.
_DEEPEST = 3
_LONGEST_DATE = 64
# Cameras put their EXIF where others have stuffing, or beside a stream.
_CASIO, _CASIO_HEAD = b"QVMI", 10
_DATA_HEAD = 8
_OLYMPUS, _PENTAX = b"OLYMDigital Camera", b"PENTDigital Camera"
_JUNK_MAKE, _JUNK_MODEL, _JUNK_TEXT = 0x12, 0x2C, 24
_NIKON = {3: "make", 4: "model"}
_NIKON_TAKEN = 0x13
_MOST_TAGS = 200


def chunks(part: Part, offset: int = 0) -> Iterator[tuple[bytes, Part]]:
    """Yield the chunks of a stretch; one that is cut off is the last. Raises Damaged."""
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > part.size:
            return
        head = part.read(offset, 8)
        size = int.from_bytes(head[4:], "little")
        # A recording that was never finished ends in zeros.
        if head == bytes(8):
            return
        yield head[:4], part.part(offset + 8, min(size, part.size - offset - 8))
        offset += 8 + size + (size & 1)


def read_avi(whole: Part) -> Recording:
    """Return what the headers of an AVI say; what comes before damage counts."""
    recording = Recording()
    avi = _Avi(recording)
    try:
        avi.read(whole.part(12), 0)
    except Damaged as err:
        recording.damage = err
    avi.conclude()
    return recording


class _Avi:
    """Gathers what the chunks of an AVI say."""

    def __init__(self, recording: Recording) -> None:
        """Fill a recording."""
        self._recording = recording
        self._stream = b""
        # Frames and seconds for each: of the whole, and of the first stream of video.
        self._whole: tuple[int, float] | None = None
        self._video: tuple[int, float] | None = None

    def read(self, part: Part, depth: int) -> None:
        """Read chunks and the lists among them. Raises Damaged."""
        for kind, content in chunks(part):
            match kind:
                case b"LIST" if content.size >= 4 and depth < _DEEPEST:
                    # The pictures are passed over, what stands behind them counts.
                    if content.read(0, 4) in (b"hdrl", b"strl", b"ncdt"):
                        self.read(content.part(4), depth + 1)
                case b"IDIT":
                    self._taken(content.upto(_LONGEST_DATE))
                case b"avih":
                    self._header(content)
                case b"strh":
                    self._stream_header(content)
                case b"strf" if self._stream == b"vids":
                    width, height = struct.unpack("<Ii", content.read(4, 8))
                    if width and height:
                        self._recording.found |= {
                            "width": width,
                            "height": abs(height),
                        }
                case b"strd" | b"JUNK":
                    self._of_the_maker(kind, content)
                case b"nctg":
                    self._nikon(content)
                case b"_PMX":
                    self._recording.xmp = self._recording.xmp or content

    def conclude(self) -> None:
        """Tell the length, as ExifTool does.

        The header may count the frames of two streams; then those of the first count.
        """
        if self._whole is None:
            return
        duration = self._whole[0] * self._whole[1]
        if self._video is not None and (own := self._video[0] * self._video[1]):
            if 1.9 < duration / own < 3.1:
                duration = own
        self._recording.found["duration"] = duration

    def _taken(self, raw: bytes) -> None:
        """Note when it was recorded, by the clock of the camera."""
        parsed = parse_spoken_date(decode(raw))
        if parsed is not None:
            moment, offset = parsed
            self._recording.taken(moment, offset, DateSource.RECORDING)

    def _header(self, part: Part) -> None:
        """Read the header of the whole."""
        each, count = _number(part, 0), _number(part, 16)
        if each:
            self._whole = count, each / 1_000_000
        if (width := _number(part, 32)) and (height := _number(part, 36)):
            self._recording.found |= {"width": width, "height": height}

    def _stream_header(self, part: Part) -> None:
        """Read the header of a stream: how many of its frames, and how long each."""
        self._stream = part.read(0, 4)
        scale, rate, count = (_number(part, at) for at in (20, 24, 32))
        if self._stream == b"vids" and self._video is None and scale and rate:
            self._video = count, scale / rate

    def _of_the_maker(self, kind: bytes, part: Part) -> None:
        """Read what some cameras write: EXIF without its header, or their name."""
        head = part.upto(len(_OLYMPUS))
        try:
            if kind == b"strd" and head.startswith(b"AVIF"):
                self._recording.exif = read_bare(part.part(_DATA_HEAD), "<", 0)
            elif kind == b"JUNK" and head.startswith(_CASIO):
                self._recording.exif = read_bare(part, ">", _CASIO_HEAD)
        except Damaged as err:
            self._recording.damage = err
        if kind == b"JUNK" and head in (_OLYMPUS, _PENTAX):
            self._recording.name("make", part.read(_JUNK_MAKE, _JUNK_TEXT))
            # That of Olympus is a number of its own.
            if head == _PENTAX:
                self._recording.name("model", part.read(_JUNK_MODEL, _JUNK_TEXT))

    def _nikon(self, part: Part) -> None:
        """Read Nikon's list of tags: a number, a length and a value for each."""
        at = 0
        for _ in range(_MOST_TAGS):
            if at + 4 > part.size:
                return
            tag, size = struct.unpack("<HH", part.read(at, 4))
            value = part.read(at + 4, size)
            if name := _NIKON.get(tag):
                self._recording.name(name, value)
            elif tag == _NIKON_TAKEN:
                self._taken(value)
            at += 4 + size


def _number(part: Part, at: int) -> int:
    """Return a number of four bytes. Raises Damaged."""
    return int.from_bytes(part.read(at, 4), "little")
