"""The number of an account."""

import time

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, Platform
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import snapshot_platform
from syrupy.assertion import SnapshotAssertion

from custom_components import immich_backup
from custom_components.immich_backup.const import CONF_NEW_MEDIA, DOMAIN
from custom_components.immich_backup.engine.ledger import LedgerError

from .support.home import ENTRY_ID, Home, folder_data


async def limit(home: Home, value: float) -> None:
    """Set the bandwidth limit."""
    await home.hass.services.async_call(
        "number",
        "set_value",
        {"entity_id": home.entity_id("number", "bandwidth_limit"), "value": value},
        blocking=True,
    )


async def test_number(
    home: Home,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the number is, without a limit."""
    monkeypatch.setattr(immich_backup, "PLATFORMS", [Platform.NUMBER])
    entry = await home.set_up()
    await snapshot_platform(home.hass, entity_registry, snapshot, entry.entry_id)


async def test_limit(home: Home) -> None:
    """What is sent takes as long as the limit says; without one it does not."""
    folder = home.folder()
    (folder / "film.mp4").write_bytes(bytes(2_000_000))
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    await limit(home, 1)
    await home.until_state("sensor", "waiting_files", "1")
    began = time.monotonic()
    await home.hass.services.async_call(DOMAIN, "run", {"wait": True}, blocking=True)
    assert time.monotonic() - began > 1.7
    assert len(home.immich.assets()) == 1
    await limit(home, 0)
    assert home.engine.controls.limit == 0


async def test_limit_outlasts_a_restart(home: Home) -> None:
    """It is shown as it was entered, also when it is loaded again."""
    await home.set_up()
    await limit(home, 2.3)
    assert home.state("number", "bandwidth_limit").state == "2.3"
    await home.hass.config_entries.async_reload(ENTRY_ID)
    state = home.state("number", "bandwidth_limit")
    assert state.state == "2.3"
    assert state.attributes[ATTR_UNIT_OF_MEASUREMENT] == "MB/s"
    assert home.engine.controls.limit == 2_300_000


@pytest.mark.parametrize("value", [-0.1, 1000.1])
async def test_impossible_limit(home: Home, value: float) -> None:
    """What can't be meant is refused."""
    await home.set_up()
    with pytest.raises(ServiceValidationError):
        await limit(home, value)
    assert home.engine.controls.limit == 0


async def test_broken_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be kept is not set."""
    await home.set_up()

    async def broken(_limit: float) -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(home.engine.controls, "set_limit", broken)
    with pytest.raises(HomeAssistantError) as caught:
        await limit(home, 5)
    assert caught.value.translation_key == "ledger_failed"
    assert float(home.state("number", "bandwidth_limit").state) == 0
