"""Brings a message to all whom a notification tells: at once, none disturbs another."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .delivery import GoneError, Message, Progress, Skipped
from .delivery.clips import Clips
from .delivery.notify import clear_progress, deliver_by_action, deliver_to_entity
from .delivery.speaker import deliver as deliver_to_speaker
from .delivery.tv import deliver as deliver_to_tv
from .engine import Engine
from .flows.texts import load_texts
from .immich import ImmichClient
from .notifications import Notification, Occasion, Target, TargetKind
from .occasions import News
from .wording import render_all, retry_label

# Seconds that a target may take; the others don't wait for it. The time of a player begins
# with its turn, where it is limited.
PATIENCE = {TargetKind.NOTIFY: 30.0, TargetKind.ACTION: 30.0}


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
    # Whether the error is one that does not pass by itself.
    gone: bool = False

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


class Courier:
    """Puts what there is to tell into words, and brings them to people."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        engine: Engine,
        client: ImmichClient,
    ) -> None:
        """Take what knows the folders' names, and the client that knows the photos."""
        self._hass = hass
        self._entry = entry
        self._engine = engine
        self._clips = Clips(hass, client)
        # By notifications (their ids): whose phones wait for a photo.
        self._phones: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def bring(
        self,
        notification: Notification,
        news: Sequence[News],
        event: str,
        arrived: Callable[[], None] = lambda: None,
    ) -> tuple[list[Delivery], list[str]]:
        """Tell all targets at once; return what became of each, in their order.

        ``news`` becomes one message; ``arrived`` is called when it reached one of them.
        As well return which templates could not be used, and why, in words. Raises
        nothing.
        """
        unusable: list[str] = []
        message = await self._message(notification, news, unusable)
        for_phones: Message | None = None

        async def deliver(target: Target) -> Delivery:
            nonlocal for_phones
            told = message
            if target.phone:
                # One message waits for a photo; the next one is not to overtake it.
                async with self._phones[notification.id]:
                    if for_phones is None:
                        for_phones = await self._pictured(notification, message)
                told = for_phones
            delivery = await self._deliver(notification, target, told, event)
            if delivery.ok:
                arrived()
            return delivery

        deliveries = await asyncio.gather(*map(deliver, notification.targets))
        return deliveries, list(dict.fromkeys(unusable))

    async def show_progress(self, notification: Notification, news: News) -> None:
        """Show on phones how far a backup is, in place of what they showed of it before.

        Nobody misses what fails of that. Raises nothing.
        """
        message = await self._message(notification, [news], [])
        await asyncio.gather(
            *(
                self._deliver(notification, target, message, Occasion.PROGRESS.value)
                for target in notification.phones
            )
        )

    async def clear_progress(self, notification: Notification) -> None:
        """Take from phones what they show of a backup's progress. Raises nothing."""
        tag = _tag(notification, Occasion.PROGRESS)
        results = await asyncio.gather(
            *(
                asyncio.wait_for(
                    clear_progress(self._hass, target.name, tag), PATIENCE[target.kind]
                )
                for target in notification.phones
            ),
            return_exceptions=True,
        )
        for error in filter(None, results):
            LOGGER.debug("A phone still shows the progress of a backup: %r", error)

    async def _message(
        self, notification: Notification, news: Sequence[News], unusable: list[str]
    ) -> Message:
        """Return the words; templates that can't be used are added to ``unusable``."""
        texts = await load_texts(self._hass)
        title, text = await render_all(
            self._hass,
            notification,
            [one.values(self._engine, self._entry.title) for one in news],
            tell_problem=lambda key, why: unusable.append(
                f"{texts.telling(key)}: {why}"
            ),
        )
        first = news[0]
        progress = None
        if first.occasion is Occasion.PROGRESS:
            progress = Progress(first.done, first.total)
        return Message(
            title=title,
            text=text,
            language=notification.language or self._hass.config.language,
            tag=_tag(notification, first.occasion),
            url="/config/integrations/integration/immich_backup",
            assets=tuple(chain.from_iterable(one.assets for one in news)),
            retry=(
                await retry_label(self._hass, notification.language)
                if any(one.failed for one in news)
                else None
            ),
            progress=progress,
        )

    async def _pictured(self, notification: Notification, message: Message) -> Message:
        """Return a message with a stored photo, if phones are to show one."""
        if not (notification.picture and message.assets):
            return message
        photo = await self._clips.photo(message.assets)
        return message if photo is None else replace(message, picture=photo.path)

    async def _deliver(
        self, notification: Notification, target: Target, message: Message, event: str
    ) -> Delivery:
        """Tell one target, and note what became of that."""
        error = skipped = None
        gone = False
        try:
            async with asyncio.timeout(PATIENCE.get(target.kind)):
                await self._reach(notification, target, message)
        except Skipped as reason:
            skipped = str(reason)
        except TimeoutError:
            error = "It did not answer in time"
        except HomeAssistantError as err:
            error = str(err) or type(err).__name__
            gone = isinstance(err, GoneError)
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
            gone=gone,
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
def retry_action(entry: ConfigEntry) -> str:
    """Return what a phone answers with when what failed is to be tried again."""
    return f"{DOMAIN}_retry_{entry.entry_id}"


@callback
def _tag(notification: Notification, occasion: Occasion) -> str:
    """Return what messages have in common that replace each other on a phone.

    Progress does not take the place of news that nobody may have read yet. It is cleared
    in the end, as nothing else ends a Live Activity of an iPhone.
    """
    tag = f"{DOMAIN}_{notification.id}"
    return f"{tag}_progress" if occasion is Occasion.PROGRESS else tag
