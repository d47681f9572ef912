"""What triggers and conditions share: whom they listen to, and which folders are meant."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from homeassistant.const import CONF_OPTIONS
from homeassistant.core import callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.signal_type import SignalType
import voluptuous as vol

from .const import DOMAIN, SUBENTRY_FOLDER
from .engine import Overview
from .engine.events import (
    Event,
    FolderChanged,
    FolderOverdue,
    RunFinished,
    RunProgress,
    RunStarted,
)
from .engine.ledger import LedgerError

if TYPE_CHECKING:
    from .manager import BackupManager

CONF_FOLDERS: Final = "folders"
# The option that triggers and conditions about folders have.
FOLDERS: Final[dict[Any, Any]] = {
    vol.Optional(CONF_FOLDERS, default=list): vol.All(cv.ensure_list, [cv.string])
}

# What an account did, for triggers.
SIGNAL_EVENT: Final = SignalType["BackupManager", Event](f"{DOMAIN}_event")
# The numbers of an account changed, for conditions.
SIGNAL_NUMBERS: Final = SignalType[()](f"{DOMAIN}_numbers")

# What there are triggers for.
_TOLD = (RunStarted, RunProgress, RunFinished, FolderChanged, FolderOverdue)


class Relay:
    """Tells triggers and conditions what an account does, and how it stands.

    An event comes once the numbers of its time are known, so that an automation that is
    triggered by it can look at them. Events keep their order.
    """

    def __init__(self, manager: BackupManager) -> None:
        """Tell nothing yet."""
        self._manager = manager
        self._numbers: Overview | None = None
        self._one_by_one = asyncio.Lock()

    @property
    def numbers(self) -> Overview:
        """Return how the account stands: what was read last, for whomever."""
        return self._numbers or self._manager.overview.data

    @callback
    def start(self) -> None:
        """Tell whatever happens from now on; ends with the account's engine."""
        self._manager.engine.subscribe(self._happened)
        self._manager.overview.async_add_listener(self._read_for_entities)

    @callback
    def _read_for_entities(self) -> None:
        """Take over the numbers that entities show, which come once a second."""
        self._know(self._manager.overview.data)

    @callback
    def _happened(self, event: Event) -> None:
        """Tell what there are triggers for."""
        if isinstance(event, _TOLD):
            self._manager.entry.async_create_background_task(
                self._manager.hass, self._tell(event), f"{DOMAIN} tell triggers"
            )

    async def _tell(self, event: Event) -> None:
        """Read the numbers and tell an event; without them if they can't be read."""
        async with self._one_by_one:
            with suppress(LedgerError):
                self._know(await self._manager.engine.overview())
            async_dispatcher_send(
                self._manager.hass, SIGNAL_EVENT, self._manager, event
            )

    @callback
    def _know(self, numbers: Overview) -> None:
        """Keep numbers and tell that they may have changed."""
        self._numbers = numbers
        async_dispatcher_send(self._manager.hass, SIGNAL_NUMBERS)


def with_options(config: ConfigType, fields: dict[Any, Any]) -> ConfigType:
    """Return the configuration of a trigger or condition with all of its options.

    Raises vol.Invalid.
    """
    schema = vol.Schema({vol.Required(CONF_OPTIONS, default=dict): fields})
    return cast("ConfigType", schema(config))


@callback
def chosen_folders(manager: BackupManager, named: Collection[str]) -> frozenset[str]:
    """Return the ids of an account's folders that are meant; all if none is named.

    A folder is named by its device or its name, all of an account by the account's
    device. What is not known means none.
    """
    entry = manager.entry
    devices = dr.async_get(manager.hass)

    def named_by_device(identifier: str) -> bool:
        device = devices.async_get_device_by_identifier(
            (DOMAIN, identifier), entry.entry_id
        )
        return device is not None and device.id in named

    every = not named or named_by_device(entry.entry_id)
    return frozenset(
        subentry.subentry_id
        for subentry in entry.get_subentries_of_type(SUBENTRY_FOLDER)
        if every or subentry.title in named or named_by_device(subentry.subentry_id)
    )
