"""Home Assistant's own backup: the ledgers are complete and still while it copies."""

import asyncio

from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .manager import BackupManager


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Let every account finish what it writes, and write no more for now."""
    await asyncio.gather(*(manager.engine.hold() for manager in _loaded(hass)))


async def async_post_backup(hass: HomeAssistant) -> None:
    """Let every account go on; also called when the backup failed."""
    await asyncio.gather(*(manager.engine.release() for manager in _loaded(hass)))


def _loaded(hass: HomeAssistant) -> list[BackupManager]:
    """Return the accounts at work."""
    return [
        entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
