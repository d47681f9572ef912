"""What notifications have still to tell and told last, kept over a restart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .notifications import Notification, Target
from .occasions import News, gather, note_told

_VERSION: Final = 1
# What is raised by data that has not the form that is expected.
_MISFITS: Final = (AttributeError, KeyError, TypeError, ValueError)
# So often in a row a target has to fail before a person is told.
FAILURES: Final = 3


@dataclass(slots=True)
class Pending:
    """What one notification has to tell later and tells now, and what it told last.

    ``due`` is when ``news`` is to be told, ``telling`` what is on its way to people.
    """

    news: list[News] = field(default_factory=list)
    due: datetime | None = None
    timer: CALLBACK_TYPE | None = None
    telling: list[News] = field(default_factory=list)
    told: list[News] = field(default_factory=list)
    # How often in a row each target failed, and why it did the last time.
    failures: dict[Target, tuple[int, str]] = field(default_factory=dict)
    # Which templates can't be used, and why.
    unusable: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """Return what keeps people from being told, in words."""
        failing = [
            f"{target.name}: {error}"
            for target, (count, error) in self.failures.items()
            if count >= FAILURES
        ]
        return [*failing, *self.unusable]

    @callback
    def take(self) -> list[News]:
        """Return what is to be told, which is on its way from now on."""
        news, self.news, self.due = self.news, [], None
        for one in news:
            note_told(self.told, one)
        self.telling += news
        return news

    @callback
    def stop(self) -> None:
        """Forget when something was to be told."""
        if self.timer is not None:
            self.timer()
            self.timer = None


class PendingNews:
    """What one account has to tell by its notifications, by their ids.

    It lies beside Home Assistant's own storage, and is a few short texts for each
    notification, however much happens. ``showing`` are the notifications whose phones
    show the progress of a run, as they were when that began.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with nothing to tell."""
        self.pending: dict[str, Pending] = {}
        self.showing: dict[str, Notification] = {}
        self._store = _store_of(hass, entry_id)
        # Nothing is written where nobody was ever told anything.
        self._used = False

    async def load(self, notifications: Mapping[str, Notification]) -> None:
        """Recall what was kept of these notifications, as far as it can be read."""
        try:
            if not (kept := await self._store.async_load()):
                return
            pending, showing = kept["pending"], kept["showing"]
            self._used = True
            for key, notification in notifications.items():
                if key in pending:
                    self.pending[key] = _restored(pending[key])
                if key in showing:
                    self.showing[key] = notification
        except (HomeAssistantError, NotImplementedError, *_MISFITS) as err:
            # To lose a message is bad, to stop backups for it would be worse.
            LOGGER.warning("What was still to be told can't be read: %r", err)

    @callback
    def save(self) -> None:
        """Write it soon: once for all that happens at the same moment."""
        self._used = True
        self._store.async_delay_save(self._kept)

    async def save_now(self) -> None:
        """Write it, before something else may read it."""
        if self._used:
            await self._store.async_save(self._kept())

    @callback
    def _kept(self) -> dict[str, Any]:
        """Return what is written."""
        pending = {key: _plain(one) for key, one in self.pending.items()}
        return {
            "pending": {key: one for key, one in pending.items() if any(one.values())},
            "showing": sorted(self.showing),
        }


async def forget_pending(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what was kept for an account that is gone."""
    await _store_of(hass, entry_id).async_remove()


def _store_of(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where it is written."""
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.notifications")


def _plain(pending: Pending) -> dict[str, Any]:
    """Return what is written of one notification."""
    # What is on its way may not arrive before everything stops.
    news = [*pending.telling, *pending.news]
    return {
        "news": [one.as_dict() for one in news],
        "due": None if pending.due is None else pending.due.timestamp(),
        "told": [one.as_dict() for one in pending.told],
    }


def _restored(kept: Any) -> Pending:
    """Return what was written of one notification, as far as it can be understood."""
    pending = Pending()
    try:
        for one in kept["news"]:
            gather(pending.news, News.of(one))
        if kept["due"] is not None:
            pending.due = dt_util.utc_from_timestamp(kept["due"])
        pending.told = [News.of(one) for one in kept["told"]]
    except _MISFITS as err:
        LOGGER.warning("Something that was still to be told can't be read: %r", err)
    return pending
