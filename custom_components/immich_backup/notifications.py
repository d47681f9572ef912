"""A notification's subentry: who is told what, when and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import Platform
from homeassistant.util import dt as dt_util

from .const import (
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_INTERRUPT,
    CONF_INTERRUPT_TVS,
    CONF_LANGUAGE,
    CONF_LEAST_COUNT,
    CONF_MESSAGE,
    CONF_NOTIFY_ACTIONS,
    CONF_NOTIFY_ENTITIES,
    CONF_ONLY_STORED,
    CONF_PICTURE,
    CONF_QUIET_FAILURES,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    CONF_SPEAKERS,
    CONF_TITLE,
    CONF_TTS,
    CONF_TVS,
    CONF_VOLUME,
    PHONE_PREFIX,
)


class Occasion(StrEnum):
    """What people can be told about."""

    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    FOLDER_UNAVAILABLE = "folder_unavailable"
    OVERDUE = "overdue"
    PROGRESS = "progress"

    @property
    def failure(self) -> bool:
        """Return whether something is wrong."""
        return self not in (Occasion.COMPLETED, Occasion.PROGRESS)


DEFAULT_OCCASIONS = tuple(one for one in Occasion if one.failure)


class TargetKind(StrEnum):
    """How a target is told."""

    NOTIFY = "notify"
    ACTION = "action"
    SPEAKER = "speaker"
    TV = "tv"


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver: an entity id, or the name of an action such as `notify.phone`."""

    kind: TargetKind
    name: str

    @property
    def phone(self) -> bool:
        """Return whether it is a phone with Home Assistant's app."""
        return self.kind is TargetKind.ACTION and is_phone(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one subentry says; ``volume`` is 0 to 1, or None: as it is.

    ``folders`` are ids of folders, none of them: all. ``title`` and ``message`` are
    templates, None: the words that come with the language.
    """

    id: str
    name: str
    occasions: frozenset[Occasion]
    folders: frozenset[str]
    only_stored: bool
    least_count: int
    digest: timedelta
    quiet_from: time | None
    quiet_to: time | None
    quiet_failures: bool
    title: str | None
    message: str | None
    language: str | None
    picture: bool
    targets: tuple[Target, ...]
    tts: str | None
    volume: float | None
    interrupt: bool
    interrupt_tvs: bool

    @property
    def phones(self) -> Sequence[Target]:
        """Return the phones, which can show progress and pictures."""
        return [target for target in self.targets if target.phone]

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end that are going on; None if none are.

        ``now`` is aware; the hours are those of the home.
        """
        begin, end = self.quiet_from, self.quiet_to
        if begin is None or end is None or begin == end:
            return None
        local = dt_util.as_local(now)
        at = local.timetz().replace(tzinfo=None)
        if begin < end:
            quiet = begin <= at < end
        else:
            quiet = at >= begin or at < end
        if not quiet:
            return None
        day = local.date() + timedelta(days=at >= end)
        return dt_util.as_utc(datetime.combine(day, end, local.tzinfo))


def is_phone(action: str) -> bool:
    """Return whether an action such as `notify.phone` tells a phone with the app."""
    return action.startswith(f"{Platform.NOTIFY}.{PHONE_PREFIX}")


def notification_of(subentry: ConfigSubentry) -> Notification:
    """Return what a notification's subentry says."""
    data = subentry.data
    volume = data.get(CONF_VOLUME)
    return Notification(
        id=subentry.subentry_id,
        name=subentry.title,
        occasions=frozenset(
            Occasion(one) for one in data.get(CONF_EVENTS, DEFAULT_OCCASIONS)
        ),
        folders=frozenset(data.get(CONF_FOLDERS, ())),
        only_stored=data.get(CONF_ONLY_STORED, True),
        least_count=int(data.get(CONF_LEAST_COUNT, 1)),
        digest=timedelta(minutes=data.get(CONF_DIGEST_MINUTES, 0)),
        quiet_from=dt_util.parse_time(data.get(CONF_QUIET_FROM) or ""),
        quiet_to=dt_util.parse_time(data.get(CONF_QUIET_TO) or ""),
        quiet_failures=data.get(CONF_QUIET_FAILURES, True),
        title=data.get(CONF_TITLE) or None,
        message=data.get(CONF_MESSAGE) or None,
        language=data.get(CONF_LANGUAGE) or None,
        picture=data.get(CONF_PICTURE, True),
        targets=_targets(data),
        tts=data.get(CONF_TTS) or None,
        volume=None if volume is None else volume / 100,
        interrupt=data.get(CONF_INTERRUPT, False),
        interrupt_tvs=data.get(CONF_INTERRUPT_TVS, False),
    )


def _targets(data: Mapping[str, Any]) -> tuple[Target, ...]:
    """Return everyone who is told, each once."""
    return tuple(
        dict.fromkeys(
            Target(kind, name)
            for kind, key in (
                (TargetKind.NOTIFY, CONF_NOTIFY_ENTITIES),
                (TargetKind.ACTION, CONF_NOTIFY_ACTIONS),
                (TargetKind.SPEAKER, CONF_SPEAKERS),
                (TargetKind.TV, CONF_TVS),
            )
            for name in data.get(key, ())
        )
    )
