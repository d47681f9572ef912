"""The form of a folder: its fields, and how they become what is stored, and back."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any, override

from homeassistant.components.calendar.const import DOMAIN as CALENDAR_DOMAIN
from homeassistant.components.zone.const import DOMAIN as ZONE_DOMAIN
from homeassistant.const import CONF_NAME, CONF_PATH
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..const import (
    CONF_ALBUM,
    CONF_DESCRIPTION,
    CONF_DETECTION,
    CONF_FAVOURITE,
    CONF_INCLUDE_EXISTING,
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_SETTLE_SECONDS,
    CONF_TAGS,
    CONF_TYPES,
    CONF_VISIBILITY,
    DEFAULT_SETTLE_SECONDS,
)
from ..engine import Detection, MediaKind, RuleAction
from ..immich import Visibility
from .sections import Sections, flattened, number_field, section_fields, unflattened

SECTION_WHAT = "what"
SECTION_DETAILS = "details"

_FIELDS = (CONF_PATH, CONF_INCLUDE_EXISTING)
_SECTIONS: Sections = {
    SECTION_WHAT: (CONF_TYPES, CONF_RULES),
    SECTION_DETAILS: (CONF_RECURSIVE, CONF_DETECTION, CONF_SETTLE_SECONDS),
}
_MAX_SETTLE_SECONDS = 3600


def _number(unit: str) -> ObjectSelectorField:
    """Return a field for a number of zero or more."""
    return ObjectSelectorField(
        selector=NumberSelector(
            NumberSelectorConfig(
                min=0,
                step="any",
                mode=NumberSelectorMode.BOX,
                unit_of_measurement=unit,
            )
        )
    )


def _words() -> ObjectSelectorField:
    """Return a field for several words."""
    return ObjectSelectorField(selector=TextSelector(TextSelectorConfig(multiple=True)))


def _entities(domain: str) -> ObjectSelectorField:
    """Return a field for several entities."""
    config = EntitySelectorConfig(domain=domain, multiple=True)
    return ObjectSelectorField(selector=EntitySelector(config))


def _choice() -> ObjectSelectorField:
    """Return a field that may stay open."""
    return ObjectSelectorField(
        selector=SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value="yes", label="Yes"),
                    SelectOptionDict(value="no", label="No"),
                ]
            )
        )
    )


# A list of rules shows the value of what was chosen, and a select inside an object has
# no translated options: so these are what is read.
_ACTIONS = {RuleAction.SKIP.value: "Skip", RuleAction.BACK_UP.value: "Back up"}
_RULE_FIELDS: dict[str, ObjectSelectorField] = {
    "name": ObjectSelectorField(selector=TextSelector(), required=True),
    "action": ObjectSelectorField(
        selector=SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=text, label=text)
                    for text in _ACTIONS.values()
                ]
            )
        ),
        required=True,
        default=_ACTIONS[RuleAction.SKIP],
    ),
    "types": ObjectSelectorField(
        selector=SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=MediaKind.PHOTO, label="Photos"),
                    SelectOptionDict(value=MediaKind.VIDEO, label="Videos"),
                ],
                multiple=True,
                mode=SelectSelectorMode.LIST,
            )
        )
    ),
    "extensions": _words(),
    "paths": _words(),
    "min_size_mb": _number("MB"),
    "max_size_mb": _number("MB"),
    "older_than_days": _number("days"),
    "newer_than_days": _number("days"),
    "captured_from": ObjectSelectorField(selector=DateSelector()),
    "captured_to": ObjectSelectorField(selector=DateSelector()),
    "min_pixels": _number("px"),
    "max_pixels": _number("px"),
    "min_seconds": _number("s"),
    "max_seconds": _number("s"),
    "cameras": _words(),
    "screenshot": _choice(),
    "location": _choice(),
    "zones": _entities(ZONE_DOMAIN),
    "calendars": _entities(CALENDAR_DOMAIN),
    "event": ObjectSelectorField(selector=TextSelector()),
    "template": ObjectSelectorField(selector=TemplateSelector()),
    # What files of this rule get in Immich.
    CONF_ALBUM: ObjectSelectorField(selector=TextSelector()),
    CONF_TAGS: _words(),
    CONF_FAVOURITE: ObjectSelectorField(selector=BooleanSelector()),
    CONF_VISIBILITY: ObjectSelectorField(
        selector=SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=visibility, label=label)
                    for visibility, label in (
                        (Visibility.TIMELINE, "In the timeline"),
                        (Visibility.ARCHIVE, "In the archive"),
                        (Visibility.HIDDEN, "Nowhere (hidden)"),
                        (Visibility.LOCKED, "In the locked folder"),
                    )
                ],
                # Unlike a list it can be emptied again.
                mode=SelectSelectorMode.DROPDOWN,
            )
        )
    ),
    CONF_DESCRIPTION: ObjectSelectorField(
        selector=TextSelector(TextSelectorConfig(multiline=True))
    ),
}


class _RulesSelector(ObjectSelector):
    """A list of rules, whose content the rules themselves judge.

    The selector would refuse a broken one with a text that nobody understands.
    """

    @override
    def __call__(self, data: Any) -> list[dict[str, Any]]:
        """Return the rules as they are stored, without fields that were left empty."""
        if not isinstance(data, list) or not all(isinstance(r, dict) for r in data):
            raise probatio.Invalid("A list of rules is expected")
        stored = {text: value for value, text in _ACTIONS.items()}
        return [_with_action(_filled(rule), stored) for rule in data]


def _filled(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule without fields that were left empty."""
    return {
        key: rule[key] for key in _RULE_FIELDS if rule.get(key) not in (None, "", [])
    }


