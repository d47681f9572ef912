"""Reads from Home Assistant's log what names the integration."""

from collections.abc import Iterable, Iterator
from pathlib import Path
import re

# "2026-11-21 08:22:16.971 WARNING (MainThread) [logger] text"; since Home Assistant
# 2026.11 with an offset from UTC after the time.
_RECORD = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d+(?:[+-]\d\d:?\d\d|Z)? "
    r"(?P<level>[A-Z]+) \(.*?\) \[.*?\] "
)
_LEVELS = frozenset(("WARNING", "ERROR", "CRITICAL"))
_NAME = re.compile(r"immich[_ ]backup", re.IGNORECASE)
# What Home Assistant says of every integration that is not its own.
_STANDARD = re.compile(r"custom integration \S+ which has not been tested")


def complaints(lines: Iterable[str]) -> list[str]:
    """Return the records of level warning and above that name the integration.

    A record goes on over the lines of its traceback.
    """
    return [
        record
        for level, record in _records(lines)
        if level in _LEVELS and _NAME.search(record) and not _STANDARD.search(record)
    ]


def complaints_in(path: Path) -> list[str]:
    """Return the complaints in a log file; blocking."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return complaints(lines)


def _records(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the level and the text of each record."""
    level, record = "", [""]
    for line in lines:
        if match := _RECORD.match(line):
            yield level, "\n".join(record)
            level, record = match["level"], []
        record.append(line.rstrip("\n"))
    yield level, "\n".join(record)
