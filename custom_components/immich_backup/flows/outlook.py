"""What a folder's confirmation tells: what would happen now, and when from then on."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from homeassistant.components.zone import ENTITY_ID_HOME
from homeassistant.const import WEEKDAYS
from homeassistant.core import HomeAssistant

from ..const import (
    CONF_CONDITIONS,
    CONF_NEW_MEDIA,
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
    CONF_TRIGGERS,
    CONF_ZONE,
)
from ..engine import Detection, Folder, RuleAction
from ..engine.detect.mounts import Mount
from ..engine.organise.arrangement import EVENTFUL, AlbumBy, is_template
from ..engine.preview import Preview
from ..immich import Visibility
from ..scheduled_times import next_scheduled
from .texts import Texts

_ALBUMS = {
    AlbumBy.NAME: "album_name",
    AlbumBy.FOLDERS: "album_folders",
    AlbumBy.YEAR: "album_year",
    AlbumBy.MONTH: "album_month",
    AlbumBy.DAY: "album_day",
    AlbumBy.CALENDAR: "album_calendar",
    AlbumBy.TRIP: "album_trip",
    AlbumBy.ZONE: "album_zone",
}
_OTHERWISE = {
    AlbumBy.NONE: "otherwise_none",
    AlbumBy.YEAR: "otherwise_year",
    AlbumBy.MONTH: "otherwise_month",
    AlbumBy.DAY: "otherwise_day",
}
_VISIBILITY = {
    Visibility.TIMELINE: "visibility_timeline",
    Visibility.ARCHIVE: "visibility_archive",
    Visibility.HIDDEN: "visibility_hidden",
    Visibility.LOCKED: "visibility_locked",
}


def found_text(texts: Texts, folder: Folder, preview: Preview | None) -> str:
    """Return as a list what is in a folder and what would become of it.

    Without a preview the folder was too slow to be looked through.
    """
    if preview is None:
        return texts("slow")
    return "\n".join(f"- {line}" for line in _found(texts, folder, preview))


def _found(texts: Texts, folder: Folder, preview: Preview) -> Iterator[str]:
    """Yield what was found, line by line."""
    for key, at_least, count, size in (
        ("found", "found_at_least", preview.files, preview.bytes),
        ("wanted", "wanted_at_least", preview.to_upload, preview.to_upload_bytes),
    ):
        yield texts(
            key if preview.complete else at_least,
            count=_number(count),
            size=_size(size),
        )
    if preview.protected:
        yield texts("protected", count=_number(preview.protected))
    if preview.declined:
        yield texts("declined", count=_number(preview.declined))
    yield from _rules(texts, folder, preview)
    for reason, count in preview.left_out.most_common():
        yield texts(reason, count=_number(count))
    if preview.errors:
        yield texts("unreadable", count=_number(preview.errors))


def _rules(texts: Texts, folder: Folder, preview: Preview) -> Iterator[str]:
    """Yield a line for each rule, above all for one that decides about no file."""
    told = dict.fromkeys((rule.name, rule.action) for rule in folder.rules.rules)
    for name, action in told:
        if action is RuleAction.SKIP:
            key, none, counts = "skipped", "skipped_none", preview.skipped_by
        else:
            key, none, counts = "chosen", "chosen_none", preview.chosen_by
        count = counts[name]
        # Where not all was counted, no file so far means little.
        key = none if preview.complete and not count else key
        yield texts(key, rule=name, count=_number(count))


def starts_text(
    hass: HomeAssistant,
    texts: Texts,
    folder: Folder,
    data: Mapping[str, Any],
    mount: Mount,
) -> str:
    """Return how new media is noticed, when all is checked, and what that waits for."""
    lines = []
    if data[CONF_NEW_MEDIA]:
        if folder.detection is Detection.POLLING:
            lines.append(texts("polling"))
        elif folder.detection is Detection.AUTO and not mount.has_events:
            lines.append(texts("share", kind=mount.kind))
        else:
            lines.append(texts("events"))
    if at := data.get(CONF_SCHEDULE_TIME):
        days = ", ".join(map(texts.weekday, data.get(CONF_SCHEDULE_WEEKDAYS, ())))
        # Without the seconds, which a person did not choose.
        lines.append(texts("days" if days else "daily", time=at[:5], days=days))
    if persons := data.get(CONF_PERSONS):
        lines.append(
            texts(
                str(data[CONF_PRESENCE]),
                persons=", ".join(_name(hass, person) for person in persons),
                zone=_name(hass, data.get(CONF_ZONE, ENTITY_ID_HOME)),
            )
        )
    if triggers := data.get(CONF_TRIGGERS):
        lines.append(texts("triggers", count=_number(len(triggers))))
    if conditions := data.get(CONF_CONDITIONS):
        lines.append(texts("conditions", count=_number(len(conditions))))
    return "\n".join(lines)


def organised_text(texts: Texts, folder: Folder) -> str:
    """Return what the files get in Immich; empty for nothing."""
    wanted, lines = folder.arrangement, []
    if (album := wanted.album) is not None:
        key = "album_template" if is_template(album.name) else _ALBUMS[album.by]
        lines.append(texts(key, album=album.name))
        if album.by in EVENTFUL:
            lines.append(texts(_OTHERWISE[album.otherwise]))
    if wanted.tags:
        lines.append(texts("tags", tags=", ".join(wanted.tags)))
    if wanted.favourite:
        lines.append(texts("favourites"))
    if wanted.visibility is not None:
        lines.append(texts(_VISIBILITY[wanted.visibility]))
    if wanted.description:
        lines.append(texts("description"))
    if wanted.geotag is not None:
        lines.append(texts("places"))
    if wanted.stacked:
        lines.append(texts("stacks"))
    if wanted.only:
        lines.append(texts("only_one"))
    rules = [name for name, more in folder.rule_arrangements.items() if more]
    if rules:
        names = ", ".join(f"“{name}”" for name in rules)
        lines.append(texts("album_rules", rules=names))
    return " ".join(lines)


def begins_text(
    texts: Texts,
    data: Mapping[str, Any],
    preview: Preview | None,
    now: datetime,
    *,
    account: str,
    obstacle: str | None,
) -> str:
    """Return when the first files go up, of a folder that is saved now (aware).

    ``obstacle`` is the key of the text about what keeps the account from beginning.
    """
    moment = next_scheduled(data, now)
    triggered = bool(data.get(CONF_PERSONS) or data.get(CONF_TRIGGERS))
    if moment is None and not data[CONF_NEW_MEDIA] and not triggered:
        return texts("begins_asked")
    if obstacle is not None:
        return texts(obstacle, account=account)
    if data.get(CONF_CONDITIONS):
        return texts("begins_waiting")
    if triggered and not data[CONF_NEW_MEDIA]:
        return texts("begins_triggered")
    if moment is None or data[CONF_NEW_MEDIA]:
        nothing = preview is not None and preview.complete and not preview.to_upload
        return texts("begins_empty" if nothing else "begins_now")
    time = f"{moment:%H:%M}"
    if moment.date() == now.astimezone(moment.tzinfo).date():
        return texts("begins_today", time=time)
    day = texts.weekday(WEEKDAYS[moment.weekday()])
    return texts("begins_on", day=day, time=time)


def _name(hass: HomeAssistant, entity_id: str) -> str:
    """Return what an entity is called."""
    state = hass.states.get(entity_id)
    return entity_id if state is None else state.name


def _number(count: int) -> str:
    """Return a number with narrow gaps, which every language reads."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _size(count: float) -> str:
    """Return bytes in a unit that keeps the number short."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while round(count, 1) >= 1000 and unit != "TB":
        count, unit = count / 1000, next(units)
    return f"{count:.1f}".removesuffix(".0") + f" {unit}"
