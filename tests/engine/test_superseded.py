"""Assets that are left over: what is stored of a file that has other bytes by now."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import FileState
from simulator import Action, Fault, Simulator

from .support import UPLOAD, Rig, folder_at, make, rig_on, until

PROTECTED = FileState.PROTECTED


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return an engine that tends the folder `camera`; runs are asked for."""
    (tmp_path / "camera").mkdir()
    folder = folder_at(tmp_path / "camera", new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as found:
        yield found


async def test_former_bytes_come_back(rig: Rig, tmp_path: Path) -> None:
    """An asset is left over only as long as its file has other bytes."""
    path = make(tmp_path / "camera", "a.jpg", b"before")
    await rig.run()
    first = await rig.file(path)
    path.write_bytes(b"after, longer")
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.superseded) == (1, 1)
    second = await rig.file(path)
    assert second.superseded == (first.asset_id,)
    # It is counted once.
    assert (await rig.run()).counts.superseded == 0
    path.write_bytes(b"before")
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.superseded) == (0, 1)
    third = await rig.file(path)
    assert (third.asset_id, third.superseded) == (first.asset_id, (second.asset_id,))
    assert len(rig.server.assets()) == 2


async def test_copy_keeps_the_asset(rig: Rig, tmp_path: Path) -> None:
    """What another file still has is not left over."""
    path = make(tmp_path / "camera", "a.jpg", b"before")
    make(tmp_path / "camera", "b.jpg", b"before")
    await rig.run()
    path.write_bytes(b"after")
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.superseded) == (1, 0)
    assert (await rig.file(path)).superseded == ()


async def test_part_of_a_file(server: Simulator, tmp_path: Path) -> None:
    """A pause longer than the settle time sends a part, which is told."""
    path = tmp_path / "camera" / "slow.jpg"
    path.parent.mkdir()
    folder = folder_at(path.parent)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        with path.open("wb", buffering=0) as file:
            file.write(b"first half, ")
            part = await rig.wait_for(PROTECTED, path)
            file.write(b"second half")

        async def complete() -> bool:
            return (await rig.file(path)).size == path.stat().st_size

        await until(complete)
        whole = await rig.wait_for(PROTECTED, path)
        assert whole.superseded == (part.asset_id,)
        await rig.quiet()
        runs = await rig.engine.recent_runs(10)
        assert sum(run.counts.superseded for run in runs) == 1


async def test_change_between_upload_and_proof(
    server: Simulator, tmp_path: Path
) -> None:
    """What went up of a file that changed at once is left over, too."""
    path = make(tmp_path / "camera", "a.jpg", b"first")
    folder = folder_at(path.parent)
    # The second question is for the proof; uploads are asked for otherwise.
    slow = server.faults.add(
        Fault(
            action=Action.LATENCY,
            path=f"{UPLOAD}/bulk-upload-check",
            seconds=1.5,
            skip=1,
            times=1,
        )
    )
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:

        async def asked() -> bool:
            return slow.struck == 1

        await until(asked)
        path.write_bytes(b"second, longer")

        async def two() -> bool:
            return len(server.assets()) == 2

        await until(two)
        known = await rig.wait_for(PROTECTED, path)
        assert known.size == len(b"second, longer")
        assert known.superseded == (server.assets()[0].id,)
