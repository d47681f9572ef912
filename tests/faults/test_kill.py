"""kill -9: nothing is lost, nothing is claimed in vain, little is sent twice."""

from pathlib import Path

import pytest

from .child import Mishap
from .harness import disturb_at, kill_at_random, nursery, scene


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_random(tmp_path: Path, seed: int) -> None:
    """Backups that are killed again and again come to the right end."""
    async with (
        nursery() as breeder,
        scene(
            tmp_path, files=60, largest=3_000_000, rate=3_000_000, seed=seed
        ) as stage,
    ):
        await kill_at_random(breeder, stage, kills=6, longest=1.5, seed=seed)
        assert stage.kills >= 3


@pytest.mark.parametrize("mishap", Mishap)
async def test_disturbed_at_transactions(tmp_path: Path, mishap: Mishap) -> None:
    """Between any two commits a process may end, and any of them may fail."""
    reached = 0
    points = mishap.points
    async with nursery() as breeder:
        for number in range(2, 62, 4):
            point = points[number // 4 % len(points)]
            async with scene(
                tmp_path / str(number), files=5, largest=50_000, rate=0, seed=number
            ) as stage:
                reached += await disturb_at(breeder, stage, number, point, mishap)
    assert reached >= 8
