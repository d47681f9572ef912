"""A run's report in plain values, for events, responses and diagnostics."""

import math
from typing import Any

from homeassistant.util import dt as dt_util

from .engine import Engine
from .engine.model import RunCounts, RunReport
from .engine.texts import readable


def iso(moment: float | None) -> str | None:
    """Return epoch seconds as local ISO text; None stays None."""
    if moment is None:
        return None
    return dt_util.as_local(dt_util.utc_from_timestamp(moment)).isoformat()


def end_of_pause(until: float | None) -> str | None:
    """Return when a pause ends as local ISO text; None without a pause or an end."""
    return None if until == math.inf else iso(until)


def run_values(engine: Engine, run: RunReport) -> dict[str, Any]:
    """Return what is known of a run, safe to be sent as JSON."""
    folders = engine.folders
    return {
        **_frame(run),
        "folders": [folders[key].name for key in run.folders if key in folders],
        **plain_counts(run.counts),
        "examples": [readable(path) for path in run.examples],
        "failing": [readable(path) for path in run.failing],
        "unavailable_folders": [
            folders[key].name for key in run.unavailable if key in folders
        ],
        "waiting_for": list(run.waiting_for),
        "error": run.error,
    }


def folder_values(engine: Engine, run: RunReport, folder_id: str) -> dict[str, Any]:
    """Return a folder's part in a run, safe to be sent as JSON."""
    folder = engine.folders.get(folder_id)
    part = run.part(folder_id)
    return {
        **_frame(run),
        "folder": None if folder is None else folder.name,
        **plain_counts(part.counts),
        "examples": [readable(path) for path in part.examples],
        "failing": [readable(path) for path in part.failing],
        "waiting_for": list(part.waiting_for),
        "error": run.error,
    }


def _frame(run: RunReport) -> dict[str, Any]:
    """Return what holds for a whole run."""
    return {
        "run_id": run.id,
        "trigger": run.trigger.value,
        "started": iso(run.started),
        "finished": iso(run.finished),
    }


def plain_counts(counts: RunCounts) -> dict[str, int]:
    """Return the counts of a run or of a part of it."""
    return {
        "uploaded": counts.uploaded,
        "uploaded_bytes": counts.uploaded_bytes,
        "duplicates": counts.duplicates,
        "declined": counts.declined,
        "failed": counts.failed,
        "superseded": counts.superseded,
    }
