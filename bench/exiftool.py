"""What ExifTool says of files, and whether the integration's own reader agrees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
import json
import math
from pathlib import Path
import re
import shutil
import subprocess
from tempfile import TemporaryDirectory
from typing import Any

from custom_components.immich_backup.engine.media import MediaFacts

MISSING = "exiftool is not installed"
_AT_ONCE = 200
# As the server looks for them, QuickTime's own date before the one of the header.
_DATES = (
    ("EXIF:DateTimeOriginal", "EXIF:OffsetTimeOriginal"),
    ("MakerNotes:DateTimeOriginal", None),
    ("RIFF:DateTimeOriginal", None),
    ("H264:DateTimeOriginal", None),
    ("Matroska:DateTimeOriginal", None),
    ("XMP:DateTimeOriginal", None),
    ("XMP:DateCreated", None),
    # That of IPTC, if there is no other.
    ("Composite:DateTimeOriginal", None),
    ("EXIF:CreateDate", "EXIF:OffsetTimeDigitized"),
    ("Matroska:CreateDate", None),
    ("QuickTime:CreationDate", None),
    ("ASF:CreationDate", None),
    ("QuickTime:CreateDate", None),
    ("QuickTime:TrackCreateDate", None),
    ("QuickTime:MediaCreateDate", None),
    ("XMP:CreateDate", None),
)
_UTC = (
    "QuickTime:CreateDate",
    "QuickTime:TrackCreateDate",
    "QuickTime:MediaCreateDate",
)
# Numbers as they are, names as a person reads them.
_TAGS = (
    *(tag for tag, _ in _DATES),
    *("OffsetTimeOriginal", "OffsetTimeDigitized", "OffsetTime"),
    *("GPSLatitude#", "GPSLongitude#", "ImageWidth#", "ImageHeight#", "ImageSize#"),
    *("Make", "Model", "AndroidMake", "AndroidModel", "AndroidManufacturer"),
    *("Duration#", "ContentIdentifier", "MediaGroupUUID"),
    *("FileType", "MIMEType"),
)
# What is no date for it ExifTool passes on as it stands in the file.
_DATE = re.compile(
    r"(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)"
    r"(?:[ T]+(\d\d?):(\d\d?)(?::(\d\d?)(?:\.\d+)?)?\s*(?:(Z)|([+-])(\d\d):?(\d\d))?"
    r"(?: DST)?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"(?:(Z)|([+-])(\d\d?):?(\d\d))", re.ASCII)
_DEGREES = 1e-5
# No clock is further ahead of UTC.
_FURTHEST = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two readers say differently of one file."""

    path: Path
    what: str
    ours: object
    theirs: object


def found() -> bool:
    """Return whether ExifTool is there."""
    return shutil.which("exiftool") is not None


