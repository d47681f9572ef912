"""Sensors of accounts and folders."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    snapshot_platform,
)
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import (
    CONF_NEW_MEDIA,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
)
from custom_components.immich_backup.engine import FileState
from custom_components.immich_backup.engine.controls import END_OF_PAUSE
from custom_components.immich_backup.engine.model import Tally
from custom_components.immich_backup.sensor import _share
from simulator import Action, Fault

from .support.home import ENTRY_ID, Home, folder_data, until


@pytest.mark.usefixtures("all_enabled")
async def test_sensors(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the sensors are and show while files wait for a server that is away."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.SENSOR])
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one" * 1000)
    (folder / "two.mp4").write_bytes(b"two" * 1_000_000)
    await home.immich.stop()
    entry = await home.set_up(folder_data(folder))
    await home.until_state("sensor", "waiting_files", "2")
    await home.until_state("sensor", "status", "offline")
    await home.until_state("sensor", "status", "waiting", "folder1")
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_noisy_sensor_is_disabled(
    home: Home, entity_registry: er.EntityRegistry
) -> None:
    """The transfer rate is there for those who switch it on."""
    await home.set_up()
    entity = entity_registry.async_get(home.entity_id("sensor", "transfer_rate"))
    assert entity is not None
    assert entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_numbers(home: Home) -> None:
    """Files are counted by what became of them, for the account and for each folder."""
    home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )
    first, second = home.folder("first"), home.folder("second")
    (first / "good.jpg").write_bytes(b"good")
    (first / "large.mp4").write_bytes(bytes(200_000))
    (second / "fine.jpg").write_bytes(b"fine")
    await home.set_up(
        folder_data(first, title="First", subentry_id="first"),
        folder_data(second, title="Second", subentry_id="second"),
    )
    await home.until_state("sensor", "protected_files", "2")
    await home.until_state("sensor", "failed_files", "1")
    await home.until_state("sensor", "protected_share", "66.6")
    assert home.state("sensor", "protected_share", "first").state == "50.0"
    assert home.state("sensor", "protected_share", "second").state == "100.0"
    assert home.state("sensor", "protected_files", "first").state == "1"
    assert home.state("sensor", "waiting_files", "first").state == "0"
    assert home.state("sensor", "declined_files").state == "0"


async def test_declined(home: Home) -> None:
    """A file that someone removed from the server is declined, and no longer owed."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    await home.delete(home.immich.assets()[0])
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.until_state("sensor", "declined_files", "1")
    await home.until_state("sensor", "protected_share", "unknown")


async def test_last_success(home: Home) -> None:
    """The last run without errors is known to the account and to the folder in it."""
    folder, other = home.folder(), home.folder("other")
    await home.set_up(
        folder_data(folder), folder_data(other, title="Other", subentry_id="other")
    )
    assert home.state("sensor", "last_success").state == "unknown"
    before = dt_util.utcnow().replace(microsecond=0)
    (folder / "one.jpg").write_bytes(b"one")
    await until(lambda: home.state("sensor", "last_success").state != "unknown")
    for owner in (home.entry.entry_id, "folder1"):
        moment = datetime.fromisoformat(
            home.state("sensor", "last_success", owner).state
        )
        assert before <= moment <= dt_util.utcnow()
    assert home.state("sensor", "last_success", "other").state == "unknown"


@pytest.mark.parametrize(
    ("total", "protected", "share"),
    [(0, 0, None), (3, 1, 33.3), (3000, 2999, 99.9), (7, 7, 100.0), (100_000, 1, 0.0)],
)
def test_share_is_not_rounded_up(total: int, protected: int, share: float) -> None:
    """100 % means that every file is protected, not almost every one."""
    tally = Tally(
        files={FileState.PROTECTED: protected, FileState.WAITING: total - protected}
    )
    assert _share(tally) == share


