"""Tells people what became of backups: to each target on its own, and in time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER, SUBENTRY_NOTIFICATION
from .delivery import Message, Skipped
from .delivery.clips import Clips
from .delivery.notify import deliver_by_action, deliver_to_entity
from .delivery.speaker import deliver as deliver_to_speaker
from .delivery.tv import deliver as deliver_to_tv
from .engine import Engine
from .engine.events import Event
from .immich import ImmichClient
from .notifications import Notification, Occasion, Target, TargetKind, notification_of
from .occasions import News, news_of, worth_telling
from .wording import render

# Seconds that a target may take; the others don't wait for it. What is spoken or shown
# takes as long as it takes, and what was there before comes back after that.
PATIENCE = {
    TargetKind.NOTIFY: 30.0,
    TargetKind.ACTION: 30.0,
    TargetKind.SPEAKER: 90.0,
    TargetKind.TV: 90.0,
}
# So many deliveries are remembered.
_REMEMBERED = 50
# So often in a row a target has to fail before a person is told.
_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of telling one target; neither ``ok`` nor an ``error``: skipped."""

    at: datetime
    notification: str
    target: str
    kind: str
    event: str
    message: str
    ok: bool
    error: str | None = None
    skipped: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it in plain values, safe to be sent as JSON."""
        return {
            "at": dt_util.as_local(self.at).isoformat(),
            "notification": self.notification,
            "target": self.target,
            "kind": self.kind,
            "event": self.event,
            "message": self.message,
            "ok": self.ok,
            "error": self.error,
            "skipped": self.skipped,
        }


@dataclass(slots=True)
class _Pending:
    """What one notification has to tell later, and what it told last."""

    news: News | None = None
    timer: CALLBACK_TYPE | None = None
    told: News | None = None
    # How often in a row each target failed.
    failures: dict[Target, int] = field(default_factory=dict)
    # Which templates can't be used, and why.
    unusable: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """Return what keeps people from being told, in words."""
        failing = [
            target.name for target, count in self.failures.items() if count >= _FAILURES
        ]
        return [*failing, *self.unusable]


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
        self._clips = Clips(hass, client)
        self._pending: dict[str, _Pending] = {}
        self._listeners: list[Callable[[Sequence[Delivery]], None]] = []

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
        for notification in self.notifications.values():
            folders = notification.folders or self._engine.folders.keys()
            news = news_of(event, folders)
            if news is None:
                continue
            pending = self._pending.setdefault(notification.id, _Pending())
            if news.occasion is Occasion.COMPLETED:
                # What was wrong is right again; if it goes wrong anew, that is told.
                pending.told = None
            if news.occasion in notification.occasions and worth_telling(
                news, notification, pending.told
            ):
                self._gather(notification, pending, news)

    @callback
    def follow(self) -> None:
        """Let go of notifications that were removed."""
        for key in self._pending.keys() - self.notifications.keys():
            _stop(self._pending.pop(key))
            self._troubled(key, "", ())

    @callback
    def stop(self) -> None:
        """Tell nothing any more."""
        for pending in self._pending.values():
            _stop(pending)

    async def test(self, ids: Iterable[str] | None = None) -> list[Delivery]:
        """Send a sample now, by some notifications or all; return what became of it."""
        chosen = [
            notification
            for key, notification in self.notifications.items()
            if ids is None or key in ids
        ]
        results = await asyncio.gather(
            *(self._send(one, _sample(self._engine, one), "test") for one in chosen)
        )
        return [delivery for some in results for delivery in some]

    @callback
    def _gather(
        self, notification: Notification, pending: _Pending, news: News
    ) -> None:
        """Add to what is to be told, and decide when that is."""
        if pending.news is None:
            pending.news = news
        else:
            pending.news.add(news)
        now = dt_util.utcnow()
        urgent = news.occasion.failure
        due = now
        if news.occasion in (Occasion.COMPLETED, Occasion.COMPLETED_WITH_ERRORS):
            due += notification.digest
        quiet_until = notification.quiet_until(due)
        if quiet_until is not None and not (urgent and notification.quiet_failures):
            due = quiet_until
        elif pending.timer is not None and due > now:
            # The window is that of the first of them.
            return
        _stop(pending)
        if due <= now:
            self._tell(notification.id)
            return

        @callback
        def tell(_now: datetime) -> None:
            pending.timer = None
            self._tell(notification.id)

        pending.timer = async_track_point_in_utc_time(self._hass, tell, due)

    @callback
    def _tell(self, notification_id: str) -> None:
        """Tell what was gathered, in a task of its own."""
        pending = self._pending[notification_id]
        notification = self.notifications.get(notification_id)
        if notification is None or pending.news is None:
            return
        news, pending.news, pending.told = pending.news, None, pending.news
        self._entry.async_create_background_task(
            self._hass,
            self._send(notification, news, news.occasion.value),
            f"{DOMAIN} notification",
        )

    async def _send(
        self, notification: Notification, news: News, event: str
    ) -> list[Delivery]:
        """Tell all targets at once; none of them can disturb another one."""
        unusable: list[str] = []
        title, text = await render(
            self._hass,
            notification,
            news.values(self._engine, self._entry.title),
            tell_problem=lambda key, why: unusable.append(f"{key}: {why}"),
        )
        message = Message(
            title=title,
            text=text,
            language=notification.language or self._hass.config.language,
            tag=f"{DOMAIN}_{notification.id}",
            url="/config/integrations/integration/immich_backup",
            picture=await self._picture(notification, news),
            assets=tuple(news.assets),
            retry=news.failed > 0,
        )
        deliveries = await asyncio.gather(
            *(
                self._deliver(notification, target, message, event)
                for target in notification.targets
            )
        )
        self.deliveries += deliveries
        self._judge(notification, deliveries, unusable)
        for listener in list(self._listeners):
            listener(deliveries)
        return deliveries

    async def _picture(self, notification: Notification, news: News) -> str | None:
        """Return a path that shows a stored photo for a while, for those who can."""
        phones = any(one.kind is TargetKind.ACTION for one in notification.targets)
        if not (notification.picture and phones and news.assets):
            return None
        photo = await self._clips.photo(news.assets)
        return None if photo is None else photo.path

    async def _deliver(
        self, notification: Notification, target: Target, message: Message, event: str
    ) -> Delivery:
        """Tell one target, and note what became of that."""
        error = skipped = None
        try:
            async with asyncio.timeout(PATIENCE[target.kind]):
                await self._reach(notification, target, message)
        except Skipped as reason:
            skipped = str(reason)
        except TimeoutError:
            error = "It did not answer in time"
        except HomeAssistantError as err:
            error = str(err) or type(err).__name__
        except Exception as err:  # noqa: BLE001
            # Whatever an integration raises, the backup and the others go on.
            LOGGER.debug("A target of a notification failed", exc_info=True)
            error = f"{type(err).__name__}: {err}"
        kind = TargetKind.NOTIFY if target.kind is TargetKind.ACTION else target.kind
        return Delivery(
            at=dt_util.utcnow(),
            notification=notification.name,
            target=target.name,
            kind=kind.value,
            event=event,
            message=message.text,
            ok=error is None and skipped is None,
            error=error,
            skipped=skipped,
        )

    async def _reach(
        self, notification: Notification, target: Target, message: Message
    ) -> None:
        """Tell one target; raises Skipped, HomeAssistantError and anything else."""
        match target.kind:
            case TargetKind.NOTIFY:
                await deliver_to_entity(self._hass, target.name, message)
            case TargetKind.ACTION:
                await deliver_by_action(
                    self._hass, target.name, message, retry_action(self._entry)
                )
            case TargetKind.SPEAKER:
                await deliver_to_speaker(
                    self._hass,
                    target.name,
                    message,
                    tts=notification.tts,
                    volume=notification.volume,
                    interrupt=notification.interrupt,
                )
            case TargetKind.TV:
                await deliver_to_tv(
                    self._hass,
                    target.name,
                    message,
                    tts=notification.tts,
                    interrupt=notification.interrupt_tvs,
                    clips=self._clips,
                )

    @callback
    def _judge(
        self,
        notification: Notification,
        deliveries: Sequence[Delivery],
        unusable: Sequence[str],
    ) -> None:
        """Note which targets keep failing, and tell of it."""
        pending = self._pending.setdefault(notification.id, _Pending())
        pending.unusable = unusable
        before = pending.failures
        pending.failures = {
            target: before.get(target, 0) + 1
            for target, delivery in zip(notification.targets, deliveries, strict=True)
            if delivery.error is not None
        }
        self._troubled(notification.id, notification.name, pending.problems)


@callback
def retry_action(entry: ConfigEntry) -> str:
    """Return what a phone answers with when what failed is to be tried again."""
    return f"{DOMAIN}_retry_{entry.entry_id}"


@callback
def _stop(pending: _Pending) -> None:
    """Forget when something was to be told."""
    if pending.timer is not None:
        pending.timer()
        pending.timer = None


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
        examples=["IMG_0001.jpg", "IMG_0002.jpg", "IMG_0003.mp4"],
        seconds=12,
    )
