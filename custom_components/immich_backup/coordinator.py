"""Coordinators: the engine in numbers, and what the server says of itself."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import DOMAIN, LOGGER, PERMISSIONS
from .engine import Engine, Overview
from .engine.events import Event, RunFinished, RunStarted
from .engine.ledger import LedgerError
from .engine.link import HaltedError, ServerLink
from .immich import ServerVersion
from .immich.errors import ImmichError

if TYPE_CHECKING:
    from .manager import ImmichBackupConfigEntry

# Numbers are written at most this often (seconds), and so often while a run goes on.
_OVERVIEW_COOLDOWN = 1.0
_RUN_INTERVAL = timedelta(seconds=5)
_SERVER_INTERVAL = timedelta(minutes=5)


class OverviewCoordinator(DataUpdateCoordinator[Overview]):
    """The engine in numbers; comes from the ledger, so it is never unavailable."""

    config_entry: ImmichBackupConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: ImmichBackupConfigEntry, engine: Engine
    ) -> None:
        """Ask this engine whenever it says that something changed."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{DOMAIN} overview",
            request_refresh_debouncer=Debouncer(
                hass, LOGGER, cooldown=_OVERVIEW_COOLDOWN, immediate=True
            ),
        )
        self._engine = engine
        self._stop_ticking: CALLBACK_TYPE | None = None

    @callback
    def changed(self, event: Event | datetime | None = None) -> None:
        """Ask the engine again, at most once a second."""
        match event:
            case RunStarted():
                # The transfer rate and the counts change without an event.
                self._tick()
            case RunFinished():
                self._tick(on=False)
        self._debounced_refresh.async_schedule_call()

    @override
    async def async_shutdown(self) -> None:
        """Ask no more."""
        self._tick(on=False)
        await super().async_shutdown()

    @callback
    def _tick(self, *, on: bool = True) -> None:
        """Ask every few seconds, or no longer."""
        if self._stop_ticking is not None:
            self._stop_ticking()
            self._stop_ticking = None
        if on:
            self._stop_ticking = async_track_time_interval(
                self.hass, self.changed, _RUN_INTERVAL, cancel_on_shutdown=True
            )

    @override
    async def _async_update_data(self) -> Overview:
        """Ask the engine for its numbers."""
        try:
            return await self._engine.overview()
        except LedgerError as err:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="ledger_failed",
                translation_placeholders={"error": str(err)},
            ) from err


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What the server says of itself and of our key."""

    version: ServerVersion
    missing_permissions: frozenset[str]


class ServerCoordinator(DataUpdateCoordinator[ServerInfo | None]):
    """Asks the server for its version and the key's permissions every 5 minutes.

    ``data`` is None while it does not say. That is no failure of an update, of which
    Home Assistant would log an error: the link tells it, and what it means.
    """

    config_entry: ImmichBackupConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: ImmichBackupConfigEntry, link: ServerLink
    ) -> None:
        """Ask over this link, which is told when the server does not answer."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{DOMAIN} server",
            update_interval=_SERVER_INTERVAL,
        )
        self._link = link

    @override
    async def _async_update_data(self) -> ServerInfo | None:
        """Ask the server; let the link know when it does not answer."""
        client = self._link.client
        try:
            version = await client.require_supported()
            key = await client.api_key()
        except ImmichError as err:
            with suppress(HaltedError):
                self._link.note_failure(err)
            return None
        return ServerInfo(version=version, missing_permissions=key.missing(PERMISSIONS))
