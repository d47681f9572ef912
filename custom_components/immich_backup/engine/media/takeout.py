"""Google Takeout's JSON files: what Google Photos knew of a photo."""

from datetime import UTC, datetime, timedelta
import json
from typing import Any, BinaryIO

from .exif import Found
from .facts import DateSource, MediaFacts, Trouble
from .place import on_earth

_LONGEST = 256 * 1024


def read_takeout(file: BinaryIO) -> MediaFacts:
    """Return the facts of an open JSON file of Google Takeout; blocking.

    Its date is UTC; the zone of the place is not told. What can't be read is unknown,
    and ``trouble`` says so. Raises OSError when the disk fails.
    """
    data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        return MediaFacts(trouble=Trouble.TOO_MUCH)
    try:
        told = json.loads(data)
    except ValueError, RecursionError:
        return MediaFacts(trouble=Trouble.DAMAGED)
    if not isinstance(told, dict):
        return MediaFacts(trouble=Trouble.DAMAGED)
    found = _captured(told.get("photoTakenTime")) | (
        # Where the user moved it to, else where the file says that it was taken.
        _place(told.get("geoData")) or _place(told.get("geoDataExif"))
    )
    description = told.get("description")
    if isinstance(description, str) and description.strip():
        found["description"] = description.strip()
    return MediaFacts(**found, is_favorite=told.get("favorited") is True)


def _captured(told: Any) -> Found:
    """Return when it was taken, from seconds since 1970, a text or a number."""
    try:
        seconds = int(told["timestamp"])
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except TypeError, KeyError, ValueError, OverflowError:
        return {}
    # Zero stands for an unknown date.
    if not seconds:
        return {}
    return {
        "captured_at": moment.replace(tzinfo=None),
        "utc_offset": timedelta(),
        "captured_source": DateSource.TAKEOUT,
    }


def _place(told: Any) -> Found:
    """Return where it was taken."""
    try:
        latitude, longitude = float(told["latitude"]), float(told["longitude"])
        altitude = float(told.get("altitude", 0))
    except TypeError, KeyError, ValueError, OverflowError, AttributeError:
        return {}
    if on_earth(latitude, longitude) is None:
        return {}
    return {"latitude": latitude, "longitude": longitude, "altitude": altitude or None}
