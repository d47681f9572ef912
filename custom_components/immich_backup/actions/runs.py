"""Actions about runs: run, stop, retry_failed."""

from typing import Any, Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import DOMAIN
from ..engine import RunTrigger
from ..engine.ledger import LedgerError
from ..engine.model import RunOutcome
from ..engine.preview import Preview
from ..manager import BackupManager
from ..run_report import run_values
from .common import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_FOLDERS,
    ledger_failed,
    manager_of,
    target_of,
)

ATTR_DRY_RUN: Final = "dry_run"
ATTR_IGNORE_CONDITIONS: Final = "ignore_conditions"
ATTR_WAIT: Final = "wait"

_SCOPE: dict[Any, Any] = {
    vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
    vol.Optional(ATTR_FOLDERS): vol.All(cv.ensure_list, [cv.string]),
}
RUN_SCHEMA = vol.Schema(
    {
        **_SCOPE,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_IGNORE_CONDITIONS, default=False): cv.boolean,
        vol.Optional(ATTR_WAIT): cv.boolean,
    }
)
RETRY_SCHEMA = vol.Schema(_SCOPE)
STOP_SCHEMA = vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


async def run(call: ServiceCall) -> ServiceResponse:
    """Begin a run, or join the one that goes on; the answer is its outcome.

    Who asks for the answer waits for it, unless told not to.
    """
    manager, folder_ids = target_of(call, call.data.get(ATTR_FOLDERS))
    if call.data[ATTR_DRY_RUN]:
        return await _dry_run(manager, folder_ids)
    run_id = manager.engine.start_run(
        folder_ids,
        trigger=RunTrigger.MANUAL,
        unconditional=call.data[ATTR_IGNORE_CONDITIONS],
    )
    if not call.data.get(ATTR_WAIT, call.return_response):
        return {"run_id": run_id, "outcome": None}
    report = await manager.engine.wait_run(run_id)
    if report is None:
        return {"run_id": run_id, "outcome": None}
    if report.outcome is RunOutcome.FAILED and not call.return_response:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="run_failed",
            translation_placeholders={"error": report.error or ""},
        )
    return {"outcome": report.outcome, **run_values(manager.engine, report)}


async def stop(call: ServiceCall) -> ServiceResponse:
    """End the run that goes on; its files wait for the next one."""
    run_id = await manager_of(call).engine.stop_run()
    return {"run_id": run_id, "stopped": run_id is not None}


async def retry_failed(call: ServiceCall) -> ServiceResponse:
    """Let failed and parked files be tried again, now."""
    manager, folder_ids = target_of(call, call.data.get(ATTR_FOLDERS))
    try:
        count = await manager.engine.retry_failed(folder_ids)
    except LedgerError as err:
        raise ledger_failed(err) from err
    return {"files": count, "text": manager.engine.retry_text(count)}


async def _dry_run(
    manager: BackupManager, folder_ids: list[str] | None
) -> ServiceResponse:
    """Return what a run would do now."""
    try:
        plans = await manager.engine.plan(folder_ids)
    except LedgerError as err:
        raise ledger_failed(err) from err
    return {
        "dry_run": True,
        "folders": [
            _plan_response(manager.engine.folders[folder_id].name, plan)
            for folder_id, plan in plans.items()
        ],
    }


def _plan_response(name: str, plan: Preview) -> dict[str, Any]:
    """Return what would happen in one folder."""
    return {
        "folder": name,
        "complete": plan.complete,
        "found": plan.files,
        "wanted": plan.wanted,
        "protected": plan.protected,
        "declined": plan.declined,
        "wanted_bytes": plan.wanted_bytes,
        "to_back_up": plan.to_upload,
        "to_back_up_bytes": plan.to_upload_bytes,
        # By reason, or by the rule of the user that left them out.
        "left_out": dict(plan.left_out + plan.skipped_by),
    }
