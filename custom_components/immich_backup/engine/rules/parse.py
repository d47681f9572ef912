"""Rules from the plain values in which they are configured and stored."""

from collections.abc import Mapping, Sequence
from datetime import date
import re

from .age import AgeCriterion
from .calendar import CalendarCriterion
from .camera import CameraCriterion
from .captured import CapturedCriterion
from .criterion import Criterion
from .duration import DurationCriterion
from .extension import ExtensionCriterion
from .glob import GlobCriterion
from .kind import KindCriterion
from .location import LocationCriterion
from .media import MediaKind
from .pixels import PixelsCriterion
from .ruleset import Rule, RuleAction
from .screenshot import ScreenshotCriterion
from .size import SizeCriterion
from .template import TemplateCriterion
from .zones import ZonesCriterion

_MAX_PATTERN = 256
_MAX_TEMPLATE = 2000
_MEGABYTE = 1_000_000
# No extension holds one of these.
_SEPARATORS = re.compile(r"[\s,;]+")
# Beyond any megabytes, days and pixels there are; what is made of it stays finite.
_LARGEST = 1e15
_CHOICES = ("yes", "no")


class RuleError(ValueError):
    """A rule that can't be used; ``field`` names the value, ``reason`` what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        """Keep the field and the stable reason."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def parse_rule(data: Mapping[str, object], number: int) -> Rule:
    """Return a rule from its stored form; ``number`` (from 1) names a nameless one.

    Fields, all but ``action`` optional: name, action (back_up or skip), types (photo,
    video), extensions, paths (patterns), min_size_mb, max_size_mb, older_than_days,
    newer_than_days, captured_from, captured_to (ISO dates), min_pixels, max_pixels,
    min_seconds, max_seconds, cameras (words), screenshot, location (yes or no), zones
    (entity ids or names), calendars (entity ids), event (part of a title), template.
    Raises RuleError.
    """
    try:
        action = RuleAction(str(data.get("action", RuleAction.SKIP)))
    except ValueError as err:
        raise RuleError("action", "unknown") from err
    criteria: list[Criterion] = []
    if types := _words(data, "types"):
        criteria.append(KindCriterion(frozenset(map(_kind, types))))
    if extensions := _words(data, "extensions"):
        criteria.append(ExtensionCriterion(_extensions(extensions)))
    if patterns := _words(data, "paths"):
        criteria.append(GlobCriterion(tuple(map(_pattern, patterns))))
    low, high = _range(data, "min_size_mb", "max_size_mb")
    if (low, high) != (None, None):
        criteria.append(SizeCriterion(_bytes(low), _bytes(high)))
    low, high = _range(data, "older_than_days", "newer_than_days", ordered=False)
    if (low, high) != (None, None):
        criteria.append(AgeCriterion(low, high))
    first, last = _date(data, "captured_from"), _date(data, "captured_to")
    if first and last and first > last:
        raise RuleError("captured_to", "before_start")
    if first or last:
        criteria.append(CapturedCriterion(first, last))
    low, high = _range(data, "min_pixels", "max_pixels")
    if (low, high) != (None, None):
        criteria.append(
            PixelsCriterion(
                None if low is None else int(low), None if high is None else int(high)
            )
        )
    low, high = _range(data, "min_seconds", "max_seconds")
    if (low, high) != (None, None):
        criteria.append(DurationCriterion(low, high))
    if cameras := _words(data, "cameras"):
        criteria.append(CameraCriterion(tuple(cameras)))
    if (wanted := _choice(data, "screenshot")) is not None:
        criteria.append(ScreenshotCriterion(wanted))
    if (wanted := _choice(data, "location")) is not None:
        criteria.append(LocationCriterion(wanted))
    if zones := _words(data, "zones"):
        criteria.append(ZonesCriterion(tuple(zones)))
    calendars, title = _words(data, "calendars"), _text(data, "event")
    if title and not calendars:
        raise RuleError("calendars", "no_calendar")
    if calendars:
        criteria.append(CalendarCriterion(tuple(calendars), title))
    if template := _text(data, "template"):
        criteria.append(TemplateCriterion(template))
    name = str(data.get("name") or "").strip() or f"Rule {number}"
    return Rule(name, action, tuple(criteria))


def _words(data: Mapping[str, object], key: str) -> list[str]:
    """Return a list of non-empty words; a single text is split at commas and lines."""
    value = data.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        value = value.replace("\n", ",").split(",")
    if not isinstance(value, Sequence):
        raise RuleError(key, "not_a_list")
    return [word for item in value if (word := str(item).strip())]


def _text(data: Mapping[str, object], key: str) -> str:
    """Return a text, empty when there is none."""
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RuleError(key, "unknown")
    if len(value) > _MAX_TEMPLATE:
        raise RuleError(key, "rule_too_long")
    return value.strip()


def _choice(data: Mapping[str, object], key: str) -> bool | None:
    """Return what a `yes` or `no` means, or None when nothing was chosen."""
    value = data.get(key)
    if value is None or value == "":
        return None
    if value not in _CHOICES:
        raise RuleError(key, "unknown")
    return value == "yes"


def _kind(word: str) -> MediaKind:
    """Return a kind of media."""
    try:
        return MediaKind(word)
    except ValueError as err:
        raise RuleError("types", "unknown") from err


def _extensions(words: Sequence[str]) -> frozenset[str]:
    """Return extensions, of which one text may hold several: `jpg, heic`."""
    found = frozenset(
        _extension(word) for text in words for word in _SEPARATORS.split(text) if word
    )
    if not found:
        raise RuleError("extensions", "not_an_extension")
    return found


def _extension(word: str) -> str:
    """Return an extension in lower case with its dot; `jpg`, `.JPG`, `*.jpg` are one."""
    extension = "." + word.lower().removeprefix("*").lstrip(".")
    if extension == "." or "/" in extension or "*" in extension:
        raise RuleError("extensions", "not_an_extension")
    return extension


def _pattern(word: str) -> str:
    """Return a pattern on the relative path."""
    if len(word) > _MAX_PATTERN or not word.strip("/"):
        raise RuleError("paths", "not_a_pattern")
    if ".." in word.split("/"):
        raise RuleError("paths", "not_a_pattern")
    return word


def _number(data: Mapping[str, object], key: str) -> float | None:
    """Return a number of zero or more, or None when there is none."""
    value = data.get(key)
    if value is None or value == "":
        return None
    try:
        number = float(str(value))
    except ValueError as err:
        raise RuleError(key, "not_a_number") from err
    if not 0 <= number <= _LARGEST:
        raise RuleError(key, "not_a_number")
    return number


def _range(
    data: Mapping[str, object], low_key: str, high_key: str, *, ordered: bool = True
) -> tuple[float | None, float | None]:
    """Return two bounds; the first must not exceed the second if ordered."""
    low, high = _number(data, low_key), _number(data, high_key)
    if ordered and low is not None and high is not None and low > high:
        raise RuleError(high_key, "below_minimum")
    if not ordered and low is not None and high is not None and low >= high:
        raise RuleError(high_key, "never_both")
    return low, high


def _bytes(megabytes: float | None) -> int | None:
    """Return bytes for megabytes."""
    return None if megabytes is None else round(megabytes * _MEGABYTE)


def _date(data: Mapping[str, object], key: str) -> date | None:
    """Return an ISO date."""
    value = data.get(key)
    if not value:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as err:
        raise RuleError(key, "not_a_date") from err
