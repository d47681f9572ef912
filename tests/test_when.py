"""When a folder's runs start in a home, and what they wait for."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.immich_backup.const import (
    CONF_CONDITIONS,
    CONF_NEW_MEDIA,
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_SCHEDULE_TIME,
    CONF_TRIGGERS,
    CONF_ZONE,
    DOMAIN,
    Presence,
)
from custom_components.immich_backup.engine.ledger import agenda
from custom_components.immich_backup.engine.model import FileState, RunOutcome
from custom_components.immich_backup.issues import Issue

from .support.home import ENTRY_ID, PATIENCE, Home, folder_data, until

NIGHT = {"condition": "state", "entity_id": "input_boolean.night", "state": "on"}
TEMPLATE = {
    "alias": "Cheap electricity",
    "condition": "template",
    "value_template": "{{ is_state('sensor.price', 'low') }}",
}


@pytest.fixture
async def anna(hass: HomeAssistant) -> str:
    """Return a person who is not at home, in a home that has a zone for the office."""
    assert await async_setup_component(
        hass,
        "zone",
        {"zone": {"name": "Office", "latitude": 10, "longitude": 10, "radius": 100}},
    )
    tracker = "device_tracker.phone"
    hass.states.async_set(tracker, "not_home")
    assert await async_setup_component(
        hass,
        "person",
        {"person": {"name": "Anna", "id": "anna", "device_trackers": [tracker]}},
    )
    await hass.async_block_till_done()
    return "person.anna"


async def moves(hass: HomeAssistant, state: str, **attributes: Any) -> None:
    """Let Anna's phone be somewhere."""
    hass.states.async_set("device_tracker.phone", state, attributes)
    await hass.async_block_till_done()


def photo(home: Home, name: str = "a.jpg") -> Path:
    """Write a photo into the folder."""
    path = home.folder() / name
    path.write_bytes(f"content of {name}".encode())
    return path


async def until_state_of(home: Home, path: Path, state: FileState) -> None:
    """Wait until a file has a state."""
    report = None
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while True:
                report = await home.engine.explain(str(path))
                if report is not None and report.state is state:
                    return
                await asyncio.sleep(0.02)
    raise AssertionError(f"not {state}: {report}")


def told(home: Home) -> str | None:
    """Return what the repair issue says that can't be used; None without one."""
    issue = ir.async_get(home.hass).async_get_issue(
        DOMAIN, f"{Issue.FOLDER_WHEN.value}_{ENTRY_ID}_folder1"
    )
    if issue is None:
        return None
    assert issue.translation_placeholders is not None
    return issue.translation_placeholders["problems"]


def on_arrival(person: str, **options: Any) -> dict[str, Any]:
    """Return what a folder's form stores for runs that start when someone comes."""
    return {CONF_NEW_MEDIA: False, CONF_PERSONS: [person], **options}


async def test_someone_comes_home(home: Home, anna: str) -> None:
    """A run starts when someone comes home, not when the tracker was away."""
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **on_arrival(anna)))
    await until_state_of(home, path, FileState.WAITING)
    for state in ("unavailable", "home"):
        await moves(home.hass, state)
    assert not await home.engine.recent_runs(1)
    for state in ("not_home", "home"):
        await moves(home.hass, state)
    await home.until_stored(1)
    (run,) = await home.engine.recent_runs(9)
    assert run.trigger == "trigger"


async def test_someone_leaves(home: Home, anna: str) -> None:
    """Leaving can be chosen as well."""
    await moves(home.hass, "home")
    photo(home)
    await home.set_up(
        folder_data(
            home.folder(), **on_arrival(anna, **{CONF_PRESENCE: Presence.LEAVES.value})
        )
    )
    await moves(home.hass, "not_home")
    await home.until_stored(1)


async def test_other_zone(home: Home, anna: str) -> None:
    """Runs may start when someone comes to another place than home."""
    photo(home)
    await home.set_up(
        folder_data(home.folder(), **on_arrival(anna, **{CONF_ZONE: "zone.office"}))
    )
    for zones in ([], ["zone.home"], []):
        await moves(home.hass, "not_home", in_zones=zones)
    assert not await home.engine.recent_runs(1)
    await moves(home.hass, "Office", in_zones=["zone.office"])
    await home.until_stored(1)


