"""Forms whose fields stand in sections, and the flat values that are stored of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import probatio

# The fields of each section, by their keys.
type Sections = Mapping[str, Sequence[str]]

_EMPTY: Sequence[object] = (None, "", [])


def section_fields(
    parts: Mapping[str, Mapping[Any, Any]], opened: Collection[str]
) -> dict[Any, Any]:
    """Return sections as fields of a form, by their names; those ``opened`` are open."""
    return {
        probatio.Required(name): section(
            probatio.Schema(fields), {"collapsed": name not in opened}
        )
        for name, fields in parts.items()
    }


def number_field(least: int, most: int, unit: str | None = None) -> NumberSelector:
    """Return a field for a number between two, both included."""
    config = NumberSelectorConfig(min=least, max=most, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def flattened(
    form: Mapping[str, Any], fields: Collection[str], sections: Sections
) -> dict[str, Any]:
    """Return what was entered in a form's fields and sections, but not what is empty."""
    return {
        key: value
        for part, keys in _parts(form, fields, sections)
        for key in keys
        if (value := part.get(key)) not in _EMPTY
    }


def unflattened(
    values: Mapping[str, Any], fields: Collection[str], sections: Sections
) -> dict[str, Any]:
    """Return the form in which values were entered."""
    form: dict[str, Any] = {key: values[key] for key in fields if key in values}
    for name, keys in sections.items():
        form[name] = {key: values[key] for key in keys if key in values}
    return form


def _parts(
    form: Mapping[str, Any], fields: Collection[str], sections: Sections
) -> Iterator[tuple[Mapping[str, Any], Collection[str]]]:
    """Yield a form and its sections with their fields."""
    yield form, fields
    for name, keys in sections.items():
        yield form[name], keys
