"""When a folder's runs start by the clock: its plain choices as Home Assistant triggers."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.const import WEEKDAYS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)
from homeassistant.helpers.typing import TemplateVarsType
from homeassistant.util import dt as dt_util

from .const import CONF_SCHEDULE_TIME, CONF_SCHEDULE_WEEKDAYS, DOMAIN, LOGGER


async def schedule(
    hass: HomeAssistant, name: str, data: Mapping[str, Any], start: Callable[[], None]
) -> CALLBACK_TYPE | None:
    """Start runs at the time on the weekdays that were chosen; None without a time.

    Returns how to end it.
    """
    if not (at := data.get(CONF_SCHEDULE_TIME)):
        return None
    trigger: dict[str, Any] = {"trigger": "time", "at": at}
    if weekdays := data.get(CONF_SCHEDULE_WEEKDAYS):
        trigger["weekday"] = weekdays

    @callback
    def fired(run_variables: TemplateVarsType, context: object = None) -> None:
        start()

    config = await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([trigger]))
    return await async_initialize_triggers(
        hass, config, fired, DOMAIN, name, LOGGER.log
    )


def next_scheduled(data: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a folder's next run starts by the clock; None without a time.

    ``now`` is aware; the result is too, in Home Assistant's time zone.
    """
    if not (at := data.get(CONF_SCHEDULE_TIME)):
        return None
    time = dt_util.parse_time(at)
    if time is None:
        return None
    weekdays = data.get(CONF_SCHEDULE_WEEKDAYS) or WEEKDAYS
    local = dt_util.as_local(now)
    for days in range(8):
        day = local.date() + timedelta(days=days)
        moment = datetime.combine(day, time, dt_util.get_default_time_zone())
        if moment > local and WEEKDAYS[day.weekday()] in weekdays:
            return moment
    return None
