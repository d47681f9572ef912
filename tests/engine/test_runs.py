"""Runs: whoever asks while one goes on is served by it, without waiting for its uploads."""

import asyncio
from collections.abc import AsyncIterator
import os
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import Detection, FileState, RunTrigger
from custom_components.immich_backup.engine.events import RunFinished
from custom_components.immich_backup.engine.model import RunOutcome
from simulator import Action, Fault, Simulator

from .support import UPLOAD, Rig, folder_at, make, rig_on, until

LARGE = 1_000_000


@pytest.fixture
async def server() -> AsyncIterator[Simulator]:
    """Return an Immich server."""
    async with Simulator(None) as simulator:
        yield simulator


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Return an empty folder."""
    path = tmp_path / "camera"
    path.mkdir()
    return path


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path, camera: Path) -> AsyncIterator[Rig]:
    """Return an engine that tends the folder; runs are asked for."""
    # Only a scan finds what is new.
    folder = folder_at(camera, new_media=False, detection=Detection.POLLING)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as found:
        yield found


def slow(server: Simulator) -> Fault:
    """Let large uploads take for ever."""
    return server.faults.add(
        Fault(
            action=Action.THROTTLE,
            method="POST",
            path=UPLOAD,
            rate=100_000,
            body_over=LARGE,
        )
    )


async def large_upload(rig: Rig, camera: Path) -> None:
    """Wait until a large upload is under way."""
    make(camera, "big.mp4", os.urandom(20 * LARGE))
    rig.engine.start_run(trigger=RunTrigger.MANUAL)

    async def began() -> bool:
        requests = rig.server.requests.matching("POST", UPLOAD)
        return any(request.received for request in requests)

    await until(began)


async def test_who_joins_is_not_kept_waiting(rig: Rig, camera: Path) -> None:
    """A run that is asked for during a large upload finds and stores files at once."""
    fault = slow(rig.server)
    await large_upload(rig, camera)
    new = make(camera, "new.jpg")
    run_id = rig.engine.start_run(trigger=RunTrigger.MANUAL)
    await rig.wait_for(FileState.PROTECTED, new)
    assert (await rig.file(camera / "big.mp4")).state is FileState.WAITING
    rig.server.faults.remove(fault)
    assert await rig.engine.stop_run() == run_id


async def test_who_joins_at_the_end_is_not_forgotten(rig: Rig, camera: Path) -> None:
    """A run does not end before the folders were looked at for whoever joined it."""
    rig.server.faults.add(
        Fault(action=Action.LATENCY, path=f"{UPLOAD}/bulk-upload-check", seconds=1)
    )
    make(camera, "a.jpg")
    first = rig.engine.start_run(trigger=RunTrigger.MANUAL)

    async def held() -> bool:
        return bool(rig.server.assets())

    await until(held)
    # It is there but not verified yet, which takes a second, and then all is done.
    new = make(camera, "b.jpg")
    assert rig.engine.start_run(trigger=RunTrigger.MANUAL) == first
    async with asyncio.timeout(30):
        report = await rig.engine.wait_run(first)
    assert report is not None
    assert report.counts.uploaded == 2
    assert (await rig.file(new)).state is FileState.PROTECTED


async def test_stopped_while_it_looks(rig: Rig, camera: Path) -> None:
    """A run that is stopped ends, whatever was to be looked at for it."""
    slow(rig.server)
    await large_upload(rig, camera)
    make(camera, "settling.jpg")
    rig.engine.start_run(trigger=RunTrigger.MANUAL)
    assert await rig.engine.stop_run() is not None
    assert (await rig.wait_event(RunFinished)).run.outcome is RunOutcome.STOPPED
    assert (await rig.engine.overview()).run is None


async def test_run_without_folders_ends(server: Simulator, tmp_path: Path) -> None:
    """There may be nothing to look at."""
    async with rig_on(server, tmp_path / "ledger.db") as rig:
        report = await rig.run()
        assert report.outcome is RunOutcome.COMPLETED
        report = await rig.run("unknown")
        assert report.outcome is RunOutcome.COMPLETED
