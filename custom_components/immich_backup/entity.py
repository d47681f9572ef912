"""Base entities: those of an account and those of each of its folders."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, MODEL_FOLDER
from .coordinator import OverviewCoordinator
from .engine import FolderOverview
from .manager import BackupManager, ImmichBackupConfigEntry


class LedgerEntity(CoordinatorEntity[OverviewCoordinator]):
    """Tells what the ledger knows, so it is never unavailable."""

    _attr_has_entity_name = True

    @property
    @override
    def available(self) -> bool:
        """Return True: without the ledger its last word stands."""
        return True


class AccountEntity(LedgerEntity):
    """Tells something about an account."""

    def __init__(self, manager: BackupManager, description: EntityDescription) -> None:
        """Belong to the account's device, which is registered at set-up."""
        super().__init__(manager.overview)
        self.entity_description = description
        self._manager = manager
        entry_id = manager.entry.entry_id
        self._attr_unique_id = f"{entry_id}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, entry_id)})


class FolderEntity(LedgerEntity):
    """Tells something about one folder of an account."""

    def __init__(
        self,
        manager: BackupManager,
        subentry: ConfigSubentry,
        description: EntityDescription,
    ) -> None:
        """Belong to the folder's device, below the account's."""
        super().__init__(manager.overview)
        self.entity_description = description
        self._manager = manager
        self._folder_id = subentry.subentry_id
        # What the state was written from.
        self._shown: tuple[FolderOverview | None, float | None] | None = None
        self._attr_unique_id = f"{subentry.subentry_id}_{description.key}"
        entry_id = manager.entry.entry_id
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            entry_type=DeviceEntryType.SERVICE,
            name=subentry.title,
            model=MODEL_FOLDER,
            via_device_id=dr.async_get_device_id_by_identifier(
                manager.hass, (DOMAIN, entry_id), config_entry_id=entry_id
            ),
        )

    @property
    def folder(self) -> FolderOverview | None:
        """Return the folder in numbers; None while the engine does not tend it."""
        return self.coordinator.data.folders.get(self._folder_id)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state when it is our turn, unless it is written from the same."""
        now = self.folder, self.coordinator.data.paused_until
        if now != self._shown:
            self._shown = now
            self._manager.turns.add(super()._handle_coordinator_update)


@callback
def add_folder_entities(
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add entities for each folder that is there, and for each that is added later."""

    @callback
    def add(subentry: ConfigSubentry) -> None:
        async_add_entities(make(subentry), config_subentry_id=subentry.subentry_id)

    entry.async_on_unload(entry.runtime_data.on_new_folder(add))
