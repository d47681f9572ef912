"""What an XMP sidecar says, read without letting it expand entities."""

from dataclasses import dataclass, field
from pathlib import Path
import re
import xml.etree.ElementTree as ET

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SPACES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
}
_MAX_SIZE = 4 * 1024 * 1024
_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")
_DEGREES = re.compile(r"(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])", re.ASCII)


@dataclass(slots=True, kw_only=True)
class SidecarFacts:
    """What of a sidecar matters here; date is an ISO text, maybe without a zone."""

    date: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    description: str | None = None
    rating: int | None = None
    tags: list[str] = field(default_factory=list)


def read_xmp(path: Path) -> SidecarFacts | None:
    """Return what a sidecar says, None if it is no proper XMP."""
    if path.stat().st_size > _MAX_SIZE:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError:
        return None
    values: dict[str, list[str]] = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            values.setdefault(_short(name), []).append(value)
        for child in description:
            items = [item.text or "" for item in child.iter(f"{_RDF}li")]
            values.setdefault(_short(child.tag), []).extend(items or [child.text or ""])
    return _facts(values)


def _short(name: str) -> str:
    space, _, local = name.removeprefix("{").partition("}")
    return f"{_SPACES.get(space, space)}:{local}"


def _facts(values: dict[str, list[str]]) -> SidecarFacts:
    def first(name: str) -> str | None:
        return next(
            (text.strip() for text in values.get(name, ()) if text.strip()), None
        )

    rating = first("xmp:Rating")
    tags = values.get("digiKam:TagsList") or [
        tag.replace("|", "/") for tag in values.get("lr:hierarchicalSubject", ())
    ]
    return SidecarFacts(
        date=next((text for name in _DATES if (text := first(name))), None),
        latitude=_degrees(first("exif:GPSLatitude")),
        longitude=_degrees(first("exif:GPSLongitude")),
        description=first("dc:description") or first("tiff:ImageDescription"),
        rating=int(rating) if rating and re.fullmatch(r"-?\d", rating) else None,
        tags=tags or values.get("dc:subject", []),
    )


def _degrees(text: str | None) -> float | None:
    """Return degrees from "40,42.768N" or "40.7128"."""
    if text is None:
        return None
    if match := _DEGREES.fullmatch(text):
        value = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
        return round(-value if match[4] in "SW" else value, 7)
    try:
        return float(text)
    except ValueError:
        return None
