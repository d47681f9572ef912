"""Diagnostics: how an account works, without anything that tells whose it is."""

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any
from urllib.parse import urlsplit

from homeassistant.components.diagnostics import REDACTED
from homeassistant.const import CONF_PATH, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant

from .account import ledger_path
from .const import (
    CONF_CONDITIONS,
    CONF_DETECTION,
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_HEADERS,
    CONF_INCLUDE_EXISTING,
    CONF_INTERRUPT,
    CONF_INTERRUPT_TVS,
    CONF_LANGUAGE,
    CONF_LEAST_COUNT,
    CONF_NEW_MEDIA,
    CONF_NOTIFY_ACTIONS,
    CONF_NOTIFY_ENTITIES,
    CONF_ONLY_STORED,
    CONF_OVERDUE_HOURS,
    CONF_PERSONS,
    CONF_PICTURE,
    CONF_PRESENCE,
    CONF_QUIET_FAILURES,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
    CONF_SETTLE_SECONDS,
    CONF_SPEAKERS,
    CONF_TRIGGERS,
    CONF_TVS,
    CONF_TYPES,
    CONF_VOLUME,
    SUBENTRY_FOLDER,
    SUBENTRY_NOTIFICATION,
)
from .engine.detect.mounts import locate
from .engine.ledger import LedgerError
from .engine.model import Halt, RunReport, Tally
from .manager import BackupManager, ImmichBackupConfigEntry
from .run_report import end_of_pause, iso, plain_counts

_RUNS = 10
# What is shown of a folder and of a rule; people name everything else themselves.
_OPTIONS = frozenset(
    (
        CONF_DETECTION,
        CONF_INCLUDE_EXISTING,
        CONF_NEW_MEDIA,
        CONF_OVERDUE_HOURS,
        CONF_PRESENCE,
        CONF_RECURSIVE,
        CONF_SCHEDULE_TIME,
        CONF_SCHEDULE_WEEKDAYS,
        CONF_SETTLE_SECONDS,
        CONF_TYPES,
    )
)
# What is shown of a notification.
_TELLING = frozenset(
    (
        CONF_DIGEST_MINUTES,
        CONF_EVENTS,
        CONF_INTERRUPT,
        CONF_INTERRUPT_TVS,
        CONF_LANGUAGE,
        CONF_LEAST_COUNT,
        CONF_ONLY_STORED,
        CONF_PICTURE,
        CONF_QUIET_FAILURES,
        CONF_QUIET_FROM,
        CONF_QUIET_TO,
        CONF_VOLUME,
    )
)
# Of these it is shown how many there are.
_COUNTED = frozenset(
    (
        CONF_FOLDERS,
        CONF_NOTIFY_ACTIONS,
        CONF_NOTIFY_ENTITIES,
        CONF_PERSONS,
        CONF_SPEAKERS,
        CONF_TVS,
    )
)
# Of Home Assistant's own triggers and conditions it is shown of which kinds they are.
_KINDS = {CONF_CONDITIONS: "condition", CONF_TRIGGERS: "trigger"}
_RULE = frozenset(
    (
        "action",
        "types",
        "extensions",
        "min_size_mb",
        "max_size_mb",
        "older_than_days",
        "newer_than_days",
        "captured_from",
        "captured_to",
        "min_pixels",
        "max_pixels",
        "min_seconds",
        "max_seconds",
        "screenshot",
        "location",
    )
)
# Addresses and paths in the text of an error.
_PLACES = re.compile(r"\w+://\S+|(?<!\w)/\S+|\d+(?:\.\d+){3}\S*|\[[\da-f:]+\]\S*")


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: ImmichBackupConfigEntry
) -> dict[str, Any]:
    """Return how an account works."""
    manager = entry.runtime_data
    try:
        runs = await manager.engine.recent_runs(_RUNS)
    except LedgerError:
        runs = []
    return {
        "account": {
            "scheme": urlsplit(entry.data[CONF_URL]).scheme,
            CONF_VERIFY_SSL: entry.data.get(CONF_VERIFY_SSL, True),
            CONF_HEADERS: len(entry.data.get(CONF_HEADERS) or ()),
            "version": f"{entry.version}.{entry.minor_version}",
        },
        "server": _server(manager),
        "overview": _overview(manager),
        "folders": await hass.async_add_executor_job(_folders, manager),
        "notifications": _notifications(manager),
        "runs": [_run(manager, run) for run in runs],
        "ledger": await hass.async_add_executor_job(
            _ledger, Path(ledger_path(hass, entry.entry_id))
        ),
    }


def _server(manager: BackupManager) -> dict[str, Any]:
    """Return what the server said last of itself and of the key."""
    info = manager.server.data
    return {
        "version": None if info is None else str(info.version),
        "missing_permissions": (
            None if info is None else sorted(info.missing_permissions)
        ),
    }


