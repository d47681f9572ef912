"""Looks at a home's event loop from the inside: an integration for the benchmark's home."""

import asyncio
import gc
import time
from typing import Any

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

DOMAIN = "bench_probe"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)

_INTERVAL = 0.002
_FULL = 2


class Collections:
    """Knows how many seconds full collections of garbage have taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds = 0.0
        self._began = 0.0

    def note(self, phase: str, info: dict[str, Any]) -> None:
        """Note that a collection began or ended; called by the collector."""
        if info["generation"] < _FULL:
            return
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._began


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Offer two actions: how late the loop is, and how long a collection takes."""
    collections = Collections()
    gc.callbacks.append(collections.note)

    async def measure(call: ServiceCall) -> ServiceResponse:
        """Return how late the loop was at worst in so many seconds, in milliseconds.

        Without what full collections took: these come when it is their time.
        """
        longest = 0.0
        finish = time.perf_counter() + call.data["seconds"]
        while (began := time.perf_counter()) < finish:
            collected = collections.seconds
            await asyncio.sleep(_INTERVAL)
            late = time.perf_counter() - began - _INTERVAL
            longest = max(longest, late - (collections.seconds - collected))
        return {"milliseconds": longest * 1000}

    async def collect(_call: ServiceCall) -> ServiceResponse:
        """Return how long a full collection takes, in milliseconds of processor time."""
        began = time.thread_time()
        gc.collect()
        return {"milliseconds": (time.thread_time() - began) * 1000}

    for name, action in (("measure", measure), ("collect", collect)):
        hass.services.async_register(
            DOMAIN, name, action, supports_response=SupportsResponse.ONLY
        )
    return True
