"""Tells people what became of backups: what is worth it, at its time, and only once."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER, SUBENTRY_NOTIFICATION
from .courier import Courier, Delivery
from .engine import Engine
from .engine.events import Event
from .immich import ImmichClient
from .notifications import Notification, Occasion, notification_of
from .occasions import News, gather, news_of, note_well, worth_telling
from .pending import FAILURES, Pending, PendingNews
from .progress import ProgressTeller

# So many deliveries are remembered.
_REMEMBERED = 50
# Nothing is held back for longer; a clock that was wrong may have said otherwise.
_LONGEST = timedelta(days=2)


class Announcer:
    """Listens to the engine of one account, and tells whom its owner wants told."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        engine: Engine,
        client: ImmichClient,
        troubled: Callable[[str, str, Sequence[str]], None],
    ) -> None:
        """Take what is listened to, and the client that knows the photos.

        ``troubled`` is told the id and the name of a notification, and what keeps it
        from reaching people.
        """
        self.deliveries: deque[Delivery] = deque(maxlen=_REMEMBERED)
        self._hass = hass
        self._entry = entry
        self._engine = engine
        self._troubled = troubled
        self._courier = Courier(hass, entry, engine, client)
        self._news = PendingNews(hass, entry.entry_id)
        self._pending = self._news.pending
        self._progress = ProgressTeller(hass, entry, engine, self._courier, self._news)
        self._stopped = False
        self._listeners: list[Callable[[Sequence[Delivery]], None]] = []

    async def load(self) -> None:
        """Recall what had still to be told, and what was told last."""
        await self._news.load(self.notifications)

    @callback
    def begin(self) -> None:
        """Tell what had still to be told: those who are to be told can be reached."""
        self._progress.clear()
        now = dt_util.utcnow()
        for key, notification in self.notifications.items():
            pending = self._pending.get(key)
            if pending is None or not pending.news:
                continue
            due = pending.due
            if due is None or not now < due < now + _LONGEST:
                due = _told_at(notification, pending.news, now)
            self._plan(key, pending, due)

    @property
    def notifications(self) -> Mapping[str, Notification]:
        """Return what is configured, by the ids of the subentries."""
        return {
            subentry.subentry_id: notification_of(subentry)
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_NOTIFICATION)
        }

    @callback
    def subscribe(
        self, listener: Callable[[Sequence[Delivery]], None]
    ) -> CALLBACK_TYPE:
        """Call a function with what became of each message; returns how to end it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def handle(self, event: Event) -> None:
        """Tell what an event of the engine has to tell, now or later."""
        if self._stopped:
            return
        notifications = self.notifications
        self._progress.handle(event, notifications.values())
        for notification in notifications.values():
            folders = notification.folders or self._engine.folders.keys()
            news = news_of(event, folders)
            if news is None:
                continue
            pending = self._pending.setdefault(notification.id, Pending())
            if news.occasion is Occasion.COMPLETED and pending.told:
                note_well(pending.told, news)
                self._news.save()
            if news.occasion in notification.occasions and worth_telling(
                news, notification, pending.told
            ):
                self._gather(notification, pending, news)

    @callback
    def follow(self) -> None:
        """Let go of notifications that were removed."""
        notifications = self.notifications
        self._progress.follow(notifications)
        for key in self._pending.keys() - notifications.keys():
            self._pending.pop(key).stop()
            self._troubled(key, "", ())
            self._news.save()

    async def stop(self) -> None:
        """Tell nothing any more; what had still to be told is told after the next start."""
        self._stopped = True
        for pending in self._pending.values():
            pending.stop()
        await self._progress.stop()
        await self._news.save_now()

    async def test(self, ids: Iterable[str] | None = None) -> list[Delivery]:
        """Send a sample now, by some notifications or all; return what became of it."""
        chosen = [
            notification
            for key, notification in self.notifications.items()
            if ids is None or key in ids
        ]
        results = await asyncio.gather(
            *(self._send(one, [_sample(self._engine, one)], "test") for one in chosen)
        )
        return [delivery for some in results for delivery in some]

    @callback
    def _gather(self, notification: Notification, pending: Pending, news: News) -> None:
        """Add to what is to be told, and decide when that is."""
        gather(pending.news, news)
        now = dt_util.utcnow()
        due = now
        if news.occasion in (Occasion.COMPLETED, Occasion.COMPLETED_WITH_ERRORS):
            due += notification.digest
        told_at = _told_at(notification, [news], due)
        if told_at == due > now and pending.timer is not None:
            # The window is that of the first of them.
            self._news.save()
            return
        self._plan(notification.id, pending, told_at)

    @callback
    def _plan(self, notification_id: str, pending: Pending, due: datetime) -> None:
        """Tell what was gathered when it is time."""
        pending.stop()
        if due <= dt_util.utcnow():
            self._tell(notification_id)
            return

        @callback
        def tell(_now: datetime) -> None:
            pending.timer = None
            self._tell(notification_id)

        pending.due = due
        pending.timer = async_track_point_in_utc_time(self._hass, tell, due)
        self._news.save()

    @callback
    def _tell(self, notification_id: str) -> None:
        """Tell what was gathered, in a task of its own."""
        pending = self._pending[notification_id]
        notification = self.notifications.get(notification_id)
        if notification is None or not (news := pending.take()):
            return
        self._news.save()
        self._entry.async_create_background_task(
            self._hass,
            self._tell_all(notification, pending, news),
            f"{DOMAIN} notification",
        )

    async def _tell_all(
        self, notification: Notification, pending: Pending, news: Sequence[News]
    ) -> None:
        """Tell all targets; what reached none by an end is told after the next start.

        What reached one is told: nobody shall hear it twice because a TV took longer.
        """

        @callback
        def arrived() -> None:
            told = [one for one in news if one in pending.telling]
            for one in told:
                pending.telling.remove(one)
            if told:
                self._news.save()

        try:
            await self._send(notification, news, news[0].occasion.value, arrived)
        except Exception:  # noqa: BLE001
            # It would go wrong in the same way each time.
            LOGGER.exception("Unexpected error in a notification")
        arrived()

    async def _send(
        self,
        notification: Notification,
        news: Sequence[News],
        event: str,
        arrived: Callable[[], None] = lambda: None,
    ) -> list[Delivery]:
        """Tell all targets at once, and note what became of that."""
        deliveries, unusable = await self._courier.bring(
            notification, news, event, arrived
        )
        self.deliveries += deliveries
        self._judge(notification, deliveries, unusable)
        for listener in list(self._listeners):
            listener(deliveries)
        return deliveries

    @callback
    def _judge(
        self,
        notification: Notification,
        deliveries: Sequence[Delivery],
        unusable: Sequence[str],
    ) -> None:
        """Note which targets keep failing, and tell of it."""
        if notification.id not in self._entry.subentries:
            return
        pending = self._pending.setdefault(notification.id, Pending())
        pending.unusable = unusable
        before = pending.failures
        pending.failures = {
            target: (_failures(before.get(target), delivery), delivery.error)
            for target, delivery in zip(notification.targets, deliveries, strict=True)
            if delivery.error is not None
        }
        self._troubled(notification.id, notification.name, pending.problems)


@callback
def _told_at(
    notification: Notification, news: Iterable[News], due: datetime
) -> datetime:
    """Return when something is told that would be due then: not in quiet hours."""
    urgent = any(one.occasion.failure for one in news)
    if urgent and notification.quiet_failures:
        return due
    return notification.quiet_until(due) or due


def _failures(before: tuple[int, str] | None, delivery: Delivery) -> int:
    """Return how often in a row a target has failed, or as if it had often enough."""
    if delivery.gone:
        return FAILURES
    return 1 if before is None else before[0] + 1


def _sample(engine: Engine, notification: Notification) -> News:
    """Return something to tell that did not happen."""
    folders = [
        key
        for key in engine.folders
        if not notification.folders or key in notification.folders
    ]
    return News(
        occasion=Occasion.COMPLETED,
        folders=folders[:1],
        uploaded=3,
        photos=2,
        videos=1,
        examples=["IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.mp4"],
        seconds=12,
    )
