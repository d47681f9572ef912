"""All that a file says of itself, whatever its format."""

from collections.abc import Callable
import struct
from typing import BinaryIO

from . import xmp
from .exif import Found, read_exif, read_raw
from .facts import DateSource, MediaFacts, Trouble
from .heif import read_heif
from .movie import read_movie
from .names import is_screenshot
from .picture import (
    Picture,
    read_gif,
    read_jpeg,
    read_jxl,
    read_png,
    read_raf,
    read_webp,
)
from .source import Damaged, Part, Source, TooMuch

# Brands of pictures (HEIF and AVIF) among the many of files made of boxes.
_PICTURES = frozenset(
    b"heic heix hevc hevx heim heis mif1 mif2 msf1 avif avis miaf".split()
)
_MOVIE_BOXES = frozenset(b"ftyp moov mdat wide free skip pnot".split())
# Facts that are only taken together.
_DATE = ("captured_at", "utc_offset", "captured_source")
_PLACE = ("latitude", "longitude", "altitude")
_TRUST = {source: rank for rank, source in enumerate(DateSource)}
# Longer ones hold more than notes.
_LONGEST_XMP = 256 * 1024
# TIFF, and what makers of raw pictures write in the place of its 42.
_TIFFS = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")


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
        return MediaFacts(**self._found, trouble=self._trouble)

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
        kind, brand = head[4:8], head[8:12]
        if head.startswith(b"\xff\xd8\xff"):
            self._picture(read_jpeg(whole))
        elif head.startswith(b"\x89PNG\r\n\x1a\n"):
            self._picture(read_png(whole))
        elif head.startswith(b"RIFF") and brand == b"WEBP":
            self._picture(read_webp(whole))
        elif head.startswith((b"GIF87a", b"GIF89a")):
            self._picture(read_gif(whole))
        elif head.startswith(b"FUJIFILM"):
            self._picture(read_raf(whole))
        elif head.startswith(_TIFFS):
            self._raw(whole)
        elif kind == b"JXL ":
            self._picture(read_jxl(whole))
        elif kind == b"ftyp" and brand in _PICTURES:
            self._heif(whole)
        elif kind in _MOVIE_BOXES:
            self._movie(whole)
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
        self.attempt(self._exif, picture.exif)
        self.attempt(self._xmp, picture.xmp)

    def _heif(self, whole: Part) -> None:
        """Take what a HEIF picture says."""
        heif = read_heif(whole)
        if heif.size is not None:
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
        found, packet = read_raw(whole)
        self._add(found)
        self.attempt(self._xmp, packet)

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
            trust = _TRUST[known["captured_source"]] <= _TRUST[found["captured_source"]]
            for name in _DATE:
                (found if trust else known).pop(name, None)
        if "latitude" in known:
            for name in _PLACE:
                found.pop(name, None)
        self._found = found | known
