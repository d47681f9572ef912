"""Shows on phones how far a backup is that takes a while."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .courier import Courier
from .engine import Engine
from .engine.events import Event, RunFinished, RunProgress, RunStarted
from .engine.model import RunReport, RunTrigger
from .notifications import Notification, Occasion
from .occasions import progress_of
from .pending import PendingNews

# Seconds that a run takes before anyone is shown how far it is.
_AFTER: Final = 10.0
# A phone may be sent 300 messages a day, and is to be sent what went wrong as well. So
# many seconds pass between two pushes at least, and this share of the time that the run
# has taken: 40 pushes in three hours, 60 in a day.
_LEAST: Final = 30.0
_SHARE: Final = 0.1
# So many pushes at most in a day (seconds), however many runs there are.
_MOST: Final = 100
_DAY: Final = 86_400.0
# Seconds that a stop waits for phones.
_STOP_PATIENCE: Final = 3.0


class Pace:
    """Says when a phone may be sent how far a run is; all times in seconds."""

    def __init__(self) -> None:
        """Begin without any push."""
        self._last: float | None = None
        self._day: float | None = None
        self._pushes = 0

    def take(self, now: float, elapsed: float) -> bool:
        """Return whether it may be sent now, and count on that it is.

        ``now`` is monotonic, ``elapsed`` how long the run has taken.
        """
        if elapsed < _AFTER or (
            self._last is not None and now - self._last < max(_LEAST, elapsed * _SHARE)
        ):
            return False
        if self._day is None or now - self._day >= _DAY:
            self._day, self._pushes = now, 0
        if self._pushes >= _MOST:
            return False
        self._last = now
        self._pushes += 1
        return True


class ProgressTeller:
    """Follows the runs of one account on the phones of those who want that."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        engine: Engine,
        courier: Courier,
        news: PendingNews,
    ) -> None:
        """Begin without a run; ``news`` keeps whose phones show progress."""
        self._hass = hass
        self._entry = entry
        self._engine = engine
        self._courier = courier
        self._news = news
        self._showing = news.showing
        self._run: str | None = None
        self._began = 0.0
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        # What is shown and cleared at the same time could end up shown.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @callback
    def handle(self, event: Event, notifications: Iterable[Notification]) -> None:
        """Take what the engine tells of runs, of which these notifications may tell."""
        match event:
            case RunStarted(run) if run.trigger is not RunTrigger.UPLOAD:
                self._run, self._began = run.id, time.monotonic()
            case RunProgress(run) if run.id == self._run:
                self._go_on(run, notifications)
            case RunFinished(run) if run.id == self._run:
                self._run = None
                self.clear()

    @callback
    def clear(self) -> None:
        """Let no phone show the progress of a run that is over."""
        for key in list(self._showing):
            self._begin(self._clear(key))

    async def stop(self) -> None:
        """Let no phone show anything while nobody follows the runs."""
        self._run = None
        # What is not cleared in time, or after a crash, is cleared by the next start.
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_PATIENCE):
                await asyncio.gather(*map(self._clear, self._showing))

    @callback
    def follow(self, notifications: Mapping[str, Notification]) -> None:
        """Clear what is shown for notifications that are not what they were."""
        for key, shown in list(self._showing.items()):
            if notifications.get(key) != shown:
                self._begin(self._clear(key))

    @callback
    def _go_on(self, run: RunReport, notifications: Iterable[Notification]) -> None:
        """Show how far a run is, where that is due."""
        now = time.monotonic()
        elapsed = now - self._began
        for notification in notifications:
            if (
                Occasion.PROGRESS in notification.occasions
                and notification.phones
                and (
                    not notification.folders or notification.folders & set(run.folders)
                )
                and notification.quiet_until(dt_util.utcnow()) is None
                and self._paces[notification.id].take(now, elapsed)
            ):
                self._begin(self._show(notification, run, elapsed))

    async def _show(
        self, notification: Notification, run: RunReport, elapsed: float
    ) -> None:
        """Show how far a run is, unless it is over by now."""
        async with self._locks[notification.id]:
            overview = await self._engine.overview()
            folders = notification.folders or self._engine.folders.keys()
            news = progress_of(run, folders, overview)
            if news is None or not news.total or run.id != self._run:
                return
            news.seconds = elapsed
            self._showing[notification.id] = notification
            self._news.save()
            await self._courier.show_progress(notification, news)

    async def _clear(self, key: str) -> None:
        """Clear what is shown for one notification."""
        async with self._locks[key]:
            if (notification := self._showing.get(key)) is None:
                return
            await self._courier.clear_progress(notification)
            del self._showing[key]
            self._news.save()

    @callback
    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        self._entry.async_create_background_task(
            self._hass, work, f"{DOMAIN} progress on phones"
        )
