"""Fixtures of the tests of the Immich client."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from custom_components.immich_backup.immich import ImmichClient
from simulator import Simulator

# Stands out in whatever it leaks into.
CANARY = "canary5Ugh9XbSecretKeyThatMayNotLeak0q"

type Connect = Callable[[str], ImmichClient]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client session that the test may break."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def connect(session: aiohttp.ClientSession) -> Connect:
    """Return a function from an address to a client with the canary as its key."""

    def client(address: str) -> ImmichClient:
        return ImmichClient(session, address, CANARY)

    return client


@pytest.fixture
async def immich() -> AsyncIterator[Simulator]:
    """Return a running server that knows the canary as a key."""
    async with Simulator(api_key=CANARY) as simulator:
        yield simulator


@pytest.fixture
def client(immich: Simulator, connect: Connect) -> ImmichClient:
    """Return a client of that server."""
    return connect(immich.url)
