"""Number: how fast an account may send."""

from typing import override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import EntityCategory, UnitOfDataRate
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actions.common import ledger_failed
from .engine.ledger import LedgerError
from .entity import AccountEntity
from .manager import ImmichBackupConfigEntry

PARALLEL_UPDATES = 1

_MEGABYTE = 1_000_000

BANDWIDTH_LIMIT = NumberEntityDescription(
    key="bandwidth_limit",
    translation_key="bandwidth_limit",
    device_class=NumberDeviceClass.DATA_RATE,
    entity_category=EntityCategory.CONFIG,
    native_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
    native_min_value=0,
    # A line of 8 Gbit/s.
    native_max_value=1000,
    native_step=0.1,
    mode=NumberMode.BOX,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the number of an account."""
    async_add_entities([BandwidthLimit(entry.runtime_data, BANDWIDTH_LIMIT)])


class BandwidthLimit(AccountEntity, NumberEntity):
    """What all uploads of an account together may send per second; 0 is no limit.

    The ledger keeps it over restarts.
    """

    @property
    @override
    def native_value(self) -> float:
        """Return the limit in megabytes per second."""
        return self._manager.engine.controls.limit / _MEGABYTE

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Limit what is sent from now on, and show it at once."""
        try:
            # Whole bytes, so that 2.3 is not shown as 2.2999999999999994.
            await self._manager.engine.controls.set_limit(round(value * _MEGABYTE))
        except LedgerError as err:
            raise ledger_failed(err) from err
        self.async_write_ha_state()
