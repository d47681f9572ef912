"""Fixtures of the fault tests: a server that misbehaves, and an engine in a hurry."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import (
    conductor,
    connection,
    engine,
    link,
    outcomes,
    runner,
    watched,
)
from custom_components.immich_backup.engine.detect import folder_watch, scan_timer
from custom_components.immich_backup.immich import stream, transport
from simulator import Simulator

from .world import World


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine wait for fractions of a second where it waits for minutes."""
    monkeypatch.setattr(link, "_PROBES", (0.02, 0.05, 0.1, 0.2))
    monkeypatch.setattr(link, "_PAUSES", (0.1, 0.2))
    for module in (link, runner):
        monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(outcomes, "_FIRST_RETRY", 0.05)
    monkeypatch.setattr(runner, "_SHORT_PAUSE", 0.05)
    monkeypatch.setattr(connection, "_HALT_RETRY", 0.3)
    for module in (conductor, engine):
        monkeypatch.setattr(module, "_LEDGER_RETRY", 0.1)
    monkeypatch.setattr(watched, "_CHECK_INTERVAL", 0.2)
    monkeypatch.setattr(scan_timer, "_DOUBT_INTERVAL", 0.2)
    monkeypatch.setattr(scan_timer, "_PAUSE", 0.1)
    monkeypatch.setattr(folder_watch, "_GATHER", 0.05)
    # A server that hangs.
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.5)
    monkeypatch.setattr(transport, "ANSWER_TIMEOUT", 1.0)
    monkeypatch.setattr(stream, "_STORE_TIMEOUT", 0.5)
    monkeypatch.setattr(stream, "_SLOWEST_RATE", 1_000_000)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return a folder, a server, and what is needed to back up one to the other."""
    folder = (tmp_path / "photos").resolve()
    folder.mkdir()
    async with Simulator(None, process=False) as server:
        yield World(server=server, folder=folder, ledger=tmp_path / "ledger.db")
