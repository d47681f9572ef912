"""A folder's subentry as the engine's folder."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_PATH

from .const import (
    CONF_CORRECT_DATES,
    CONF_DETECTION,
    CONF_INCLUDE_EXISTING,
    CONF_LIVE_PHOTOS,
    CONF_NEW_MEDIA,
    CONF_ORGANISE,
    CONF_OVERDUE_HOURS,
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_SETTLE_SECONDS,
    CONF_SIDECARS,
    CONF_TYPES,
    DEFAULT_OVERDUE_HOURS,
    DEFAULT_SETTLE_SECONDS,
)
from .engine import Detection, Folder, MediaKind, RuleError, RuleSet, parse_rule
from .engine.media_types import DEFAULT_EXTENSIONS
from .engine.model import FileReport
from .engine.organise.arrangement import (
    Arrangement,
    ArrangementError,
    DateCorrection,
    parse_arrangement,
)
from .engine.texts import readable
from .scheduled_times import schedule_interval

# What files get without being asked for: halves of a photo are of no use alone, and what
# is known of it should not stay behind.
_UNASKED = {
    CONF_LIVE_PHOTOS: True,
    CONF_SIDECARS: True,
    CONF_CORRECT_DATES: DateCorrection.NAME,
}


def folder_of(subentry: ConfigSubentry) -> Folder:
    """Return the engine's folder of a subentry; raises RuleError for a broken rule."""
    return build_folder(subentry.subentry_id, subentry.title, subentry.data)


def build_folder(folder_id: str, name: str, data: Mapping[str, Any]) -> Folder:
    """Return the engine's folder of a form's values; raises RuleError."""
    include_existing = data.get(CONF_INCLUDE_EXISTING, True)
    interval = schedule_interval(data)
    overdue = (
        timedelta(hours=data.get(CONF_OVERDUE_HOURS, DEFAULT_OVERDUE_HOURS))
        if interval is None
        else 2 * interval
    )
    rules = tuple(
        parse_rule(rule, number)
        for number, rule in enumerate(data.get(CONF_RULES, ()), 1)
    )
    return Folder(
        id=folder_id,
        name=name,
        path=data[CONF_PATH],
        rules=RuleSet(
            kinds=frozenset(
                MediaKind(kind) for kind in data.get(CONF_TYPES, list(MediaKind))
            ),
            rules=rules,
            include_existing=include_existing,
            # Until the server says what it takes.
            extensions=DEFAULT_EXTENSIONS,
        ),
        recursive=data.get(CONF_RECURSIVE, True),
        detection=Detection(data.get(CONF_DETECTION, Detection.AUTO)),
        include_existing=include_existing,
        new_media=data.get(CONF_NEW_MEDIA, True),
        settle_seconds=float(data.get(CONF_SETTLE_SECONDS, DEFAULT_SETTLE_SECONDS)),
        scheduled=interval is not None,
        overdue_seconds=overdue.total_seconds(),
        arrangement=_arrangement_of({**_UNASKED, **data.get(CONF_ORGANISE, {})}),
        rule_arrangements={
            rule.name: _arrangement_of(values)
            for rule, values in zip(rules, data.get(CONF_RULES, ()), strict=True)
        },
    )


def _arrangement_of(data: Mapping[str, Any]) -> Arrangement:
    """Return what is wanted of stored files; raises RuleError."""
    try:
        return parse_arrangement(data)
    except ArrangementError as err:
        raise RuleError(err.field, err.reason) from err


def path_of(entry: ConfigEntry, report: FileReport) -> str:
    """Return a file's full path, which can be shown and sent.

    The path of an upload that is queued, which is in no folder, begins at the root.
    """
    folder = entry.subentries.get(report.folder)
    top = "/" if folder is None else folder.data[CONF_PATH]
    return readable(str(Path(top) / report.path))
