"""What a folder's confirmation tells: what would happen now, and when from then on."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..const import CONF_NEW_MEDIA, CONF_SCHEDULE_TIME, CONF_SCHEDULE_WEEKDAYS
from ..engine import Detection, Folder
from ..engine.detect.mounts import Mount
from ..engine.preview import Preview
from .texts import Texts

# How many reasons are told, the most frequent first.
_MAX_REASONS = 10


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
        ("wanted", "wanted_at_least", preview.wanted, preview.wanted_bytes),
    ):
        yield texts(
            key if preview.complete else at_least,
            count=_number(count),
            size=_size(size),
        )
    rules = {rule.name for rule in folder.rules.rules}
    for reason, count in preview.left_out.most_common(_MAX_REASONS):
        if reason in rules:
            yield texts("rule", rule=reason, count=_number(count))
        else:
            yield texts(reason, count=_number(count))
    if preview.errors:
        yield texts("unreadable", count=_number(preview.errors))


def starts_text(
    texts: Texts, folder: Folder, data: Mapping[str, Any], mount: Mount
) -> str:
    """Return how new media is noticed in a folder, and when its runs start."""
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
    return "\n".join(lines or [texts("asked")])


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
