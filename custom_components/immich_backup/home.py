"""What the engine asks Home Assistant: implements the engine's Context."""

from collections.abc import Collection, Mapping
from typing import override

from homeassistant.core import HomeAssistant

from .engine import Context


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
