"""Telling phones and whatever else Home Assistant notifies."""

from typing import Any

from homeassistant.components.notify.const import DOMAIN as NOTIFY_DOMAIN
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN
from .message import Message

_SEND_MESSAGE = "send_message"
# Only the apps for phones take more than words.
_PHONES = "mobile_app_"


async def deliver_to_entity(
    hass: HomeAssistant, entity_id: str, message: Message
) -> None:
    """Tell an entity of `notify`; raises HomeAssistantError."""
    state = hass.states.get(entity_id)
    if state is None or state.state == STATE_UNAVAILABLE:
        # The action would say nothing of it.
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="target_missing",
            translation_placeholders={"target": entity_id},
        )
    await hass.services.async_call(
        NOTIFY_DOMAIN,
        _SEND_MESSAGE,
        {ATTR_ENTITY_ID: entity_id, "title": message.title, "message": message.text},
        blocking=True,
    )


async def deliver_by_action(
    hass: HomeAssistant, name: str, message: Message, retry: str
) -> None:
    """Tell by an action such as `notify.mobile_app_phone`; raises HomeAssistantError.

    ``retry`` is what a phone answers with when a person wants what failed to be tried
    again.
    """
    action = name.removeprefix(f"{NOTIFY_DOMAIN}.")
    if not hass.services.has_service(NOTIFY_DOMAIN, action):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="target_missing",
            translation_placeholders={"target": name},
        )
    values: dict[str, Any] = {"title": message.title, "message": message.text}
    if action.startswith(_PHONES):
        values["data"] = _extras(message, retry)
    await hass.services.async_call(NOTIFY_DOMAIN, action, values, blocking=True)


def _extras(message: Message, retry: str) -> dict[str, Any]:
    """Return what a phone shows and offers besides the words."""
    extras: dict[str, Any] = {"tag": message.tag, "group": DOMAIN}
    if message.url is not None:
        # One key for each kind of phone.
        extras |= {"url": message.url, "clickAction": message.url}
    if message.picture is not None:
        extras["image"] = message.picture
    if message.retry:
        extras["actions"] = [{"action": retry, "title": "Retry"}]
    return extras
