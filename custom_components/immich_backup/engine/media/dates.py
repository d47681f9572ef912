"""Dates as they stand in files: EXIF, XMP and QuickTime write them alike."""

from datetime import datetime, timedelta
import re

_DATE = re.compile(
    r"\s*(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})"
    r"(?:[T ]\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d{1,2}:?\d{2})?[\s\0]*",
    re.ASCII,
)
# As AVI has them: "Mon Mar 10 15:04:43 2003", and what some cameras made of it.
_SPOKEN = re.compile(
    r"\S+\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{1,2}:\d{1,2}:\d{1,2})\s+(\d{4})\b",
    re.ASCII,
)
_CLOCK = re.compile(
    r"(\d{4})/\s*(\d{1,2})/\s*(\d{1,2})/?\s+(\d{1,2}):\s*(\d{1,2})\s*(P?)", re.ASCII
)
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
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


def parse_spoken_date(
    text: str | None,
) -> tuple[datetime, timedelta | None] | None:
    """Return the date of an AVI, as the language C or as its camera writes it.

    None for what is no date.
    """
    text = (text or "").strip()
    if (match := _SPOKEN.match(text)) is not None:
        month = match[1].capitalize()
        if month not in _MONTHS:
            return None
        number = 1 + _MONTHS.index(month)
        return parse_date(f"{match[4]}:{number}:{match[2]} {match[3]}")
    if (match := _CLOCK.match(text)) is not None:
        hour = int(match[4]) + (12 if match[6] else 0)
        return parse_date(f"{match[1]}:{match[2]}:{match[3]} {hour}:{match[5]}:00")
    return parse_date(text)


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
