"""What in the home starts a folder's runs: someone comes or leaves, or a trigger fires."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

from homeassistant.components.zone import ENTITY_ID_HOME
from homeassistant.const import STATE_HOME, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    config_validation as cv,
    entity_registry as er,
    trigger,
)
import probatio

from .const import (
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_TRIGGERS,
    CONF_ZONE,
    DOMAIN,
    LOGGER,
    Presence,
)

_NOWHERE = [STATE_UNAVAILABLE, STATE_UNKNOWN]


def presence_triggers(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the triggers that follow from whose coming or leaving was chosen."""
    persons = data.get(CONF_PERSONS)
    if not persons:
        return []
    arrives = data.get(CONF_PRESENCE, Presence.ARRIVES) == Presence.ARRIVES
    zone = data.get(CONF_ZONE, ENTITY_ID_HOME)
    if zone != ENTITY_ID_HOME:
        return [
            {
                "trigger": "zone",
                "entity_id": list(persons),
                "zone": zone,
                "event": "enter" if arrives else "leave",
            }
        ]
    # Whoever is followed by the router alone has no coordinates for a zone trigger.
    states = (
        {"to": STATE_HOME, "not_from": _NOWHERE}
        if arrives
        else {"from": STATE_HOME, "not_to": _NOWHERE}
    )
    return [{"trigger": "state", "entity_id": list(persons), **states}]


async def validated_triggers(
    hass: HomeAssistant, raw: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the triggers that can be used, and why the others can't."""
    usable: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, one in enumerate(raw, 1):
        try:
            usable += await trigger.async_validate_trigger_config(
                hass, cv.TRIGGER_SCHEMA([deepcopy(dict(one))])
            )
        except (probatio.Invalid, HomeAssistantError) as err:
            problems.append(f"{number}: {err}")
    return usable, problems


async def attach_triggers(
    hass: HomeAssistant,
    name: str,
    data: Mapping[str, Any],
    fired: Callable[[], None],
) -> tuple[CALLBACK_TYPE, list[str]]:
    """Call a function whenever something starts the runs of a folder.

    Returns how to end it, and what of it can't be used, in words.
    """
    raw = [*presence_triggers(data), *data.get(CONF_TRIGGERS, ())]
    usable, problems = await validated_triggers(hass, raw)

    @callback
    def run(_variables: Mapping[str, Any], _context: Context | None = None) -> None:
        fired()

    remove = None
    if usable:
        remove = await trigger.async_initialize_triggers(
            hass, usable, run, DOMAIN, name, LOGGER.log
        )
    return remove or (lambda: None), problems


@callback
def missing_persons(hass: HomeAssistant, data: Mapping[str, Any]) -> list[str]:
    """Return whose coming or leaving is waited for in vain, or the place of it."""
    watched = list(data.get(CONF_PERSONS, ()))
    if watched and (zone := data.get(CONF_ZONE)):
        watched.append(zone)
    return missing_entities(hass, watched)


@callback
def missing_entities(hass: HomeAssistant, entity_ids: Collection[str]) -> list[str]:
    """Return those entities that this home does not have, nor had before its start."""
    registry = er.async_get(hass)
    return [
        entity_id
        for entity_id in entity_ids
        if hass.states.get(entity_id) is None and registry.async_get(entity_id) is None
    ]
