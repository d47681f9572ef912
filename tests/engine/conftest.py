"""Fixtures of the engine's tests: a server, and a folder to back up to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator import Simulator


@pytest.fixture
async def server() -> AsyncIterator[Simulator]:
    """Return an Immich server."""
    async with Simulator(None) as simulator:
        yield simulator


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Return an empty folder."""
    path = tmp_path / "camera"
    path.mkdir()
    return path