def read(paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield what ExifTool says of files, by group and tag; nothing where it fails."""
    for part in batched(paths, _AT_ONCE, strict=False):
        # It takes names in lines, and answers with those of UTF-8 only.
        with TemporaryDirectory() as links:
            named = {Path(links, f"{i}{_suffix(p)}"): p for i, p in enumerate(part)}
            for link, path in named.items():
                link.symlink_to(path.absolute())
            done = subprocess.run(
                [
                    *("exiftool", "-json", "-G0", "-q", "-q"),
                    *("-api", "largefilesupport=1"),
                    *(f"-{tag}" for tag in _TAGS),
                    *("-@", "-"),
                ],
                input="\n".join(map(str, named)),
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        # A model may look like a number.
        for told in json.loads(done.stdout or "[]", parse_float=str, parse_int=str):
            yield named[Path(told["SourceFile"])], told


def _suffix(path: Path) -> str:
    """Return a file's extension if it is a usual one."""
    return path.suffix if path.suffix[1:].isalnum() and path.suffix.isascii() else ""


def compare(path: Path, facts: MediaFacts, told: dict[str, Any]) -> list[Difference]:
    """Return what the facts of a file and ExifTool's tags say differently."""
    captured, offset = _captured(told)
    ours = facts.captured_at and facts.captured_at.replace(microsecond=0)
    # The date of the last change, which only we take for want of a better one.
    if captured is None and facts.captured_source == "exif_changed":
        ours = None
    width, height = _number(told, "ImageWidth"), _number(told, "ImageHeight")
    sides = str(told.get("Composite:ImageSize", "")).split()
    if told.get("File:FileType") == "CR2" and len(sides) == 2:
        # Its first picture is a preview.
        width, height = map(float, sides)
    pairs: list[tuple[str, object, object]] = [
        ("capture date", ours, captured),
        ("offset", None if ours is None else facts.utc_offset, offset),
        ("width", facts.width, width),
        ("height", facts.height, height),
        ("make", facts.make, _text(told, "Make", "AndroidMake", "AndroidManufacturer")),
        ("model", facts.model, _text(told, "Model", "AndroidModel")),
        (
            "content identifier",
            facts.content_identifier,
            _text(told, "ContentIdentifier", "MediaGroupUUID"),
        ),
    ]
    differences = [
        Difference(path, what, mine, theirs)
        for what, mine, theirs in pairs
        if mine != theirs
    ]
    place = _number(told, "GPSLatitude"), _number(told, "GPSLongitude")
    if not _is_on_earth(*place):
        place = None, None
    seconds = _seconds(told)
    # Of moving pictures only short ones are read far enough.
    if str(told.get("File:MIMEType")).startswith("image/") and facts.duration is None:
        seconds = None
    for what, mine, theirs, most in (
        ("latitude", facts.latitude, place[0], _DEGREES),
        ("longitude", facts.longitude, place[1], _DEGREES),
        ("duration", facts.duration, seconds, 0.001),
    ):
        if (mine is None) != (theirs is None) or (
            mine is not None and theirs is not None and abs(mine - theirs) > most
        ):
            differences.append(Difference(path, what, mine, theirs))
    return differences


def _is_on_earth(latitude: float | None, longitude: float | None) -> bool:
    """Return whether a place can be one; 0, 0 stands for none."""
    if latitude is None or longitude is None or not (latitude or longitude):
        return False
    return abs(latitude) <= 90 and abs(longitude) <= 180


def _captured(told: dict[str, Any]) -> tuple[datetime | None, timedelta | None]:
    """Return the wall clock and its offset, by the order of the server."""
    days: list[datetime] = []
    for tag, offset_tag in _DATES:
        match = _DATE.fullmatch(str(told.get(tag, "")).strip())
        if match is None:
            continue
        try:
            year, month, day, hour, minute, second = (
                int(part or 0) for part in match.groups()[:6]
            )
            moment = datetime(year, month, day, hour, minute, second)
        except ValueError:
            continue
        if match[4] is None:
            # A day without a time, in EXIF no date for the server.
            if tag.startswith("XMP:"):
                days.append(moment)
            continue
        # Zero is the first moment that there is, in Windows.
        if tag.startswith("ASF:") and moment.year == 1601:
            continue
        offset = _offset(*match.groups()[6:])
        if offset is None and offset_tag is not None:
            for name in (offset_tag, "EXIF:OffsetTime"):
                text = _OFFSET.fullmatch(str(told.get(name)))
                if text is not None and offset is None:
                    offset = _offset(*text.groups())
        # The header's date is UTC, if anything.
        return moment, timedelta() if offset is None and tag in _UTC else offset
    return next(iter(days), None), None


def _offset(
    utc: str | None, sign: str | None, hours: str | None, minutes: str | None
) -> timedelta | None:
    """Return an offset from its parts."""
    if utc:
        return timedelta()
    if sign is None or hours is None or minutes is None:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if offset > _FURTHEST or int(minutes) > 59:
        return None
    return -offset if sign == "-" else offset


def _values(told: dict[str, Any], tag: str) -> Iterator[Any]:
    """Yield a tag's values; those composed or of the format itself count before EXIF.

    And EXIF before what is noted beside it.
    """
    groups = {"Composite": 0, "File": 1, "QuickTime": 2, "PNG": 2, "RIFF": 2, "EXIF": 3}
    names = [name for name in told if name.partition(":")[2] == tag]
    for name in sorted(names, key=lambda name: groups.get(name.partition(":")[0], 4)):
        yield told[name]


def _number(told: dict[str, Any], tag: str) -> float | None:
    for value in _values(told, tag):
        try:
            number = float(value)
        except TypeError, ValueError:
            continue
        if math.isfinite(number):
            return number
    return None


def _seconds(told: dict[str, Any]) -> float | None:
    """Return how long a video or a GIF lasts; other moving pictures have no length.

    Of MPEG it is only guessed, by the size of the file.
    """
    kind = told.get("File:FileType")
    is_video = str(told.get("File:MIMEType")).startswith("video/")
    if not (is_video or kind == "GIF") or kind == "MPEG":
        return None
    for name, value in told.items():
        group, _, tag = name.partition(":")
        # Where ExifTool puts it together, only that of AVI is no guess.
        if tag == "Duration" and (group != "Composite" or kind == "AVI"):
            # Of Matroska it may be that of the last track, as a text, which hides
            # that of all: it can't be compared.
            return math.nan if ":" in str(value) else float(value)
    return None


def _text(told: dict[str, Any], *tags: str) -> str | None:
    for tag in tags:
        for value in _values(told, tag):
            return str(value).strip() or None
    return None
