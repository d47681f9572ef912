"""Telling phones and whatever else Home Assistant notifies."""

from typing import Any

from homeassistant.components.notify.const import DOMAIN as NOTIFY_DOMAIN
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN
from ..notifications import is_phone
from .message import GoneError, Message, Progress

_SEND_MESSAGE = "send_message"
# Takes away what a phone shows under a tag; costs nothing of what it may be sent a day.
_CLEAR = "clear_notification"


async def deliver_to_entity(
    hass: HomeAssistant, entity_id: str, message: Message
) -> None:
    """Tell an entity of `notify`; raises HomeAssistantError, GoneError if it is gone."""
    state = hass.states.get(entity_id)
    if state is None:
        raise _gone(entity_id)
    if state.state == STATE_UNAVAILABLE:
        # The action would say nothing of it.
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="target_unavailable",
            translation_placeholders={"target": state.name},
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
    """Tell by an action such as `notify.mobile_app_phone`.

    ``retry`` is what a phone answers with when a person wants what failed to be tried
    again. Raises HomeAssistantError, GoneError if there is no such action any more.
    """
    values: dict[str, Any] = {"title": message.title, "message": message.text}
    if is_phone(name):
        # Only the apps for phones take more than words.
        values["data"] = (
            _extras(message, retry)
            if message.progress is None
            else _tagged(message) | _bar(message.progress)
        )
    await _call(hass, name, values)


async def clear_progress(hass: HomeAssistant, name: str, tag: str) -> None:
    """Take from a phone what it shows under a tag; raises HomeAssistantError."""
    await _call(hass, name, {"message": _CLEAR, "data": {"tag": tag}})


async def _call(hass: HomeAssistant, name: str, values: dict[str, Any]) -> None:
    """Call an action such as `notify.phone`; raises HomeAssistantError."""
    action = name.removeprefix(f"{NOTIFY_DOMAIN}.")
    if not hass.services.has_service(NOTIFY_DOMAIN, action):
        raise _gone(name)
    await hass.services.async_call(NOTIFY_DOMAIN, action, values, blocking=True)


def _gone(target: str) -> GoneError:
    """Return what to raise when there is no such target any more."""
    return GoneError(
        translation_domain=DOMAIN,
        translation_key="target_missing",
        translation_placeholders={"target": target},
    )


def _extras(message: Message, retry: str) -> dict[str, Any]:
    """Return what a phone shows and offers besides the words."""
    extras = _tagged(message) | {"group": DOMAIN}
    if message.picture is not None:
        extras["image"] = message.picture
    if message.retry is not None:
        extras["actions"] = [{"action": retry, "title": message.retry}]
    return extras


def _tagged(message: Message) -> dict[str, Any]:
    """Return by what a message replaces another one, and what a tap opens."""
    extras: dict[str, Any] = {"tag": message.tag}
    if message.url is not None:
        # One key for each kind of phone.
        extras |= {"url": message.url, "clickAction": message.url}
    return extras


def _bar(progress: Progress) -> dict[str, Any]:
    """Return how a phone shows progress: as a bar that grows, without a sound."""
    return {
        "progress": progress.done,
        "progress_max": progress.total,
        # A Live Activity of an iPhone, a Live Update of Android 16.
        "live_update": True,
        # For the others: once with a sound on Android, never on Apple's.
        "alert_once": True,
        "push": {"sound": "none", "interruption-level": "passive"},
    }
