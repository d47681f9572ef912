"""Work that goes on in the background until the engine stops, whatever happens to it."""

import asyncio
from collections.abc import Callable, Coroutine
import logging

_LOGGER = logging.getLogger(__name__)

# Seconds after which work that ended or failed unexpectedly begins anew.
_RESTART = 60.0


class Background:
    """Supervises tasks, each of which is expected to go on for ever."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: list[asyncio.Task[None]] = []

    def start(
        self, work: Callable[[], Coroutine[object, object, None]], name: str
    ) -> None:
        """Begin some work; if it raises that is logged, and it begins anew later."""
        self._tasks.append(
            asyncio.create_task(_supervise(work, name), name=f"immich_backup {name}")
        )

    async def stop(self) -> None:
        """Cancel everything and wait until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _supervise(
    work: Callable[[], Coroutine[object, object, None]], name: str
) -> None:
    """Do some work again and again until it is cancelled."""
    while True:
        try:
            await work()
        except Exception:
            _LOGGER.exception("Unexpected error in the background (%s)", name)
        await asyncio.sleep(_RESTART)