def _overview(manager: BackupManager) -> dict[str, Any]:
    """Return the account in numbers."""
    overview = manager.overview.data
    # The others hold a user's id or a text of the server.
    plain = overview.halt in (Halt.PERMISSION, Halt.SERVER_TOO_OLD)
    return {
        "status": overview.status,
        "connected": overview.connected,
        "error": _masked(manager, overview.error),
        "halt": overview.halt,
        "halt_detail": overview.halt_detail if plain else None,
        "automatic": overview.automatic,
        "paused": overview.paused_until is not None,
        "paused_until": end_of_pause(overview.paused_until),
        "limit": round(manager.engine.controls.limit),
        "running": overview.run is not None,
        "rate": round(overview.rate),
        "last_success": iso(overview.last_success),
        "next_run": next_run.isoformat() if (next_run := manager.next_run()) else None,
        "numbers_current": manager.overview.last_update_success,
        **_tally(overview.tally),
    }


def _folders(manager: BackupManager) -> dict[str, Any]:
    """Return each folder's options, state and file system; reads the mounts."""
    result: dict[str, Any] = {}
    for subentry in manager.entry.get_subentries_of_type(SUBENTRY_FOLDER):
        numbers = manager.overview.data.folders.get(subentry.subentry_id)
        result[subentry.subentry_id] = {
            "options": {
                **_shown(_OPTIONS, subentry.data),
                CONF_RULES: [
                    _shown(_RULE, rule) for rule in subentry.data.get(CONF_RULES) or ()
                ],
            },
            "file_system": locate(subentry.data[CONF_PATH]).mount.kind,
        }
        if numbers is not None:
            result[subentry.subentry_id] |= {
                "status": numbers.status,
                "trouble": numbers.trouble,
                "detection": "polling" if numbers.polling else "events",
                "last_success": iso(numbers.last_success),
                "overdue": numbers.overdue,
                # How many; people name what is in them.
                "waiting_for": len(numbers.waiting_for),
                **_tally(numbers.tally),
            }
    return result


def _notifications(manager: BackupManager) -> dict[str, Any]:
    """Return each notification's options, and what became of the last messages."""
    announcer = manager.announcer
    return {
        "options": {
            subentry.subentry_id: _shown(_TELLING, subentry.data)
            for subentry in manager.entry.get_subentries_of_type(SUBENTRY_NOTIFICATION)
        },
        "deliveries": [
            {
                "at": iso(delivery.at.timestamp()),
                "kind": delivery.kind,
                "event": delivery.event,
                "ok": delivery.ok,
                "failed": delivery.error is not None,
                "skipped": delivery.skipped,
            }
            for delivery in announcer.deliveries
        ],
    }


def _shown(known: frozenset[str], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return values, those which are not known to be harmless redacted."""
    return {
        key: _value(key, value, known)
        for key, value in data.items()
        if key != CONF_RULES
    }


def _value(key: str, value: Any, known: frozenset[str]) -> Any:
    """Return a value, or as much of it as is harmless."""
    if key in known:
        return value
    if key in _COUNTED:
        return len(value)
    if (kind := _KINDS.get(key)) is not None:
        # A template may stand alone.
        return [
            one.get(kind, REDACTED) if isinstance(one, Mapping) else "template"
            for one in value
        ]
    return REDACTED


def _run(manager: BackupManager, run: RunReport) -> dict[str, Any]:
    """Return one run."""
    return {
        "trigger": run.trigger,
        "folders": list(run.folders),
        "started": iso(run.started),
        "finished": iso(run.finished),
        "outcome": run.outcome,
        **plain_counts(run.counts),
        "error": _masked(manager, run.error),
    }


def _tally(tally: Tally) -> dict[str, Any]:
    """Return files and bytes by state."""
    return {"files": dict(tally.files), "bytes": dict(tally.bytes)}


def _ledger(path: Path) -> dict[str, Any]:
    """Return how much room the ledger takes, and whether one was moved aside."""
    sizes = {
        part.name.removeprefix(path.name) or "main": part.stat().st_size
        for part in path.parent.glob(f"{path.name}*")
    }
    return {
        "bytes": sum(sizes.values()),
        "quarantined": any("corrupt" in name for name in sizes),
    }


def _masked(manager: BackupManager, text: str | None) -> str | None:
    """Return the text of an error without the server's name, addresses and paths."""
    if text is None:
        return None
    url = urlsplit(manager.entry.data[CONF_URL])
    for part in (url.hostname, url.port):
        if part:
            text = text.replace(str(part), REDACTED)
    return _PLACES.sub(REDACTED, text)
