"""Blueprints: automations made of each of them do what they say."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import re
import shutil
from typing import Any

from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint import importer
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.immich_backup.building_blocks import SIGNAL_EVENT
from custom_components.immich_backup.const import CONF_NEW_MEDIA, REPOSITORY_URL
from custom_components.immich_backup.engine.events import Event, RunFinished
from custom_components.immich_backup.manager import BackupManager
from simulator import Action, Fault

from .actions.test_upload import PICTURE, add_camera
from .support.home import API_KEY, Home, folder_data, until
from .test_repository import ROOT
from .test_trigger import device_id

FOLDER = Path("automation", "immich_backup")
BLUEPRINTS = sorted(ROOT.joinpath("blueprints", FOLDER).glob("*.yaml"))
ALWAYS = {"from": "00:00:00", "to": "23:59:59"}


async def make(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Make an automation of a blueprint."""
    shutil.copytree(
        ROOT / "blueprints" / FOLDER, hass.config.path("blueprints", *FOLDER.parts)
    )
    config = {
        "id": "made",
        "alias": "Made",
        "use_blueprint": {
            "path": f"immich_backup/{blueprint}.yaml",
            "input": inputs,
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.made")
    assert state is not None
    assert state.state == "on"


def at(entity_id: str, hass: HomeAssistant, state: str) -> str:
    """Give an entity a state; return its id."""
    hass.states.async_set(entity_id, state)
    return entity_id


async def test_announce_backup(home: Home) -> None:
    """The speakers of the rooms with someone in them say what was stored, together."""
    hass, folder = home.hass, home.folder()
    await home.set_up(folder_data(folder))
    spoken = async_mock_service(hass, "tts", "speak")
    kitchen = at("binary_sensor.kitchen", hass, "on")
    sofa = at("binary_sensor.sofa", hass, "on")
    desk = at("binary_sensor.desk", hass, "on")
    bedroom = at("binary_sensor.bedroom", hass, "off")
    await make(
        hass,
        "announce_backup",
        rooms=[
            {"sensor": kitchen, "speaker": "media_player.kitchen"},
            {"sensor": sofa, "speaker": "media_player.living_room"},
            {"sensor": desk, "speaker": "media_player.living_room"},
            {"sensor": bedroom, "speaker": "media_player.bedroom"},
        ],
        tts="tts.voice",
        others=["media_player.hall"],
        **ALWAYS,
    )
    (folder / "one.jpg").write_bytes(b"one")
    await until(lambda: spoken)
    assert spoken[0].data == {
        "entity_id": ["tts.voice"],
        "media_player_entity_id": ["media_player.kitchen", "media_player.living_room"],
        "message": "One new photo or video is safe.",
    }

    # Where nobody is noticed, the others speak; a check that finds nothing is not told.
    for sensor in (kitchen, sofa, desk):
        at(sensor, hass, "unavailable")
    await home.press("back_up_now")
    await home.until_state("binary_sensor", "running", "off")
    home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )
    (folder / "large.mp4").write_bytes(bytes(200_000))
    await home.until_state("sensor", "failed_files", "1")
    for name in ("two", "three"):
        (folder / f"{name}.jpg").write_bytes(name.encode())
    await home.until_stored(3)
    await until(lambda: len(spoken) > 1)
    assert spoken[1].data["media_player_entity_id"] == ["media_player.hall"]
    assert spoken[1].data["message"].endswith("safe, but 1 could not be stored.")


@pytest.mark.parametrize("reason", ["nobody", "late", "few"])
async def test_nobody_is_disturbed(home: Home, reason: str) -> None:
    """Nothing is said to an empty home, outside the hours, or of a few files."""
    hass, folder = home.hass, home.folder()
    await home.set_up(folder_data(folder))
    spoken = async_mock_service(hass, "tts", "speak")
    sensor = at("binary_sensor.kitchen", hass, "off" if reason == "nobody" else "on")
    hour, now = timedelta(hours=1), dt_util.now()
    later = {
        "from": (now + hour).strftime("%H:%M:%S"),
        "to": (now + 2 * hour).strftime("%H:%M:%S"),
    }
    await make(
        hass,
        "announce_backup",
        rooms=[{"sensor": sensor, "speaker": "media_player.kitchen"}],
        tts="tts.voice",
        at_least=2 if reason == "few" else 1,
        **(later if reason == "late" else ALWAYS),
    )
    ended: list[Event] = []

    @callback
    def told(_manager: BackupManager, event: Event) -> None:
        if isinstance(event, RunFinished):
            ended.append(event)

    async_dispatcher_connect(hass, SIGNAL_EVENT, told)
    (folder / "one.jpg").write_bytes(b"one")
    await until(lambda: ended)
    await hass.async_block_till_done()
    made = hass.states.get("automation.made")
    assert made is not None
    assert bool(made.attributes["last_triggered"]) is (reason == "nobody")
    assert spoken == []


async def test_back_up_when_home(home: Home) -> None:
    """The last one who comes home starts the backup of the chosen folders."""
    hass, first, second = home.hass, home.folder("first"), home.folder("second")
    await home.set_up(
        folder_data(first, title="First", subentry_id="a", **{CONF_NEW_MEDIA: False}),
        folder_data(second, title="Second", subentry_id="b", **{CONF_NEW_MEDIA: False}),
    )
    anna, ben = at("person.anna", hass, "not_home"), at("person.ben", hass, "away")
    await make(
        hass,
        "back_up_when_home",
        people=[anna, ben],
        folders=[device_id(home, "a")],
        wait={"minutes": 5},
    )
    (first / "one.jpg").write_bytes(b"one")
    (second / "two.jpg").write_bytes(b"two")
    await home.until_state("sensor", "waiting_files", "2")
    later = dt_util.utcnow()
    for person in (anna, ben):
        assert home.immich.assets() == []
        at(person, hass, "home")
        later += timedelta(minutes=6)
        async_fire_time_changed(hass, later)
        await hass.async_block_till_done()
    (asset,) = await home.until_stored(1)
    assert asset.original_file_name == "one.jpg"
    await home.until_state("sensor", "waiting_files", "1")


@pytest.mark.parametrize("succeeded", [True, False])
async def test_overdue_alert(home: Home, succeeded: bool) -> None:
    """The action that was chosen says which folder is overdue, and since when."""
    hass, folder = home.hass, home.folder()
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    sent = async_mock_service(hass, "notify", "send_message")
    if succeeded:
        await home.press("back_up_now")
        await until(
            lambda: home.state("sensor", "last_success", "folder1").state != "unknown"
        )
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1", "folder1")
    await make(
        hass,
        "overdue_alert",
        alert=[
            {
                "action": "notify.send_message",
                "target": {"entity_id": "notify.phone"},
                "data": {"title": "{{ title }}", "message": "{{ message }}"},
            }
        ],
    )
    await home.engine.apply(
        replace(home.engine.folders["folder1"], overdue_seconds=-1.0)
    )
    await home.engine._overdue.look()
    await until(lambda: sent)
    (call,) = sent
    assert call.data["title"] == "The backup of Camera is overdue"
    day = dt_util.now().strftime("%Y-%m-%d")
    last = (
        f"The last one succeeded on {day}."
        if succeeded
        else "No backup of it ever succeeded."
    )
    assert call.data["message"] == f"{last} Files that wait: 1."


async def test_overdue_alert_without_a_choice(home: Home) -> None:
    """Without another choice the alert is shown in Home Assistant."""
    hass = home.hass
    await home.set_up(folder_data(home.folder()))
    shown = async_mock_service(hass, "persistent_notification", "create")
    await make(hass, "overdue_alert")
    await home.engine.apply(
        replace(home.engine.folders["folder1"], overdue_seconds=-1.0)
    )
    await home.engine._overdue.look()
    await until(lambda: shown)
    assert shown[0].data["title"] == "The backup of Camera is overdue"


@pytest.mark.parametrize("more", [{}, {"tags": ["Home/Doorbell"]}, {"account": True}])
async def test_doorbell_snapshot(home: Home, more: dict[str, Any]) -> None:
    """Whoever rings is in the album."""
    hass = home.hass
    await add_camera(hass, PICTURE)
    entry = await home.set_up()
    if "account" in more:
        more = {"account": entry.entry_id}
    await make(
        hass,
        "doorbell_snapshot",
        ring=[{"trigger": "event", "event_type": "ring"}],
        cameras=["camera.front_door"],
        **more,
    )
    hass.bus.async_fire("ring")
    (asset,) = await home.until_stored(1)
    assert home.immich.asset_bytes(asset.id) == PICTURE
    assert asset.original_file_name.startswith("front_door_")
    await hass.async_block_till_done()
    async with async_get_clientsession(hass).get(
        f"{home.immich.url}/api/albums", headers={"x-api-key": API_KEY}
    ) as response:
        (album,) = await response.json()
    assert (album["albumName"], album["assetCount"]) == ("Doorbell", 1)


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.stem)
async def test_import(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, file: Path
) -> None:
    """A blueprint is imported from where it will be, and the README leads there."""
    path = file.relative_to(ROOT)
    source = f"{REPOSITORY_URL}/blob/main/{path}"
    raw = source.replace("github.com", "raw.githubusercontent.com").replace("/blob", "")
    aioclient_mock.get(raw, text=file.read_text())
    assert await async_setup_component(hass, "automation", {})
    found = await importer.fetch_blueprint_from_url(hass, source)
    blueprint = found.blueprint
    assert blueprint.metadata["source_url"] == source
    assert blueprint.validate() is None
    assert async_get_blueprints(hass).domain == blueprint.domain == "automation"
    # Every input has a name and a use.
    used = set(re.findall(r"!input (\w+)", file.read_text()))
    assert used == set(blueprint.inputs)
    assert all("name" in value for value in blueprint.inputs.values())
    readme = (ROOT / "README.md").read_text()
    assert f"]({path})" in readme
    assert source.replace(":", "%3A").replace("/", "%2F") in readme
