"""Setting an account up, unloading, reloading, removing it, and stopping with it."""

import asyncio
from pathlib import Path
import threading
from unittest.mock import AsyncMock

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_API_KEY, EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest

from custom_components import immich_backup
from custom_components.immich_backup.account import ledger_path
from custom_components.immich_backup.const import CONF_RECURSIVE, DOMAIN
from custom_components.immich_backup.coordinator import OverviewCoordinator
from simulator import Action, Fault

from .support.home import API_KEY, ENTRY_ID, Home, folder_data, until


def ours(name: str) -> bool:
    """Return whether a thread or a task is of the integration or of its watcher."""
    return any(
        word in name.lower() for word in ("immich_backup", "inotify", "observer")
    )


def threads() -> list[str]:
    """Return our threads that run."""
    return [thread.name for thread in threading.enumerate() if ours(thread.name)]


def tasks() -> list[str]:
    """Return our tasks that run."""
    return [task.get_name() for task in asyncio.all_tasks() if ours(task.get_name())]


def reauth_flows(hass: HomeAssistant) -> int:
    """Return how many flows ask for a new key."""
    return len(
        [
            flow
            for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
            if flow["context"]["source"] == SOURCE_REAUTH
        ]
    )


async def test_backs_up(home: Home) -> None:
    """A file that is there goes up, and so does one that comes later."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    (folder / "two.jpg").write_bytes(b"two")
    await home.until_stored(2)
    await home.until_state("sensor", "protected_files", "2")


async def test_without_server(home: Home) -> None:
    """The account loads without its server; files are seen, and go up when it is back."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.immich.stop()
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "waiting_files", "1")
    await home.until_state("binary_sensor", "connected", "off")
    await home.until_state("sensor", "status", "offline")
    assert home.state("binary_sensor", "problem").state == "off"

    await home.immich.start()
    await home.until_stored(1)
    await home.until_state("sensor", "waiting_files", "0")
    await home.until_state("binary_sensor", "connected", "on")


async def test_home_assistant_starts(home: Home) -> None:
    """Work begins once Home Assistant has started, and not in its way."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.hass.set_state(CoreState.starting)
    await home.set_up(folder_data(folder))
    await home.press("back_up_now")
    await home.hass.async_block_till_done()
    assert home.immich.requests.matching("GET", "/api/users/me") == []
    reports, _ = await home.engine.list_files()
    assert reports == []
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.until_stored(1)


async def test_stopped_before_it_started(home: Home) -> None:
    """An account that is unloaded while Home Assistant starts leaves nothing behind."""
    home.hass.set_state(CoreState.starting)
    await home.set_up(folder_data(home.folder()))
    await home.press("back_up_now")
    assert await home.hass.config_entries.async_unload(ENTRY_ID)
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.hass.async_block_till_done()
    assert tasks() == []
    await until(lambda: threads() == [])


async def test_silent_server(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing does not hold the start up."""
    monkeypatch.setattr(immich_backup, "_KEY_PATIENCE", 0.05)
    home.immich.faults.add(Fault(action=Action.HANG))
    await home.set_up()
    assert home.state("binary_sensor", "connected").state == "unknown"


async def test_wrong_key(home: Home) -> None:
    """A key that the server refuses fails the set-up and asks for another."""
    entry = home.new_entry(**{CONF_API_KEY: "wrong"})
    await home.hass.config_entries.async_setup(entry.entry_id)
    await home.hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "key_refused"
    assert reauth_flows(home.hass) == 1
    assert threads() == []


