"""What makes files wait: conditions, a pause; and what is made up for afterwards."""

from collections.abc import AsyncIterator, Callable
import math
from pathlib import Path
from typing import Any

import pytest

from custom_components.immich_backup.engine import FileState, RunTrigger
from custom_components.immich_backup.engine.controls import END_OF_PAUSE
from custom_components.immich_backup.engine.events import FolderOverdue, RunFinished
from custom_components.immich_backup.engine.ledger import LedgerError, agenda
from custom_components.immich_backup.engine.model import (
    EngineStatus,
    FolderStatus,
    RunOutcome,
    Wish,
)
from custom_components.immich_backup.engine.outbox import UploadItem, UploadState
from simulator import Action, Fault, Simulator

from .support import UPLOAD, Rig, folder_at, make, rig_on, until

PROTECTED, WAITING = FileState.PROTECTED, FileState.WAITING
NIGHT = ("Only at night",)


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path, camera: Path) -> AsyncIterator[Rig]:
    """Return an engine that backs the folder up by itself."""
    async with rig_on(server, tmp_path / "ledger.db", [folder_at(camera)]) as found:
        yield found


async def until_seen(condition: Callable[[], bool]) -> None:
    """Wait for something that needs no waiting to be seen."""

    async def holds() -> bool:
        return condition()

    await until(holds)


async def waiting_for(rig: Rig, key: str = "camera") -> Any:
    """Return what a folder waits for."""
    return (await rig.engine.overview()).folders[key].waiting_for


async def test_files_wait_for_a_condition(rig: Rig, camera: Path) -> None:
    """What arrives meanwhile is decided, waits, and goes up when the wait ends."""
    rig.engine.set_waiting_for("camera", NIGHT)
    path = make(camera, "a.jpg")
    await rig.wait_for(WAITING, path)
    assert await waiting_for(rig) == NIGHT
    assert (await rig.engine.overview()).status is EngineStatus.WAITING
    report = await rig.run()
    assert report.outcome is RunOutcome.WAITING
    assert report.waiting_for == list(NIGHT)
    assert rig.bodies() == 0
    assert (await rig.engine.overview()).folders["camera"].last_success is None
    rig.engine.set_waiting_for("camera", ())
    await rig.wait_for(PROTECTED, path)


async def test_run_that_ignores_conditions(rig: Rig, camera: Path) -> None:
    """A person may say that it does not matter this time."""
    rig.engine.set_waiting_for("camera", NIGHT)
    path = make(camera, "a.jpg")
    run_id = rig.engine.start_run(trigger=RunTrigger.MANUAL, unconditional=True)
    report = await rig.engine.wait_run(run_id)
    assert report is not None
    assert report.outcome is RunOutcome.COMPLETED
    assert (await rig.file(path)).state is PROTECTED


async def test_nothing_waits_nothing_is_missing(rig: Rig, camera: Path) -> None:
    """A run over a folder without files to send is complete, whatever it waits for."""
    make(camera, "a.jpg")
    await rig.run()
    rig.engine.set_waiting_for("camera", NIGHT)
    assert (await rig.run()).outcome is RunOutcome.COMPLETED


