"""Binary sensors: is something wrong or overdue, is it running, is the server there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_FOLDER
from .engine import FileState, FolderOverview
from .engine.model import Halt
from .entity import AccountEntity, FolderEntity, add_folder_entities
from .manager import BackupManager, ImmichBackupConfigEntry

# Entities only show what the coordinator has.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor of an account, and where its state comes from."""

    is_on_fn: Callable[[BackupManager], bool | None]


@dataclass(frozen=True, kw_only=True)
class FolderBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor of a folder, and where its state comes from."""

    is_on_fn: Callable[[FolderOverview], bool]


def _has_problem(manager: BackupManager) -> bool:
    """Return whether something needs a person, or failed.

    A server that is away is not a problem by itself: the files wait for it.
    """
    overview = manager.overview.data
    tended = overview.folders
    return (
        not manager.overview.last_update_success
        or manager.issues.halt is not None
        or overview.tally.count(FileState.FAILED, FileState.PARKED) > 0
        or any(folder.trouble is not None for folder in tended.values())
        # A folder whose rules can't be read is not tended.
        or any(
            subentry.subentry_id not in tended
            for subentry in manager.entry.get_subentries_of_type(SUBENTRY_FOLDER)
        )
    )


def _is_connected(manager: BackupManager) -> bool | None:
    """Return whether the server answers and takes our key; None before its answer."""
    overview = manager.overview.data
    if overview.halt in (Halt.UNAUTHORISED, Halt.SERVER_TOO_OLD):
        return False
    if not overview.connected and overview.error is None and overview.halt is None:
        return None
    return overview.error is None


ACCOUNT_BINARY_SENSORS = (
    AccountBinarySensorDescription(
        key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=_has_problem,
    ),
    AccountBinarySensorDescription(
        key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        is_on_fn=lambda manager: manager.overview.data.run is not None,
    ),
    AccountBinarySensorDescription(
        key="connected",
        translation_key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=_is_connected,
    ),
    AccountBinarySensorDescription(
        key="overdue",
        translation_key="overdue",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda manager: any(
            folder.overdue for folder in manager.overview.data.folders.values()
        ),
    ),
)

FOLDER_BINARY_SENSORS = (
    FolderBinarySensorDescription(
        key="overdue",
        translation_key="overdue",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda folder: folder.overdue,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of an account and of its folders."""
    manager = entry.runtime_data
    async_add_entities(
        AccountBinarySensor(manager, sensor) for sensor in ACCOUNT_BINARY_SENSORS
    )
    add_folder_entities(
        entry,
        async_add_entities,
        lambda subentry: [
            FolderBinarySensor(manager, subentry, sensor)
            for sensor in FOLDER_BINARY_SENSORS
        ],
    )


class AccountBinarySensor(AccountEntity, BinarySensorEntity):
    """One state of an account."""

    entity_description: AccountBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the state; None is unknown."""
        return self.entity_description.is_on_fn(self._manager)


class FolderBinarySensor(FolderEntity, BinarySensorEntity):
    """One state of a folder."""

    entity_description: FolderBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the state; None is unknown."""
        folder = self.folder
        return None if folder is None else self.entity_description.is_on_fn(folder)
