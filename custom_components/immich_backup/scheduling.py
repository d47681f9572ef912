"""When a folder's runs start by the clock: what was chosen as moments in time."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.const import WEEKDAYS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_time
from homeassistant.util import dt as dt_util

from .const import CONF_SCHEDULE_TIME, CONF_SCHEDULE_WEEKDAYS


@callback
def schedule(
    hass: HomeAssistant, data: Mapping[str, Any], start: Callable[[], None]
) -> CALLBACK_TYPE:
    """Call a function at the time on the weekdays that were chosen, if there is one.

    Returns how to end it. A time trigger would not do: in the night in which the clocks
    go forward it skips a time that does not exist, in the other it fires twice.
    """
    remove: CALLBACK_TYPE | None = None

    @callback
    def plan() -> None:
        nonlocal remove
        moment = next_scheduled(data, dt_util.utcnow())
        remove = (
            None if moment is None else async_track_point_in_time(hass, fire, moment)
        )

    @callback
    def fire(_now: datetime) -> None:
        plan()
        start()

    @callback
    def end() -> None:
        if remove is not None:
            remove()

    plan()
    return end


def next_scheduled(data: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a folder's next run starts by the clock; None without a time.

    ``now`` is aware; the result is too, in Home Assistant's time zone. Of a time that
    comes twice in a night it is the first; one that is skipped comes an hour later.
    """
    at = dt_util.parse_time(data.get(CONF_SCHEDULE_TIME) or "")
    if at is None:
        return None
    weekdays = data.get(CONF_SCHEDULE_WEEKDAYS) or WEEKDAYS
    zone = dt_util.get_default_time_zone()
    today = now.astimezone(zone).date()
    for days in range(8):
        day = today + timedelta(days=days)
        # By way of UTC, for times of one zone are compared by their digits alone.
        moment = dt_util.as_utc(datetime.combine(day, at, zone))
        if moment > now and WEEKDAYS[day.weekday()] in weekdays:
            return dt_util.as_local(moment)
    return None
