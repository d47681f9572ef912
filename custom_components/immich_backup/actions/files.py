"""Actions about files: explain one, list many."""

from pathlib import Path
from typing import Any, Final

from homeassistant.const import CONF_PATH
from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import SUBENTRY_FOLDER
from ..engine import FileState
from ..engine.ledger import LedgerError
from ..engine.model import FileReport
from ..engine.tended import Unseen, UnseenState
from ..engine.texts import NOT_TENDED
from ..folders import path_of
from ..manager import BackupManager
from ..run_report import iso
from .common import (
    ATTR_CONFIG_ENTRY_ID,
    ambiguous_account,
    ledger_failed,
    managers_of,
    target_of,
)

ATTR_PATH: Final = "path"
ATTR_STATE: Final = "state"
ATTR_FOLDER: Final = "folder"
ATTR_LIMIT: Final = "limit"
ATTR_OFFSET: Final = "offset"

_MAX_LIMIT = 1000

EXPLAIN_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Required(ATTR_PATH): cv.path,
    }
)
LIST_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_STATE): vol.All(
            cv.ensure_list, [vol.In([state.value for state in FileState])]
        ),
        vol.Optional(ATTR_FOLDER): cv.string,
        vol.Optional(ATTR_LIMIT, default=100): vol.All(
            vol.Coerce(int), vol.Range(1, _MAX_LIMIT)
        ),
        vol.Optional(ATTR_OFFSET, default=0): cv.positive_int,
    }
)


async def explain(call: ServiceCall) -> ServiceResponse:
    """Say what is known of one file: state, decision, proof; or why nothing is.

    The path tells which account is meant.
    """
    path = call.data[ATTR_PATH]
    managers = managers_of(call)
    try:
        known = [
            (manager, report)
            for manager in managers
            if (report := await manager.engine.explain(path)) is not None
        ]
    except LedgerError as err:
        raise ledger_failed(err) from err
    if len(known) > 1:
        raise ambiguous_account(manager.entry for manager, _ in known)
    for manager, report in known:
        return {
            **_file_response(manager, report),
            "modified": iso(report.modified),
            "superseded": list(report.superseded),
            "organised": await _organised(manager, report),
        }
    unseen = [(manager, _unseen(manager, path)) for manager in managers]
    unseen.sort(key=lambda found: found[1].state is UnseenState.OUTSIDE)
    return _unseen_response(*unseen[0], path)


async def list_files(call: ServiceCall) -> ServiceResponse:
    """List files of chosen states, oldest first."""
    named = call.data.get(ATTR_FOLDER)
    manager, folder_ids = target_of(call, [named] if named else None)
    states = [FileState(state) for state in call.data.get(ATTR_STATE, ())]
    try:
        reports, total = await manager.engine.list_files(
            folder_ids[0] if folder_ids else None,
            states,
            call.data[ATTR_LIMIT],
            call.data[ATTR_OFFSET],
        )
    except LedgerError as err:
        raise ledger_failed(err) from err
    return {
        "total": total,
        "files": [_file_response(manager, report) for report in reports],
    }


def _file_response(manager: BackupManager, report: FileReport) -> dict[str, Any]:
    """Return what is known of a file, safe to be sent as JSON."""
    # An upload that is queued is in no folder.
    folder = manager.entry.subentries.get(report.folder)
    return {
        "path": path_of(manager.entry, report),
        "folder": None if folder is None else folder.title,
        "state": report.state,
        "reason": report.reason,
        "reason_text": manager.engine.reason_text(report),
        "rule": report.rule,
        "criterion": report.criterion,
        "size": report.size,
        "sha1": report.sha1,
        "asset_id": report.asset_id,
        "proof": report.proof,
        "proof_at": iso(report.proof_at),
        "attempts": report.attempts,
        "next_try": iso(report.next_try),
    }


async def _organised(
    manager: BackupManager, report: FileReport
) -> dict[str, Any] | None:
    """Return what a stored file gets on the server, and why; None if it is not stored."""
    try:
        explained = await manager.engine.explain_placement(report)
    except LedgerError as err:
        raise ledger_failed(err) from err
    if explained is None:
        return None
    subject, placement = explained.subject, explained.placement
    latitude, longitude = subject.place or (None, None)
    return {
        "text": explained.text,
        "album": None if placement.album is None else placement.album.name,
        "tags": list(placement.tags),
        "favourite": placement.favourite,
        "visibility": placement.visibility,
        "description": placement.description,
        "captured_at": subject.taken.isoformat(),
        "captured_by": subject.taken_by,
        "latitude": latitude,
        "longitude": longitude,
        "place_added": None if placement.place is None else list(placement.place),
        "zone": placement.zone,
        "event": placement.event,
        "done": explained.done,
        "problem": explained.problem or "; ".join(placement.problems) or None,
    }


def _unseen(manager: BackupManager, path: str) -> Unseen:
    """Return why nothing is known of a file."""
    unseen = manager.engine.unseen(path)
    if unseen.state is UnseenState.OUTSIDE:
        for subentry in manager.entry.get_subentries_of_type(SUBENTRY_FOLDER):
            if (
                subentry.subentry_id not in manager.engine.folders
                and Path(subentry.data[CONF_PATH]) in Path(path).parents
            ):
                return Unseen(subentry.subentry_id, UnseenState.UNKNOWN, NOT_TENDED)
    return unseen


def _unseen_response(
    manager: BackupManager, unseen: Unseen, path: str
) -> dict[str, Any]:
    """Return why nothing is known of a file, in the form of what is known of others."""
    folder = manager.entry.subentries.get(unseen.folder or "")
    return {
        "path": path,
        "folder": None if folder is None else folder.title,
        "state": unseen.state,
        "reason": None,
        "reason_text": unseen.text,
        "rule": None,
        "criterion": None,
        "size": None,
        "sha1": None,
        "asset_id": None,
        "proof": None,
        "proof_at": None,
        "attempts": 0,
        "next_try": None,
        "modified": None,
        "superseded": [],
        "organised": None,
    }
