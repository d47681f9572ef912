"""Conditions: is a backup running or paused, is everything protected, is it overdue."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Unpack, override

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .building_blocks import (
    CONF_FOLDERS,
    FOLDERS,
    SIGNAL_NUMBERS,
    chosen_folders,
    with_options,
)
from .const import DOMAIN
from .engine import FileState, FolderOverview
from .engine.model import FolderStatus, Halt
from .manager import BackupManager, ImmichBackupConfigEntry

CONF_CONFIG_ENTRY_ID = "config_entry_id"

# States of a file that is not safe, though nothing says that it is not wanted.
_NOT_SAFE = (
    FileState.SETTLING,
    FileState.WAITING,
    FileState.FAILED,
    FileState.PARKED,
)


class BackupCondition(Condition):
    """Looks at the accounts that are loaded."""

    # What may be set; each has a default.
    fields: ClassVar[dict[Any, Any]] = FOLDERS

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Return the configuration with all options; raises vol.Invalid."""
        return with_options(config, cls.fields)

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Keep the options."""
        super().__init__(hass, config)
        self._options = config.options or {}

    @property
    @override
    def needs_polling(self) -> bool:
        """Return False: every change is told."""
        return False

    @override
    async def _async_track_changes(self, action: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function when the answer may be another; returns how to end it."""

        @callback
        def entry_changed(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
            # An account that comes or goes, or whose folders do.
            if entry.domain == DOMAIN:
                action()

        ends = (
            async_dispatcher_connect(self._hass, SIGNAL_NUMBERS, callback(action)),
            async_dispatcher_connect(
                self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed
            ),
        )

        @callback
        def end() -> None:
            for one in ends:
                one()

        return end

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Return whether it is true now."""
        return self._is_true()

    @abstractmethod
    def _is_true(self) -> bool:
        """Return whether it is true now."""

    def _accounts(self) -> Iterator[BackupManager]:
        """Yield the accounts that are loaded."""
        entries: list[ImmichBackupConfigEntry]
        entries = self._hass.config_entries.async_loaded_entries(DOMAIN)
        for entry in entries:
            yield entry.runtime_data

    def _chosen(self) -> Iterator[tuple[BackupManager, frozenset[str]]]:
        """Yield the accounts with the ids of those of their folders that are meant."""
        for manager in self._accounts():
            yield manager, chosen_folders(manager, self._options[CONF_FOLDERS])


class IsRunning(BackupCondition):
    """A backup is going on."""

    @override
    def _is_true(self) -> bool:
        """Return whether a run goes on in which one of the folders takes part."""
        return any(
            run is not None and not folders.isdisjoint(run.folders)
            for manager, folders in self._chosen()
            for run in (manager.relay.numbers.run,)
        )


class IsPaused(BackupCondition):
    """A person does not want backups to start now."""

    fields: ClassVar[dict[Any, Any]] = {vol.Optional(CONF_CONFIG_ENTRY_ID): cv.string}

    @override
    def _is_true(self) -> bool:
        """Return whether an account is paused, or starts nothing by itself."""
        wanted = self._options.get(CONF_CONFIG_ENTRY_ID)
        return any(
            controls.paused or not controls.automatic
            for manager in self._accounts()
            if wanted in (None, manager.entry.entry_id)
            for controls in (manager.engine.controls,)
        )


class IsProtected(BackupCondition):
    """All that is wanted is proven on the server."""

    @override
    def _is_true(self) -> bool:
        """Return whether there is something, and all of it is safe.

        What can't be known now is not safe: a folder that can't be read, one that is
        looked at for the first time, or all while the ledger fails.
        """
        protected = 0
        for manager, folders in self._chosen():
            overview = manager.relay.numbers
            if folders and overview.halt is Halt.LEDGER:
                return False
            for key in folders:
                folder = overview.folders.get(key)
                if folder is None or not _is_safe(folder):
                    return False
                protected += folder.tally.count(FileState.PROTECTED)
        return protected > 0


class IsOverdue(BackupCondition):
    """No backup of a folder succeeded for longer than its owner allows."""

    @override
    def _is_true(self) -> bool:
        """Return whether one of the folders is overdue."""
        return any(
            folder.overdue
            for manager, folders in self._chosen()
            for key, folder in manager.relay.numbers.folders.items()
            if key in folders
        )


def _is_safe(folder: FolderOverview) -> bool:
    """Return whether nothing of a folder is known to be unsafe, and it is known."""
    tally = folder.tally
    unknown = folder.status is FolderStatus.SCANNING and not tally.present
    return folder.trouble is None and not unknown and not tally.count(*_NOT_SAFE)


CONDITIONS: dict[str, type[Condition]] = {
    "is_running": IsRunning,
    "is_paused": IsPaused,
    "is_protected": IsProtected,
    "is_overdue": IsOverdue,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by their keys."""
    return CONDITIONS
