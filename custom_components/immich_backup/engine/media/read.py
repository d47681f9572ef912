"""All that a file says of itself, whatever its format."""

from collections.abc import Callable, Mapping
import re
import struct
from typing import BinaryIO

from . import asf, ciff, matroska, xmp
from .exif import IPTC, PHOTOSHOP, XMP, Found, read_exif, read_raw
from .facts import DateSource, MediaFacts, Trouble
from .gif import read_gif
from .heif import read_heif
from .jpeg import read_jpeg, read_raf
from .jpeg2000 import CODESTREAM, JXL_CODESTREAM, read_codestream, read_jp2, read_jxl
from .movie import read_movie
from .mpeg import read_program
from .names import is_screenshot
from .photoshop import read_iptc, read_psd, read_resources
from .picture import Picture, read_bmp, read_mrw, read_png, read_webp
from .recording import Recording
from .riff import read_avi
from .source import Damaged, Part, Source, TooMuch
from .transport import packet_size, read_transport

# Brands of pictures (HEIF and AVIF) among the many of files made of boxes.
_PICTURES = frozenset(
    b"heic heix hevc hevx heim heis mif1 mif2 msf1 avif avis miaf".split()
)
_MOVIE_BOXES = frozenset(b"ftyp moov mdat wide free skip pnot".split())
# Facts that are only taken together.
_DATE = ("captured_at", "utc_offset", "captured_source", "is_original")
_PLACE = ("latitude", "longitude", "altitude")
_TRUST = {source: rank for rank, source in enumerate(DateSource)}
# Longer ones hold more than notes.
_LONGEST_XMP = 256 * 1024
# TIFF, and what makers of raw pictures write in the place of its 42.
_TIFFS = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")

# What files of other formats begin with.
_PICTURE_MARKS: Mapping[bytes, Callable[[Part], Picture]] = {
    b"\xff\xd8\xff": read_jpeg,
    b"\x89PNG\r\n\x1a\n": read_png,
    b"GIF87a": read_gif,
    b"GIF89a": read_gif,
    b"FUJIFILM": read_raf,
    b"\0MRM": read_mrw,
    b"8BPS": read_psd,
    b"BM": read_bmp,
    CODESTREAM: read_codestream,
    JXL_CODESTREAM: read_jxl,
}
_RECORDING_MARKS: Mapping[bytes, Callable[[Part], Recording]] = {
    matroska.MARK: matroska.read_matroska,
    asf.MARK: asf.read_asf,
    b"\0\0\1\xba": read_program,
    b"\0\0\1\xb3": read_program,
}
# Behind the first brand stands a number.
_VERSION = 12
_JP2S = (b"jP  ", b"jP\x1a\x1a")
_HIDDEN = re.compile(rb"\xff\xd8\xff|MM\0\x2a|II\x2a\0")
# So far is looked for what a file without a mark is.
_BEGINNING = 1024


def read_facts(file: BinaryIO, name: str = "") -> MediaFacts:
    """Return the facts of an open file; blocking, for threads.

    Little is read (see source.BUDGET) and nothing decoded. ``name`` is the path below
    the folder, which tells screenshots. What can't be read is unknown, and ``trouble``
    says so. Raises OSError when the disk fails.
    """
    return read_source(Source(file), name)


def read_source(source: Source, name: str = "") -> MediaFacts:
    """Return the facts of an open file, which counts what was read of it."""
    reader = _Reader()
    reader.attempt(reader.read, source.whole())
    return reader.facts(name)


