"""Sensors: how much is protected, what waits, and when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
import math
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfDataRate,
    UnitOfInformation,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .engine import FileState, FolderOverview, Overview
from .engine.controls import END_OF_PAUSE
from .engine.model import EngineStatus, FolderStatus, Tally
from .entity import AccountEntity, FolderEntity, add_folder_entities
from .manager import BackupManager, ImmichBackupConfigEntry
from .run_report import end_of_pause

# Entities only show what the coordinator has.
PARALLEL_UPDATES = 0

# Why a status is what it is at the moment; history has the status.
_UNRECORDED = frozenset({"paused_until", "waiting_for"})


def _nothing(*_: object) -> dict[str, Any]:
    """Return no attributes."""
    return {}


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(SensorEntityDescription):
    """A sensor of an account, and where its value comes from."""

    value_fn: Callable[[BackupManager], StateType | datetime]
    attributes_fn: Callable[[Overview], dict[str, Any]] = _nothing


@dataclass(frozen=True, kw_only=True)
class FolderSensorDescription(SensorEntityDescription):
    """A sensor of a folder, and where its value comes from."""

    value_fn: Callable[[FolderOverview], StateType | datetime]
    attributes_fn: Callable[[Overview, FolderOverview], dict[str, Any]] = _nothing


def _share(tally: Tally) -> float | None:
    """Return the protected share in percent, rounded down: 100 means every file."""
    share = tally.protected_share
    return None if share is None else math.floor(share * 10) / 10


def _moment(seconds: float | None) -> datetime | None:
    """Return epoch seconds as an aware time."""
    return None if seconds is None else dt_util.utc_from_timestamp(seconds)


def _waits(tally: Tally) -> bool:
    """Return whether files wait, or wait for another try."""
    return tally.count(FileState.WAITING, FileState.FAILED) > 0


def _account_attributes(overview: Overview) -> dict[str, Any]:
    """Return until when there is a pause, and what files wait for, if they do."""
    reasons = [
        reason
        for folder in overview.folders.values()
        if _waits(folder.tally)
        for reason in folder.waiting_for
    ]
    if overview.paused_until is None:
        return _waiting_for(reasons)
    if _waits(overview.tally):
        reasons.append(END_OF_PAUSE)
    # None is a pause without an end.
    pause = {"paused_until": end_of_pause(overview.paused_until)}
    return pause | _waiting_for(reasons)


def _folder_attributes(overview: Overview, folder: FolderOverview) -> dict[str, Any]:
    """Return what files wait for, if they do."""
    if not _waits(folder.tally):
        return {}
    reasons = [*folder.waiting_for]
    if overview.paused_until is not None:
        reasons.append(END_OF_PAUSE)
    return _waiting_for(reasons)


def _waiting_for(reasons: Sequence[str]) -> dict[str, Any]:
    """Return reasons as an attribute, each once; none if there are none."""
    return {"waiting_for": list(dict.fromkeys(reasons))} if reasons else {}


ACCOUNT_SENSORS = (
    AccountSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in EngineStatus],
        value_fn=lambda manager: manager.overview.data.status,
        attributes_fn=_account_attributes,
    ),
    AccountSensorDescription(
        key="waiting_files",
        translation_key="waiting_files",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda manager: manager.overview.data.tally.count(FileState.WAITING),
    ),
    AccountSensorDescription(
        key="waiting_size",
        translation_key="waiting_size",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.MEGABYTES,
        suggested_display_precision=1,
        value_fn=lambda manager: manager.overview.data.tally.size(FileState.WAITING),
    ),
    AccountSensorDescription(
        key="protected_files",
        translation_key="protected_files",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda manager: manager.overview.data.tally.count(FileState.PROTECTED),
    ),
    AccountSensorDescription(
        key="protected_share",
        translation_key="protected_share",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=1,
        value_fn=lambda manager: _share(manager.overview.data.tally),
    ),
    AccountSensorDescription(
        key="failed_files",
        translation_key="failed_files",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda manager: manager.overview.data.tally.count(
            FileState.FAILED, FileState.PARKED
        ),
    ),
    AccountSensorDescription(
        key="declined_files",
        translation_key="declined_files",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda manager: manager.overview.data.tally.count(FileState.DECLINED),
    ),
    AccountSensorDescription(
        key="transfer_rate",
        translation_key="transfer_rate",
        device_class=SensorDeviceClass.DATA_RATE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        # It changes every few seconds while a run goes on.
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=1,
        value_fn=lambda manager: manager.overview.data.rate,
    ),
    AccountSensorDescription(
        key="last_success",
        translation_key="last_success",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda manager: _moment(manager.overview.data.last_success),
    ),
    AccountSensorDescription(
        key="next_run",
        translation_key="next_run",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda manager: manager.next_run(),
    ),
)

FOLDER_SENSORS = (
    FolderSensorDescription(
        key="status",
        translation_key="folder_status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in FolderStatus],
        value_fn=lambda folder: folder.status,
        attributes_fn=_folder_attributes,
    ),
    FolderSensorDescription(
        key="waiting_files",
        translation_key="waiting_files",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda folder: folder.tally.count(FileState.WAITING),
    ),
    FolderSensorDescription(
        key="protected_files",
        translation_key="protected_files",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda folder: folder.tally.count(FileState.PROTECTED),
    ),
    FolderSensorDescription(
        key="protected_share",
        translation_key="protected_share",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=1,
        value_fn=lambda folder: _share(folder.tally),
    ),
    FolderSensorDescription(
        key="last_success",
        translation_key="last_success",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda folder: _moment(folder.last_success),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an account and of its folders."""
    manager = entry.runtime_data
    async_add_entities(AccountSensor(manager, sensor) for sensor in ACCOUNT_SENSORS)
    add_folder_entities(
        entry,
        async_add_entities,
        lambda subentry: [
            FolderSensor(manager, subentry, sensor) for sensor in FOLDER_SENSORS
        ],
    )


class AccountSensor(AccountEntity, SensorEntity):
    """One fact about an account."""

    entity_description: AccountSensorDescription
    _unrecorded_attributes = _UNRECORDED

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value; None is unknown."""
        return self.entity_description.value_fn(self._manager)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what belongs to the value."""
        return self.entity_description.attributes_fn(self.coordinator.data)


class FolderSensor(FolderEntity, SensorEntity):
    """One fact about a folder."""

    entity_description: FolderSensorDescription
    _unrecorded_attributes = _UNRECORDED

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value; None is unknown."""
        folder = self.folder
        return None if folder is None else self.entity_description.value_fn(folder)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what belongs to the value."""
        if (folder := self.folder) is None:
            return {}
        return self.entity_description.attributes_fn(self.coordinator.data, folder)
