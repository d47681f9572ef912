"""Actions about files: explain one, list many."""

from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import DOMAIN
from ..engine import FileState
from ..engine.ledger import LedgerError
from ..engine.model import FileReport
from ..engine.texts import readable, reason_text
from ..manager import BackupManager
from ..run_report import iso
from .common import ATTR_CONFIG_ENTRY_ID, folders_of, ledger_failed, manager_of

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
    """Say what is known of one file: state, decision, proof."""
    manager = manager_of(call)
    path = call.data[ATTR_PATH]
    try:
        report = await manager.engine.explain(path)
    except LedgerError as err:
        raise ledger_failed(err) from err
    if report is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="file_unknown",
            translation_placeholders={"path": path},
        )
    return {
        **_file_response(manager, report),
        "modified": iso(report.modified),
        "superseded": list(report.superseded),
    }


async def list_files(call: ServiceCall) -> ServiceResponse:
    """List files of chosen states, oldest first."""
    manager = manager_of(call)
    named = call.data.get(ATTR_FOLDER)
    folder_ids = folders_of(call.hass, manager, [named] if named else None)
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
    folder = manager.engine.folders.get(report.folder)
    return {
        "path": readable(report.path),
        "folder": folder.name if folder is not None else None,
        "state": report.state,
        "reason": report.reason,
        "reason_text": reason_text(report),
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
