"""Buttons: back up now, retry what failed, send a test."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actions.common import ledger_failed
from .engine import RunTrigger
from .engine.ledger import LedgerError
from .entity import AccountEntity
from .manager import BackupManager, ImmichBackupConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class AccountButtonDescription(ButtonEntityDescription):
    """A button of an account, and what it does."""

    press_fn: Callable[[BackupManager], Awaitable[object]]


async def _back_up(manager: BackupManager) -> None:
    """Begin a run over all folders, or join the one that goes on."""
    manager.engine.start_run(trigger=RunTrigger.MANUAL)


BUTTONS = (
    AccountButtonDescription(
        key="back_up_now", translation_key="back_up_now", press_fn=_back_up
    ),
    AccountButtonDescription(
        key="retry_failed",
        translation_key="retry_failed",
        press_fn=lambda manager: manager.engine.retry_failed(),
    ),
    AccountButtonDescription(
        key="send_test",
        translation_key="send_test",
        entity_category=EntityCategory.DIAGNOSTIC,
        press_fn=lambda manager: manager.announcer.test(),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ImmichBackupConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of an account."""
    manager = entry.runtime_data
    async_add_entities(AccountButton(manager, button) for button in BUTTONS)


class AccountButton(AccountEntity, ButtonEntity):
    """Something an account can be told to do."""

    entity_description: AccountButtonDescription

    @override
    async def async_press(self) -> None:
        """Do it; what comes of it the event entity tells."""
        try:
            await self.entity_description.press_fn(self._manager)
        except LedgerError as err:
            raise ledger_failed(err) from err
