"""Buttons of an account."""

from homeassistant.const import Platform
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import CONF_NEW_MEDIA
from custom_components.immich_backup.engine.ledger import LedgerError
from simulator import Action, Fault

from .support.home import Home, folder_data


async def test_buttons(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the buttons are."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.BUTTON])
    entry = await home.set_up()
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_back_up_now(home: Home) -> None:
    """A folder that waits to be asked is backed up when the button is pressed."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    await home.until_state("sensor", "waiting_files", "1")
    assert home.immich.assets() == []
    await home.press("back_up_now")
    await home.until_stored(1)


async def test_retry_failed(home: Home) -> None:
    """A file that failed is tried again at once when the button is pressed."""
    folder = home.folder()
    fault = home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="internal-error",
            method="POST",
            path_regex="/assets$",
        )
    )
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "failed_files", "1")
    home.immich.faults.remove(fault)
    await home.press("retry_failed")
    await home.until_stored(1)
    await home.until_state("sensor", "failed_files", "0")


async def test_broken_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses a button is told when it does nothing."""
    await home.set_up()

    async def broken() -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(home.engine, "retry_failed", broken)
    with pytest.raises(HomeAssistantError) as caught:
        await home.press("retry_failed")
    assert caught.value.translation_key == "ledger_failed"
