"""Many small files sent by the engine's upload step, beside curl sending them."""

import asyncio
from collections.abc import Iterator
import os
from pathlib import Path
import time

from . import curl
from .measure import Comparison, Figure, Probe, Rounds, Target, child, receiver
from .sender import Sender, known

_CONCURRENCY = 4
_SIZE = 200_000
_RATE = Target(at_least=0.5)
_LAG = Target(at_most=20)
_IDLE_SECONDS = 1.0


def run(folder: Path, *, scale: float = 1.0, rounds: int = 5) -> Iterator[Figure]:
    """Measure 2,000 files of 200 KB at concurrency 4, and the event loop meanwhile."""
    files = [folder / f"IMG_{number:04}.jpg" for number in range(int(2000 * scale))]
    for file in files:
        file.write_bytes(os.urandom(_SIZE))
    gigabytes = len(files) * _SIZE / 1e9
    ours, reference = Rounds(), Rounds()
    with receiver() as port:
        for _ in range(rounds):
            if curl.found():
                reference.add(curl.send(files, port, folder, parallel=_CONCURRENCY))
            ours.add(child("transfer", "send", folder, port))
    what = f"{len(files):,} files of 200 KB, {_CONCURRENCY} at once"
    missing = None if curl.found() else curl.MISSING
    yield Figure(
        name="transfer.rate",
        what=f"{what}: rate",
        unit="files/s",
        comparison=Comparison.RATIO,
        ours=[len(files) / seconds for seconds in ours["seconds"]],
        reference=[len(files) / seconds for seconds in reference["seconds"]],
        target=_RATE,
        missing=missing,
    )
    yield Figure(
        name="transfer.cpu",
        what=f"{what}: CPU",
        unit="CPU s/GB",
        comparison=Comparison.RATIO,
        ours=[cpu / gigabytes for cpu in ours["cpu"]],
        reference=[cpu / gigabytes for cpu in reference["cpu"]],
        missing=missing,
    )
    yield Figure(
        name="transfer.lag",
        what=f"{what}: longest delay of the event loop, beside an idle one",
        unit="ms",
        comparison=Comparison.DIFFERENCE,
        ours=ours["lag"],
        reference=ours["idle"],
        target=_LAG,
    )


async def _send(folder: Path, port: int) -> dict[str, float]:
    """Measure an idle event loop, then one that sends the files."""
    files = known(sorted(folder.glob("*.jpg")))
    async with Probe() as idle:
        await asyncio.sleep(_IDLE_SECONDS)
    async with Sender(port, folder) as sender, Probe() as busy:
        began, cpu = time.perf_counter(), time.process_time()
        await sender.send(files, _CONCURRENCY)
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    assert sender.sent == sum(file.stamp.size for file in files)
    return {"seconds": seconds, "cpu": used, "lag": busy.worst, "idle": idle.worst}


def send(folder: str, port: str) -> dict[str, float]:
    """Measure the engine's upload step."""
    return asyncio.run(_send(Path(folder), int(port)))


TASKS = {"send": send}
