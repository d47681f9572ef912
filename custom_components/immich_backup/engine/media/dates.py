"""Dates as they stand in files: EXIF, XMP and QuickTime write them alike."""

from datetime import datetime, timedelta
import re

_DATE = re.compile(
    r"\s*(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})"
    r"(?:[T ]\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d{1,2}:?\d{2})?[\s\0]*",
    re.ASCII,
)
_OFFSET = re.compile(r"\s*([+-])(\d{1,2}):?(\d{2})[\s\0]*", re.ASCII)
# Kiribati is ahead by the most; nobody is behind by more than twelve hours.
_FURTHEST = timedelta(hours=14)


def parse_date(text: str | None) -> tuple[datetime, timedelta | None] | None:
    """Return a wall clock, and how far it is ahead of UTC if the text says so.

    None for what is no date: `0000:00:00 00:00:00`, blanks, February 30. A day alone
    begins at midnight.
    """
    match = _DATE.fullmatch(text or "")
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    try:
        moment = datetime(
            *(year, month, day, int(match[4] or 0), int(match[5] or 0)),
            int(match[6] or 0),
            int((match[7] or "0").ljust(6, "0")[:6]),
        )
    except ValueError:
        return None
    return moment, parse_offset(match[8])


def has_time(text: str | None) -> bool:
    """Return whether a date tells the time of the day as well."""
    match = _DATE.fullmatch(text or "")
    return match is not None and match[4] is not None


def parse_offset(text: str | None) -> timedelta | None:
    """Return how far a clock is ahead of UTC; None for what no clock can be."""
    if text is None:
        return None
    if text.strip("\0 ") == "Z":
        return timedelta()
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _FURTHEST or int(match[3]) > 59:
        return None
    return -offset if match[1] == "-" else offset
