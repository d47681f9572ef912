"""One large file sent by the engine's upload step, beside curl sending it."""

import asyncio
from collections.abc import Iterator
import os
from pathlib import Path
import time

from . import curl
from .measure import (
    Comparison,
    Figure,
    Rounds,
    Target,
    child,
    forget_peak,
    memory,
    receiver,
)
from .sender import Sender, known

_MEGABYTE = 1_000_000
_RATE = Target(at_least=0.8)
_MEMORY = Target(at_most=32)


def run(folder: Path, *, scale: float = 1.0, rounds: int = 5) -> Iterator[Figure]:
    """Measure a file of 1 GB; memory is what it takes more than a file of 1 KB."""
    small, large = folder / "small.mp4", folder / "large.mp4"
    small.write_bytes(os.urandom(1000))
    megabytes = max(2, int(1000 * scale))
    with large.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(_MEGABYTE))
    ours, reference = Rounds(), Rounds()
    with receiver() as port:
        for _ in range(rounds):
            if curl.found():
                least = curl.send([small], port, folder, parallel=1)["peak"]
                figures = curl.send([large], port, folder, parallel=1)
                reference.add(figures | {"growth": figures["peak"] - least})
            ours.add(child("bigfile", "send", small, large, port))
    what = f"One file of {megabytes:,} MB"
    missing = None if curl.found() else curl.MISSING
    yield Figure(
        name="bigfile.rate",
        what=f"{what}: rate",
        unit="MB/s",
        comparison=Comparison.RATIO,
        ours=[megabytes / seconds for seconds in ours["seconds"]],
        reference=[megabytes / seconds for seconds in reference["seconds"]],
        target=_RATE,
        missing=missing,
    )
    yield Figure(
        name="bigfile.cpu",
        what=f"{what}: CPU",
        unit="CPU s/GB",
        comparison=Comparison.RATIO,
        ours=[1000 * cpu / megabytes for cpu in ours["cpu"]],
        reference=[1000 * cpu / megabytes for cpu in reference["cpu"]],
        missing=missing,
    )
    yield Figure(
        name="bigfile.memory",
        what=f"{what}: memory growth",
        unit="MB",
        comparison=Comparison.DIFFERENCE,
        ours=ours["growth"],
        reference=reference["growth"],
        target=_MEMORY,
        missing=missing,
    )


async def _send(small: Path, large: Path, port: int) -> dict[str, float]:
    """Send the small file, then measure the large one."""
    first, second = known([small, large])
    async with Sender(port, large.parent) as sender:
        await sender.send([first], 1)
        forget_peak()
        before = memory("VmRSS")
        began, cpu = time.perf_counter(), time.process_time()
        await sender.send([second], 1)
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    assert sender.sent == first.stamp.size + second.stamp.size
    return {"seconds": seconds, "cpu": used, "growth": memory("VmHWM") - before}


def send(small: str, large: str, port: str) -> dict[str, float]:
    """Measure the engine's upload step."""
    return asyncio.run(_send(Path(small), Path(large), int(port)))


TASKS = {"send": send}
