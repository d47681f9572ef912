"""What ExifTool says of files, and whether the integration's own reader agrees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import json
import math
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

from custom_components.immich_backup.engine.media import MediaFacts

MISSING = "exiftool is not installed"
_AT_ONCE = 200
_TAGS = (
    *("EXIF:DateTimeOriginal", "EXIF:CreateDate", "QuickTime:CreationDate"),
    *("QuickTime:CreateDate", "QuickTime:TrackCreateDate", "QuickTime:MediaCreateDate"),
    *("XMP:DateTimeOriginal", "XMP:DateCreated", "XMP:CreateDate"),
    *("OffsetTimeOriginal", "OffsetTimeDigitized", "OffsetTime"),
    *("GPSLatitude", "GPSLongitude", "ImageWidth", "ImageHeight", "ImageSize"),
    *(
        "Make",
        "Model",
        "Duration",
        "ContentIdentifier",
        "MediaGroupUUID",
        "FileType",
        "MIMEType",
    ),
)
# As the server looks for them, QuickTime's own date before the one of the header.
_DATES = (
    ("EXIF:DateTimeOriginal", "EXIF:OffsetTimeOriginal"),
    ("EXIF:CreateDate", "EXIF:OffsetTimeDigitized"),
    ("QuickTime:CreationDate", None),
    ("QuickTime:CreateDate", None),
    ("QuickTime:TrackCreateDate", None),
    ("QuickTime:MediaCreateDate", None),
    ("XMP:DateTimeOriginal", None),
    ("XMP:DateCreated", None),
    ("XMP:CreateDate", None),
)
_DATE = re.compile(
    r"(\d{4}:\d\d:\d\d \d\d:\d\d:\d\d)(?:\.\d+)?(?:(Z)|([+-])(\d\d):(\d\d))?"
)
_DEGREES = 1e-5


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
    for start in range(0, len(paths), _AT_ONCE):
        part = [path.absolute() for path in paths[start : start + _AT_ONCE]]
        done = subprocess.run(
            [
                *("exiftool", "-json", "-n", "-G0", "-q", "-q"),
                *("-api", "largefilesupport=1", "-charset", "filename=utf8"),
                *(f"-{tag}" for tag in _TAGS),
                *("-@", "-"),
            ],
            input="\n".join(map(str, part)),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        for told in json.loads(done.stdout or "[]"):
            yield Path(told["SourceFile"]), told


def compare(path: Path, facts: MediaFacts, told: dict[str, Any]) -> list[Difference]:
    """Return what the facts of a file and ExifTool's tags say differently."""
    captured, offset = _captured(told)
    ours = facts.captured_at and facts.captured_at.replace(microsecond=0)
    # The date of the last change, which only we take for want of a better one.
    if captured is None and facts.captured_source == "exif_changed":
        ours = None
    width, height = _number(told, "ImageWidth"), _number(told, "ImageHeight")
    if told.get("File:FileType") == "CR2":
        # Its first picture is a preview.
        width, height = map(int, str(told["Composite:ImageSize"]).split())
    pairs: list[tuple[str, object, object]] = [
        ("capture date", ours, captured),
        ("offset", None if ours is None else facts.utc_offset, offset),
        ("width", facts.width, width),
        ("height", facts.height, height),
        ("make", facts.make, _text(told, "Make")),
        ("model", facts.model, _text(told, "Model")),
        (
            "content identifier",
            facts.content_identifier,
            _text(told, "ContentIdentifier") or _text(told, "MediaGroupUUID"),
        ),
    ]
    differences = [
        Difference(path, what, mine, theirs)
        for what, mine, theirs in pairs
        if mine != theirs
    ]
    place = _number(told, "GPSLatitude"), _number(told, "GPSLongitude")
    if None in place or place == (0, 0):
        place = None, None
    for what, mine, theirs, most in (
        ("latitude", facts.latitude, place[0], _DEGREES),
        ("longitude", facts.longitude, place[1], _DEGREES),
        ("duration", facts.duration, _seconds(told), 0.001),
    ):
        if (mine is None) != (theirs is None) or (
            mine is not None and theirs is not None and abs(mine - theirs) > most
        ):
            differences.append(Difference(path, what, mine, theirs))
    return differences


def _captured(told: dict[str, Any]) -> tuple[datetime | None, timedelta | None]:
    """Return the wall clock and its offset, by the order of the server."""
    for tag, offset_tag in _DATES:
        match = _DATE.match(str(told.get(tag, "")))
        if match is None:
            continue
        try:
            moment = datetime.strptime(match[1], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        offset = _offset(match)
        if offset is None and offset_tag is not None:
            for name in (offset_tag, "EXIF:OffsetTime"):
                text = re.fullmatch(r"(?:(Z)|([+-])(\d\d):(\d\d))", str(told.get(name)))
                if text is not None and offset is None:
                    offset = _offset(text, first=1)
        if offset is None and tag.startswith("QuickTime") and offset_tag is None:
            # The header's date is UTC, if anything.
            offset = timedelta() if tag != "QuickTime:CreationDate" else None
        return moment, offset
    return None, None


def _offset(match: re.Match[str], first: int = 2) -> timedelta | None:
    """Return an offset from a match's groups: Z, sign, hours, minutes."""
    utc, sign, hours, minutes = (match[first + place] for place in range(4))
    if utc:
        return timedelta()
    if sign is None:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset


def _values(told: dict[str, Any], tag: str) -> Iterator[Any]:
    """Yield a tag's values; those composed or of the format itself count before EXIF."""
    groups = {"Composite": 0, "File": 1, "QuickTime": 2, "PNG": 2, "RIFF": 2}
    names = [name for name in told if name.partition(":")[2] == tag]
    for name in sorted(names, key=lambda name: groups.get(name.partition(":")[0], 3)):
        yield told[name]


def _number(told: dict[str, Any], tag: str) -> float | None:
    for value in _values(told, tag):
        if isinstance(value, int | float) and math.isfinite(value):
            return value
    return None


def _seconds(told: dict[str, Any]) -> float | None:
    """Return how long a video lasts; moving pictures have no length to us."""
    value = told.get("QuickTime:Duration")
    is_video = str(told.get("File:MIMEType")).startswith("video/")
    return value if is_video and isinstance(value, int | float) else None


def _text(told: dict[str, Any], tag: str) -> str | None:
    for value in _values(told, tag):
        return str(value).strip() or None
    return None
