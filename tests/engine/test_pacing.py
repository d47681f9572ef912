"""A limit on how fast bytes go out, shared by all uploads."""

import asyncio
import os
from pathlib import Path
import time

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine.pacing import LARGEST_PIECE, Pacer
from simulator import Simulator

from .support import folder_at, make, rig_on

MEGABYTE = 1_000_000


@given(st.floats(1, 1e9))
def test_pieces_are_small_beside_the_limit(limit: float) -> None:
    """No piece takes longer than a tenth of a second, unless the limit is tiny."""
    pacer = Pacer(time.monotonic)
    assert pacer.piece == LARGEST_PIECE
    pacer.set_limit(limit)
    assert 0 < pacer.piece <= max(limit / 10, 4096)


async def test_moments_are_in_a_row() -> None:
    """However many ask, the moments are as far apart as the limit says."""
    now = 0.0
    pacer = Pacer(lambda: now)
    pacer.set_limit(1000.0)
    tasks = [asyncio.create_task(pacer.wait(10)) for _ in range(3)]
    await asyncio.sleep(0)
    # Three times 10 bytes, and so the next one in 0.03 s.
    assert pacer._free == pytest.approx(0.03)
    await asyncio.gather(*tasks)
    now = 5.0
    await pacer.wait(10)
    # What was not used is not saved up.
    assert pacer._free == pytest.approx(5.01)


async def test_limit_that_is_raised_ends_the_wait() -> None:
    """Who waits for an hour at the old limit goes on at the new one."""
    pacer = Pacer(time.monotonic)
    pacer.set_limit(1.0)
    await pacer.wait(3600)
    task = asyncio.create_task(pacer.wait(3600))
    await asyncio.sleep(0)
    for limit in (2.0, 0.0):
        assert not task.done()
        pacer.set_limit(limit)
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await task


@pytest.mark.parametrize("files", [20, 1])
async def test_limit_holds(server: Simulator, tmp_path: Path, files: int) -> None:
    """Small and large files together are not sent faster, and arrive as they are."""
    camera = tmp_path / "camera"
    for number in range(files):
        make(camera, f"{number}.jpg", os.urandom(2 * MEGABYTE // files))
    async with rig_on(
        server, tmp_path / "ledger.db", [folder_at(camera, new_media=False)]
    ) as rig:
        await rig.engine.controls.set_limit(MEGABYTE)
        began = time.monotonic()
        report = await rig.run()
        assert report.counts.uploaded == files
        assert time.monotonic() - began >= 1.9
