"""When a photo or video was taken: one moment out of all that tells of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from .facts import DateSource, MediaFacts
from .names import NameDate, date_in
from .witnesses import Witnesses

_NOON = timedelta(hours=12)
# Where a clock was by GPS: offsets are quarters of an hour, fixes some minutes old.
_QUARTER = timedelta(minutes=15)
_STALE = timedelta(minutes=3)
_FURTHEST = timedelta(hours=14)
# An offset of these is that of UTC, not of the place.
_UTC_ONLY = (DateSource.MOVIE_HEADER, DateSource.TAKEOUT, DateSource.NAME)
# A file that was written so soon after a moment was probably written at it.
_SOON = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Told:
    """A wall clock with its offset if known, and who says so."""

    moment: datetime
    offset: timedelta | None
    source: DateSource


def capture_time(
    witnesses: Witnesses, name: str, mtime: float, zone: tzinfo
) -> tuple[datetime, DateSource]:
    """Return when a file was taken, and where that is known from.

    By the first that tells, in the order of DateSource. ``name`` may be a path,
    ``mtime`` is in epoch seconds, ``zone`` is the home's, for what tells none. The
    moment has the offset of its place if that is known, else the home's zone: a time
    that comes twice in autumn is the one nearer to ``mtime``, or the first; one that
    does not exist in spring is an hour later.
    """
    facts = witnesses.own
    modified = _instant(mtime)
    changed: _Told | None = None
    for told in _told(witnesses):
        if told.source is DateSource.EXIF_CHANGED:
            changed = told
            continue
        return _aware(told, facts, modified, zone), told.source
    if (named := date_in(name)) is not None:
        told = _of_name(named, modified, zone)
        return _aware(told, None, modified, zone), DateSource.NAME
    if changed is not None:
        return _aware(changed, facts, modified, zone), DateSource.EXIF_CHANGED
    return _in_zone(modified, zone), DateSource.MODIFIED


def _told(witnesses: Witnesses) -> Iterator[_Told]:
    """Yield all that is said, what counts most first."""
    for one in witnesses.in_order:
        if one.captured_at is not None:
            source = one.captured_source or DateSource.EXIF
            yield _Told(one.captured_at, one.utc_offset, source)


def _of_name(named: NameDate, modified: datetime, zone: tzinfo) -> _Told:
    """Return what a name tells; a day without a time is taken at noon.

    If the file was last changed on that day, it is taken at that time.
    """
    moment = named.moment
    if not named.has_time:
        written = _in_zone(modified, zone).replace(tzinfo=None)
        is_same_day = written.date() == moment.date()
        moment = written if is_same_day else moment + _NOON
    return _Told(moment, timedelta() if named.is_utc else None, DateSource.NAME)


def _aware(
    told: _Told, facts: MediaFacts | None, modified: datetime, zone: tzinfo
) -> datetime:
    """Return a moment that is aware of its zone."""
    offset = told.offset
    if offset is None and facts is not None and told.source is DateSource.EXIF:
        offset = _offset_by_satellite(told.moment, facts.satellite_at)
    if offset is None:
        return _local(told.moment, modified, zone)
    aware = told.moment.replace(tzinfo=timezone(offset))
    return _in_zone(aware, zone) if told.source in _UTC_ONLY else aware


def _offset_by_satellite(
    moment: datetime, satellite: datetime | None
) -> timedelta | None:
    """Return how far a clock was ahead of UTC, by the UTC that satellites told."""
    if satellite is None:
        return None
    ahead = moment - satellite
    offset = round(ahead / _QUARTER) * _QUARTER
    if abs(offset) > _FURTHEST or abs(ahead - offset) > _STALE:
        return None
    return offset


def _local(moment: datetime, modified: datetime, zone: tzinfo) -> datetime:
    """Return a wall clock in the home's zone, as a moment that exists."""
    first, second = (
        _round_trip(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)
    )
    # In spring they differ as well, but then the clock never showed the moment.
    is_shown = first.replace(tzinfo=None) == moment
    if is_shown and first.utcoffset() != second.utcoffset():
        later = abs(second - modified)
        if later < abs(first - modified) and later <= _SOON:
            return second
    return first


def _round_trip(moment: datetime) -> datetime:
    """Return a moment as its zone shows it; at the end of time as it is."""
    zone = moment.tzinfo
    assert zone is not None
    try:
        return moment.astimezone(UTC).astimezone(zone)
    except OverflowError:
        return moment


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return an instant as a zone shows it; at the end of time as UTC."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _instant(seconds: float) -> datetime:
    """Return an instant from epoch seconds; the nearest that there is."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError, ValueError:
        return datetime.max.replace(tzinfo=UTC)
