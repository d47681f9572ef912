"""System health: how many accounts and files there are, on one page for all."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .engine import FileState
from .manager import ImmichBackupConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what the system information page shows."""
    register.async_register_info(_information)


async def _information(hass: HomeAssistant) -> dict[str, Any]:
    """Return the numbers of all loaded accounts."""
    entries: list[ImmichBackupConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    overviews = [entry.runtime_data.overview.data for entry in entries]
    return {
        "accounts": len(overviews),
        "connected_accounts": sum(overview.connected for overview in overviews),
        "protected_files": sum(
            overview.tally.count(FileState.PROTECTED) for overview in overviews
        ),
        "waiting_files": sum(
            overview.tally.count(FileState.WAITING) for overview in overviews
        ),
    }
