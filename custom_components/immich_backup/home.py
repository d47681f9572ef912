"""What the engine asks Home Assistant: implements the engine's Context."""

from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.template import Template
from homeassistant.util import dt as dt_util

from .engine import Context
from .engine.context import Rendered

# Seconds that a template has for one file.
_PATIENCE = 1.0
# Characters of what a template makes, and of an error that is shown.
_LONGEST = 5000
_LONGEST_ERROR = 200


class HomeContext(Context):
    """Answers from this Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Answer from this instance."""
        self._hass = hass

    @override
    async def allowed_paths(self, paths: Collection[str]) -> Mapping[str, bool]:
        """Return which paths are below Home Assistant's allowed folders."""

        def check() -> dict[str, bool]:
            # Resolves links, so it touches the disk.
            return {path: self._hass.config.is_allowed_path(path) for path in paths}

        return await self._hass.async_add_executor_job(check)

    @property
    @override
    def time_zone(self) -> tzinfo:
        return dt_util.get_default_time_zone()

    @override
    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        """Return what a template makes of each of these files.

        In Home Assistant's sandbox, with a second for each file: in a thread first, so
        that one that never ends holds up nothing.
        """
        parsed = Template(template, self._hass)
        rendered: list[Rendered] = []
        too_slow = False
        for one in media:
            if too_slow:
                rendered.append(Rendered(None, f"Takes too long: {template}"))
                continue
            variables = {"media": one}
            try:
                parsed.ensure_valid()
                too_slow = await parsed.async_render_will_timeout(_PATIENCE, variables)
                if too_slow:
                    rendered.append(Rendered(None, f"Takes too long: {template}"))
                    continue
                text = str(parsed.async_render(variables, parse_result=False))
            except TemplateError as err:
                rendered.append(Rendered(None, str(err)[:_LONGEST_ERROR]))
                continue
            rendered.append(Rendered(text[:_LONGEST].strip()))
        return rendered
