"""What actions share: finding the account and the folders that a call means."""

from collections.abc import Sequence
from typing import Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, service

from ..const import DOMAIN, SUBENTRY_FOLDER
from ..engine.ledger import LedgerError
from ..manager import BackupManager, ImmichBackupConfigEntry

ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"
ATTR_FOLDERS: Final = "folders"


def manager_of(call: ServiceCall) -> BackupManager:
    """Return the account a call means; without one, the only one there is.

    Raises ServiceValidationError when it is unknown, not loaded or ambiguous.
    """
    entry: ImmichBackupConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data


def folders_of(
    hass: HomeAssistant, manager: BackupManager, named: Sequence[str] | None
) -> list[str] | None:
    """Return the ids of the folders a call means, or None when it names none.

    A folder is named by its device or by its name. Raises ServiceValidationError.
    """
    if not named:
        return None
    return [_folder(hass, manager, name).subentry_id for name in named]


def _folder(hass: HomeAssistant, manager: BackupManager, name: str) -> ConfigSubentry:
    """Return the folder of a device id or a name."""
    subentries = list(manager.entry.get_subentries_of_type(SUBENTRY_FOLDER))
    device = dr.async_get(hass).async_get(name)
    for subentry in subentries:
        if device is not None and (DOMAIN, subentry.subentry_id) in device.identifiers:
            return subentry
    found = [subentry for subentry in subentries if subentry.title == name]
    if len(found) == 1:
        return found[0]
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="folder_ambiguous" if found else "folder_unknown",
        translation_placeholders={
            "folder": name,
            "folders": ", ".join(subentry.title for subentry in subentries) or "–",
        },
    )


def ledger_failed(err: LedgerError) -> HomeAssistantError:
    """Return what to raise when the ledger fails."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="ledger_failed",
        translation_placeholders={"error": str(err)},
    )
