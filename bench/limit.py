"""Files sent by the engine's upload step under a bandwidth limit, beside the limit."""

import asyncio
from collections.abc import Iterator
import os
from pathlib import Path
import time

from .measure import Comparison, Figure, Rounds, Target, child, receiver
from .sender import Sender, known

_CONCURRENCY = 4
_MEGABYTE = 1_000_000
_LIMIT = 5 * _MEGABYTE
_SIZE = 200_000
_SECONDS = 12
_KEPT = Target(at_least=0.9, at_most=1.1)


def run(folder: Path, *, scale: float = 1.0, rounds: int = 5) -> Iterator[Figure]:
    """Measure 12 s at 5 MB/s: 300 files of 200 KB, and one file of 60 MB."""
    # One that is large enough to be read while it is sent.
    megabytes = max(2, int(_SECONDS * _LIMIT * scale) // _MEGABYTE)
    small, large = folder / "small", folder / "large"
    for place, count, size in (
        (small, megabytes * _MEGABYTE // _SIZE, _SIZE),
        (large, 1, megabytes * _MEGABYTE),
    ):
        place.mkdir()
        for number in range(count):
            (place / f"{number:04}.mp4").write_bytes(os.urandom(size))
    with receiver() as port:
        for name, place, what in (
            ("files", small, f"{megabytes} MB in files of 200 KB"),
            ("bigfile", large, f"One file of {megabytes} MB"),
        ):
            ours = Rounds()
            for _ in range(rounds):
                ours.add(child("limit", "send", place, port))
            yield Figure(
                name=f"limit.{name}",
                what=f"{what} at a limit: rate, beside the limit",
                unit="MB/s",
                comparison=Comparison.RATIO,
                ours=[megabytes / seconds for seconds in ours["seconds"]],
                reference=[_LIMIT / _MEGABYTE] * rounds,
                target=_KEPT,
            )


async def _send(folder: Path, port: int) -> dict[str, float]:
    """Measure how long the files take at the limit."""
    files = known(sorted(folder.iterdir()))
    async with Sender(port, folder, _LIMIT) as sender:
        began = time.perf_counter()
        await sender.send(files, _CONCURRENCY)
        seconds = time.perf_counter() - began
    assert sender.sent == sum(file.stamp.size for file in files)
    return {"seconds": seconds}


def send(folder: str, port: str) -> dict[str, float]:
    """Measure the engine's upload step."""
    return asyncio.run(_send(Path(folder), int(port)))


TASKS = {"send": send}
