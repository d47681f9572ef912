"""Binary sensors of accounts and folders."""

from dataclasses import replace
import time

from homeassistant.const import Platform
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import CONF_NEW_MEDIA, CONF_RULES
from custom_components.immich_backup.engine import overdue
from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.ledger import LedgerError
from simulator import Action, Fault

from .support.home import ENTRY_ID, Home, folder_data


async def test_binary_sensors(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the binary sensors are and show while nothing goes on."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.BINARY_SENSOR])
    entry = await home.set_up(folder_data(home.folder()))
    await home.until_state("binary_sensor", "connected", "on")
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_running(home: Home) -> None:
    """A run shows while it goes on."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    home.immich.faults.add(Fault(action=Action.THROTTLE, rate=400_000, method="POST"))
    (folder / "large.mp4").write_bytes(bytes(1_000_000))
    await home.until_state("binary_sensor", "running", "on")
    await home.until_state("sensor", "status", "backing_up")
    await home.until_state("binary_sensor", "running", "off")
    await home.until_state("sensor", "status", "idle")


async def test_failed_file_is_a_problem(home: Home) -> None:
    """A file that can't be stored is a problem until it is."""
    folder = home.folder()
    fault = home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )
    (folder / "large.mp4").write_bytes(bytes(200_000))
    await home.set_up(folder_data(folder))
    await home.until_state("binary_sensor", "problem", "on")
    home.immich.faults.remove(fault)
    await home.press("retry_failed")
    await home.until_state("binary_sensor", "problem", "off")
    assert len(home.immich.assets()) == 1


async def test_unreadable_rules_are_a_problem(home: Home) -> None:
    """A folder that is not tended is a problem."""
    await home.set_up(
        folder_data(home.folder(), **{CONF_RULES: [{"action": "unheard of"}]})
    )
    assert home.state("binary_sensor", "problem").state == "on"
    assert home.state("sensor", "status", "folder1").state == "unknown"


async def test_broken_ledger_is_a_problem(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A ledger that can't be read leaves the last numbers, and a problem."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")

    async def broken() -> None:
        raise LedgerError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(home.engine, "overview", broken)
        for _ in range(2):
            await home.manager.overview.async_refresh()
        assert home.state("binary_sensor", "problem").state == "on"
        assert home.state("sensor", "protected_files").state == "1"
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "disk I/O error" in errors[0].message
    await home.manager.overview.async_refresh()
    assert home.state("binary_sensor", "problem").state == "off"


async def test_overdue(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a backup for too long is overdue, and so is its account."""
    monkeypatch.setattr(overdue, "_INTERVAL", 0.1)
    late, other = home.folder("late"), home.folder("other")
    await home.set_up(
        *(
            folder_data(
                path, title=path.name, subentry_id=path.name, **{CONF_NEW_MEDIA: False}
            )
            for path in (late, other)
        )
    )
    folder = home.engine.folders["late"]
    await home.engine.apply(replace(folder, overdue_seconds=2 * 24 * 3600.0))
    (late / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1")
    for owner in (ENTRY_ID, "late", "other"):
        assert home.state("binary_sensor", "overdue", owner).state == "off"
    # Two days later.
    monkeypatch.setattr(SystemClock, "time", lambda _: time.time() + 49 * 3600)
    await home.until_state("binary_sensor", "overdue", "on")
    await home.until_state("binary_sensor", "overdue", "on", "late")
    assert home.state("binary_sensor", "overdue", "other").state == "off"
    assert home.state("binary_sensor", "problem").state == "off"
    await home.press("back_up_now")
    await home.until_state("binary_sensor", "overdue", "off")
    await home.until_state("binary_sensor", "overdue", "off", "late")


async def test_overdue_of_an_untended_folder(home: Home) -> None:
    """Of a folder that is not tended nobody knows."""
    await home.set_up(
        folder_data(home.folder(), **{CONF_RULES: [{"action": "unheard of"}]})
    )
    assert home.state("binary_sensor", "overdue", "folder1").state == "unknown"
    assert home.state("binary_sensor", "overdue").state == "off"
