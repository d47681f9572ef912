"""How figures are compared and shown, and how they are measured."""

import asyncio
import os
import time

import pytest

from bench.measure import (
    Comparison,
    Figure,
    Neighbours,
    Probe,
    Rounds,
    Target,
    forget_peak,
    measured,
    memory,
)
from bench.table import table

MEGABYTE = 1024 * 1024


def figure(
    comparison: Comparison,
    target: Target | None,
    ours: list[float],
    reference: list[float],
    missing: str | None = None,
) -> Figure:
    """Return a figure."""
    return Figure(
        name="one",
        what="One thing",
        unit="s",
        comparison=comparison,
        ours=ours,
        reference=reference,
        target=target,
        missing=missing,
    )


@pytest.mark.parametrize(
    ("comparison", "target", "value", "met", "cells"),
    [
        (Comparison.RATIO, Target(at_most=1.5), 1.5, True, "1.50x     <= 1.5  yes"),
        (Comparison.RATIO, Target(at_most=1.4), 1.5, False, "1.50x     <= 1.4  NO"),
        (Comparison.RATIO, Target(at_least=1.5), 1.5, True, "1.50x     >= 1.5  yes"),
        (Comparison.RATIO, Target(at_least=2), 1.5, False, "1.50x     >= 2    NO"),
        (Comparison.RATIO, Target(at_least=1, at_most=2), 1.5, True, ">= 1, <= 2  yes"),
        (Comparison.RATIO, Target(at_least=2, at_most=3), 1.5, False, ">= 2, <= 3  NO"),
        (Comparison.RATIO, Target(at_least=0, at_most=1), 1.5, False, ">= 0, <= 1  NO"),
        (Comparison.RATIO, None, 1.5, None, "1.50x     -       -"),
        (Comparison.DIFFERENCE, Target(at_most=1), 1, True, "+1.0 s    <= 1    yes"),
        (Comparison.DIFFERENCE, Target(at_most=0), 1, False, "+1.0 s    <= 0    NO"),
    ],
)
def test_comparison(
    comparison: Comparison,
    target: Target | None,
    value: float,
    met: bool | None,
    cells: str,
) -> None:
    """The medians are compared, and the target decides."""
    one = figure(comparison, target, [3, 100, 1], [2, 2, 5])
    assert one.value == value
    assert one.met is met
    shown = table([one])
    assert "3 (1-100) s  2 (2-5) s" in shown
    assert shown.endswith(cells)
    data = one.as_json()
    assert (data["ours"], data["reference"], data["value"]) == (3, 2, value)
    assert data["rounds"] == {"ours": [3, 100, 1], "reference": [2, 2, 5]}


def test_no_reference() -> None:
    """What can't be compared is not met."""
    one = figure(Comparison.RATIO, Target(at_most=1), [1], [], "no such tool")
    assert one.value is None
    assert one.met is None
    assert table([one]).endswith("no such tool  missing   <= 1    NOT KNOWN")


def test_rounds() -> None:
    """The numbers of all rounds are kept by name."""
    rounds = Rounds()
    rounds.add({"a": 1, "b": 2})
    rounds.add({"a": 3, "b": 4})
    assert rounds["a"] == [1, 3]
    assert rounds["b"] == [2, 4]
    assert rounds["c"] == []


def test_memory() -> None:
    """The peak counts what was released again, until it is forgotten."""
    taken = 64

    def take() -> None:
        bytearray(taken * MEGABYTE)[:] = b"x" * (taken * MEGABYTE)

    assert measured(take)["growth"] > taken
    assert memory("VmHWM") - memory("VmRSS") > taken / 2
    forget_peak()
    assert memory("VmHWM") - memory("VmRSS") < taken / 2
    assert memory("VmRSS", os.getpid()) > 1


def test_time() -> None:
    """CPU time is what was worked, not what was waited."""

    def work() -> None:
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    figures = measured(work)
    assert figures["seconds"] >= figures["cpu"] * 0.9
    assert figures["cpu"] >= 0.05


async def test_probe() -> None:
    """A blocked event loop is noticed."""
    async with Probe() as probe:
        await asyncio.sleep(0.02)
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        await asyncio.sleep(0.02)
    assert probe.worst > 90
    assert len(probe.lags) > 2


def test_neighbours() -> None:
    """The share of others is a share."""
    neighbours = Neighbours()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert 0 <= neighbours.share() <= 100
