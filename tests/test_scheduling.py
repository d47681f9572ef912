"""When runs start by the clock, also in the nights in which the clocks change."""

from collections.abc import Callable
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
from custom_components.immich_backup.engine import RunTrigger
from custom_components.immich_backup.scheduled_times import (
    last_scheduled,
    next_scheduled,
    schedule_interval,
)
from custom_components.immich_backup.scheduling import FolderScheduling
from custom_components.immich_backup.turns import Turns

AMSTERDAM = "Europe/Amsterdam"


def scheduling_of(
    hass: HomeAssistant, data: dict[str, Any], start: Callable[[RunTrigger], None]
) -> FolderScheduling:
    """Return when a folder's runs start."""
    return FolderScheduling(
        hass,
        "Camera",
        data,
        start=start,
        wait_for=lambda reasons: None,
        turns=Turns(hass.loop),
    )


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

    def run(trigger: RunTrigger) -> None:
        assert trigger is RunTrigger.SCHEDULE
        fired.append(dt_util.now().replace(second=0, microsecond=0).isoformat())

    scheduling = scheduling_of(amsterdam, {CONF_SCHEDULE_TIME: "02:30:00"}, run)
    await scheduling.begin()
    for _ in range(2 * 24 * 4):
        now += timedelta(minutes=15)
        freezer.move_to(now)
        async_fire_time_changed(amsterdam, now)
        await amsterdam.async_block_till_done()
    assert fired == moments

    scheduling.end()
    for _ in range(24):
        now += timedelta(hours=1)
        freezer.move_to(now)
        async_fire_time_changed(amsterdam, now)
    assert fired == moments


async def test_nothing_chosen(hass: HomeAssistant) -> None:
    """Without a time nothing is planned or missed, and ending that is possible."""
    scheduling = scheduling_of(hass, {}, pytest.fail)
    await scheduling.begin()
    assert not scheduling.catch_up(0.0)
    assert not scheduling.problems
    scheduling.end()
    scheduling.end()


async def test_time_zone_changes(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """A home that moves gets its backups at its own new time."""
    freezer.move_to("2026-11-21T08:00:00+00:00")
    fired: list[RunTrigger] = []
    await hass.config.async_set_time_zone("UTC")
    scheduling = scheduling_of(hass, {CONF_SCHEDULE_TIME: "12:00:00"}, fired.append)
    await scheduling.begin()
    await hass.config.async_set_time_zone("Asia/Tokyo")
    scheduling.plan()
    for moment, count in (
        ("2026-11-21T12:30:00+00:00", 0),
        ("2026-11-22T02:59:00+00:00", 0),
        ("2026-11-22T03:00:01+00:00", 1),
    ):
        freezer.move_to(moment)
        async_fire_time_changed(hass, datetime.fromisoformat(moment))
        await hass.async_block_till_done()
        assert len(fired) == count
    scheduling.end()


@pytest.mark.parametrize(
    ("followed_until", "missed"),
    [
        # The last moment was on Saturday at 12:00, which is 11:00 UTC.
        ("2026-11-21T10:59:00+00:00", True),
        ("2026-11-01T00:00:00+00:00", True),
        ("2026-11-21T11:00:00+00:00", False),
        ("2026-11-22T00:00:00+00:00", False),
        (None, False),
    ],
)
async def test_missed_runs(
    amsterdam: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    followed_until: str | None,
    missed: bool,
) -> None:
    """What was missed is made up for once, however often it was."""
    freezer.move_to("2026-11-22T09:00:00+01:00")
    started: list[RunTrigger] = []
    scheduling = scheduling_of(
        amsterdam,
        {CONF_SCHEDULE_TIME: "12:00:00", CONF_SCHEDULE_WEEKDAYS: ["tue", "sat"]},
        started.append,
    )
    until = None
    if followed_until is not None:
        until = datetime.fromisoformat(followed_until).timestamp()
    assert scheduling.catch_up(until) is missed
    assert started == [RunTrigger.SCHEDULE] * missed


@given(
    now=st.datetimes(
        datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)
    ),
    time=st.times(),
    weekdays=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat"])),
)
def test_last_and_next(now: datetime, time: Any, weekdays: set[str]) -> None:
    """Nothing lies between the last moment and the next one."""
    data = {
        CONF_SCHEDULE_TIME: time.isoformat("seconds"),
        CONF_SCHEDULE_WEEKDAYS: sorted(weekdays),
    }
    dt_util.set_default_time_zone(ZoneInfo(AMSTERDAM))
    try:
        last = last_scheduled(data, now)
        following = next_scheduled(data, now)
        assert last is not None
        assert following is not None
        assert next_scheduled(data, last) == following
    finally:
        dt_util.set_default_time_zone(dt_util.UTC)
    assert last.astimezone(UTC) <= now < following.astimezone(UTC)
    interval = schedule_interval(data)
    assert interval is not None
    assert following - last <= interval


@pytest.mark.parametrize(
    ("data", "days"),
    [
        ({}, None),
        ({CONF_SCHEDULE_TIME: "02:00:00"}, 1),
        ({CONF_SCHEDULE_TIME: "02:00:00", CONF_SCHEDULE_WEEKDAYS: ["sun"]}, 7),
        ({CONF_SCHEDULE_TIME: "02:00:00", CONF_SCHEDULE_WEEKDAYS: ["mon", "sat"]}, 5),
    ],
)
def test_interval(data: dict[str, Any], days: int | None) -> None:
    """The longest time between two runs follows from the weekdays."""
    assert schedule_interval(data) == (None if days is None else timedelta(days=days))
