"""Runs: whoever asks while one goes on is served by it, without waiting for its uploads."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import fields
import os
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import (
    Detection,
    FileState,
    MediaKind,
    RunTrigger,
)
from custom_components.immich_backup.engine.events import RunFinished
from custom_components.immich_backup.engine.media_types import kind_of
from custom_components.immich_backup.engine.model import (
    FolderTrouble,
    Halt,
    Reason,
    RunOutcome,
    RunPart,
    Stored,
)
from simulator import Action, Fault, Simulator

from .support import UPLOAD, Rig, folder_at, make, rig_on, until

LARGE = 1_000_000


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


async def test_completed_means_that_nothing_is_left(rig: Rig, camera: Path) -> None:
    """What an earlier run could not store, this one has not stored either."""
    make(camera, "a.jpg")
    fault = rig.server.faults.add(
        Fault(action=Action.RESPOND, path_regex=f"^{UPLOAD}$", canned="too-large")
    )
    for _ in range(2):
        report = await rig.run()
        assert report.outcome is RunOutcome.WITH_ERRORS
        assert (report.counts.failed, report.failing) == (1, ("a.jpg",))
    assert (await rig.engine.overview()).folders["camera"].last_success is None
    rig.server.faults.remove(fault)
    await rig.engine.retry_failed()
    await rig.quiet()
    report = await rig.run()
    assert (report.outcome, report.counts.failed) == (RunOutcome.COMPLETED, 0)
    assert (await rig.engine.overview()).folders["camera"].last_success is not None


async def test_folder_that_is_away_is_not_backed_up(
    rig: Rig, camera: Path, tmp_path: Path
) -> None:
    """A run says which folders it could not read, and only the others succeeded."""
    phone = tmp_path / "phone"
    make(phone, "b.jpg")
    make(camera, "a.jpg")
    await rig.engine.apply(folder_at(phone, "phone", new_media=False))
    assert (await rig.run()).outcome is RunOutcome.COMPLETED
    before = (await rig.engine.overview()).folders
    phone.rename(tmp_path / "elsewhere")
    rig.clock.passed += 31
    rig.clock.wall += 31
    report = await rig.run()
    assert report.outcome is RunOutcome.WITH_ERRORS
    assert report.unavailable == ["phone"]
    assert report.part("phone").trouble is FolderTrouble.MISSING
    after = (await rig.engine.overview()).folders
    assert after["phone"].last_success == before["phone"].last_success
    assert before["camera"].last_success is not None
    assert after["camera"].last_success > before["camera"].last_success


async def test_asking_does_not_end_what_halts(rig: Rig, camera: Path) -> None:
    """A key that is refused stays refused, even if there is nothing to send."""
    await rig.run()
    rig.server.faults.add(
        Fault(
            action=Action.RESPOND,
            path_regex="^/api/(?!server)",
            status=401,
            body='{"message":"Invalid API key"}',
            headers={"Content-Type": "application/json"},
        )
    )
    make(camera, "a.jpg")
    for _ in range(2):
        report = await rig.run()
        assert report.outcome is RunOutcome.FAILED
        assert (await rig.engine.overview()).halt is Halt.UNAUTHORISED
    (camera / "a.jpg").unlink()
    assert (await rig.run()).outcome is RunOutcome.FAILED
    assert (await rig.engine.overview()).halt is Halt.UNAUTHORISED
    # Each of them was one run.
    assert len(await rig.engine.recent_runs(99)) == 4


async def test_empty_files_are_left_out(rig: Rig, camera: Path) -> None:
    """A file with nothing in it is not wanted until something is."""
    path = make(camera, "a.jpg", b"")
    report = await rig.run()
    assert (report.outcome, report.counts.failed) == (RunOutcome.COMPLETED, 0)
    file = await rig.file(path)
    assert (file.state, file.reason) == (FileState.UNWANTED, Reason.EMPTY)
    assert rig.bodies() == 0
    path.write_bytes(b"something")
    assert (await rig.run()).counts.uploaded == 1


async def test_what_was_stored(rig: Rig, camera: Path) -> None:
    """A run tells photos and videos apart, and names the last of each."""
    contents = {f"{number}.jpg": b"photo %d" % number for number in range(5)}
    contents |= {"clip.mp4": b"a video", "copy.MP4": b"a video"}
    for name, content in contents.items():
        make(camera, name, content)
    report = await rig.run()
    stored = report.part("camera").stored
    assert set(stored) == {MediaKind.PHOTO, MediaKind.VIDEO}
    photos, videos = stored[MediaKind.PHOTO], stored[MediaKind.VIDEO]
    assert (photos.files, photos.bytes) == (5, 5 * len(b"photo 0"))
    assert len(photos.latest) == 3
    assert set(photos.latest) <= {name for name in contents if name.endswith("jpg")}
    # What is there twice is stored once.
    assert (videos.files, videos.bytes) == (1, len(b"a video"))
    assert videos.latest in (["clip.mp4"], ["copy.MP4"])
    assert photos.files + videos.files == report.counts.uploaded

    make(camera, "new.jpg")
    stored = (await rig.run()).part("camera").stored
    assert stored[MediaKind.PHOTO].latest == ["new.jpg"]


def test_kinds() -> None:
    """What Immich does not take is neither a photo nor a video."""
    assert kind_of("sub/IMG.JPG") is MediaKind.PHOTO
    assert kind_of("sub.jpg/clip.mov") is MediaKind.VIDEO
    assert kind_of("sub.jpg/notes") is None


def test_copied_part_has_everything() -> None:
    """A report does not change when the run goes on, and lacks nothing."""
    part = RunPart(
        trouble=FolderTrouble.MISSING,
        waiting_for=("night",),
        stored={MediaKind.PHOTO: Stored(files=1, latest=["a.jpg"])},
        examples=["a.jpg"],
        failing=["b.jpg"],
        assets=["asset"],
    )
    copied, before = part.copy(), deepcopy(part)
    assert copied == part
    for value in (part.examples, part.failing, part.assets):
        value.append("more")
    part.counts.uploaded += 1
    part.stored[MediaKind.PHOTO].latest.append("more")
    part.stored[MediaKind.VIDEO] = Stored()
    assert copied == before
    # All that a part holds is here, so that none of it is forgotten.
    assert all(getattr(before, field.name) for field in fields(before)[1:])
