"""The moments at which a folder's runs start by the clock, as its owner chose them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.const import WEEKDAYS
from homeassistant.util import dt as dt_util

from .const import CONF_SCHEDULE_TIME, CONF_SCHEDULE_WEEKDAYS


def next_scheduled(data: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a folder's next run starts by the clock; None without a time.

    ``now`` is aware; the result is too, in Home Assistant's time zone. Of a time that
    comes twice in a night it is the first; one that is skipped comes an hour later.
    """
    return next((at for at in _moments(data, now, range(8)) if at > now), None)


def last_scheduled(data: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a folder's last run should have started, as ``next_scheduled``."""
    return next((at for at in _moments(data, now, range(0, -8, -1)) if at <= now), None)


def schedule_interval(data: Mapping[str, Any]) -> timedelta | None:
    """Return the longest time between two runs by the clock; None without a time."""
    if not data.get(CONF_SCHEDULE_TIME):
        return None
    days = sorted(WEEKDAYS.index(day) for day in _weekdays(data))
    following = [*days[1:], days[0] + len(WEEKDAYS)]
    return timedelta(
        days=max(after - day for day, after in zip(days, following, strict=True))
    )


def _moments(data: Mapping[str, Any], now: datetime, days: range) -> Iterator[datetime]:
    """Yield the moments on the days from today on, or back, that were chosen."""
    at = dt_util.parse_time(data.get(CONF_SCHEDULE_TIME) or "")
    if at is None:
        return
    zone = dt_util.get_default_time_zone()
    today = now.astimezone(zone).date()
    for number in days:
        day = today + timedelta(days=number)
        if WEEKDAYS[day.weekday()] in _weekdays(data):
            # By way of UTC, for times of one zone are compared by their digits alone.
            yield dt_util.as_local(dt_util.as_utc(datetime.combine(day, at, zone)))


def _weekdays(data: Mapping[str, Any]) -> list[str]:
    """Return the days of the week that were chosen; all of them if none was."""
    return list(data.get(CONF_SCHEDULE_WEEKDAYS) or WEEKDAYS)