async def test_owed_run_survives_a_restart(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A run that had to wait is made up for, once, even without a trigger."""
    ledger, folder = tmp_path / "ledger.db", folder_at(camera, new_media=False)
    path = make(camera, "a.jpg")
    async with rig_on(server, ledger, [folder]) as rig:
        rig.engine.set_waiting_for("camera", NIGHT)
        assert (await rig.run()).outcome is RunOutcome.WAITING
    async with rig_on(server, ledger, [folder], begin=False) as rig:
        rig.engine.set_waiting_for("camera", NIGHT)
        rig.engine.begin()
        await rig.wait_for(WAITING, path)
        assert rig.bodies() == 0
        rig.engine.set_waiting_for("camera", ())
        await rig.wait_for(PROTECTED, path)
        await rig.quiet()
        # The next file waits for the next run again.
        other = make(camera, "b.jpg")
        await rig.wait_for(WAITING, other)
        rig.engine.set_waiting_for("camera", NIGHT)
        rig.engine.set_waiting_for("camera", ())
        await rig.quiet_with(other)
        assert rig.bodies() == 1


async def test_condition_ends_during_a_run(rig: Rig, camera: Path) -> None:
    """What is on its way arrives, what is not yet on its way waits."""
    rig.server.faults.add(
        Fault(action=Action.LATENCY, path_regex=f"^{UPLOAD}$", seconds=0.5)
    )
    paths = [make(camera, f"{number}.jpg") for number in range(20)]

    async def began() -> bool:
        return rig.bodies() > 0

    await until(began)
    rig.engine.set_waiting_for("camera", NIGHT)
    report = (await rig.wait_event(RunFinished)).run
    assert report.outcome is RunOutcome.WAITING
    states = [(await rig.file(path)).state for path in paths]
    assert 1 <= states.count(PROTECTED) <= 8
    assert states.count(WAITING) == 20 - states.count(PROTECTED)


async def test_pause(rig: Rig, camera: Path, tmp_path: Path) -> None:
    """Nothing is sent in a pause, not even what is asked for; then all of it is."""
    await rig.engine.controls.pause()
    overview = await rig.engine.overview()
    assert (overview.status, overview.paused_until) == (EngineStatus.PAUSED, math.inf)
    path, single = make(camera, "a.jpg"), make(tmp_path, "single.jpg")
    report = await rig.run()
    assert report.outcome is RunOutcome.WAITING
    assert report.part("camera").waiting_for == (END_OF_PAUSE,)
    (outcome,) = await rig.engine.upload([UploadItem(path=str(single), wish=Wish())])
    assert outcome.state is UploadState.WAITING
    assert rig.bodies() == 0
    await rig.engine.controls.resume()
    await rig.wait_for(PROTECTED, path)

    async def both() -> bool:
        return len(rig.server.assets()) == 2

    await until(both)
    assert (await rig.engine.overview()).paused_until is None


async def test_pause_ends_by_itself(rig: Rig, camera: Path) -> None:
    """A pause has an end, also when the clock jumps beyond it."""
    await rig.engine.controls.pause(rig.clock.time() + 3600)
    path = make(camera, "a.jpg")
    await rig.wait_for(WAITING, path)
    assert rig.bodies() == 0
    rig.clock.wall += 3601
    # As if the next look had come.
    rig.engine.controls._wake.set()
    await rig.wait_for(PROTECTED, path)


async def test_pause_survives_a_restart(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """So does a limit; what is over meanwhile is over."""
    ledger, path = tmp_path / "ledger.db", make(camera, "a.jpg")
    async with rig_on(server, ledger) as rig:
        end = rig.clock.time() + 3600
        await rig.engine.controls.pause(end)
        await rig.engine.controls.set_limit(2_500_000.0)
    async with rig_on(server, ledger, [folder_at(camera)]) as rig:
        await rig.wait_for(WAITING, path)
        assert rig.engine.controls.paused_until == end
        assert rig.engine.controls.limit == 2_500_000
        assert rig.bodies() == 0
        await rig.engine.controls.pause(rig.clock.time() - 1)
        await rig.wait_for(PROTECTED, path)


async def test_pause_abandons_a_large_upload(rig: Rig, camera: Path) -> None:
    """It does not wait for what takes long; that begins anew afterwards."""
    fault = rig.server.faults.add(
        Fault(action=Action.THROTTLE, method="POST", path=UPLOAD, rate=100_000)
    )
    path = make(camera, "big.mp4", bytes(5_000_000))

    async def began() -> bool:
        requests = rig.server.requests.matching("POST", UPLOAD)
        return any(request.received for request in requests)

    await until(began)
    await rig.engine.controls.pause()
    report = (await rig.wait_event(RunFinished)).run
    assert report.outcome is RunOutcome.WAITING
    assert report.waiting_for == [END_OF_PAUSE]
    assert (await rig.file(path)).state is WAITING
    rig.server.faults.remove(fault)
    await rig.engine.controls.resume()
    await rig.wait_for(PROTECTED, path)


@pytest.mark.parametrize("restart", [False, True])
async def test_run_that_a_pause_broke_off(
    server: Simulator, tmp_path: Path, camera: Path, restart: bool
) -> None:
    """It is made up for, also after a restart and when the pause is over at once."""
    ledger, other = tmp_path / "ledger.db", tmp_path / "other"
    other.mkdir()
    folders = [
        folder_at(camera, new_media=False),
        folder_at(other, "other", new_media=False),
    ]
    path = make(camera, "big.mp4", bytes(5_000_000))
    async with rig_on(server, ledger, folders) as rig:
        await rig.wait_for(WAITING, path)
        fault = server.faults.add(
            Fault(
                action=Action.THROTTLE,
                method="POST",
                path=UPLOAD,
                rate=100_000,
                times=1,
            )
        )
        rig.engine.start_run(trigger=RunTrigger.MANUAL)
        await until_seen(lambda: bool(fault.struck))
        await rig.engine.controls.pause()
        if not restart:
            await rig.engine.controls.resume()
        report = (await rig.wait_event(RunFinished)).run
        assert report.outcome is RunOutcome.WAITING
        assert report.part("camera").waiting_for == (END_OF_PAUSE,)
        assert report.part("other").waiting_for == ()
        if not restart:
            await rig.wait_for(PROTECTED, path)
            return
    async with rig_on(server, ledger, folders) as rig:
        await rig.engine.controls.resume()
        await rig.wait_for(PROTECTED, path)


async def test_pause_during_a_scan(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A run that is broken off before its scan has ended is owed, whatever waits."""
    folder = folder_at(camera, new_media=False, settle_seconds=2.0)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.quiet()
        path = make(camera, "a.jpg")
        rig.engine.start_run(trigger=RunTrigger.MANUAL)
        await rig.wait_for(FileState.SETTLING, path)
        await rig.engine.controls.pause()
        report = (await rig.wait_event(RunFinished)).run
        assert report.outcome is RunOutcome.WAITING
        await rig.wait_for(WAITING, path)
        await rig.engine.controls.resume()
        await rig.wait_for(PROTECTED, path)


async def test_pause_with_a_broken_ledger(
    rig: Rig, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be judged waits, too."""
    fault = rig.server.faults.add(
        Fault(action=Action.THROTTLE, method="POST", path=UPLOAD, rate=100_000)
    )
    path = make(camera, "big.mp4", bytes(5_000_000))
    await until_seen(lambda: bool(fault.struck))

    async def broken(_run: Any) -> RunOutcome:
        raise LedgerError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.engine._conductor, "_judge", broken)
        await rig.engine.controls.pause()
        report = (await rig.wait_event(RunFinished)).run
    assert report.outcome is RunOutcome.WAITING
    assert report.part("camera").waiting_for == (END_OF_PAUSE,)
    rig.server.faults.remove(fault)
    await rig.engine.controls.resume()
    await rig.wait_for(PROTECTED, path)


async def test_status_of_folders_in_one_run(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A folder whose files may not go up waits, whatever the run does elsewhere."""
    other = tmp_path / "other"
    other.mkdir()
    folders = [
        folder_at(camera, new_media=False),
        folder_at(other, "other", new_media=False),
    ]
    async with rig_on(server, tmp_path / "ledger.db", folders) as rig:
        rig.engine.set_waiting_for("camera", NIGHT)
        paths = make(camera, "a.jpg"), make(other, "b.mp4", bytes(3_000_000))
        await rig.wait_for(WAITING, *paths)
        fault = server.faults.add(
            Fault(action=Action.THROTTLE, method="POST", path=UPLOAD, rate=100_000)
        )
        rig.engine.start_run(trigger=RunTrigger.MANUAL)
        await until_seen(lambda: bool(fault.struck))
        found = (await rig.engine.overview()).folders
        assert found["camera"].status is FolderStatus.WAITING
        assert found["other"].status is FolderStatus.BACKING_UP


async def test_switched_off_forgets_what_is_owed(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """Automatic backup that is off starts nothing, also nothing that had to wait."""
    folder = folder_at(camera, new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        path = make(camera, "a.jpg")
        rig.engine.set_waiting_for("camera", NIGHT)
        assert (await rig.run()).outcome is RunOutcome.WAITING
        await rig.engine.controls.set_automatic(False)
        rig.engine.set_waiting_for("camera", ())
        await rig.engine.controls.set_automatic(True)
        await rig.quiet_with(path)
        assert rig.bodies() == 0


HOUR = 3600.0


async def overdue(rig: Rig) -> bool:
    """Look which folders are overdue, and return whether the camera is."""
    await rig.engine._overdue.look()
    return (await rig.engine.overview()).folders["camera"].overdue


@pytest.mark.parametrize("scheduled", [False, True])
async def test_overdue(
    server: Simulator, tmp_path: Path, camera: Path, scheduled: bool
) -> None:
    """A folder is overdue when no run succeeded for too long, and that is told once."""
    folder = folder_at(
        camera, new_media=False, scheduled=scheduled, overdue_seconds=48 * HOUR
    )
    ledger = tmp_path / "ledger.db"
    async with rig_on(server, ledger, [folder]) as rig:
        path = make(camera, "a.jpg")
        await rig.wait_for(WAITING, path)
        rig.clock.wall += 47 * HOUR
        assert not await overdue(rig)
        rig.clock.wall += 2 * HOUR
        assert await overdue(rig)
        assert await overdue(rig)
        told = [event for event in rig.events if isinstance(event, FolderOverdue)]
        assert told == [FolderOverdue("camera", True)]
    async with rig_on(server, ledger, [folder]) as rig:
        rig.clock.wall += 49 * HOUR
        await rig.wait_for(WAITING, path)
        assert await overdue(rig)
        assert not any(isinstance(event, FolderOverdue) for event in rig.events)
        assert (await rig.run()).outcome is RunOutcome.COMPLETED
        assert not await overdue(rig)
        assert await rig.wait_event(FolderOverdue) == FolderOverdue("camera", False)
        # Without a fixed time nothing is missing as long as there is nothing to do.
        for _ in range(10):
            rig.clock.wall += 10 * HOUR
            now = await overdue(rig)
        assert now is scheduled


async def test_overdue_and_the_clock(rig: Rig, camera: Path) -> None:
    """A clock that was ahead does not keep a folder from becoming overdue."""
    await rig.engine.apply(folder_at(camera, overdue_seconds=HOUR))
    await rig.wait_for(PROTECTED, make(camera, "first.jpg"))
    rig.clock.wall += 1000 * HOUR
    make(camera, "a.jpg")
    await rig.run()
    rig.clock.wall -= 1000 * HOUR
    rig.engine.set_waiting_for("camera", NIGHT)
    await rig.wait_for(WAITING, make(camera, "b.jpg"))
    assert not await overdue(rig)
    rig.clock.wall += 2 * HOUR
    assert await overdue(rig)


async def test_overdue_since_a_wrong_time(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """Nor does one that was ahead when the folder was added."""
    folder = folder_at(camera, new_media=False, overdue_seconds=HOUR)
    async with rig_on(server, tmp_path / "ledger.db", [folder], begin=False) as rig:
        rig.clock.wall += 1000 * HOUR
        rig.engine.begin()
        await rig.wait_for(WAITING, make(camera, "a.jpg"))
        rig.clock.wall -= 1000 * HOUR
        assert not await overdue(rig)
        rig.clock.wall += 2 * HOUR
        assert await overdue(rig)


async def test_not_overdue_after_a_long_absence(
    server: Simulator, tmp_path: Path, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that was off for days has not missed anything where nothing is to do."""
    ledger, folder = tmp_path / "ledger.db", folder_at(camera, overdue_seconds=HOUR)
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, make(camera, "a.jpg"))
        assert not await overdue(rig)
    async with rig_on(server, ledger, [folder], begin=False) as rig:
        rig.clock.wall += 100 * HOUR
        assert not (await rig.engine.overview()).folders["camera"].overdue
        monkeypatch.setattr(
            "custom_components.immich_backup.engine.overdue._INTERVAL", 0.5
        )
        rig.engine.begin()

        async def looked() -> bool:
            row = (await rig.engine.ledger.ask(agenda.read))["camera"]
            return row.well_at is not None and row.well_at > rig.clock.time() - HOUR

        await until(looked)
        assert not any(isinstance(event, FolderOverdue) for event in rig.events)
