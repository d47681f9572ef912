"""When a picture was taken: wall clock, offset and time zone put together."""

from dataclasses import dataclass
from datetime import UTC, datetime
import re
from zoneinfo import ZoneInfo

from .times import SECOND, civil, wall_clock

_MINUTE = 60 * SECOND
_DATE = re.compile(
    r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?"
    r"(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A date as it was written, in microseconds.

    wall is the clock on the wall as if it were UTC, offset how far that is east of
    UTC. tagged says that the offset comes from a tag of its own, which counts more
    than the coordinates; one inside the date counts less.
    """

    wall: int
    offset: int | None = None
    tagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant, the wall clock then and there, and the zone's name if known."""

    instant: int
    wall: int
    zone: str | None


def parse_taken(text: str, offset: str | None = None) -> Taken | None:
    """Return a date of EXIF or XMP, None if the text is none.

    offset is the text of EXIF's OffsetTimeOriginal.
    """
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not (year > 0 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    wall = wall_clock(
        year, month, day, int(match[4] or 0), int(match[5] or 0), int(match[6] or 0)
    )
    wall += int(float(match[7] or 0) * 1000) * 1000
    tag = None if offset is None else _parse_offset(offset)
    if tag is not None:
        return Taken(wall=wall, offset=tag, tagged=True)
    return Taken(wall=wall, offset=_parse_offset(match[8]) if match[8] else None)


def _parse_offset(text: str) -> int | None:
    if text == "Z":
        return 0
    match = _OFFSET.fullmatch(text.strip("\0 "))
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return (-minutes if match[1] == "-" else minutes) * _MINUTE


def offset_name(offset: int) -> str:
    """Return an offset as the server names it: UTC, UTC+2, UTC+5:30."""
    hours, minutes = divmod(abs(offset) // _MINUTE, 60)
    if not hours and not minutes:
        return "UTC"
    sign = "-" if offset < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def moment(taken: Taken, zone: str | None) -> Moment:
    """Put a date and the zone of its coordinates together.

    Without any zone the wall clock counts as UTC (measured on Immich 3.0.3).
    """
    offset = taken.offset
    if offset is not None and (taken.tagged or zone is None):
        return Moment(
            instant=taken.wall - offset, wall=taken.wall, zone=offset_name(offset)
        )
    if zone is None:
        return Moment(instant=taken.wall, wall=taken.wall, zone=None)
    if offset is None:
        instant = taken.wall - _zone_offset(zone, taken.wall, is_wall=True)
        return Moment(instant=instant, wall=taken.wall, zone=zone)
    instant = taken.wall - offset
    wall = instant + _zone_offset(zone, instant, is_wall=False)
    return Moment(instant=instant, wall=wall, zone=zone)


def _zone_offset(zone: str, instant: int, *, is_wall: bool) -> int:
    """Return how far a zone is east of UTC; 0 where that cannot be known."""
    year, month, day, hour, minute, second, _ = civil(instant)
    if not 1 < year < 9999:
        return 0
    try:
        info = ZoneInfo(zone)
    except OSError, ValueError, KeyError:
        return 0
    if is_wall:
        there = datetime(year, month, day, hour, minute, second, tzinfo=info)
    else:
        there = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        there = there.astimezone(info)
    offset = there.utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * SECOND
