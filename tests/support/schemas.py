"""Schemas of the texts, icons and descriptions that Home Assistant reads.

They accept what hassfest accepts of a custom integration, as far as it is used here.
"""

import re
from string import Formatter
from typing import Any

from homeassistant.helpers import config_validation as cv, selector
import probatio

from .source import PLATFORMS

# hassfest's patterns.
KEY = re.compile(r"^(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])$")
ADDRESS = re.compile(r"(\w+://|www\.)\w+", re.IGNORECASE)
QUOTED_PLACEHOLDER = re.compile(r"'{\w+}'")


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders in a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def text(value: Any) -> str:
    """Accept a text that Home Assistant can show as it is."""
    string: str = cv.string_with_no_html(value)
    if string != string.strip() or not string:
        raise probatio.Invalid("empty, or blanks around it")
    if "[%" in string or ADDRESS.search(string) or QUOTED_PLACEHOLDER.search(string):
        raise probatio.Invalid("reference, address or quoted placeholder")
    if not all(name.isidentifier() for name in placeholders(string)):
        raise probatio.Invalid("placeholder that is not a name")
    return string


def plain_text(value: Any) -> str:
    """Accept a text that has no placeholders."""
    if placeholders(text(value)):
        raise probatio.Invalid("placeholders are not possible here")
    return str(value)


def key(value: str) -> str:
    """Accept the key of a text."""
    if not KEY.match(value):
        raise probatio.Invalid(f"not a key: {value}")
    return value


def icon(value: str) -> str:
    """Accept the name of a Material Design icon."""
    if not re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", value):
        raise probatio.Invalid(f"not an icon: {value}")
    return value


def optional(names: str, value: Any) -> dict[Any, Any]:
    """Return a schema in which each name may have a value."""
    return {probatio.Optional(name): value for name in names.split()}


def flow_schema(**more: Any) -> dict[Any, Any]:
    """Return the schema of the texts of a flow."""
    fields: dict[Any, Any] = optional("data data_description", {key: text})
    section: dict[Any, Any] = {**fields, **optional("name description", text)}
    step: dict[Any, Any] = {
        **fields,
        **optional("title description submit", text),
        **optional("menu_options menu_option_descriptions", {key: text}),
        **optional("sections", {key: section}),
    }
    return {
        probatio.Required("step"): {key: step},
        **optional("flow_title", text),
        **optional("error abort progress create_entry", {key: text}),
        **{probatio.Required(name): value for name, value in more.items()},
    }


FIELD: dict[Any, Any] = {
    probatio.Required("name"): text,
    probatio.Required("description"): text,
}
FIELD_WITH_EXAMPLE: dict[Any, Any] = {**FIELD, **optional("example", text)}
SECTION: dict[Any, Any] = {
    probatio.Required("name"): text,
    **optional("description", text),
}
BLOCK: dict[Any, Any] = {
    **FIELD,
    **optional("fields", {key: FIELD_WITH_EXAMPLE}),
    **optional("sections", {key: SECTION}),
}
TEXTS_SCHEMA = probatio.Schema(
    {
        probatio.Optional("title"): text,
        probatio.Optional("config"): {
            **flow_schema(),
            probatio.Optional("initiate_flow"): {probatio.Required("user"): text},
        },
        probatio.Optional("options"): flow_schema(),
        probatio.Optional("config_subentries"): {
            key: flow_schema(
                entry_type=text,
                initiate_flow={probatio.Required("user"): text, key: text},
            )
        },
        probatio.Optional("selector"): {
            key: {
                **optional("options choices unit_of_measurement", {key: text}),
                **optional("fields", {key: FIELD}),
            }
        },
        probatio.Optional("system_health"): {"info": {key: text}},
        probatio.Optional("issues"): {
            key: probatio.Any(
                {
                    probatio.Required("title"): text,
                    probatio.Required("description"): text,
                },
                {
                    probatio.Required("title"): text,
                    probatio.Required("fix_flow"): flow_schema(),
                },
            )
        },
        probatio.Optional("device"): {key: {probatio.Required("name"): text}},
        probatio.Optional("entity"): {
            probatio.In(PLATFORMS): {
                key: {
                    probatio.Optional("name"): text,
                    probatio.Optional("state"): {key: plain_text},
                    probatio.Optional("state_attributes"): {
                        key: {
                            probatio.Optional("name"): plain_text,
                            probatio.Optional("state"): {key: plain_text},
                        }
                    },
                    probatio.Optional("unit_of_measurement"): plain_text,
                }
            }
        },
        probatio.Optional("exceptions"): {key: {probatio.Required("message"): text}},
        **optional("services triggers conditions", {key: BLOCK}),
    },
    extra=probatio.PREVENT_EXTRA,
)

STATE_ICONS = {
    probatio.Optional("default"): icon,
    probatio.Optional("state"): {key: icon},
    probatio.Optional("range"): {probatio.Match(r"^-?\d+(\.\d+)?$"): icon},
}
FLOW_ICONS = {probatio.Required("step"): {key: {"sections": {key: icon}}}}
ICONS_SCHEMA = probatio.Schema(
    {
        **optional("config options", FLOW_ICONS),
        probatio.Optional("entity"): {
            probatio.In(PLATFORMS): {
                key: {
                    **STATE_ICONS,
                    probatio.Optional("state_attributes"): {key: STATE_ICONS},
                }
            }
        },
        probatio.Optional("services"): {
            key: {
                probatio.Required("service"): icon,
                probatio.Optional("sections"): {key: icon},
            }
        },
        probatio.Optional("triggers"): {key: {probatio.Required("trigger"): icon}},
        probatio.Optional("conditions"): {key: {probatio.Required("condition"): icon}},
    },
    extra=probatio.PREVENT_EXTRA,
)

BLOCK_FIELD = {
    probatio.Optional("example"): object,
    probatio.Optional("default"): object,
    probatio.Optional("required"): bool,
    probatio.Optional("context"): {str: str},
    probatio.Optional("filter"): dict,
    # Every field can be filled in with the right control.
    probatio.Required("selector"): selector.validate_selector,
}
BLOCKS_SCHEMA = probatio.Schema(
    {
        key: probatio.Any(
            None,
            {
                probatio.Optional("target"): probatio.Any(dict, None),
                probatio.Optional("fields"): {
                    key: probatio.Any(
                        BLOCK_FIELD,
                        {
                            probatio.Optional("collapsed"): bool,
                            probatio.Required("fields"): {key: BLOCK_FIELD},
                        },
                    )
                },
            },
        )
    }
)
