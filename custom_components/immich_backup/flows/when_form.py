"""The form that asks when a folder's runs start and what they wait for."""

from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.components.zone import ENTITY_ID_HOME
from homeassistant.components.zone.const import DOMAIN as ZONE_DOMAIN
from homeassistant.const import WEEKDAYS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TimeSelector,
)
import probatio

from ..const import (
    CONF_CONDITIONS,
    CONF_NEW_MEDIA,
    CONF_OVERDUE_HOURS,
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
    CONF_TRIGGERS,
    CONF_ZONE,
    DEFAULT_OVERDUE_HOURS,
    Presence,
)
from ..gate import validated_conditions
from ..home_triggers import validated_triggers
from .raw_selectors import RawConditionSelector, RawTriggerSelector
from .sections import Sections, flattened, number_field, section_fields, unflattened

SECTION_PRESENCE = "presence_section"
SECTION_CONDITIONS = "only_while"
SECTION_ADVANCED = "advanced"

_FIELDS = (CONF_NEW_MEDIA, CONF_SCHEDULE_TIME, CONF_SCHEDULE_WEEKDAYS)
_SECTIONS: Sections = {
    SECTION_PRESENCE: (CONF_PERSONS, CONF_PRESENCE, CONF_ZONE),
    SECTION_CONDITIONS: (CONF_CONDITIONS,),
    SECTION_ADVANCED: (CONF_TRIGGERS, CONF_OVERDUE_HOURS),
}
_MAX_OVERDUE_HOURS = 24 * 365


def when_schema(opened: Collection[str] = ()) -> probatio.Schema:
    """Return the form; sections that are open beside those with something in them."""
    presence = {
        probatio.Optional(CONF_PERSONS): EntitySelector(
            EntitySelectorConfig(domain=PERSON_DOMAIN, multiple=True)
        ),
        probatio.Required(CONF_PRESENCE, default=Presence.ARRIVES.value): (
            SelectSelector(
                SelectSelectorConfig(
                    options=[presence.value for presence in Presence],
                    mode=SelectSelectorMode.LIST,
                    translation_key="presence",
                )
            )
        ),
        probatio.Optional(CONF_ZONE): EntitySelector(
            EntitySelectorConfig(domain=ZONE_DOMAIN)
        ),
    }
    only_while = {probatio.Optional(CONF_CONDITIONS): RawConditionSelector()}
    advanced = {
        probatio.Optional(CONF_TRIGGERS): RawTriggerSelector(),
        probatio.Required(
            CONF_OVERDUE_HOURS, default=DEFAULT_OVERDUE_HOURS
        ): number_field(1, _MAX_OVERDUE_HOURS, "h"),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_NEW_MEDIA, default=True): BooleanSelector(),
            probatio.Optional(CONF_SCHEDULE_TIME): TimeSelector(),
            probatio.Optional(CONF_SCHEDULE_WEEKDAYS): SelectSelector(
                SelectSelectorConfig(
                    options=WEEKDAYS,
                    multiple=True,
                    mode=SelectSelectorMode.LIST,
                    translation_key="weekdays",
                )
            ),
            **section_fields(
                {
                    SECTION_PRESENCE: presence,
                    SECTION_CONDITIONS: only_while,
                    SECTION_ADVANCED: advanced,
                },
                opened,
            ),
        }
    )


async def check_when(
    hass: HomeAssistant, form: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors in a form by field, and the details that they name."""
    errors: dict[str, str] = {}
    details: dict[str, str] = {}
    if form.get(CONF_SCHEDULE_WEEKDAYS) and not form.get(CONF_SCHEDULE_TIME):
        errors[CONF_SCHEDULE_TIME] = "time_missing"
    _, broken = await validated_conditions(
        hass, form[SECTION_CONDITIONS].get(CONF_CONDITIONS, ())
    )
    if broken:
        # A section shows no errors of its fields, only its own.
        errors[SECTION_CONDITIONS] = "condition_unusable"
        details["problems"] = "; ".join(broken)
    _, broken = await validated_triggers(
        hass, form[SECTION_ADVANCED].get(CONF_TRIGGERS, ())
    )
    if broken:
        errors[SECTION_ADVANCED] = "trigger_unusable"
        details["problems"] = "; ".join(broken)
    return errors, details


def when_data_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a form: flat, JSON-safe, without what says nothing."""
    values = flattened(form, _FIELDS, _SECTIONS)
    if CONF_PERSONS not in values:
        values.pop(CONF_PRESENCE, None)
        values.pop(CONF_ZONE, None)
    if values.get(CONF_ZONE) == ENTITY_ID_HOME:
        del values[CONF_ZONE]
    return values


def when_form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that what is stored of a folder was entered in."""
    return {CONF_NEW_MEDIA: True} | unflattened(data, _FIELDS, _SECTIONS)


def used_sections(data: Mapping[str, Any]) -> set[str]:
    """Return the sections in which something was chosen, to be shown open."""
    return {
        name
        for name, key in (
            (SECTION_PRESENCE, CONF_PERSONS),
            (SECTION_CONDITIONS, CONF_CONDITIONS),
            (SECTION_ADVANCED, CONF_TRIGGERS),
        )
        if data.get(key)
    }