async def test_switched_off(home: Home, anna: str) -> None:
    """Automatic backup that is off does not start, whoever comes."""
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **on_arrival(anna)))
    await home.engine.controls.set_automatic(False)
    await until_state_of(home, path, FileState.WAITING)
    await moves(home.hass, "home")
    assert not await home.engine.recent_runs(1)


async def test_advanced_trigger(home: Home) -> None:
    """Any trigger of Home Assistant starts a run."""
    photo(home)
    await home.set_up(
        folder_data(
            home.folder(),
            **{
                CONF_NEW_MEDIA: False,
                CONF_TRIGGERS: [{"trigger": "event", "event_type": "card_inserted"}],
            },
        )
    )
    home.hass.bus.async_fire("card_inserted")
    await home.until_stored(1)


async def test_condition_that_turns_true(home: Home) -> None:
    """Files wait until the condition is true; then they go up without a trigger."""
    home.hass.states.async_set(NIGHT["entity_id"], "off", {"friendly_name": "Night"})
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [NIGHT]}))
    await until_state_of(home, path, FileState.WAITING)
    overview = await home.engine.overview()
    assert overview.folders["folder1"].waiting_for == ("Night (state)",)
    home.hass.states.async_set(NIGHT["entity_id"], "on")
    await home.until_stored(1)
    assert (await home.engine.overview()).folders["folder1"].waiting_for == ()


async def test_condition_over_a_restart(home: Home) -> None:
    """A file that arrived before a restart goes up when the condition becomes true."""
    home.hass.states.async_set(NIGHT["entity_id"], "off")
    path = photo(home)
    await home.set_up(
        folder_data(home.folder(), **{CONF_CONDITIONS: [NIGHT], CONF_NEW_MEDIA: False})
    )
    await home.press("back_up_now")
    await until(lambda: home.engine._conductor.run is None)
    await until_state_of(home, path, FileState.WAITING)
    (run,) = await home.engine.recent_runs(9)
    assert run.outcome is RunOutcome.WAITING
    assert await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.hass.async_block_till_done()
    await until_state_of(home, path, FileState.WAITING)
    assert not home.immich.assets()
    home.hass.states.async_set(NIGHT["entity_id"], "on")
    await home.until_stored(1)


async def test_arrived_before_a_restart(home: Home) -> None:
    """What arrived while a condition was false goes up once it is true: no trigger."""
    home.hass.states.async_set(NIGHT["entity_id"], "off")
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [NIGHT]}))
    path = photo(home)
    await until_state_of(home, path, FileState.WAITING)
    assert await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.hass.async_block_till_done()
    await until_state_of(home, path, FileState.WAITING)
    assert not home.immich.assets()
    home.hass.states.async_set(NIGHT["entity_id"], "on")
    await home.until_stored(1)


async def test_person_who_is_deleted(home: Home, anna: str) -> None:
    """Someone whose coming starts runs and who is deleted is named; others start them."""
    photo(home)
    options = on_arrival(
        anna, **{CONF_TRIGGERS: [{"trigger": "event", "event_type": "card_inserted"}]}
    )
    await home.set_up(folder_data(home.folder(), **options))
    assert told(home) is None
    home.hass.states.async_remove(anna)
    er.async_get(home.hass).async_remove(anna)
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=31))
    await until(lambda: told(home) == f"- {anna}")
    home.hass.bus.async_fire("card_inserted")
    await home.until_stored(1)


async def test_template_condition(home: Home) -> None:
    """A template does not tell when it changes, so it is asked now and then."""
    home.hass.states.async_set("sensor.price", "high")
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [TEMPLATE]}))
    await until_state_of(home, path, FileState.WAITING)
    overview = await home.engine.overview()
    assert overview.folders["folder1"].waiting_for == ("Cheap electricity",)
    home.hass.states.async_set("sensor.price", "low")
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=31))
    await home.until_stored(1)


@pytest.mark.parametrize(
    "condition",
    [
        NIGHT,
        {"condition": "state", "entity_id": "sensor.gone", "state": "on"},
        {"condition": "no_such_thing"},
        {"condition": "template", "value_template": "{{ 1 / 0 }}"},
        {"condition": "state", "entity_id": "sensor.gone", "state": {"a": 1}},
    ],
)
async def test_condition_that_cannot_be_tested(
    home: Home, condition: dict[str, Any]
) -> None:
    """It is named, and the backup goes on."""
    photo(home)
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [condition]}))
    await home.until_stored(1)
    assert told(home)


