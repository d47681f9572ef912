"""Triggers: what becomes of a backup, and what keeps one from happening."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .building_blocks import (
    CONF_FOLDERS,
    FOLDERS,
    SIGNAL_EVENT,
    chosen_folders,
    with_options,
)
from .engine import FileState, MediaKind
from .engine.events import (
    Event,
    FolderChanged,
    FolderOverdue,
    RunFinished,
    RunProgress,
    RunStarted,
)
from .engine.model import RunOutcome, RunReport, RunTrigger
from .engine.texts import readable
from .manager import BackupManager
from .run_part import limited
from .run_report import iso, run_values

CONF_ONLY_IF_STORED = "only_if_stored"
CONF_TYPES = "types"
CONF_WITH_ERRORS = "with_errors"

type Payload = dict[str, Any]

# What is told of a run when it starts, and when it ends.
_AT_START = ("folders", "run_id", "started", "trigger")
_AT_END = (
    *_AT_START,
    *("declined", "duplicates", "error", "examples", "failed", "failing", "finished"),
    *("superseded", "unavailable_folders", "uploaded", "uploaded_bytes"),
)
_EXAMPLES = 3


class BackupTrigger(Trigger):
    """Listens to all accounts, also to those that are loaded later."""

    # What may be set; each has a default.
    fields: ClassVar[dict[Any, Any]] = FOLDERS
    # Told in traces.
    description: ClassVar[str]

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        """Return the configuration with all options; raises vol.Invalid."""
        return with_options(config, cls.fields)

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Keep the options."""
        super().__init__(hass, config)
        self._options = config.options or {}

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Run an action whenever it happens; returns how to end that."""

        @callback
        def heard(manager: BackupManager, event: Event) -> None:
            for payload in self._payloads(manager, event):
                account = {
                    "account": manager.entry.title,
                    "config_entry_id": manager.entry.entry_id,
                }
                run_action({**account, **payload}, self.description)

        return async_dispatcher_connect(self._hass, SIGNAL_EVENT, heard)

    @abstractmethod
    def _payloads(self, manager: BackupManager, event: Event) -> Iterator[Payload]:
        """Yield what to tell of an event of an account, nothing or once."""

    def _chosen(self, manager: BackupManager) -> frozenset[str]:
        """Return the account's folders (their ids) that are meant."""
        return chosen_folders(manager, self._options[CONF_FOLDERS])


class RunBackupTrigger(BackupTrigger):
    """Listens to the runs in which one of the folders takes part."""

    @override
    def _payloads(self, manager: BackupManager, event: Event) -> Iterator[Payload]:
        """Yield what to tell of a run, limited to the folders that are meant."""
        # A single upload that was asked for is no run.
        if (
            isinstance(event, RunStarted | RunProgress | RunFinished)
            and event.run.trigger is not RunTrigger.UPLOAD
            and (run := limited(event.run, self._chosen(manager))).folders
        ):
            yield from self._of_run(manager, event, run)

    @abstractmethod
    def _of_run(
        self, manager: BackupManager, event: Event, run: RunReport
    ) -> Iterator[Payload]:
        """Yield what to tell of an event of a run."""


