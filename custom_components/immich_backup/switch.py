"""Switch: whether backups start by themselves."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actions.common import ledger_failed
from .engine.ledger import LedgerError
from .entity import AccountEntity
from .manager import ImmichBackupConfigEntry

PARALLEL_UPDATES = 1

AUTOMATIC = SwitchEntityDescription(key="automatic", translation_key="automatic")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switch of an account."""
    async_add_entities([AutomaticSwitch(entry.runtime_data, AUTOMATIC)])


class AutomaticSwitch(AccountEntity, SwitchEntity):
    """Off: nothing starts by itself; what is asked for still runs.

    The ledger keeps it over restarts.
    """

    @property
    @override
    def is_on(self) -> bool:
        """Return whether runs start by themselves."""
        return self._manager.engine.controls.automatic

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Let runs start by themselves."""
        await self._set(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Let no run start by itself; one that goes on is not stopped."""
        await self._set(False)

    async def _set(self, on: bool) -> None:
        """Switch, and show it at once."""
        try:
            await self._manager.engine.controls.set_automatic(on)
        except LedgerError as err:
            raise ledger_failed(err) from err
        self.async_write_ha_state()
