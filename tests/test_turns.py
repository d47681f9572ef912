"""Much to do is done a little at a time, in its order."""

import asyncio
import time

import pytest

from custom_components.immich_backup.turns import Turns


async def test_others_have_their_turn() -> None:
    """Functions are called in their order, and nobody else waits for all of them."""
    turns = Turns(asyncio.get_running_loop())
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.001)
        done.append(number)

    for number in range(50):
        turns.add(lambda number=number: work(number))
    assert done == []
    longest = 0.0
    while len(done) < 50:
        before = time.monotonic()
        await asyncio.sleep(0)
        longest = max(longest, time.monotonic() - before)
    assert done == list(range(50))
    assert longest < 0.04


async def test_errors_keep_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What one of them raises is logged; the next ones are called."""
    turns = Turns(asyncio.get_running_loop())
    done: list[str] = []

    def fail() -> None:
        raise ValueError("broken")

    def add_more() -> None:
        turns.add(lambda: done.append("more"))

    for function in (fail, add_more, lambda: done.append("last")):
        turns.add(function)
    for _ in range(5):
        await asyncio.sleep(0)
    assert done == ["last", "more"]
    assert "broken" in caplog.text