def _with_action(rule: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """Return a rule with its action said in other words; one that has none stays."""
    action = rule.get("action")
    if isinstance(action, str) and action in words:
        return {**rule, "action": words[action]}
    return rule


def folder_schema(
    paths: Sequence[str], opened: Collection[str] = ()
) -> probatio.Schema:
    """Return the form: paths to choose from, and the sections that are open."""
    what = {
        probatio.Required(
            CONF_TYPES, default=[kind.value for kind in MediaKind]
        ): SelectSelector(
            SelectSelectorConfig(
                options=[kind.value for kind in MediaKind],
                multiple=True,
                mode=SelectSelectorMode.LIST,
                translation_key="types",
            )
        ),
        probatio.Optional(CONF_RULES): _RulesSelector(
            ObjectSelectorConfig(
                fields=_RULE_FIELDS,
                multiple=True,
                label_field="name",
                description_field="action",
                translation_key="rule",
            )
        ),
    }
    details = {
        probatio.Required(CONF_RECURSIVE, default=True): BooleanSelector(),
        probatio.Required(CONF_DETECTION, default=Detection.AUTO.value): SelectSelector(
            SelectSelectorConfig(
                options=[detection.value for detection in Detection],
                mode=SelectSelectorMode.LIST,
                translation_key="detection",
            )
        ),
        probatio.Required(
            CONF_SETTLE_SECONDS, default=DEFAULT_SETTLE_SECONDS
        ): number_field(1, _MAX_SETTLE_SECONDS, "s"),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_PATH): SelectSelector(
                SelectSelectorConfig(
                    options=list(paths),
                    custom_value=True,
                    mode=SelectSelectorMode.DROPDOWN,
                )
            ),
            probatio.Optional(CONF_NAME): TextSelector(),
            probatio.Required(CONF_INCLUDE_EXISTING, default=True): BooleanSelector(),
            **section_fields({SECTION_WHAT: what, SECTION_DETAILS: details}, opened),
        }
    )


def shown_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form is filled in with to show what was entered."""
    # Else the browser fills in the first path that is offered.
    shown = {CONF_PATH: "", **form}
    if rules := form.get(SECTION_WHAT, {}).get(CONF_RULES):
        rules = [_with_action(rule, _ACTIONS) for rule in rules]
        shown[SECTION_WHAT] = {**form[SECTION_WHAT], CONF_RULES: rules}
    return shown


def name_of(form: Mapping[str, Any], path: str) -> str:
    """Return what a folder is called: as was entered, else by its path."""
    return form.get(CONF_NAME, "").strip() or PurePath(path).name or path


def data_of(form: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return what is stored of a form: flat, JSON-safe, without what was left empty."""
    values = flattened(form, _FIELDS, _SECTIONS)
    # No kind at all is an answer, too.
    return values | {CONF_PATH: path, CONF_TYPES: form[SECTION_WHAT][CONF_TYPES]}


def form_of(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that what is stored of a folder was entered in."""
    return {CONF_NAME: name} | unflattened(data, _FIELDS, _SECTIONS)
