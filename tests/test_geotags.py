"""Places of photos out of the real recorder's history, and how to undo them."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.immich_backup.const import CONF_NEW_MEDIA, CONF_ORGANISE
from custom_components.immich_backup.engine.context import UnknownToHomeError
from custom_components.immich_backup.engine.organise.geotagger import PLACE_TAG
from custom_components.immich_backup.home import HomeContext
from simulator import AssetRecord

from .support.actions import act
from .support.home import Home, folder_data
from .support.media import jpeg, tiff

TRACKER = "device_tracker.phone"


def seen(
    hass: HomeAssistant,
    at: datetime,
    latitude: float,
    longitude: float,
    accuracy: float = 15,
) -> None:
    """Let the phone tell where it is, at a moment; it is away all the time."""
    hass.states.async_set(
        TRACKER,
        "not_home",
        {
            "source_type": "gps",
            "latitude": latitude,
            "longitude": longitude,
            "gps_accuracy": accuracy,
        },
        timestamp=at.timestamp(),
    )


def photo(home: Home, name: str, at: datetime) -> None:
    """Write a photo of a camera without GPS, whose clock is that of the home."""
    local = dt_util.as_local(at)
    data = tiff(exif={0x9003: f"{local:%Y:%m:%d %H:%M:%S}"})
    (home.folder() / name).write_bytes(jpeg(data, appended=name.encode()))


async def set_up(home: Home, *entities: str) -> None:
    """Set up a folder whose photos get places."""
    organise: dict[str, Any] = {"place_from": list(entities)}
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False, CONF_ORGANISE: organise})
    )


async def place(home: Home, name: str) -> tuple[float, float] | None:
    """Return where the server says that a photo was taken."""
    found: AssetRecord
    (found,) = (a for a in home.immich.assets() if a.original_file_name == name)
    return (await home.manager.client.asset(found.id)).place


async def test_places_by_history(recorder_mock: Recorder, home: Home) -> None:
    """Between two positions, though the state is the same; undone by an action."""
    hour = dt_util.utcnow().replace(microsecond=0) - timedelta(hours=1)
    for minute, latitude, accuracy in (
        (0, 52.0, 15),
        (2, 10.0, 3000),
        (4, 52.4, 15),
        (30, 53.0, 15),
    ):
        seen(home.hass, hour + timedelta(minutes=minute), latitude, 5.0, accuracy)
    await async_wait_recording_done(home.hass)
    photo(home, "between.jpg", hour + timedelta(minutes=1))
    photo(home, "after.jpg", hour + timedelta(minutes=31))
    photo(home, "nowhere.jpg", hour + timedelta(minutes=15))
    photo(home, "old.jpg", hour - timedelta(days=3000))
    await set_up(home, "person.gone", TRACKER)
    plan = await act(home.hass, "organise", dry_run=True)
    assert plan["places"] == 0
    assert (await act(home.hass, "run"))["outcome"] == "completed"
    assert await place(home, "between.jpg") == pytest.approx((52.1, 5.0))
    assert await place(home, "after.jpg") == (53.0, 5.0)
    assert await place(home, "nowhere.jpg") is None
    assert await place(home, "old.jpg") is None
    path = str(home.folder() / "after.jpg")
    explained = (await act(home.hass, "explain", path=path))["organised"]
    assert explained["place_added"] == [53.0, 5.0]
    assert (explained["latitude"], explained["done"]) == (None, True)
    undone = await act(home.hass, "undo_geotags", folders=["Camera"])
    assert (undone["removed"], undone["kept"]) == (2, 0)
    assert PLACE_TAG in undone["text"]
    assert await place(home, "after.jpg") is None
    undone = await act(home.hass, "undo_geotags")
    assert undone["text"] == "No photo has a place that was added."


async def test_place_of_a_person(recorder_mock: Recorder, home: Home) -> None:
    """A person is where their phone is."""
    person = {"id": "anna", "name": "Anna", "device_trackers": [TRACKER]}
    assert await async_setup_component(home.hass, "person", {"person": [person]})
    now = dt_util.utcnow()
    seen(home.hass, now, 52.0, 5.0)
    await home.hass.async_block_till_done()
    state = home.hass.states.get("person.anna")
    assert state is not None
    assert state.attributes["latitude"] == 52.0
    await async_wait_recording_done(home.hass)
    seen(home.hass, dt_util.utcnow(), 52.0, 5.1)
    await home.hass.async_block_till_done()
    await async_wait_recording_done(home.hass)
    # Away all the time, and yet elsewhere.
    hour = timedelta(hours=1)
    fixes = await HomeContext(home.hass).fixes("person.anna", now - hour, now + hour)
    assert {fix.place for fix in fixes} == {(52.0, 5.0), (52.0, 5.1)}
    photo(home, "now.jpg", now)
    await set_up(home, "person.anna")
    assert (await act(home.hass, "run"))["outcome"] == "completed"
    found = await place(home, "now.jpg")
    assert found is not None
    assert found[0] == 52.0
    assert 5.0 <= found[1] <= 5.1


async def test_fixes(recorder_mock: Recorder, home: Home) -> None:
    """Only what was told within the time, each with its own; states without a place not."""
    hour = dt_util.utcnow() - timedelta(hours=1)
    seen(home.hass, hour - timedelta(minutes=30), 1.0, 1.0)
    seen(home.hass, hour, 2.0, 2.0)
    home.hass.states.async_set(
        TRACKER, "unknown", timestamp=(hour + timedelta(minutes=1)).timestamp()
    )
    seen(home.hass, hour + timedelta(minutes=30), 3.0, 3.0)
    await async_wait_recording_done(home.hass)
    context = HomeContext(home.hass)
    around = hour - timedelta(minutes=5), hour + timedelta(minutes=5)
    (fix,) = await context.fixes(TRACKER, *around)
    assert fix.place == (2.0, 2.0)
    assert fix.accuracy == 15
    assert abs(fix.at - hour) < timedelta(milliseconds=1)
    assert await context.fixes("device_tracker.gone", *around) == []
    ago = timedelta(days=9999)
    assert await context.fixes(TRACKER, around[0] - ago, around[1] - ago) == []


async def test_without_a_recorder(home: Home) -> None:
    """It is said, and nothing waits for it."""
    photo(home, "one.jpg", dt_util.utcnow() - timedelta(hours=1))
    await set_up(home, TRACKER)
    assert (await act(home.hass, "run"))["outcome"] == "completed"
    path = str(home.folder() / "one.jpg")
    explained = (await act(home.hass, "explain", path=path))["organised"]
    assert explained["problem"] == "Home Assistant records no history"
    assert explained["done"] is True
    now = dt_util.utcnow()
    with pytest.raises(UnknownToHomeError, match="no history"):
        await HomeContext(home.hass).fixes(TRACKER, now, now)


async def test_undo_without_a_server(recorder_mock: Recorder, home: Home) -> None:
    """The action says that it could not be done, and can be repeated."""
    hour = dt_util.utcnow().replace(microsecond=0) - timedelta(hours=1)
    seen(home.hass, hour, 52.0, 5.0)
    await async_wait_recording_done(home.hass)
    photo(home, "one.jpg", hour)
    await set_up(home, TRACKER)
    await act(home.hass, "run")
    await home.immich.stop()
    with pytest.raises(HomeAssistantError, match="Not all places"):
        await act(home.hass, "undo_geotags")
