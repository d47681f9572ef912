"""A speaker that records what it hears and a voice that hums: for demonstrations only."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

from .voice import Words

_PLATFORMS = (Platform.MEDIA_PLAYER, Platform.TTS)

type ReceiversConfigEntry = ConfigEntry[Words]


async def async_setup_entry(hass: HomeAssistant, entry: ReceiversConfigEntry) -> bool:
    """Add the speaker and the voice."""
    entry.runtime_data = Words()
    await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ReceiversConfigEntry) -> bool:
    """Remove them."""
    return await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)
