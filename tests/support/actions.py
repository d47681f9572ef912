"""Calling the integration's actions."""

from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.immich_backup.const import DOMAIN


async def act(hass: HomeAssistant, name: str, **data: Any) -> dict[str, Any]:
    """Call an action and return its answer."""
    answer = await hass.services.async_call(
        DOMAIN, name, data, blocking=True, return_response=True
    )
    assert isinstance(answer, dict)
    return answer
