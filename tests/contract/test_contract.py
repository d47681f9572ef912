"""Tests that the simulator answers as a real server did, case by case."""

import asyncio

import pytest
import pytest_socket

from simulator import Simulator

from .derive import TABLE
from .replay import Outcome, Replayer, accounts
from .table import Table
from .wire import Server

CONTRACT = Table.load(TABLE)
WAIT_BUDGET = 45.0
"""How long all cases together may wait in vain for the simulator's jobs, in seconds."""


async def _replay() -> dict[str, Outcome]:
    async with Simulator(None, seed=False) as simulator:
        replayer = Replayer(
            table=CONTRACT,
            server=Server.from_url(simulator.url),
            accounts=accounts(None, None),
            wait_budget=WAIT_BUDGET,
        )
        return {outcome.case.name: outcome async for outcome in replayer.run()}


@pytest.fixture(scope="module", name="outcomes")
def outcomes_fixture() -> dict[str, Outcome]:
    """Replay the whole table once, in order, against a fresh simulator."""
    # The fixture that opens sockets for each test comes later than this one.
    pytest_socket.enable_socket()
    return asyncio.run(_replay())


@pytest.mark.parametrize("name", [c.name for c in CONTRACT.cases if not c.step])
def test_answer(outcomes: dict[str, Outcome], name: str) -> None:
    """The answer is that of the real server."""
    outcome = outcomes[name]
    assert outcome.skipped is None
    assert not outcome.differences, "\n".join(outcome.differences)