async def test_key_refused_later(home: Home) -> None:
    """A key that is revoked while the account works asks for another, once."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await home.until_state("binary_sensor", "connected", "on")
    home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            status=401,
            headers={"Content-Type": "application/json"},
            body='{"message":"Invalid API key"}',
        )
    )
    (folder / "one.jpg").write_bytes(b"one")
    await until(lambda: reauth_flows(home.hass) == 1)
    await home.until_state("sensor", "status", "error")
    await home.until_state("binary_sensor", "connected", "off")
    await home.until_state("binary_sensor", "problem", "on")
    await home.manager.server.async_refresh()
    await home.hass.async_block_till_done()
    assert reauth_flows(home.hass) == 1
    assert home.entry.state is ConfigEntryState.LOADED
    # Files wait; none of them has failed.
    assert home.state("sensor", "waiting_files").state == "1"
    assert home.state("sensor", "failed_files").state == "0"


async def test_ledger_in_the_way(home: Home) -> None:
    """A ledger that can't be opened is tried again later, and leaves nothing behind."""
    path = Path(ledger_path(home.hass, ENTRY_ID))
    path.parent.parent.mkdir()
    path.parent.write_text("a file where the folder should be")
    entry = home.new_entry()
    await home.hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "ledger_failed"
    await until(lambda: threads() == [])

    path.parent.unlink()
    await home.hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED


async def test_first_numbers_fail(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that opens and can't be read does not leave a half account behind."""

    async def broken(_self: object) -> None:
        raise immich_backup.LedgerError("disk I/O error")

    monkeypatch.setattr(immich_backup.manager.Engine, "overview", broken)
    entry = home.new_entry()
    await home.hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await until(lambda: threads() == [])
    assert tasks() == []


async def test_unload(home: Home) -> None:
    """Nothing of an account runs on after it was unloaded, in the midst of work."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    home.immich.faults.add(Fault(action=Action.THROTTLE, rate=100_000, method="POST"))
    (folder / "large.mp4").write_bytes(bytes(2_000_000))
    await home.until_state("binary_sensor", "running", "on")
    assert threads()
    assert tasks()
    assert await home.hass.config_entries.async_unload(ENTRY_ID)
    await home.hass.async_block_till_done()
    assert home.entry.state is ConfigEntryState.NOT_LOADED
    assert tasks() == []
    await until(lambda: threads() == [])


async def test_stops_with_home_assistant(home: Home) -> None:
    """The engine stops with Home Assistant, which does not unload accounts then."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    home.immich.faults.add(Fault(action=Action.THROTTLE, rate=100_000, method="POST"))
    (folder / "large.mp4").write_bytes(bytes(2_000_000))
    await home.until_state("binary_sensor", "running", "on")
    await home.hass.async_stop(force=True)
    assert home.hass.state is CoreState.stopped
    assert tasks() == []
    await until(lambda: threads() == [])


async def test_reload(home: Home) -> None:
    """A reload forgets nothing and sends nothing twice."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    uploads = len(home.immich.requests.matching("POST", "/api/assets"))
    manager = home.manager
    assert await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.hass.async_block_till_done()
    assert home.manager is not manager
    assert home.state("sensor", "protected_files").state == "1"
    (folder / "two.jpg").write_bytes(b"two")
    await home.until_stored(2)
    assert len(home.immich.requests.matching("POST", "/api/assets")) == uploads + 1


@pytest.mark.usefixtures("quick_checks")
async def test_remove(home: Home, issue_registry: ir.IssueRegistry) -> None:
    """A removed account leaves neither its ledger nor its issues behind."""
    gone = home.folder("gone")
    await home.set_up(folder_data(gone))
    await home.until_state("sensor", "status", "idle", "folder1")
    gone.rmdir()
    await until(lambda: issue_registry.issues)
    path = Path(ledger_path(home.hass, ENTRY_ID))
    assert path.exists()
    await home.hass.config_entries.async_remove(ENTRY_ID)
    await home.hass.async_block_till_done()
    assert list(path.parent.glob(f"{DOMAIN}*")) == []
    assert issue_registry.issues == {}


async def test_account_change_reloads(home: Home, set_ups: list[str]) -> None:
    """A change of the account's own data loads it anew."""
    await home.set_up()
    assert len(set_ups) == 1
    home.hass.config_entries.async_update_entry(
        home.entry, data={**home.entry.data, "headers": {"X-Proxy": "yes"}}
    )
    await until(lambda: len(set_ups) == 2)
    await home.hass.async_block_till_done()
    assert home.entry.state is ConfigEntryState.LOADED


async def test_new_title(
    home: Home, set_ups: list[str], device_registry: dr.DeviceRegistry
) -> None:
    """An account that is renamed renames its device and goes on."""
    await home.set_up()
    home.hass.config_entries.async_update_entry(home.entry, title="Family")
    await home.hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, ENTRY_ID), ENTRY_ID
    )
    assert device is not None
    assert device.name == "Family"
    assert len(set_ups) == 1


