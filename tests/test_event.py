"""Event entities of accounts and folders."""

from collections.abc import Mapping
import json
import os
from typing import Any

from homeassistant.const import Platform
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import CONF_NEW_MEDIA
from custom_components.immich_backup.engine import runner
from simulator import Action, Fault

from .support.home import ENTRY_ID, Home, folder_data, permission_lost, until


class Heard:
    """The events of an entity, in their order."""

    def __init__(self, home: Home, owner: str = ENTRY_ID) -> None:
        """Listen to the entity of the account or of a folder."""
        self.events: list[Mapping[str, Any]] = []
        async_track_state_change_event(
            home.hass, home.entity_id("event", "backup", owner), self._heard
        )

    @property
    def types(self) -> list[str]:
        """Return what happened."""
        return [event["event_type"] for event in self.events]

    async def until(self, *types: str) -> Mapping[str, Any]:
        """Wait for an event of one of these types; return its attributes."""
        await until(lambda: bool(self.events) and self.types[-1] in types)
        return self.events[-1]

    @callback
    def _heard(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.attributes["event_type"] is not None:
            self.events.append(state.attributes)


async def test_events(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the event entities are before anything happened."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.EVENT])
    entry = await home.set_up(folder_data(home.folder()))
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_completed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run starts, makes progress and completes; each folder tells its own part."""
    monkeypatch.setattr(runner, "_PROGRESS_SECONDS", 0.0)
    first, second, idle = home.folder("first"), home.folder("second"), home.folder("3")
    await home.set_up(
        folder_data(first, title="First", subentry_id="first"),
        folder_data(
            second, title="Second", subentry_id="second", **{CONF_NEW_MEDIA: False}
        ),
        folder_data(idle, title="Idle", subentry_id="idle"),
    )
    account = Heard(home)
    folders = {key: Heard(home, key) for key in ("first", "second", "idle")}
    (first / "sub").mkdir()
    (first / "sub" / "one.jpg").write_bytes(b"one")
    values = await account.until("completed")
    assert account.types == ["started", "progress", "completed"]
    assert folders["first"].types == ["started", "progress", "completed"]
    assert folders["second"].types == folders["idle"].types == []
    assert values["folders"] == ["First"]
    assert values["trigger"] == "new_media"
    assert values["uploaded"] == 1
    assert values["uploaded_bytes"] == 3
    assert values["examples"] == ["sub/one.jpg"]
    assert values["failing"] == []
    assert values["error"] is None
    assert values["finished"] >= values["started"]
    assert "uploaded" not in account.events[0]
    assert {event["run_id"] for event in account.events} == {values["run_id"]}

    # Asked for, all folders take part; what is in two folders goes up once.
    (first / "two.jpg").write_bytes(b"two")
    (second / "two.jpg").write_bytes(b"two")
    await home.press("back_up_now")
    await until(lambda: account.types.count("completed") == 2)
    values = account.events[-1]
    assert values["folders"] == ["First", "Idle", "Second"]
    assert (values["uploaded"], values["duplicates"]) == (1, 1)
    parts = [folders[key].events[-1] for key in ("first", "second", "idle")]
    assert {part["event_type"] for part in parts} == {"completed"}
    assert [part["folder"] for part in parts] == ["First", "Second", "Idle"]
    assert [part["uploaded"] + part["duplicates"] for part in parts] == [1, 1, 0]
    assert folders["idle"].types == ["started", "completed"]


async def test_completed_with_errors(home: Home) -> None:
    """A file that fails is named; a folder without failures completes."""
    home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )
    good, bad = home.folder("good"), home.folder("bad")
    await home.set_up(
        folder_data(good, title="Good", subentry_id="good", **{CONF_NEW_MEDIA: False}),
        folder_data(bad, title="Bad", subentry_id="bad", **{CONF_NEW_MEDIA: False}),
    )
    account, heard_good, heard_bad = (
        Heard(home),
        Heard(home, "good"),
        Heard(home, "bad"),
    )
    (good / "fine.jpg").write_bytes(b"fine")
    (bad / "large.mp4").write_bytes(bytes(200_000))
    await home.press("back_up_now")
    values = await account.until("completed_with_errors")
    assert values["failed"] == 1
    assert values["failing"] == ["large.mp4"]
    assert heard_good.types == ["started", "completed"]
    assert heard_bad.types == ["started", "completed_with_errors"]
    assert heard_bad.events[-1]["failing"] == ["large.mp4"]
    assert heard_good.events[-1]["failing"] == []


async def test_failed(home: Home) -> None:
    """A run that the server does not let happen fails, and says why."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await home.until_state("binary_sensor", "connected", "on")
    home.immich.faults.add(permission_lost())
    account = Heard(home)
    (folder / "one.jpg").write_bytes(b"one")
    values = await account.until("failed")
    assert account.types == ["started", "failed"]
    assert values["error"]


async def test_stopped(home: Home) -> None:
    """A run that a person ends is stopped, which is no failure; its file waits."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    account, heard = Heard(home), Heard(home, "folder1")
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=50_000, method="POST")
    )
    (folder / "large.mp4").write_bytes(bytes(1_000_000))
    await until(lambda: fault.struck)
    await home.engine.stop_run()
    values = await account.until("stopped")
    assert account.types == heard.types == ["started", "stopped"]
    assert values["uploaded"] == values["failed"] == 0
    await home.until_state("sensor", "waiting_files", "1")


async def test_waiting(home: Home) -> None:
    """A run waits that leaves files to their folder's conditions; others complete."""
    night, day = home.folder("night"), home.folder("day")
    await home.set_up(
        folder_data(
            night, title="Night", subentry_id="night", **{CONF_NEW_MEDIA: False}
        ),
        folder_data(day, title="Day", subentry_id="day", **{CONF_NEW_MEDIA: False}),
    )
    account = Heard(home)
    folders = {key: Heard(home, key) for key in ("night", "day")}
    home.engine.set_waiting_for("night", ["Only at night"])
    (night / "one.jpg").write_bytes(b"one")
    (day / "two.jpg").write_bytes(b"two")
    await home.press("back_up_now")
    values = await account.until("waiting")
    assert values["waiting_for"] == ["Only at night"]
    assert values["uploaded"] == 1
    assert values["error"] is None
    assert folders["night"].types == ["started", "waiting"]
    assert folders["night"].events[-1]["waiting_for"] == ["Only at night"]
    assert folders["day"].types[-1] == "completed"
    assert folders["day"].events[-1]["waiting_for"] == []


async def test_pause_during_a_run(home: Home) -> None:
    """A run that a pause breaks off waits; what goes on afterwards is another run."""
    folder, other = home.folder(), home.folder("other")
    await home.set_up(
        folder_data(folder), folder_data(other, title="Other", subentry_id="other")
    )
    (other / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "protected_files", "1", "other")
    await home.until_state("binary_sensor", "running", "off")
    account, heard, idle = Heard(home), Heard(home, "folder1"), Heard(home, "other")
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=50_000, method="POST")
    )
    (folder / "large.mp4").write_bytes(bytes(1_000_000))
    await until(lambda: fault.struck)
    await home.engine.controls.pause()
    values = await account.until("waiting")
    assert values["waiting_for"] == ["The end of the pause"]
    assert account.types == heard.types == ["started", "waiting"]
    assert idle.types == []
    home.immich.faults.clear()
    await home.engine.controls.resume()
    again = await account.until("completed")
    assert again["run_id"] != values["run_id"]
    assert heard.types[-1] == "completed"


async def test_names_that_are_not_text(home: Home) -> None:
    """A file name that is not UTF-8 can be told all the same."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    account = Heard(home)
    with open(os.fsencode(folder) + b"/caf\xe9.jpg", "wb") as file:  # noqa: PTH123
        file.write(b"coffee")
    values = await account.until("completed")
    assert values["examples"] == ["caf�.jpg"]
    assert json.loads(json_bytes(dict(values)))["examples"] == ["caf�.jpg"]


async def test_single_uploads_are_no_runs(home: Home) -> None:
    """What is uploaded by an action is told by its answer, not by these events."""
    await home.set_up(folder_data(home.folder()))
    account = Heard(home)
    snapshot = home.root / "snapshot.jpg"
    snapshot.write_bytes(b"snapshot")
    await home.hass.services.async_call(
        "immich_backup",
        "upload",
        {"files": [str(snapshot)]},
        blocking=True,
        return_response=True,
    )
    assert len(home.immich.assets()) == 1
    assert account.types == []
