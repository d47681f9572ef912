"""Whom the home can tell something, by what, and what they are called."""

from collections.abc import Iterable, Sequence

from homeassistant.components.media_player.const import (
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    MediaPlayerDeviceClass,
)
from homeassistant.const import ATTR_DEVICE_CLASS, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from ..const import PHONE_PREFIX

_NOTIFY_PREFIX = f"{Platform.NOTIFY}."
# Takes no message without an entity, and entities are chosen as such.
_NO_RECEIVER = "send_message"
_ROKU = "roku"
_MOST_NAMES = 3


@callback
def offered_actions(hass: HomeAssistant) -> list[str]:
    """Return the actions that take a message, as `notify.phone`, phones first."""
    known = hass.services.async_services_for_domain(Platform.NOTIFY)
    names = sorted(
        (name for name in known if name != _NO_RECEIVER),
        key=lambda name: (not name.startswith(PHONE_PREFIX), name),
    )
    return [_NOTIFY_PREFIX + name for name in names]


def action_names(entered: Iterable[str]) -> list[str]:
    """Return actions as they are stored: each once, as `notify.phone`."""
    names = (one.strip().lower().removeprefix(_NOTIFY_PREFIX) for one in entered)
    return list(dict.fromkeys(_NOTIFY_PREFIX + name for name in names if name))


@callback
def offered_screens(hass: HomeAssistant, chosen: Iterable[str]) -> dict[str, str]:
    """Return the names of media players by id, TVs first, and those that are chosen."""
    states = hass.states.async_all(MEDIA_PLAYER_DOMAIN)
    names = {
        state.entity_id: state.name
        for state in sorted(
            states,
            key=lambda state: (
                state.attributes.get(ATTR_DEVICE_CLASS) != MediaPlayerDeviceClass.TV
                and not _is_roku(hass, state.entity_id),
                state.name.casefold(),
            ),
        )
    }
    return {**names, **{one: one for one in chosen if one not in names}}


@callback
def offered_engines(hass: HomeAssistant) -> dict[str, str]:
    """Return the names of what can speak by id: entities, and engines without one."""
    names = {
        state.entity_id: state.name for state in hass.states.async_all(Platform.TTS)
    }
    if Platform.TTS in hass.config.components:
        # What it needs may not be installed where nothing speaks.
        from homeassistant.components.tts.const import DATA_TTS_MANAGER  # noqa: PLC0415

        names |= {
            engine: str(provider.name)
            for engine, provider in hass.data[DATA_TTS_MANAGER].providers.items()
            if not provider.has_entity
        }
    return names


@callback
def default_engine(hass: HomeAssistant) -> str | None:
    """Return what speaks if nothing is chosen; None if nothing can."""
    if Platform.TTS not in hass.config.components:
        return None
    # As above.
    from homeassistant.components.tts import async_default_engine  # noqa: PLC0415

    engine = async_default_engine(hass)
    return engine if engine in offered_engines(hass) else None


@callback
def name_of(hass: HomeAssistant, receiver: str) -> str:
    """Return what an entity, an action or an engine is called."""
    if (state := hass.states.get(receiver)) is not None:
        return state.name
    words = receiver.removeprefix(_NOTIFY_PREFIX).removeprefix(PHONE_PREFIX)
    if "." in words:
        return receiver
    words = words.replace("_", " ")
    return words[:1].upper() + words[1:]


@callback
def names_of(hass: HomeAssistant, receivers: Sequence[str]) -> str:
    """Return what a few receivers are called, and how many more there are."""
    names = [name_of(hass, receiver) for receiver in receivers]
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" +{more}" if more > 0 else "")


@callback
def _is_roku(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether an entity is a Roku, which does not say that it has a screen."""
    entry = er.async_get(hass).async_get(entity_id)
    return entry is not None and entry.platform == _ROKU
