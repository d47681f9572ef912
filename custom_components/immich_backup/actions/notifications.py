"""Actions about telling people: send a test."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import DOMAIN
from .common import ATTR_CONFIG_ENTRY_ID, manager_of

ATTR_NOTIFICATION: Final = "notification"

TEST_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_NOTIFICATION): cv.string,
    }
)


async def send_test(call: ServiceCall) -> ServiceResponse:
    """Send a sample now, by one notification or all, and answer what became of it.

    Raises ServiceValidationError for an unknown notification.
    """
    announcer = manager_of(call).announcer
    known = announcer.notifications
    ids = set(known)
    if (name := call.data.get(ATTR_NOTIFICATION)) is not None:
        ids = {key for key, one in known.items() if name in (key, one.name)}
    if not ids:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="notification_unknown",
            translation_placeholders={
                "notification": name or "–",
                "notifications": ", ".join(one.name for one in known.values()) or "–",
            },
        )
    deliveries = await announcer.test(ids)
    return {"deliveries": [delivery.as_dict() for delivery in deliveries]}
