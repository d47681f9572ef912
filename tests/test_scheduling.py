"""When runs start by the clock, also in the nights in which the clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.immich_backup.const import (
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
)
from custom_components.immich_backup.scheduling import next_scheduled, schedule

AMSTERDAM = "Europe/Amsterdam"


@pytest.fixture
async def amsterdam(hass: HomeAssistant) -> HomeAssistant:
    """Return a Home Assistant where the clocks change."""
    await hass.config.async_set_time_zone(AMSTERDAM)
    return hass


@pytest.mark.parametrize(
    ("data", "now", "moment"),
    [
        ({}, "2026-11-21T10:00:00+01:00", None),
        ({CONF_SCHEDULE_TIME: None}, "2026-11-21T10:00:00+01:00", None),
        (
            {CONF_SCHEDULE_TIME: "12:00:00"},
            "2026-11-21T10:00:00+01:00",
            "2026-11-21T12:00:00+01:00",
        ),
        # Exactly now has come already.
        (
            {CONF_SCHEDULE_TIME: "12:00:00"},
            "2026-11-21T12:00:00+01:00",
            "2026-11-22T12:00:00+01:00",
        ),
        # The day is that of the home, not that of UTC.
        (
            {CONF_SCHEDULE_TIME: "00:10:00", CONF_SCHEDULE_WEEKDAYS: ["sun"]},
            "2026-11-21T22:30:00+00:00",
            "2026-11-22T00:10:00+01:00",
        ),
        (
            {CONF_SCHEDULE_TIME: "12:00:00", CONF_SCHEDULE_WEEKDAYS: ["sat"]},
            "2026-11-21T12:30:00+01:00",
            "2026-11-28T12:00:00+01:00",
        ),
        # The night with a missing hour, and the one with an hour twice.
        (
            {CONF_SCHEDULE_TIME: "02:30:00"},
            "2026-03-29T00:00:00+01:00",
            "2026-03-29T03:30:00+02:00",
        ),
        (
            {CONF_SCHEDULE_TIME: "02:30:00"},
            "2026-10-25T00:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
        ),
        (
            {CONF_SCHEDULE_TIME: "02:30:00"},
            "2026-10-25T02:45:00+02:00",
            "2026-10-26T02:30:00+01:00",
        ),
        (
            {CONF_SCHEDULE_TIME: "02:30:00"},
            "2026-10-25T02:15:00+01:00",
            "2026-10-26T02:30:00+01:00",
        ),
    ],
)
async def test_next_scheduled(
    amsterdam: HomeAssistant, data: dict[str, Any], now: str, moment: str | None
) -> None:
    """The next moment is the right one, and told in the home's own time."""
    found = next_scheduled(data, datetime.fromisoformat(now))
    assert (None if found is None else found.isoformat()) == moment


@given(
    now=st.datetimes(
        datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)
    ),
    time=st.times(),
    weekdays=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat"])),
)
def test_every_day_once(now: datetime, time: Any, weekdays: set[str]) -> None:
    """From one moment to the next it is one chosen day, give or take an hour."""
    zone = ZoneInfo(AMSTERDAM)
    data = {
        CONF_SCHEDULE_TIME: time.isoformat("seconds"),
        CONF_SCHEDULE_WEEKDAYS: sorted(weekdays),
    }
    dt_util.set_default_time_zone(zone)
    try:
        first = next_scheduled(data, now)
        assert first is not None
        second = next_scheduled(data, first)
        assert second is not None
    finally:
        dt_util.set_default_time_zone(dt_util.UTC)
    assert now < first.astimezone(UTC)
    days = (second.date() - first.date()).days
    assert days >= 1
    between = second.astimezone(UTC) - first.astimezone(UTC)
    assert abs(between - timedelta(days=days)) <= timedelta(hours=1)
    assert days == 1 or weekdays
    for moment in (first, second):
        assert not weekdays or moment.strftime("%a").lower() in weekdays


@pytest.mark.parametrize(
    ("start", "moments"),
    [
        # Summer begins: 02:30 does not exist.
        (
            "2026-03-28T12:00:00+01:00",
            ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"],
        ),
        # Summer ends: 02:30 comes twice.
        (
            "2026-10-24T12:00:00+02:00",
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
        ),
        # Any other night.
        (
            "2026-06-10T12:00:00+02:00",
            ["2026-06-11T02:30:00+02:00", "2026-06-12T02:30:00+02:00"],
        ),
    ],
)
async def test_fires_once_a_night(
    amsterdam: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    start: str,
    moments: list[str],
) -> None:
    """In every night there is one run, whatever the clocks do."""
    now = datetime.fromisoformat(start)
    freezer.move_to(now)
    fired: list[str] = []

    def run() -> None:
        fired.append(dt_util.now().replace(second=0, microsecond=0).isoformat())

    end = schedule(amsterdam, {CONF_SCHEDULE_TIME: "02:30:00"}, run)
    for _ in range(2 * 24 * 4):
        now += timedelta(minutes=15)
        freezer.move_to(now)
        async_fire_time_changed(amsterdam, now)
        await amsterdam.async_block_till_done()
    assert fired == moments

    end()
    for _ in range(24):
        now += timedelta(hours=1)
        freezer.move_to(now)
        async_fire_time_changed(amsterdam, now)
    assert fired == moments


async def test_nothing_chosen(hass: HomeAssistant) -> None:
    """Without a time nothing is planned, and ending that is possible."""
    schedule(hass, {}, pytest.fail)()