class Started(RunBackupTrigger):
    """A backup started, or one of the folders joined it."""

    description = "backup started"

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Begin without a run."""
        super().__init__(hass, config)
        # The last run of each account whose start was heard or told.
        self._run: dict[str, str] = {}
        self._told: dict[str, str] = {}

    @override
    def _payloads(self, manager: BackupManager, event: Event) -> Iterator[Payload]:
        """Note that a run started, also when no folder of it is meant yet."""
        if isinstance(event, RunStarted):
            self._run[manager.entry.entry_id] = event.run.id
        yield from super()._payloads(manager, event)

    @override
    def _of_run(
        self, manager: BackupManager, event: Event, run: RunReport
    ) -> Iterator[Payload]:
        """Yield what is known of a run, once."""
        entry_id = manager.entry.entry_id
        if self._run.get(entry_id) == run.id != self._told.get(entry_id):
            self._told[entry_id] = run.id
            yield _values(manager, run, _AT_START)


class Ended(RunBackupTrigger):
    """A backup ended in one of the ways that are listened for."""

    @override
    def _of_run(
        self, manager: BackupManager, event: Event, run: RunReport
    ) -> Iterator[Payload]:
        """Yield all that is known of a run that ended."""
        if isinstance(event, RunFinished) and run.outcome and self._wanted(run):
            yield {"outcome": run.outcome.value, **_values(manager, run, _AT_END)}

    @abstractmethod
    def _wanted(self, run: RunReport) -> bool:
        """Return whether to tell of a run that ended."""


class Completed(Ended):
    """A backup ended and left nothing undone."""

    description = "backup completed"
    fields: ClassVar[dict[Any, Any]] = {
        **FOLDERS,
        vol.Optional(CONF_ONLY_IF_STORED, default=False): cv.boolean,
        vol.Optional(CONF_WITH_ERRORS, default=False): cv.boolean,
    }

    @override
    def _wanted(self, run: RunReport) -> bool:
        """Return whether it is complete, and stored something if it has to."""
        if self._options[CONF_ONLY_IF_STORED] and not run.counts.uploaded:
            return False
        return run.outcome is RunOutcome.COMPLETED or (
            self._options[CONF_WITH_ERRORS] and run.outcome is RunOutcome.WITH_ERRORS
        )


class Failed(Ended):
    """A backup broke off, or ended with files that could not be stored."""

    description = "backup failed"
    fields: ClassVar[dict[Any, Any]] = {
        **FOLDERS,
        vol.Optional(CONF_WITH_ERRORS, default=True): cv.boolean,
    }

    @override
    def _wanted(self, run: RunReport) -> bool:
        """Return whether it failed, as a whole or in part."""
        return run.outcome is RunOutcome.FAILED or (
            self._options[CONF_WITH_ERRORS] and run.outcome is RunOutcome.WITH_ERRORS
        )


@dataclass(frozen=True, slots=True)
class _Sum:
    """Files and bytes that a run newly stored in one folder, of one kind."""

    files: int = 0
    bytes: int = 0


type _Key = tuple[str, MediaKind | None]


class MediaBackedUp(RunBackupTrigger):
    """New photos and videos were stored; told together, at most every 10 s."""

    description = "media backed up"
    fields: ClassVar[dict[Any, Any]] = {
        **FOLDERS,
        vol.Optional(CONF_TYPES, default=list): vol.All(
            cv.ensure_list, [vol.Coerce(MediaKind)]
        ),
    }

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Begin without a run."""
        super().__init__(hass, config)
        # The last run of each account, and what was told of it.
        self._told: dict[str, tuple[str, Mapping[_Key, _Sum]]] = {}

    @override
    def _of_run(
        self, manager: BackupManager, event: Event, run: RunReport
    ) -> Iterator[Payload]:
        """Yield what was stored since the last time."""
        run_id, told = self._told.get(manager.entry.entry_id, (run.id, {}))
        if run_id != run.id:
            told = {}
        types = self._options[CONF_TYPES]
        now, new = dict(told), dict[_Key, _Sum]()
        latest: list[str] = []
        for folder, part in run.parts.items():
            for kind, stored in part.stored.items():
                key = (folder, kind)
                before = told.get(key, _Sum())
                if (count := stored.files - before.files) and (
                    not types or kind in types
                ):
                    now[key] = _Sum(stored.files, stored.bytes)
                    new[key] = _Sum(count, stored.bytes - before.bytes)
                    latest += stored.latest[-count:]
        self._told[manager.entry.entry_id] = (run.id, now)
        if new:
            stored_in = limited(run, {folder for folder, _ in new})
            yield {
                **_values(manager, stored_in, _AT_START),
                "uploaded": sum(one.files for one in new.values()),
                "uploaded_bytes": sum(one.bytes for one in new.values()),
                "photos": _files_of(new, MediaKind.PHOTO),
                "videos": _files_of(new, MediaKind.VIDEO),
                "examples": [readable(path) for path in latest[:_EXAMPLES]],
            }


class FolderUnavailable(BackupTrigger):
    """A folder can't be read any more."""

    description = "folder became unavailable"

    @override
    def _payloads(self, manager: BackupManager, event: Event) -> Iterator[Payload]:
        """Yield which folder it is, and why."""
        match event:
            case FolderChanged(folder, trouble) if (
                trouble is not None and folder in self._chosen(manager)
            ):
                yield {"folder": _name(manager, folder), "reason": trouble.value}


class Overdue(BackupTrigger):
    """No backup of a folder succeeded for longer than its owner allows."""

    description = "backup became overdue"

    @override
    def _payloads(self, manager: BackupManager, event: Event) -> Iterator[Payload]:
        """Yield which folder it is, and how it stands."""
        match event:
            case FolderOverdue(folder, True) if folder in self._chosen(manager):
                overview = manager.relay.numbers.folders.get(folder)
                yield {
                    "folder": _name(manager, folder),
                    "last_success": overview and iso(overview.last_success),
                    "waiting": overview
                    and overview.tally.count(FileState.WAITING, FileState.FAILED),
                }


def _values(manager: BackupManager, run: RunReport, keys: Iterable[str]) -> Payload:
    """Return what is to be told of a run."""
    values = run_values(manager.engine, run)
    return {key: values[key] for key in keys}


def _files_of(sums: Mapping[_Key, _Sum], wanted: MediaKind) -> int:
    """Return how many files of one kind there are."""
    return sum(one.files for (_, kind), one in sums.items() if kind is wanted)


def _name(manager: BackupManager, folder_id: str) -> str:
    """Return the name of a folder that is configured."""
    return manager.entry.subentries[folder_id].title


TRIGGERS: dict[str, type[Trigger]] = {
    "started": Started,
    "completed": Completed,
    "failed": Failed,
    "media_backed_up": MediaBackedUp,
    "folder_unavailable": FolderUnavailable,
    "overdue": Overdue,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by their keys."""
    return TRIGGERS
