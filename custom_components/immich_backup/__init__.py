"""Immich Backup: photos and videos from folders to Immich, proven."""

import asyncio
from pathlib import Path
import shutil

from homeassistant.const import CONF_URL, EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType

from .account import ledger_path, spool_path
from .const import DOMAIN, MODEL_ACCOUNT
from .engine.ledger import LedgerError, remove_ledger
from .immich.errors import ImmichError, UnauthorisedError
from .issues import clear_all
from .manager import BackupManager, ImmichBackupConfigEntry
from .pending import forget_pending
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SENSOR,
    Platform.SWITCH,
]

# Seconds that a start waits for the server's word on the key; without it, it goes on.
_KEY_PATIENCE = 5.0


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up the actions, which are there whether or not an account is loaded."""
    async_setup_services(hass)
    return True


async def async_setup_entry(
    hass: HomeAssistant, entry: ImmichBackupConfigEntry
) -> bool:
    """Set up an account; also without its server, whose files then wait."""
    manager = BackupManager(hass, entry)
    try:
        async with asyncio.timeout(_KEY_PATIENCE):
            await manager.client.api_key()
    except UnauthorisedError as err:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN, translation_key="key_refused"
        ) from err
    except ImmichError, TimeoutError:
        # The engine goes on asking.
        pass
    try:
        await manager.start()
    except LedgerError as err:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="ledger_failed",
            translation_placeholders={"error": str(err)},
        ) from err
    entry.async_on_unload(manager.stop)
    # Entries are not unloaded when Home Assistant stops.
    entry.async_on_unload(
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, manager.stop)
    )
    entry.runtime_data = manager
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=entry.title,
        manufacturer="Immich",
        model=MODEL_ACCOUNT,
        configuration_url=entry.data[CONF_URL],
    )
    await manager.overview.async_config_entry_first_refresh()
    entry.async_create_background_task(
        hass, manager.server.async_refresh(), f"{DOMAIN} first look at the server"
    )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(entry.add_update_listener(_async_update))
    # What changed while nobody listened.
    await manager.update()
    entry.async_on_unload(async_at_started(hass, manager.begin))
    return True


async def async_unload_entry(
    hass: HomeAssistant, entry: ImmichBackupConfigEntry
) -> bool:
    """Unload an account; its engine stops once the entities are gone."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        entry.runtime_data.issues.forget()
    return unloaded


async def async_remove_entry(
    hass: HomeAssistant, entry: ImmichBackupConfigEntry
) -> None:
    """Remove what an account leaves behind: ledger, queued pictures, news and issues."""
    clear_all(hass, entry.entry_id)
    for subentry_id in entry.subentries:
        clear_all(hass, entry.entry_id, subentry_id)

    def remove() -> None:
        remove_ledger(Path(ledger_path(hass, entry.entry_id)))
        shutil.rmtree(spool_path(hass, entry.entry_id), ignore_errors=True)

    await hass.async_add_executor_job(remove)
    await forget_pending(hass, entry.entry_id)


async def _async_update(hass: HomeAssistant, entry: ImmichBackupConfigEntry) -> None:
    """Apply a change: the account's own data needs a reload, its folders do not."""
    manager = entry.runtime_data
    if manager.account_changed():
        hass.config_entries.async_schedule_reload(entry.entry_id)
        return
    await manager.update()
