"""A fresh server and a client for each test."""

from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from simulator import Simulator

from .client import Client


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncGenerator[Simulator]:
    """Start a server with a data folder of its own."""
    async with Simulator(tmp_path / "data", api_key="all-powerful") as running:
        yield running


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    """Open a client session that gives up after a while."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as opened:
        yield opened


@pytest.fixture
def client(simulator: Simulator, session: aiohttp.ClientSession) -> Client:
    """Return a client that may do everything."""
    return Client(session, simulator.url, simulator.api_key)
