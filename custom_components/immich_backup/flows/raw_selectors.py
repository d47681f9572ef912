"""The editors of triggers, conditions and templates, which give back what was entered.

Home Assistant's own selectors give back what they made of it: time spans, times and
templates. None of them can be saved as JSON, and one value that can't be saved keeps the
entries of all integrations from being saved. Of a broken template they say nothing that
helps.
"""

from typing import Any, override

from homeassistant.helpers.selector import (
    ConditionSelector,
    TemplateSelector,
    TriggerSelector,
)
import probatio


class RawTriggerSelector(TriggerSelector):
    """A list of triggers as they were entered."""

    @override
    def __call__(self, data: Any) -> list[Any]:
        """Validate triggers, roughly, and return them unchanged."""
        super().__call__(data)
        return _listed(data)


class RawConditionSelector(ConditionSelector):
    """A list of conditions as they were entered."""

    @override
    def __call__(self, data: Any) -> list[Any]:
        """Validate conditions, roughly, and return them unchanged."""
        super().__call__(data)
        return _listed(data)


class RawTemplateSelector(TemplateSelector):
    """A template as it was entered, whatever is in it."""

    @override
    def __call__(self, data: Any) -> str:
        """Return the text of a template, which the form judges itself."""
        if not isinstance(data, str):
            raise probatio.Invalid("A text is expected")
        return data


def _listed(data: Any) -> list[Any]:
    """Return what may be one thing or several as a list."""
    if data is None:
        return []
    return list(data) if isinstance(data, list) else [data]
