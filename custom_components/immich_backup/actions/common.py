"""What actions share: finding the account and the folders that a call means."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, service

from ..const import DOMAIN, SUBENTRY_FOLDER
from ..engine.ledger import LedgerError
from ..manager import BackupManager, ImmichBackupConfigEntry

ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"
ATTR_FOLDERS: Final = "folders"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a name means: a folder of an account, or with None all folders of it."""

    entry: ImmichBackupConfigEntry
    folder_id: str | None


def manager_of(call: ServiceCall) -> BackupManager:
    """Return the account a call means; without one, the only one there is.

    Raises ServiceValidationError when it is unknown, not loaded or ambiguous.
    """
    entry_id: str | None = call.data.get(ATTR_CONFIG_ENTRY_ID)
    if entry_id is None and len(entries := _entries(call.hass)) > 1:
        raise ambiguous_account(entries)
    return _manager(call.hass, entry_id)


def managers_of(call: ServiceCall) -> list[BackupManager]:
    """Return the account a call means; without one, all that are loaded.

    Raises ServiceValidationError when there is none.
    """
    if ATTR_CONFIG_ENTRY_ID not in call.data:
        loaded = [
            entry.runtime_data
            for entry in _entries(call.hass)
            if entry.state is ConfigEntryState.LOADED
        ]
        if loaded:
            return loaded
    return [manager_of(call)]


def target_of(
    call: ServiceCall, named: Sequence[str] | None
) -> tuple[BackupManager, list[str] | None]:
    """Return the account a call means and the ids of its folders, None for all.

    A folder is named by its device or by its name; the device of an account means all
    its folders. The names tell the account, too. Raises ServiceValidationError.
    """
    if not named:
        return manager_of(call), None
    entry_id: str | None = call.data.get(ATTR_CONFIG_ENTRY_ID)
    if entry_id is None:
        entries = _entries(call.hass)
    else:
        entries = [_manager(call.hass, entry_id).entry]
    found = [_find(call.hass, entries, name) for name in named]
    meant = {one.entry.entry_id: one.entry for one in found}
    if len(meant) > 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="folders_of_several_accounts",
            translation_placeholders={"accounts": _titles(meant.values())},
        )
    manager = _manager(call.hass, next(iter(meant)))
    folder_ids = list(dict.fromkeys(one.folder_id for one in found))
    ids = [folder_id for folder_id in folder_ids if folder_id is not None]
    return manager, ids if len(ids) == len(folder_ids) else None


def ambiguous_account(
    entries: Iterable[ImmichBackupConfigEntry],
) -> ServiceValidationError:
    """Return what to raise when a call may mean any of these accounts."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="account_ambiguous",
        translation_placeholders={"accounts": _titles(entries)},
    )


def ledger_failed(err: LedgerError) -> HomeAssistantError:
    """Return what to raise when the ledger fails."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="ledger_failed",
        translation_placeholders={"error": str(err)},
    )


def _entries(hass: HomeAssistant) -> list[ImmichBackupConfigEntry]:
    """Return all accounts but those that are switched off."""
    return hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )


def _manager(hass: HomeAssistant, entry_id: str | None) -> BackupManager:
    """Return a loaded account; raises ServiceValidationError."""
    entry: ImmichBackupConfigEntry = service.async_get_config_entry(
        hass, DOMAIN, entry_id
    )
    return entry.runtime_data


def _find(
    hass: HomeAssistant, entries: Collection[ImmichBackupConfigEntry], name: str
) -> _Found:
    """Return what a device id or a name means; raises ServiceValidationError."""
    device = dr.async_get(hass).async_get(name)
    if device is not None:
        found = list(_of_device(entries, device))
        name = device.name_by_user or device.name or name
    else:
        found = [
            _Found(entry, subentry.subentry_id)
            for entry in entries
            for subentry in entry.get_subentries_of_type(SUBENTRY_FOLDER)
            if subentry.title == name
        ]
    if len(found) == 1:
        return found[0]
    folders = [
        subentry.title
        for entry in entries
        for subentry in entry.get_subentries_of_type(SUBENTRY_FOLDER)
    ]
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="folder_ambiguous" if found else "folder_unknown",
        translation_placeholders={
            "folder": name,
            "folders": ", ".join(folders) or "–",
            "accounts": _titles(entries),
        },
    )


def _of_device(
    entries: Iterable[ImmichBackupConfigEntry],
    device: dr.DeviceEntry | dr.ChildDeviceEntry,
) -> Iterator[_Found]:
    """Yield the account or the folder that a device stands for, if it does."""
    for entry in entries:
        if (DOMAIN, entry.entry_id) in device.identifiers:
            yield _Found(entry, None)
        for subentry in entry.get_subentries_of_type(SUBENTRY_FOLDER):
            if (DOMAIN, subentry.subentry_id) in device.identifiers:
                yield _Found(entry, subentry.subentry_id)


def _titles(entries: Iterable[ImmichBackupConfigEntry]) -> str:
    """Return the names of accounts."""
    return ", ".join(entry.title for entry in entries)