@pytest.mark.usefixtures("quick_checks")
async def test_folder_unavailable(home: Home) -> None:
    """A folder that vanishes says so, keeps its numbers, and comes back."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1", "folder1")
    folder.rename(home.root / "away")
    await home.until_state("sensor", "status", "unavailable", "folder1")
    assert home.state("sensor", "protected_files", "folder1").state == "1"
    assert home.state("binary_sensor", "problem").state == "on"
    (home.root / "away").rename(folder)
    await home.until_state("sensor", "status", "idle", "folder1")
    await home.until_state("binary_sensor", "problem", "off")
    assert home.state("sensor", "protected_files", "folder1").state == "1"


# A Saturday, 10:00 local.
@pytest.mark.freeze_time("2026-11-21T09:00:00+00:00", tick=True, real_asyncio=True)
async def test_next_run(home: Home, freezer: FrozenDateTimeFactory) -> None:
    """The next run is the earliest of all folders; it moves on when it has come."""
    await home.hass.config.async_set_time_zone("Europe/Amsterdam")
    first, second = home.folder("first"), home.folder("second")
    await home.set_up(
        folder_data(
            first,
            subentry_id="first",
            **{CONF_SCHEDULE_TIME: "03:30:00", CONF_NEW_MEDIA: False},
        ),
        folder_data(
            second,
            subentry_id="second",
            **{CONF_SCHEDULE_TIME: "22:00:00", CONF_SCHEDULE_WEEKDAYS: ["mon"]},
        ),
    )
    assert home.state("sensor", "next_run").state == "2026-11-22T02:30:00+00:00"

    freezer.move_to("2026-11-22T02:30:01+00:00")
    async_fire_time_changed(home.hass)
    await home.until_state("sensor", "next_run", "2026-11-23T02:30:00+00:00")

    # The other one is next once the first has no schedule any more.
    subentry = home.entry.subentries["first"]
    data = {**subentry.data}
    del data[CONF_SCHEDULE_TIME]
    home.hass.config_entries.async_update_subentry(home.entry, subentry, data=data)
    await home.hass.async_block_till_done()
    await home.until_state("sensor", "next_run", "2026-11-23T21:00:00+00:00")

    # Nothing starts by itself while that is switched off.
    await home.hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": home.entity_id("switch", "automatic")},
        blocking=True,
    )
    await home.until_state("sensor", "next_run", "unknown")


async def test_waiting_for(home: Home) -> None:
    """The status says what files wait for, and nothing while none does."""
    night, day = home.folder("night"), home.folder("day")
    await home.set_up(
        folder_data(night, title="Night", subentry_id="night"),
        folder_data(day, title="Day", subentry_id="day"),
    )
    home.engine.set_waiting_for("night", ["Only at night", "Someone is home"])
    home.engine.set_waiting_for("day", ["Someone is home"])

    def waiting_for(owner: str = ENTRY_ID) -> Any:
        return home.state("sensor", "status", owner).attributes.get("waiting_for")

    assert waiting_for() is waiting_for("night") is waiting_for("day") is None
    (night / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "status", "waiting", "night")
    assert waiting_for("night") == ["Only at night", "Someone is home"]
    assert waiting_for("day") is None
    await home.until_state("sensor", "status", "waiting")
    assert waiting_for() == ["Only at night", "Someone is home"]
    assert "paused_until" not in home.state("sensor", "status").attributes
    (day / "two.jpg").write_bytes(b"two")
    await home.until_state("sensor", "status", "waiting", "day")
    assert waiting_for("day") == ["Someone is home"]
    assert waiting_for() == ["Only at night", "Someone is home"]

    await home.engine.controls.pause()
    await home.until_state("sensor", "status", "paused")
    # Each entity writes by itself.
    await until(lambda: waiting_for("day") == ["Someone is home", END_OF_PAUSE])
    assert waiting_for() == ["Only at night", "Someone is home", END_OF_PAUSE]
    assert home.state("sensor", "status").attributes["paused_until"] is None
    await home.engine.controls.pause(dt_util.utcnow().timestamp() + 3600)
    await until(lambda: home.state("sensor", "status").attributes["paused_until"])
    moment = home.state("sensor", "status").attributes["paused_until"]
    left = datetime.fromisoformat(moment) - dt_util.utcnow()
    assert 3500 < left.total_seconds() <= 3600

    await home.engine.controls.resume()
    for key in ("night", "day"):
        home.engine.set_waiting_for(key, ())
    await home.until_state("sensor", "protected_files", "2")
    await home.until_state("sensor", "status", "idle")
    assert waiting_for() is waiting_for("night") is waiting_for("day") is None


async def test_why_it_waits_is_not_recorded(home: Home) -> None:
    """The recorder keeps the status, not what belongs to a moment."""
    await home.set_up(folder_data(home.folder()))
    for owner in (ENTRY_ID, "folder1"):
        info = home.state("sensor", "status", owner).state_info
        assert info is not None
        assert info["unrecorded_attributes"] >= {"paused_until", "waiting_for"}


async def test_at_most_once_a_second(home: Home) -> None:
    """However much happens, entities are written at most once a second."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await home.until_state("binary_sensor", "connected", "on")
    loop = home.hass.loop
    moments: list[float] = []

    @callback
    def written() -> None:
        moments.append(loop.time())

    home.manager.overview.async_add_listener(written)
    for count in range(10, 50, 10):
        for number in range(count):
            (folder / f"{number}.jpg").write_bytes(b"%d" % number)
        await home.until_state("sensor", "protected_files", str(count))
    gaps = [after - before for before, after in pairwise(moments)]
    assert len(gaps) >= 3
    assert min(gaps) > 0.9
