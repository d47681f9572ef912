"""Events: what becomes of a run, for an account as a whole and for each folder."""

from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .courier import Delivery
from .engine.events import RunFinished, RunProgress, RunStarted
from .engine.model import RunOutcome, RunReport, RunTrigger
from .entity import AccountEntity, FolderEntity, LedgerEntity, add_folder_entities
from .manager import BackupManager, ImmichBackupConfigEntry, RunEvent
from .run_report import folder_values, run_values

# Entities only tell what the engine does.
PARALLEL_UPDATES = 0


class BackupEvent(StrEnum):
    """What can happen to a run: it starts, stores more files, and ends in one way.

    A run is ``stopped`` when a person ends it, or Home Assistant stops; its files wait.
    It is ``waiting`` when files wait for their folder's conditions or the end of a pause.
    """

    STARTED = "started"
    PROGRESS = "progress"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    STOPPED = "stopped"
    WAITING = "waiting"


BACKUP: Final = EventEntityDescription(
    key="backup",
    translation_key="backup",
    event_types=[event.value for event in BackupEvent],
)


class ToldEvent(StrEnum):
    """What became of a message: it reached all of its targets, some, or none.

    One that was left alone, such as a TV that is off, was not reached.
    """

    DELIVERED = "delivered"
    PARTLY_DELIVERED = "partly_delivered"
    NOT_DELIVERED = "not_delivered"


NOTIFICATION: Final = EventEntityDescription(
    key="notification",
    translation_key="notification",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[event.value for event in ToldEvent],
)
# What an event that a run starts tells of it.
_KNOWN_AT_START = frozenset({"folder", "folders", "run_id", "started", "trigger"})


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event of an account and those of its folders."""
    manager = entry.runtime_data
    async_add_entities(
        [
            AccountBackupEvent(manager, BACKUP),
            NotificationEvent(manager, NOTIFICATION),
        ]
    )
    add_folder_entities(
        entry,
        async_add_entities,
        lambda subentry: [FolderBackupEvent(manager, subentry, BACKUP)],
    )


class RunEventEntity(LedgerEntity, EventEntity):
    """Tells what becomes of runs, at most every 10 s while one goes on."""

    # Numbers and examples of a moment; what lasts is in the sensors.
    _unrecorded_attributes = frozenset(
        {
            "declined",
            "duplicates",
            "error",
            "examples",
            "failed",
            "failing",
            "finished",
            "folder",
            "folders",
            "run_id",
            "started",
            "superseded",
            "trigger",
            "unavailable_folders",
            "uploaded",
            "uploaded_bytes",
            "waiting_for",
        }
    )
    _manager: BackupManager
    # The run whose start was told last, and what was known of it then.
    _run: str | None = None
    _told: dict[str, Any] | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the account's runs."""
        await super().async_added_to_hass()
        self.async_on_remove(self._manager.on_run(self._handle))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: the state is the last event."""

    @callback
    def _handle(self, event: RunEvent) -> None:
        """Tell what happened to a run that concerns us."""
        match event:
            case RunStarted(run) if self._concerns(run):
                self._tell_start(run)
            case RunProgress(run) if self._concerns(run):
                self._tell_start(run)
                # A folder's part does not change with every progress of the run.
                if self._told != self._values(run):
                    self._tell(BackupEvent.PROGRESS, run)
            case RunFinished(run) if self._concerns(run):
                self._tell_start(run)
                self._tell(self._outcome(run), run)

    @callback
    def _tell_start(self, run: RunReport) -> None:
        """Tell the start of a run once; late where the folder joined it later."""
        if self._run != run.id:
            self._run = run.id
            self._tell(BackupEvent.STARTED, run)

    @callback
    def _tell(self, event: BackupEvent, run: RunReport) -> None:
        """Let Home Assistant know."""
        values = self._values(run)
        if event is BackupEvent.STARTED:
            known = {key: values[key] for key in _KNOWN_AT_START & values.keys()}
            self._trigger_event(event.value, known)
        else:
            self._trigger_event(event.value, values)
        self._told = values
        self.async_write_ha_state()

    @abstractmethod
    def _concerns(self, run: RunReport) -> bool:
        """Return whether to tell of a run."""

    @abstractmethod
    def _values(self, run: RunReport) -> dict[str, Any]:
        """Return the attributes of an event."""

    @abstractmethod
    def _outcome(self, run: RunReport) -> BackupEvent:
        """Return how a run ended."""


class AccountBackupEvent(AccountEntity, RunEventEntity):
    """Tells of every run of an account."""

    @override
    def _concerns(self, run: RunReport) -> bool:
        """Return whether it is a run, not a single upload that was asked for."""
        return run.trigger is not RunTrigger.UPLOAD

    @override
    def _values(self, run: RunReport) -> dict[str, Any]:
        """Return what is known of the run."""
        return run_values(self._manager.engine, run)

    @override
    def _outcome(self, run: RunReport) -> BackupEvent:
        """Return how the run ended."""
        assert run.outcome is not None
        return BackupEvent(run.outcome)


class FolderBackupEvent(FolderEntity, RunEventEntity):
    """Tells of the runs that a folder takes part in, with the folder's own numbers."""

    @override
    def _concerns(self, run: RunReport) -> bool:
        """Return whether the folder takes part."""
        return self._folder_id in run.folders

    @override
    def _values(self, run: RunReport) -> dict[str, Any]:
        """Return the folder's part in the run."""
        return folder_values(self._manager.engine, run, self._folder_id)

    @override
    def _outcome(self, run: RunReport) -> BackupEvent:
        """Return how the run ended for this folder."""
        part = run.part(self._folder_id)
        if part.trouble is not None:
            # Whatever else the run did, nothing of this folder could be read.
            return BackupEvent.FAILED
        if run.outcome in (RunOutcome.FAILED, RunOutcome.STOPPED):
            return BackupEvent(run.outcome)
        if part.waiting_for:
            return BackupEvent.WAITING
        if part.counts.failed:
            return BackupEvent.COMPLETED_WITH_ERRORS
        return BackupEvent.COMPLETED


class NotificationEvent(AccountEntity, EventEntity):
    """Tells of each message to people which targets it reached."""

    # Numbers and words of a moment.
    _unrecorded_attributes = frozenset({"event", "message", "notification", "targets"})

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what becomes of messages."""
        await super().async_added_to_hass()
        self.async_on_remove(self._manager.announcer.subscribe(self._told))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: the state is the last event."""

    @callback
    def _told(self, deliveries: Sequence[Delivery]) -> None:
        """Tell what became of a message."""
        if not deliveries:
            return
        reached = [delivery.ok for delivery in deliveries]
        event = ToldEvent.PARTLY_DELIVERED
        if all(reached):
            event = ToldEvent.DELIVERED
        elif not any(reached):
            event = ToldEvent.NOT_DELIVERED
        first = deliveries[0]
        self._trigger_event(
            event.value,
            {
                "notification": first.notification,
                "event": first.event,
                "message": first.message,
                "targets": [
                    {
                        key: value
                        for key, value in delivery.as_dict().items()
                        if key in ("target", "kind", "ok", "error", "skipped")
                    }
                    for delivery in deliveries
                ],
            },
        )
        self.async_write_ha_state()