async def test_what_cannot_be_used_is_told_as_long_as_it_is(home: Home) -> None:
    """A repair issue names what is gone, and goes when that is back."""
    condition = {"condition": "state", "entity_id": "sensor.gone", "state": "on"}
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [condition]}))
    assert told(home) == "- sensor.gone"
    home.hass.states.async_set("sensor.gone", "off")
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=31))
    await home.hass.async_block_till_done()
    assert told(home) is None
    overview = await home.engine.overview()
    assert overview.folders["folder1"].waiting_for
    home.hass.states.async_remove("sensor.gone")
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(seconds=62))
    await home.hass.async_block_till_done()
    assert told(home) == "- sensor.gone"
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.async_block_till_done()
    assert told(home) is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (on_arrival("person.gone"), "person.gone"),
        ({CONF_TRIGGERS: [{"trigger": "no_such_thing"}]}, "no_such_thing"),
        ({CONF_TRIGGERS: [{"trigger": "state"}]}, "entity_id"),
    ],
)
async def test_trigger_that_cannot_be_used(
    home: Home, options: dict[str, Any], named: str
) -> None:
    """It is named, and everything else starts runs as before."""
    photo(home)
    options = {**options, CONF_NEW_MEDIA: False}
    options[CONF_TRIGGERS] = [
        *options.get(CONF_TRIGGERS, []),
        {"trigger": "event", "event_type": "card_inserted"},
    ]
    await home.set_up(folder_data(home.folder(), **options))
    assert named in (told(home) or "")
    home.hass.bus.async_fire("card_inserted")
    await home.until_stored(1)


async def test_known_entity_without_a_state_is_waited_for(home: Home) -> None:
    """Right after a start an entity may not be there yet, which is not being gone."""
    registry = er.async_get(home.hass)
    registry.async_get_or_create(
        "input_boolean", "test", "night", suggested_object_id="night"
    )
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [NIGHT]}))
    await until_state_of(home, path, FileState.WAITING)
    assert told(home) is None
    home.hass.states.async_set(NIGHT["entity_id"], "on")
    await home.until_stored(1)


async def test_missed_run(home: Home) -> None:
    """A backup that was missed while Home Assistant was off is made up for, once."""
    path = photo(home)
    await home.set_up(
        folder_data(
            home.folder(), **{CONF_NEW_MEDIA: False, CONF_SCHEDULE_TIME: "12:00:00"}
        )
    )
    await until_state_of(home, path, FileState.WAITING)
    # As if it was followed for the last time three days ago.
    await home.engine.ledger.run(
        agenda.note_scheduled, "folder1", time.time() - 3 * 24 * 3600
    )
    assert await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.hass.async_block_till_done()
    await home.until_stored(1)
    (run,) = await home.engine.recent_runs(9)
    assert run.trigger == "schedule"
    await until(lambda: home.engine._conductor.run is None)
    assert await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.hass.async_block_till_done()
    assert len(await home.engine.recent_runs(9)) == 1


async def test_changed_conditions(home: Home) -> None:
    """A folder's conditions can be changed while it waits, without a reload."""
    home.hass.states.async_set(NIGHT["entity_id"], "off")
    path = photo(home)
    await home.set_up(folder_data(home.folder(), **{CONF_CONDITIONS: [NIGHT]}))
    await until_state_of(home, path, FileState.WAITING)
    subentry = home.entry.subentries["folder1"]
    data = {
        key: value for key, value in subentry.data.items() if key != CONF_CONDITIONS
    }
    home.hass.config_entries.async_update_subentry(home.entry, subentry, data=data)
    await home.hass.async_block_till_done()
    await home.until_stored(1)


async def test_next_run_follows_the_home(
    home: Home, freezer: FrozenDateTimeFactory
) -> None:
    """The next run is told in the time zone that the home has now."""
    freezer.move_to("2026-11-21T08:00:00+00:00")
    await home.hass.config.async_set_time_zone("UTC")
    await home.set_up(folder_data(home.folder(), **{CONF_SCHEDULE_TIME: "12:00:00"}))
    assert home.manager.next_run() == dt_util.parse_datetime("2026-11-21T12:00+00:00")
    await home.hass.config.async_update(time_zone="Asia/Tokyo")
    await home.hass.async_block_till_done()
    assert home.manager.next_run() == dt_util.parse_datetime("2026-11-22T03:00+00:00")
