"""Actions about whether anything is sent at all: pause, resume."""

from datetime import timedelta
import math
from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..engine.ledger import LedgerError
from ..manager import BackupManager
from ..run_report import end_of_pause
from .common import ATTR_CONFIG_ENTRY_ID, ledger_failed, manager_of

ATTR_DURATION: Final = "duration"

# Who means longer means without end.
_LONGEST = timedelta(days=3660)

PAUSE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_DURATION): vol.All(
            cv.positive_time_period, vol.Range(max=_LONGEST)
        ),
    }
)
RESUME_SCHEMA = vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


async def pause(call: ServiceCall) -> ServiceResponse:
    """Send nothing for a while, or until resume; takes the place of another pause."""
    manager = manager_of(call)
    duration: timedelta | None = call.data.get(ATTR_DURATION)
    until = math.inf
    if duration is not None:
        until = (dt_util.utcnow() + duration).timestamp()
    try:
        await manager.engine.controls.pause(until)
    except LedgerError as err:
        raise ledger_failed(err) from err
    return _response(manager)


async def resume(call: ServiceCall) -> ServiceResponse:
    """End the pause, if there is one; what waited for it goes up."""
    manager = manager_of(call)
    try:
        await manager.engine.controls.resume()
    except LedgerError as err:
        raise ledger_failed(err) from err
    return _response(manager)


def _response(manager: BackupManager) -> ServiceResponse:
    """Return whether there is a pause, and until when if it has an end."""
    until = manager.engine.controls.paused_until
    return {"paused": until is not None, "paused_until": end_of_pause(until)}
