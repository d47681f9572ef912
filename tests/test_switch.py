"""The switch of an account."""

from homeassistant.const import Platform
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import DOMAIN
from custom_components.immich_backup.engine.ledger import LedgerError

from .support.home import ENTRY_ID, Home, folder_data


async def turn(home: Home, action: str) -> None:
    """Turn the switch on or off."""
    await home.hass.services.async_call(
        "switch",
        action,
        {"entity_id": home.entity_id("switch", "automatic")},
        blocking=True,
    )


async def test_switch(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the switch is."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.SWITCH])
    entry = await home.set_up()
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_automatic(home: Home) -> None:
    """Switched off, nothing starts by itself; what is asked for does; on, all does."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await turn(home, "turn_off")
    assert home.state("switch", "automatic").state == "off"
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1")
    await home.until_state("sensor", "status", "paused")
    assert home.immich.assets() == []

    await home.hass.services.async_call(DOMAIN, "run", {"wait": True}, blocking=True)
    assert len(home.immich.assets()) == 1
    (folder / "two.jpg").write_bytes(b"two")
    await home.until_state("sensor", "waiting_files", "1")
    assert len(home.immich.assets()) == 1

    await turn(home, "turn_on")
    assert home.state("switch", "automatic").state == "on"
    await home.until_stored(2)


async def test_automatic_outlasts_a_restart(home: Home) -> None:
    """What was switched off stays off, and nothing goes up at the start."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await turn(home, "turn_off")
    (folder / "one.jpg").write_bytes(b"one")
    await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.until_state("switch", "automatic", "off")
    await home.until_state("sensor", "status", "paused")
    await home.until_state("sensor", "waiting_files", "1")
    assert home.immich.assets() == []


async def test_broken_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be kept is not switched."""
    await home.set_up()

    async def broken(_on: bool) -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(home.engine.controls, "set_automatic", broken)
    with pytest.raises(HomeAssistantError) as caught:
        await turn(home, "turn_off")
    assert caught.value.translation_key == "ledger_failed"
    assert home.state("switch", "automatic").state == "on"