async def test_folders_change_without_reload(
    home: Home, set_ups: list[str], device_registry: dr.DeviceRegistry
) -> None:
    """Folders come, change and go while a slow upload of another is not disturbed."""
    slow = home.folder("slow")
    await home.set_up(folder_data(slow, title="Slow", subentry_id="slow"))
    throttle = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=100_000, method="POST", body_over=800_000)
    )
    (slow / "large.mp4").write_bytes(b"large" * 200_000)
    await until(lambda: throttle.struck)

    # Added: entities and a device below the account's appear, files go up.
    added = home.folder("added")
    (added / "one.jpg").write_bytes(b"one")
    subentry = await home.add_folder(added, title="Added", subentry_id="added")
    device = device_registry.async_get_device_by_identifier((DOMAIN, "added"), ENTRY_ID)
    account = device_registry.async_get_device_by_identifier(
        (DOMAIN, ENTRY_ID), ENTRY_ID
    )
    assert device is not None
    assert account is not None
    assert device.via_device_id == account.id
    assert device.config_subentry_id == "added"
    await home.until_state("sensor", "protected_files", "1", "added")

    # Edited: the name and the rules.
    home.hass.config_entries.async_update_subentry(
        home.entry,
        subentry,
        title="Renamed",
        data={**subentry.data, CONF_RECURSIVE: False},
    )
    await home.hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier((DOMAIN, "added"), ENTRY_ID)
    assert device is not None
    assert device.name == "Renamed"
    assert not home.engine.folders["added"].recursive

    # Removed: nothing of it is left, the content stays on the server.
    home.hass.config_entries.async_remove_subentry(home.entry, "added")
    await home.hass.async_block_till_done()
    assert set(home.engine.folders) == {"slow"}
    assert (
        device_registry.async_get_device_by_identifier((DOMAIN, "added"), ENTRY_ID)
        is None
    )

    assert home.state("binary_sensor", "running").state == "on"
    home.immich.faults.clear()
    await home.until_state("sensor", "protected_files", "1", "slow")
    assert throttle.struck == 1
    assert len(home.immich.assets()) == 2
    assert len(set_ups) == 1


async def test_folder_added_during_set_up(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that comes while the account is being set up is taken up, once."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    original = OverviewCoordinator.async_config_entry_first_refresh

    async def refresh(coordinator: OverviewCoordinator) -> None:
        await original(coordinator)
        await home.add_folder(folder)

    monkeypatch.setattr(
        OverviewCoordinator, "async_config_entry_first_refresh", refresh
    )
    # Adding waits for what is going on, which is the set-up itself.
    monkeypatch.setattr(home.hass, "async_block_till_done", AsyncMock())
    await home.set_up()
    await home.until_stored(1)
    await home.until_state("sensor", "protected_files", "1", "folder1")
    assert "unique" not in caplog.text


async def test_server_version(home: Home, device_registry: dr.DeviceRegistry) -> None:
    """The account's device shows the server's version, also after an update."""
    await home.set_up()

    def version() -> str | None:
        device = device_registry.async_get_device_by_identifier(
            (DOMAIN, ENTRY_ID), ENTRY_ID
        )
        assert device is not None
        return device.sw_version

    await until(lambda: version() == "3.0.3")
    await home.immich.stop()
    await home.manager.server.async_refresh()
    await home.until_state("binary_sensor", "connected", "off")
    home.immich.faults.version = "3.1.0"
    await home.immich.start()
    await home.until_state("binary_sensor", "connected", "on")
    await until(lambda: version() == "3.1.0")


async def test_secrets_do_not_leak(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The key is in no state and in no line of the log, whatever happens."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    await home.immich.stop()
    (folder / "two.jpg").write_bytes(b"two")
    await home.until_state("sensor", "status", "offline")
    await home.immich.start()
    await home.until_stored(2)
    await home.hass.config_entries.async_unload(ENTRY_ID)
    assert API_KEY not in caplog.text
    assert API_KEY not in str(home.hass.states.async_all())
