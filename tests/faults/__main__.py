"""The long form of the crash tests: many random kills, then every transaction."""

import argparse
import asyncio
from itertools import count
from pathlib import Path
import random
from tempfile import TemporaryDirectory

from .child import Mishap
from .harness import Nursery, disturb_at, kill_at_random, nursery, scene


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="random kills")
    parser.add_argument("--files", type=int, default=500, help="files to back up")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print("seed", options.seed)  # noqa: T201
    asyncio.run(_run(options.kills, options.files, options.seed))


async def _run(kills: int, files: int, seed: int) -> None:
    """Kill at random until there were so many kills, then disturb each transaction."""
    async with nursery() as breeder:
        done = 0
        for step in count():
            if done >= kills:
                break
            done += await _random_round(
                breeder, min(kills - done, 50), files, seed + step
            )
            print(f"{done} random kills: nothing lost")  # noqa: T201
        for mishap in Mishap:
            for point in mishap.points:
                reached = await _each_transaction(breeder, mishap, point, seed)
                print(f"{mishap} {reached} times ({point}): nothing lost")  # noqa: T201


async def _each_transaction(
    breeder: Nursery, mishap: Mishap, point: str, seed: int
) -> int:
    """Disturb a backup at each of its transactions; return how many there are."""
    for number in count(1):
        with TemporaryDirectory() as base:
            async with scene(
                Path(base), files=6, largest=50_000, rate=0, seed=seed + number
            ) as stage:
                if not await disturb_at(breeder, stage, number, point, mishap):
                    return number - 1
    raise AssertionError


async def _random_round(breeder: Nursery, kills: int, files: int, seed: int) -> int:
    """Kill one backup again and again; return how often."""
    with TemporaryDirectory() as base:
        async with scene(
            Path(base), files=files, largest=50_000_000, rate=20_000_000, seed=seed
        ) as stage:
            await kill_at_random(breeder, stage, kills=kills, longest=3, seed=seed)
            return stage.kills


main()
