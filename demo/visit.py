"""A person comes to a home that starts: logs in, and waits until all of it is there."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from . import onboarding
from .api import HomeApi, HomeSocket
from .errors import DemoError
from .home import Home
from .state import HomeState

# Seconds until Home Assistant has set everything up.
_START = 120.0
_INTERVAL = 0.2


@asynccontextmanager
async def visit(
    home: Home, api: HomeApi, state: HomeState
) -> AsyncGenerator[HomeSocket]:
    """Log in to a home that starts, and wait until everything in it is set up."""
    await home.wait_until_up(api)
    await onboarding.log_in(api, state)
    async with await api.connect() as socket:
        async with asyncio.timeout(_START):
            while (config := await socket.command("get_config"))["state"] != "RUNNING":
                await asyncio.sleep(_INTERVAL)
        if config["recovery_mode"]:
            raise DemoError(f"Home Assistant is in recovery mode; see {home.log}.1")
        await onboarding.finish(api)
        yield socket
