"""Those whom notifications tell, and what is kept of that over a restart."""

import asyncio
from copy import deepcopy
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant, ServiceCall
import pytest

from custom_components.immich_backup.const import (
    CONF_EVENTS,
    CONF_NOTIFY_ACTIONS,
    DOMAIN,
    SUBENTRY_NOTIFICATION,
)
from custom_components.immich_backup.notifications import Occasion

from .home import ENTRY_ID, Home, until

PHONE = "mobile_app_phone"
EVERYTHING = [occasion.value for occasion in Occasion]


def notification_data(
    *, title: str = "Phones", subentry_id: str = "notification1", **options: Any
) -> ConfigSubentryDataWithId:
    """Return a notification as the form stores it: all that happens, to one phone."""
    data = {CONF_EVENTS: EVERYTHING, CONF_NOTIFY_ACTIONS: [f"notify.{PHONE}"]}
    return ConfigSubentryDataWithId(
        data={**data, **options},
        subentry_id=subentry_id,
        subentry_type=SUBENTRY_NOTIFICATION,
        title=title,
        unique_id=None,
    )


class Phone:
    """An action that tells a phone, and what that got."""

    def __init__(self, hass: HomeAssistant, name: str = PHONE) -> None:
        """Register the action."""
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.hangs = False
        hass.services.async_register("notify", name, self._notify)

    async def _notify(self, call: ServiceCall) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.calls.append(dict(call.data))

    async def got(self, count: int = 1) -> list[str]:
        """Return what it was told, once it was told so much."""
        await until(lambda: len(self.calls) >= count)
        assert len(self.calls) == count
        return [call["message"] for call in self.calls]


@pytest.fixture
async def phone(hass: HomeAssistant) -> Phone:
    """Return a phone."""
    return Phone(hass)


def photos(home: Home, *names: str) -> None:
    """Write photos into the folder."""
    for name in names:
        (home.folder() / name).write_bytes(f"content of {name}".encode())


class Disk:
    """What is kept of an account's notifications where a restart finds it."""

    KEY = f"{DOMAIN}.{ENTRY_ID}.notifications"

    def __init__(self, hass: HomeAssistant, storage: dict[str, Any]) -> None:
        """Take what stands for the disk."""
        self._hass = hass
        self.storage = storage

    @property
    def pending(self) -> dict[str, Any]:
        """Return what is still to be told and was told, by notification."""
        found: dict[str, Any] = self.storage.get(self.KEY, {}).get("data", {})
        return found.get("pending", {})

    async def written(self) -> None:
        """Wait until all is written."""
        await asyncio.sleep(0)
        await self._hass.async_block_till_done()

    async def kill(self) -> None:
        """End the account as a crash does: what it writes at its end is lost."""
        await self.written()
        content = deepcopy(self.storage.get(self.KEY))
        await self._hass.config_entries.async_unload(ENTRY_ID)
        if content is not None:
            self.storage[self.KEY] = content

    async def restart(self) -> None:
        """Start the account again."""
        assert await self._hass.config_entries.async_setup(ENTRY_ID)
        await self._hass.async_block_till_done()


@pytest.fixture
def disk(hass: HomeAssistant, hass_storage: dict[str, Any]) -> Disk:
    """Return what a restart finds."""
    return Disk(hass, hass_storage)
