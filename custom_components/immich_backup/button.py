"""Buttons: back up now, retry what failed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actions.common import ledger_failed
from .engine import Engine, RunTrigger
from .engine.ledger import LedgerError
from .entity import AccountEntity
from .manager import ImmichBackupConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class AccountButtonDescription(ButtonEntityDescription):
    """A button of an account, and what it does."""

    press_fn: Callable[[Engine], Awaitable[object]]


async def _back_up(engine: Engine) -> None:
    """Begin a run over all folders, or join the one that goes on."""
    engine.start_run(trigger=RunTrigger.MANUAL)


BUTTONS = (
    AccountButtonDescription(
        key="back_up_now", translation_key="back_up_now", press_fn=_back_up
    ),
    AccountButtonDescription(
        key="retry_failed",
        translation_key="retry_failed",
        press_fn=lambda engine: engine.retry_failed(),
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
            await self.entity_description.press_fn(self._manager.engine)
        except LedgerError as err:
            raise ledger_failed(err) from err