class _Reader:
    """Gathers facts part by part; a damaged part keeps none of the others away."""

    def __init__(self) -> None:
        """Begin without facts."""
        self._found: Found = {}
        self._trouble: Trouble | None = None
        self._is_picture = True

    def facts(self, name: str) -> MediaFacts:
        """Return what was found; by its name, a picture without a camera is a screen."""
        has_camera = "make" in self._found or "model" in self._found
        if self._is_picture and not has_camera and is_screenshot(name):
            self._found["is_screenshot"] = True
        found = self._found
        found.pop("is_original", None)
        return MediaFacts(**found, trouble=self._trouble)

    def attempt(self, read: Callable[[Part], None], part: Part | None) -> None:
        """Read a part if there is one; note it if that fails."""
        if part is None:
            return
        try:
            read(part)
        except (ValueError, IndexError, KeyError, ArithmeticError, struct.error) as err:
            self._note(err)

    def _note(self, damage: Exception | None) -> None:
        """Note why facts may be missing."""
        if isinstance(damage, TooMuch):
            self._trouble = Trouble.TOO_MUCH
        elif damage is not None:
            self._trouble = self._trouble or Trouble.DAMAGED

    def read(self, whole: Part) -> None:
        """Read a file by what it begins with. Raises Damaged."""
        head = whole.upto(16)
        for mark, read_picture in _PICTURE_MARKS.items():
            if head.startswith(mark):
                self._picture(read_picture(whole))
                return
        for mark, read_recording in _RECORDING_MARKS.items():
            if head.startswith(mark):
                self._recording(read_recording(whole))
                return
        kind, brand = head[4:8], head[8:12]
        if head.startswith(b"RIFF") and brand == b"WEBP":
            self._picture(read_webp(whole))
        elif head.startswith(b"RIFF") and brand == b"AVI ":
            self._recording(read_avi(whole))
        elif head.startswith(_TIFFS):
            self._raw(whole)
        elif head.startswith(ciff.MARK):
            self._add(ciff.read_ciff(whole))
        elif kind == b"JXL ":
            self._picture(read_jxl(whole))
        elif kind in _JP2S:
            self._picture(read_jp2(whole))
        elif kind == b"ftyp" and _is_heif(whole):
            self._heif(whole)
        elif kind in _MOVIE_BOXES:
            self._movie(whole)
        elif (size := packet_size(whole.upto(_BEGINNING))) is not None:
            self._recording(read_transport(whole, size))
        elif whole.start == 0 and (match := _HIDDEN.search(whole.upto(_BEGINNING))):
            # As ExifTool, past what a broken program or card put before a picture.
            self.read(whole.part(match.start()))
        else:
            self._is_picture = False
            self._trouble = Trouble.UNKNOWN_FORMAT

    def _picture(self, picture: Picture) -> None:
        """Take what a picture's parts say."""
        self._note(picture.damage)
        if picture.size is not None and all(picture.size):
            self._add({"width": picture.size[0], "height": picture.size[1]})
        if picture.has_video:
            self._add({"is_motion_photo": True})
        if picture.duration is not None:
            self._add({"duration": picture.duration})
        for exif in reversed(picture.exif):
            self.attempt(self._exif, exif)
        self.attempt(self._xmp, picture.xmp)
        self.attempt(self._iptc, picture.iptc)
        self.attempt(self._resources, picture.resources)

    def _recording(self, recording: Recording) -> None:
        """Take what a video in another container than MP4 says."""
        self._is_picture = False
        self._note(recording.damage)
        self._add(recording.found)
        if recording.exif is not None:
            self._add(recording.exif)
        self.attempt(self._xmp, recording.xmp)

    def _heif(self, whole: Part) -> None:
        """Take what a HEIF picture says."""
        heif = read_heif(whole)
        if heif.size is not None and all(heif.size):
            self._add({"width": heif.size[0], "height": heif.size[1]})
        if heif.has_video:
            self._add({"is_motion_photo": True})
        self.attempt(self._exif, heif.exif)
        self.attempt(self._xmp, heif.xmp)
        # Viewers turn it by the property, whatever EXIF says.
        self._found.pop("orientation", None)
        self._add({"orientation": heif.turn or 1})

    def _movie(self, whole: Part) -> None:
        """Take what a video says."""
        self._is_picture = False
        movie = read_movie(whole)
        self._note(movie.damage)
        if movie.exif is not None:
            # Canon's raw pictures are built like videos.
            self._is_picture = True
            self._add(movie.exif)
        else:
            self._add(movie.found)
        self.attempt(self._xmp, movie.xmp)

    def _exif(self, part: Part) -> None:
        """Take what EXIF says."""
        self._add(read_exif(part))

    def _raw(self, whole: Part) -> None:
        """Take what a TIFF or a raw picture says."""
        found, directory = read_raw(whole)
        self._add(found)
        self.attempt(self._xmp, directory.place(XMP))
        self.attempt(self._iptc, directory.place(IPTC))
        self.attempt(self._resources, directory.place(PHOTOSHOP))

    def _resources(self, part: Part) -> None:
        """Take what Photoshop's list says beside EXIF and XMP."""
        self.attempt(self._iptc, read_resources(part).iptc)

    def _iptc(self, part: Part) -> None:
        """Take what IPTC says."""
        self._add(read_iptc(part))

    def _xmp(self, part: Part) -> None:
        """Take what XMP says."""
        # The packet may be followed by zeros.
        found, is_whole = xmp.parse([part.upto(_LONGEST_XMP).rstrip(b"\0")])
        self._add(found)
        if not is_whole:
            raise Damaged("The XMP is no XMP")

    def _add(self, found: Found) -> None:
        """Take facts that are not known yet; a date also if it is to be trusted more."""
        known, found = self._found, dict(found)
        if "captured_at" in known and "captured_at" in found:
            is_kept = _rank(known) <= _rank(found)
            for name in _DATE:
                (found if is_kept else known).pop(name, None)
        if "latitude" in known:
            for name in _PLACE:
                found.pop(name, None)
        self._found = found | known


def _is_heif(whole: Part) -> bool:
    """Return whether one of the brands of a file made of boxes is that of a picture."""
    size = min(whole.number(0, 4), _BEGINNING, whole.size)
    brands = {whole.read(at, 4) for at in range(8, size - 3, 4) if at != _VERSION}
    return not brands.isdisjoint(_PICTURES)


def _rank(found: Found) -> tuple[bool, int]:
    """Return how a date ranks: the original one before that of digitising."""
    return not found.get("is_original", False), _TRUST[found["captured_source"]]
