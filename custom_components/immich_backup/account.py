"""The Immich client of an account, on Home Assistant's own session."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import CONF_HEADERS, DOMAIN
from .immich import ImmichClient


def client_of(hass: HomeAssistant, data: Mapping[str, Any]) -> ImmichClient:
    """Return the client for an account's data; it opens no session of its own."""
    verify = data.get(CONF_VERIFY_SSL, True)
    return ImmichClient(
        async_get_clientsession(hass, verify_ssl=verify),
        data[CONF_URL],
        data[CONF_API_KEY],
        verify_tls=verify,
        headers=data.get(CONF_HEADERS),
    )


def ledger_path(hass: HomeAssistant, entry_id: str) -> str:
    """Return where an account's ledger lies: beside Home Assistant's own storage."""
    return hass.config.path(".storage", f"{DOMAIN}.{entry_id}.db")


def spool_path(hass: HomeAssistant, entry_id: str) -> str:
    """Return where pictures wait that exist nowhere else."""
    return hass.config.path(".storage", f"{DOMAIN}.{entry_id}.spool")
