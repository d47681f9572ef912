"""Binds the engine to Home Assistant: one for every account, as long as it is loaded."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import (
    CALLBACK_TYPE,
    Event as HomeAssistantEvent,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .account import client_of, ledger_path
from .announcer import Announcer
from .building_blocks import Relay
from .const import DOMAIN, LOGGER, SUBENTRY_FOLDER
from .coordinator import OverviewCoordinator, ServerCoordinator
from .courier import retry_action
from .engine import Engine, Folder, RuleError, RunTrigger
from .engine.events import Event, RunFinished, RunProgress, RunStarted, ServerChanged
from .engine.ledger import LedgerError
from .engine.model import Halt
from .folders import folder_of
from .home import HomeContext
from .issue_keeper import IssueKeeper
from .scheduled_times import next_scheduled
from .scheduling import FolderScheduling
from .turns import Turns

# What the apps for phones tell when something below a notification was chosen.
EVENT_PHONE_ANSWERED = "mobile_app_notification_action"
# Time between tests of conditions that change without telling, such as templates.
_POLL_INTERVAL = timedelta(seconds=30)

type ImmichBackupConfigEntry = ConfigEntry[BackupManager]
type NewFolderListener = Callable[[ConfigSubentry], None]
type RunEvent = RunStarted | RunProgress | RunFinished
type RunListener = Callable[[RunEvent], None]


class BackupManager:
    """One account at work: engine, coordinators, schedules and issues."""

    def __init__(self, hass: HomeAssistant, entry: ImmichBackupConfigEntry) -> None:
        """Build the engine; nothing starts yet."""
        self.hass = hass
        self.entry = entry
        self.client = client_of(hass, entry.data)
        self.engine = Engine(
            ledger_path=Path(ledger_path(hass, entry.entry_id)),
            client=self.client,
            context=HomeContext(hass),
        )
        self.overview = OverviewCoordinator(hass, entry, self.engine)
        self.server = ServerCoordinator(hass, entry, self.engine.link)
        self.issues = IssueKeeper(hass, entry, self.engine)
        self.relay = Relay(self)
        self.announcer = Announcer(
            hass, entry, self.engine, self.client, self.issues.look_at_notification
        )
        self.turns = Turns(hass.loop)
        # Those who are told of runs, each when it is its turn.
        self._run_listeners: list[RunListener] = []
        # What each folder's subentry looked like when it was applied: Home Assistant
        # changes the subentry itself in place.
        self._applied: dict[str, tuple[str, dict[str, Any]]] = {}
        self._schedulings: dict[str, FolderScheduling] = {}
        self._begun = self._stopped = False
        self._removes: list[CALLBACK_TYPE] = []
        self._new_folder_listeners: list[NewFolderListener] = []
        self._lock = asyncio.Lock()
        self._account = _account_of(entry)

    @callback
    def account_changed(self) -> bool:
        """Return whether the account's own data is not what this was built from."""
        return self._account != _account_of(self.entry)

    async def start(self) -> None:
        """Open the ledger and get ready to tend the folders; raises LedgerError."""
        await self.announcer.load()
        self.engine.subscribe(self._handle)
        self.engine.subscribe(self.issues.handle)
        self.engine.subscribe(self.overview.changed)
        self.engine.subscribe(self.announcer.handle)
        self.relay.start()
        tended: list[Folder] = []
        for subentry in self._subentries():
            self._applied[subentry.subentry_id] = _snapshot(subentry)
            if (folder := self._folder_of(subentry)) is not None:
                tended.append(folder)
        await self.engine.start(tended, self._applied, begin=False)
        for folder in tended:
            await self._schedule(folder.id)
        self.overview.async_add_listener(self._overview_told)
        self.server.async_add_listener(self._server_told)
        await self.issues.look_for_large_files()

    async def begin(self, _hass: HomeAssistant) -> None:
        """Tend the folders: Home Assistant has started and has time for it."""
        async with self._lock:
            if self._stopped:
                return
            self._begun = True
            for scheduling in self._schedulings.values():
                await scheduling.begin()
            self._removes += [
                async_track_time_interval(self.hass, self._poll, _POLL_INTERVAL),
                self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._replan),
                self.hass.bus.async_listen(EVENT_PHONE_ANSWERED, self._phone_answered),
            ]
            self.engine.begin()
            self.announcer.begin()
            await self._catch_up()
        self._poll()

    async def stop(self, _event: object = None) -> None:
        """Stop everything; what is on its way is sent again after the next start."""
        if self._stopped:
            return
        self._stopped = True
        async with self._lock:
            for remove in self._removes:
                remove()
            for scheduling in self._schedulings.values():
                scheduling.end()
            self._schedulings.clear()
        await self.announcer.stop()
        await self.overview.async_shutdown()
        await self.server.async_shutdown()
        await self.engine.stop()

    async def update(self) -> None:
        """Apply what changed in the subentries; nothing else is disturbed."""
        async with self._lock:
            if self._stopped:
                return
            current = {
                subentry.subentry_id: subentry for subentry in self._subentries()
            }
            for subentry_id in self._applied.keys() - current.keys():
                await self._remove(subentry_id)
            for subentry_id, subentry in current.items():
                snapshot = _snapshot(subentry)
                before = self._applied.get(subentry_id)
                if before == snapshot:
                    continue
                self._applied[subentry_id] = snapshot
                await self._apply(subentry, new=before is None)
            self.announcer.follow()
            self._name_device(self.entry.entry_id, self.entry.title)
            self.overview.changed()

    @callback
    def on_new_folder(self, listener: NewFolderListener) -> CALLBACK_TYPE:
        """Call a function for each folder that was applied, and each new one."""
        self._new_folder_listeners.append(listener)
        for subentry in self._subentries():
            if subentry.subentry_id in self._applied:
                listener(subentry)
        return lambda: self._new_folder_listeners.remove(listener)

    @callback
    def on_run(self, listener: RunListener) -> CALLBACK_TYPE:
        """Call a function when a run starts, goes on and ends; returns how to end it."""
        self._run_listeners.append(listener)
        return lambda: self._run_listeners.remove(listener)

    @callback
    def next_run(self) -> datetime | None:
        """Return when the next run starts by the clock; None if none does."""
        if not self.engine.controls.automatic:
            return None
        now = dt_util.utcnow()
        moments = (
            next_scheduled(subentry.data, now)
            for subentry in self._subentries()
            if subentry.subentry_id in self._schedulings
        )
        return min(filter(None, moments), default=None)

    def _subentries(self) -> Iterable[ConfigSubentry]:
        """Return the folders as they are configured now."""
        return self.entry.get_subentries_of_type(SUBENTRY_FOLDER)

    async def _apply(self, subentry: ConfigSubentry, *, new: bool) -> None:
        """Take over a new or changed folder."""
        self._unschedule(subentry.subentry_id)
        if (folder := self._folder_of(subentry)) is None:
            # The rules that hold until now are not what was meant either.
            await self.engine.suspend(subentry.subentry_id)
        else:
            await self.engine.apply(folder)
            await self._note_scheduled(folder.id)
            await self._schedule(folder.id)
        if new:
            for listener in list(self._new_folder_listeners):
                listener(subentry)
        self._name_device(subentry.subentry_id, subentry.title)

    async def _remove(self, subentry_id: str) -> None:
        """Let go of a folder that was removed."""
        del self._applied[subentry_id]
        self._unschedule(subentry_id)
        try:
            await self.engine.remove(subentry_id)
        except LedgerError as err:
            LOGGER.warning(
                "The ledger forgets a removed folder only at the next start: %s", err
            )
        self.issues.forget_folder(subentry_id)

    def _folder_of(self, subentry: ConfigSubentry) -> Folder | None:
        """Return the engine's folder; an issue and None if its rules can't be read."""
        try:
            folder = folder_of(subentry)
        except RuleError as err:
            self.issues.rules_unreadable(subentry, err)
            return None
        self.issues.rules_readable(subentry)
        return folder

    async def _schedule(self, folder_id: str) -> None:
        """Let a folder's runs start, and its files wait, as its owner chose."""
        name, data = self._applied[folder_id]

        @callback
        def start(trigger: RunTrigger) -> None:
            if self.engine.controls.automatic:
                self.engine.start_run([folder_id], trigger=trigger)
            if trigger is RunTrigger.SCHEDULE:
                self.entry.async_create_background_task(
                    self.hass,
                    self._note_scheduled(folder_id),
                    f"{DOMAIN} note that a schedule was followed",
                )
            # The next run is another one now.
            self.overview.changed()

        @callback
        def wait_for(reasons: Sequence[str]) -> None:
            self.engine.set_waiting_for(folder_id, reasons)

        self._schedulings[folder_id] = scheduling = FolderScheduling(
            self.hass, name, data, start=start, wait_for=wait_for, turns=self.turns
        )
        if self._begun:
            await scheduling.begin()
            self.issues.look_at_when(folder_id, name, scheduling.problems)

    async def _catch_up(self) -> None:
        """Start the runs that were missed while Home Assistant was off, once each."""
        for folder_id, scheduling in self._schedulings.items():
            with suppress(LedgerError):
                scheduling.catch_up(await self.engine.scheduled_until(folder_id))

    async def _note_scheduled(self, folder_id: str) -> None:
        """Record that a folder's schedule was followed until now."""
        # At worst a run is made up for that was not missed.
        with suppress(LedgerError):
            await self.engine.note_scheduled(folder_id)

    @callback
    def _poll(self, _now: datetime | None = None) -> None:
        """Test what changes without telling: conditions, and what may be gone."""
        for folder_id in self._schedulings:
            self.turns.add(partial(self._poll_folder, folder_id))

    @callback
    def _poll_folder(self, folder_id: str) -> None:
        """Test what changes without telling about one folder."""
        if (scheduling := self._schedulings.get(folder_id)) is None:
            return
        if scheduling.gate.needs_polling:
            scheduling.gate.look()
        name, _ = self._applied[folder_id]
        self.issues.look_at_when(folder_id, name, scheduling.problems)

    @callback
    def _replan(self, _event: object) -> None:
        """Follow the home into another time zone."""
        for scheduling in self._schedulings.values():
            scheduling.plan()
        self.overview.changed()

    @callback
    def _unschedule(self, subentry_id: str) -> None:
        """Start no more runs, and let nothing wait."""
        if (scheduling := self._schedulings.pop(subentry_id, None)) is not None:
            scheduling.end()

    async def _organise_soon(self) -> None:
        """Make up for what the key was not allowed to do."""
        # Without the ledger it is done later.
        with suppress(LedgerError):
            await self.engine.organise_soon()

    async def _phone_answered(self, event: HomeAssistantEvent) -> None:
        """Try again what failed, if that is what someone chose on a phone."""
        if event.data.get("action") == retry_action(self.entry):
            # Without the ledger it is tried again later anyway.
            with suppress(LedgerError):
                await self.engine.retry_failed()

    @callback
    def _name_device(self, identifier: str, name: str) -> None:
        """Let a device follow the name of what it stands for."""
        if (device_id := self._device_id(identifier)) is not None:
            dr.async_get(self.hass).async_update_device(device_id, name=name)

    @callback
    def _device_id(self, identifier: str) -> str | None:
        """Return the device of the account or of a folder, if it is registered."""
        return dr.async_get_device_id_by_identifier(
            self.hass, (DOMAIN, identifier), config_entry_id=self.entry.entry_id
        )

    @callback
    def _handle(self, event: Event) -> None:
        """Tell of runs; log what the server does, and ask it anew when it is back."""
        match event:
            case RunStarted() | RunProgress() | RunFinished():
                for listener in self._run_listeners:
                    self.turns.add(partial(listener, event))
            case ServerChanged(None):
                LOGGER.info("%s: the Immich server answers again", self.entry.title)
                self.entry.async_create_background_task(
                    self.hass,
                    self.server.async_request_refresh(),
                    f"{DOMAIN} look at the server again",
                )
            case ServerChanged(error):
                LOGGER.info(
                    "%s: the Immich server can't be used: %s", self.entry.title, error
                )

    @callback
    def _overview_told(self) -> None:
        """Take back the issues that the numbers disprove."""
        if self.overview.last_update_success:
            self.issues.look(self.overview.data)

    @callback
    def _server_told(self) -> None:
        """Let the account's device follow the server; go on when it allows again."""
        if (info := self.server.data) is None:
            return
        if self.issues.permissions_told(info.missing_permissions):
            self.entry.async_create_background_task(
                self.hass, self._organise_soon(), f"{DOMAIN} organise"
            )
        if (device_id := self._device_id(self.entry.entry_id)) is not None:
            dr.async_get(self.hass).async_update_device(
                device_id, sw_version=str(info.version)
            )
        link = self.engine.link
        if (
            link.halt is Halt.PERMISSION
            and link.halt_detail not in info.missing_permissions
        ) or link.halt is Halt.SERVER_TOO_OLD:
            self.engine.resume()


def _snapshot(subentry: ConfigSubentry) -> tuple[str, dict[str, Any]]:
    """Return a copy of what a folder's subentry says."""
    return subentry.title, dict(subentry.data)


def _account_of(entry: ImmichBackupConfigEntry) -> dict[str, Any]:
    """Return a copy of what the account's entry says."""
    return {"data": dict(entry.data), "options": dict(entry.options)}
