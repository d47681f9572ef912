"""Binds the engine to Home Assistant: one for every account, as long as it is loaded."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_PATH, CONF_URL
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .account import client_of, ledger_path
from .const import DOMAIN, LOGGER, SUBENTRY_FOLDER
from .coordinator import OverviewCoordinator, ServerCoordinator
from .engine import Engine, Folder, RuleError, RunTrigger
from .engine.events import (
    Event,
    FileTooLarge,
    FolderChanged,
    Halted,
    PollingFallback,
    ProofsLost,
    ServerChanged,
)
from .engine.model import FolderTrouble, Halt
from .folders import folder_of
from .home import HomeContext
from .issues import Issue, clear_all, clear_issue, raise_issue
from .scheduling import schedule

type ImmichBackupConfigEntry = ConfigEntry[BackupManager]
type NewFolderListener = Callable[[ConfigSubentry], None]

_FOLDER_ISSUES: Mapping[FolderTrouble, Issue] = MappingProxyType(
    {
        FolderTrouble.MISSING: Issue.FOLDER_MISSING,
        FolderTrouble.NOT_A_DIRECTORY: Issue.FOLDER_MISSING,
        FolderTrouble.NOT_ALLOWED: Issue.FOLDER_NOT_ALLOWED,
        FolderTrouble.UNREADABLE: Issue.FOLDER_UNREADABLE,
        FolderTrouble.SUDDENLY_EMPTY: Issue.FOLDER_EMPTY,
        FolderTrouble.OTHER_FILE_SYSTEM: Issue.FOLDER_ELSEWHERE,
    }
)
_HALT_ISSUES: Mapping[Halt, Issue] = MappingProxyType(
    {
        Halt.PERMISSION: Issue.PERMISSIONS,
        Halt.QUOTA: Issue.QUOTA,
        Halt.SERVER_TOO_OLD: Issue.SERVER_TOO_OLD,
        Halt.OTHER_USER: Issue.OTHER_USER,
    }
)


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
        self.server = ServerCoordinator(hass, entry, self.client)
        # What each folder's subentry looked like when it was applied: Home Assistant
        # changes the subentry itself in place.
        self._applied: dict[str, tuple[str, dict[str, Any]]] = {}
        self._schedules: dict[str, CALLBACK_TYPE] = {}
        self._new_folder_listeners: list[NewFolderListener] = []
        self._lock = asyncio.Lock()
        self._account = _account_of(entry)

    @callback
    def account_changed(self) -> bool:
        """Return whether the account's own data is not what this was built from."""
        return self._account != _account_of(self.entry)

    async def start(self) -> None:
        """Open the ledger and tend the folders; raises LedgerError."""
        self.engine.subscribe(self._handle)
        self.engine.subscribe(self.overview.changed)
        subentries = self.entry.get_subentries_of_type(SUBENTRY_FOLDER)
        await self.engine.start(filter(None, map(self._folder_of, subentries)))
        for subentry in self.entry.get_subentries_of_type(SUBENTRY_FOLDER):
            await self._schedule(subentry)
            self._applied[subentry.subentry_id] = _snapshot(subentry)

    async def stop(self) -> None:
        """Stop everything; what is on its way is sent again after the next start."""
        for remove in self._schedules.values():
            remove()
        self._schedules.clear()
        await self.engine.stop()

    async def update(self) -> None:
        """Apply what changed in the subentries; nothing else is disturbed."""
        async with self._lock:
            current = {
                subentry.subentry_id: subentry
                for subentry in self.entry.get_subentries_of_type(SUBENTRY_FOLDER)
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
            self.overview.changed()

    @callback
    def on_new_folder(self, listener: NewFolderListener) -> CALLBACK_TYPE:
        """Call a function for each folder that is there now, and each new one."""
        self._new_folder_listeners.append(listener)
        for subentry in self.entry.get_subentries_of_type(SUBENTRY_FOLDER):
            listener(subentry)
        return lambda: self._new_folder_listeners.remove(listener)

    async def _apply(self, subentry: ConfigSubentry, *, new: bool) -> None:
        """Take over a new or changed folder."""
        clear_issue(
            self.hass, Issue.FOLDER_RULES, self.entry.entry_id, subentry.subentry_id
        )
        if (folder := self._folder_of(subentry)) is not None:
            await self.engine.apply(folder)
        await self._schedule(subentry)
        if new:
            for listener in list(self._new_folder_listeners):
                listener(subentry)
        self._rename_device(subentry)

    async def _remove(self, subentry_id: str) -> None:
        """Let go of a folder that was removed."""
        del self._applied[subentry_id]
        if (remove := self._schedules.pop(subentry_id, None)) is not None:
            remove()
        await self.engine.remove(subentry_id)
        clear_all(self.hass, self.entry.entry_id, subentry_id)

    def _folder_of(self, subentry: ConfigSubentry) -> Folder | None:
        """Return the engine's folder; an issue and None if its rules can't be read."""
        try:
            return folder_of(subentry)
        except RuleError as err:
            raise_issue(
                self.hass,
                Issue.FOLDER_RULES,
                self.entry.entry_id,
                subentry.subentry_id,
                folder=subentry.title,
                field=err.field,
            )
            return None

    async def _schedule(self, subentry: ConfigSubentry) -> None:
        """Start the folder's runs by the clock as it says now."""
        subentry_id = subentry.subentry_id
        if (remove := self._schedules.pop(subentry_id, None)) is not None:
            remove()

        @callback
        def start() -> None:
            if self.engine.automatic:
                self.engine.start_run([subentry_id], trigger=RunTrigger.SCHEDULE)

        added = await schedule(self.hass, subentry.title, subentry.data, start)
        if added is not None:
            self._schedules[subentry_id] = added

    @callback
    def _rename_device(self, subentry: ConfigSubentry) -> None:
        """Let the folder's device follow its name."""
        registry = dr.async_get(self.hass)
        for device in dr.async_entries_for_config_entry(registry, self.entry.entry_id):
            if (DOMAIN, subentry.subentry_id) in device.identifiers:
                registry.async_update_device(device.id, name=subentry.title)

    @callback
    def _handle(self, event: Event) -> None:
        """Turn the engine's events into what Home Assistant has for them."""
        match event:
            case FolderChanged(folder, trouble):
                self._folder_changed(folder, trouble)
            case PollingFallback(folder, _):
                self._folder_issue(Issue.POLLING, folder)
            case Halted(halt, detail):
                self._halted(halt, detail)
            case ServerChanged(None):
                LOGGER.info("The Immich server answers again")
            case ServerChanged(error):
                LOGGER.info("The Immich server can't be used: %s", error)
            case FileTooLarge(size):
                raise_issue(
                    self.hass,
                    Issue.FILE_TOO_LARGE,
                    self.entry.entry_id,
                    account=self.entry.title,
                    size=f"{size / 1e6:.0f}",
                )
            case ProofsLost(count):
                raise_issue(
                    self.hass,
                    Issue.PROOFS_LOST,
                    self.entry.entry_id,
                    account=self.entry.title,
                    count=str(count),
                )

    @callback
    def _folder_changed(self, folder_id: str, trouble: FolderTrouble | None) -> None:
        """Raise or clear the issues about a folder's root."""
        for issue in set(_FOLDER_ISSUES.values()):
            if trouble is None or issue is not _FOLDER_ISSUES[trouble]:
                clear_issue(self.hass, issue, self.entry.entry_id, folder_id)
        if trouble is not None:
            self._folder_issue(_FOLDER_ISSUES[trouble], folder_id)

    @callback
    def _folder_issue(self, issue: Issue, folder_id: str) -> None:
        """Raise an issue about a folder."""
        subentry = self.entry.subentries.get(folder_id)
        if subentry is not None:
            raise_issue(
                self.hass,
                issue,
                self.entry.entry_id,
                folder_id,
                folder=subentry.title,
                path=subentry.data[CONF_PATH],
            )

    @callback
    def _halted(self, halt: Halt | None, detail: str | None) -> None:
        """Tell what a person must do before uploads go on."""
        for issue in _HALT_ISSUES.values():
            clear_issue(self.hass, issue, self.entry.entry_id)
        if halt is Halt.UNAUTHORISED:
            self.entry.async_start_reauth(self.hass)
        elif halt is not None and halt in _HALT_ISSUES:
            raise_issue(
                self.hass,
                _HALT_ISSUES[halt],
                self.entry.entry_id,
                account=self.entry.title,
                url=self.entry.data[CONF_URL],
                detail=detail or "",
            )


def _snapshot(subentry: ConfigSubentry) -> tuple[str, dict[str, Any]]:
    """Return a copy of what a folder's subentry says."""
    return subentry.title, dict(subentry.data)


def _account_of(entry: ImmichBackupConfigEntry) -> dict[str, Any]:
    """Return a copy of what the account's entry says."""
    return {"data": dict(entry.data), "options": dict(entry.options)}
