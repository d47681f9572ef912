"""XMP: what people and programs noted about a picture, inside it or beside it."""

from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO
from xml.parsers import expat

from .dates import has_time, parse_date
from .exif import Found
from .facts import DateSource, MediaFacts, Trouble
from .place import on_earth, parse_xmp
from .source import Damaged

# Lightroom's masks make sidecars large; what we look for stands at the beginning.
_LONGEST_SIDECAR = 4 * 1024 * 1024
_PIECE = 64 * 1024
_MOST_VALUES = 2000
_DEEPEST = 100
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DESCRIPTION, _ROOT, _ITEM = f"{_RDF} Description", f"{_RDF} RDF", f"{_RDF} li"
_SPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.google.com/photos/1.0/camera/": "GCamera",
}
# In the order of the server, which takes Photoshop's for the original date.
_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")
_SCREENSHOT = "Screenshot"
_YES = frozenset(("1", "true", "True"))


def parse(pieces: Iterable[bytes]) -> tuple[Found, bool]:
    """Return what XMP says by names of MediaFacts, and whether it is whole.

    Nothing is fetched or expanded: a document type makes it none that we read.
    """
    reader = _Reader()
    is_whole = reader.feed(pieces)
    return reader.found(), is_whole


def read_sidecar(file: BinaryIO) -> MediaFacts:
    """Return the facts of an open XMP sidecar; blocking.

    What can't be read is unknown, and ``trouble`` says so; of very long ones only the
    beginning is read. Raises OSError when the disk fails.
    """
    trouble: Trouble | None = None

    def pieces() -> Iterable[bytes]:
        nonlocal trouble
        left = _LONGEST_SIDECAR
        while data := file.read(min(_PIECE, left)):
            left -= len(data)
            yield data
        if not left and file.read(1):
            trouble = Trouble.TOO_MUCH

    found, is_whole = parse(pieces())
    if not is_whole and trouble is None:
        trouble = Trouble.DAMAGED
    if "captured_at" in found:
        del found["is_original"]
        found["captured_source"] = DateSource.SIDECAR
    return MediaFacts(**found, trouble=trouble)


class _Reader:
    """Gathers the properties of the topmost descriptions while they come in."""

    def __init__(self) -> None:
        """Begin without properties."""
        self._values: dict[str, list[str]] = {}
        self._count = 0
        self._path: list[str] = []
        # How deep the property is that is being read.
        self._property = 0
        self._text: list[str] | None = None
        self._has_items = False

    def feed(self, pieces: Iterable[bytes]) -> bool:
        """Read XML; return whether it was whole and harmless."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            for piece in pieces:
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError, ValueError, LookupError:
            return False
        return True

    @staticmethod
    def _refuse(*_: object) -> None:
        """Refuse a document that brings definitions of its own."""
        raise Damaged("XMP has no document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        if len(path) >= _DEEPEST:
            raise Damaged("XMP is nested too deeply")
        parents = path[-2:]
        path.append(name)
        if name == _DESCRIPTION and parents[-1:] == [_ROOT]:
            for key, value in attributes.items():
                self._note(key, value)
        elif parents == [_ROOT, _DESCRIPTION]:
            self._property, self._text, self._has_items = len(path), [], False
        elif self._property and len(path) == self._property + 2 and name == _ITEM:
            self._text, self._has_items = [], True

    def _end(self, name: str) -> None:
        depth = len(self._path)
        if self._property and self._text is not None:
            is_item = depth == self._property + 2 and name == _ITEM
            if is_item or (depth == self._property and not self._has_items):
                self._note(self._path[self._property - 1], "".join(self._text))
                self._text = None
        if depth == self._property:
            self._property = 0
        self._path.pop()

    def _characters(self, text: str) -> None:
        # Values stand in the property or in an item of its list, no deeper.
        depth = len(self._path) - self._property
        if self._property and self._text is not None and depth in (0, 2):
            self._text.append(text)

    def _note(self, name: str, value: str) -> None:
        space, _, local = name.rpartition(" ")
        value = value.strip()
        if value and (short := _SPACES.get(space)) and self._count < _MOST_VALUES:
            self._count += 1
            self._values.setdefault(f"{short}:{local}", []).append(value)

    def _first(self, *names: str) -> str | None:
        """Return the first value of the first property that has one."""
        return next(
            (self._values[name][0] for name in names if name in self._values), None
        )

    def found(self) -> Found:
        """Return what was read, by names of MediaFacts."""
        found: Found = {
            "make": self._first("tiff:Make"),
            "model": self._first("tiff:Model"),
            "description": self._first("dc:description", "tiff:ImageDescription"),
            "burst_id": self._first("GCamera:BurstID"),
            "rating": _rating(self._first("xmp:Rating")),
            "keywords": self._keywords() or None,
        }
        # A day alone is what there is for want of a time.
        texts = [(name, self._first(name)) for name in _DATES]
        for name, text in sorted(texts, key=lambda told: not has_time(told[1])):
            if (parsed := parse_date(text)) is not None:
                found["captured_at"], found["utc_offset"] = parsed
                found["captured_source"] = DateSource.XMP
                found["is_original"] = name != _DATES[-1]
                break
        place = on_earth(
            parse_xmp(self._first("exif:GPSLatitude")),
            parse_xmp(self._first("exif:GPSLongitude")),
        )
        if place is not None:
            found["latitude"], found["longitude"] = place
            found["altitude"] = self._altitude()
        if self._first("GCamera:MotionPhoto", "GCamera:MicroVideo") in _YES:
            found["is_motion_photo"] = True
        if self._first("exif:UserComment") == _SCREENSHOT:
            found["is_screenshot"] = True
        return {name: value for name, value in found.items() if value is not None}

    def _altitude(self) -> float | None:
        """Return metres from a fraction such as `35083/1000`."""
        over, _, under = (self._first("exif:GPSAltitude") or "").partition("/")
        with suppress(ValueError, ZeroDivisionError):
            height = float(over) / float(under or 1)
            return -height if self._first("exif:GPSAltitudeRef") == "1" else height
        return None

    def _keywords(self) -> tuple[str, ...]:
        """Return keywords as paths, from what tells most; as the server does."""
        values = self._values
        if tags := values.get("digiKam:TagsList"):
            words = tags
        elif tags := values.get("lr:hierarchicalSubject"):
            # A slash is no separator there, and gives way to the one that is none here.
            swapped = str.maketrans("|/", "/|")
            words = [tag.translate(swapped) for tag in tags]
        else:
            words = values.get("dc:subject", [])
        return tuple(dict.fromkeys(words))


def _rating(text: str | None) -> int | None:
    """Return stars: -1 (rejected) to 5."""
    with suppress(ValueError, OverflowError):
        rating = int(float(text or ""))
        return rating if -1 <= rating <= 5 else None
    return None
