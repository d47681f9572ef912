"""The whole engine against a server: what becomes of files, whatever happens to them."""

import asyncio
from collections.abc import AsyncIterator
import os
from pathlib import Path
import shutil
import sqlite3
import time
from typing import Any, override

import aiohttp
import pytest

from custom_components.immich_backup.engine import (
    Detection,
    FileState,
    OpenContext,
    RuleSet,
    RunTrigger,
    parse_rule,
)
from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.detect.watch import (
    SHARED,
    Watcher,
    WatchError,
)
from custom_components.immich_backup.engine.enquiry import Enquiry
from custom_components.immich_backup.engine.events import (
    FolderChanged,
    FoldersOverlap,
    PollingFallback,
    ProofsLost,
    RunFinished,
)
from custom_components.immich_backup.engine.ledger import LedgerError, scans
from custom_components.immich_backup.engine.media_types import DEFAULT_EXTENSIONS
from custom_components.immich_backup.engine.model import (
    EngineStatus,
    FolderStatus,
    FolderTrouble,
    Halt,
    Reason,
    RunOutcome,
)
from custom_components.immich_backup.engine.preview import preview
from simulator import Action, Fault, Simulator

from .support import SETTLE, UPLOAD, Rig, folder_at, make, rig_on, sha1, until

PROTECTED, DECLINED = FileState.PROTECTED, FileState.DECLINED
WAITING, UNWANTED, GONE = FileState.WAITING, FileState.UNWANTED, FileState.GONE
NO_PNG = parse_rule({"name": "No PNG", "extensions": ["png"], "action": "skip"}, 1)


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path, camera: Path) -> AsyncIterator[Rig]:
    """Return an engine that tends the folder; runs are asked for."""
    folder = folder_at(camera, new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as found:
        yield found


async def look(rig: Rig, key: str = "camera", seconds: float = 31) -> None:
    """Let so much time pass that a folder's root is looked at, and do so."""
    rig.clock.passed += seconds
    await rig.engine.apply(rig.engine.folders[key])


async def in_trouble(rig: Rig, trouble: FolderTrouble | None) -> None:
    """Wait until a folder has a trouble, or none."""

    async def has() -> bool:
        return (await rig.engine.overview()).folders["camera"].trouble is trouble

    await until(has)


async def watching(rig: Rig, key: str = "camera") -> None:
    """Wait until a folder is watched by events."""

    async def is_watched() -> bool:
        return rig.engine._folders[key]._watch.watching

    await until(is_watched)


async def restore(rig: Rig, asset_id: str) -> None:
    """Take an asset out of the trash."""
    async with (
        aiohttp.ClientSession(headers={"x-api-key": rig.server.api_key}) as session,
        session.post(
            f"{rig.server.url}/api/trash/restore/assets", json={"ids": [asset_id]}
        ) as response,
    ):
        assert response.status == 200


async def test_content_decides(rig: Rig, camera: Path) -> None:
    """Renamed, moved, copied, in a folder added again: nothing is uploaded twice."""
    make(camera, "a.jpg")
    make(camera, "b.jpg")
    make(camera, "twin.jpg", b"content of b.jpg")
    report = await rig.run()
    assert (report.outcome, report.counts.uploaded) == (RunOutcome.COMPLETED, 2)
    assert report.counts.duplicates == 1
    shutil.copy(camera / "a.jpg", camera / "copy.jpg")
    (camera / "a.jpg").rename(camera / "renamed.jpg")
    (camera / "sub").mkdir()
    (camera / "b.jpg").rename(camera / "sub/b.jpg")
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.duplicates) == (0, 3)
    (camera / "sub").rename(camera / "other")
    await rig.engine.remove("camera")
    assert (await rig.engine.overview()).tally.present == 0
    await rig.engine.apply(folder_at(camera, "again", new_media=False))
    await rig.run()
    overview = await rig.engine.overview()
    assert overview.tally.count(PROTECTED) == overview.tally.present == 4
    assert rig.bodies() == len(rig.server.assets()) == 2


async def test_what_someone_removed_stays_removed(rig: Rig, camera: Path) -> None:
    """Trashed or deleted on the server is declined, by whatever name it comes again."""
    paths = [make(camera, name) for name in ("kept.jpg", "trashed.jpg", "deleted.jpg")]
    await rig.run()
    _, trashed, deleted = [await rig.file(path) for path in paths]
    assert trashed.asset_id and deleted.asset_id
    await rig.server.trash(trashed.asset_id)
    await rig.server.delete(deleted.asset_id)
    outcome = await rig.engine.reconfirm()
    assert outcome is not None
    assert (outcome.confirmed, outcome.declined, outcome.lost) == (1, 2, 0)
    assert (await rig.file(paths[1])).reason is Reason.TRASHED
    assert (await rig.file(paths[2])).reason is Reason.DELETED
    assert await rig.share() == 100
    for path in paths[1:]:
        path.rename(path.with_name(f"new-{path.name}"))
    renamed = [path.with_name(f"new-{path.name}") for path in paths[1:]]
    await rig.run()
    await rig.wait_for(DECLINED, *renamed)
    await rig.engine.remove("camera")
    await rig.engine.apply(folder_at(camera, "again", new_media=False))
    report = await rig.run()
    assert report.counts.declined == 2
    await rig.wait_for(DECLINED, *renamed)
    assert await rig.share() == 100
    assert rig.bodies() == 3
    await restore(rig, trashed.asset_id)
    await rig.engine.reconfirm()
    found = await rig.wait_for(PROTECTED, renamed[0])
    assert found.asset_id == trashed.asset_id
    assert rig.bodies() == 3


async def test_removed_is_found_out_by_a_run(rig: Rig, camera: Path) -> None:
    """A copy of what was deleted meanwhile is declined before anything is sent."""
    path = make(camera, "a.jpg")
    await rig.run()
    asset_id = (await rig.file(path)).asset_id
    assert asset_id
    await rig.server.delete(asset_id)
    path.rename(camera / "b.jpg")
    await rig.run()
    await rig.wait_for(DECLINED, camera / "b.jpg")
    assert rig.bodies() == 1


async def test_edited_in_place(rig: Rig, camera: Path) -> None:
    """Other bytes are another asset; the former one stays and is told."""
    path = make(camera, "a.jpg", b"first")
    await rig.run()
    before = await rig.file(path)
    path.write_bytes(b"second")
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.superseded) == (1, 1)
    assert report.part("camera").counts.superseded == 1
    after = await rig.file(path)
    assert after.state is PROTECTED
    assert after.superseded == (before.asset_id,)
    assert after.asset_id != before.asset_id
    assert {asset.sha1 for asset in rig.server.assets()} == {
        sha1(b"first").hex(),
        sha1(b"second").hex(),
    }
    assert (await rig.run()).counts.superseded == 0
    (recent, *_) = await rig.engine.recent_runs(2)
    assert recent.counts.superseded == 0
    path.write_bytes(b"first")
    await rig.run()
    found = await rig.file(path)
    assert found.asset_id == before.asset_id
    assert found.superseded == (after.asset_id,)


async def test_touched_only(rig: Rig, camera: Path) -> None:
    """Another time or other permissions are no other content."""
    path = make(camera, "a.jpg")
    await rig.run()
    os.utime(path, (1, 1))
    path.chmod(0o600)
    report = await rig.run()
    assert (report.counts.uploaded, report.counts.superseded) == (0, 0)
    assert (await rig.file(path)).superseded == ()
    assert rig.bodies() == 1


async def test_slow_writer(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """A file that keeps growing is uploaded once, when it is complete."""
    settle = 0.5
    folder = folder_at(camera, settle_seconds=settle)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await watching(rig)
        path = camera / "slow.mp4"
        with path.open("wb", buffering=0) as file:
            for _ in range(30):
                file.write(b"x" * 1000)
                await asyncio.sleep(0.05)
        found = await rig.wait_for(PROTECTED, path)
        await rig.quiet()
    (asset,) = server.assets()
    assert asset.sha1 == found.sha1 == sha1(path.read_bytes()).hex()
    assert rig.bodies() == 1


async def test_root_goes_away_and_comes_back(rig: Rig, camera: Path) -> None:
    """A folder that is not there is told; its files stay as they are."""
    path = make(camera, "a.jpg")
    await rig.run()
    away = camera.rename(camera.with_name("away"))
    await look(rig)
    await in_trouble(rig, FolderTrouble.MISSING)
    overview = await rig.engine.overview()
    assert overview.folders["camera"].status is FolderStatus.UNAVAILABLE
    report = await rig.run()
    assert report.counts.uploaded == 0
    assert (await rig.file(path)).state is PROTECTED
    away.rename(camera)
    make(camera, "b.jpg")
    await look(rig)
    await in_trouble(rig, None)
    await rig.run()
    await rig.wait_for(PROTECTED, path, camera / "b.jpg")
    assert rig.bodies() == 2
    assert [e.trouble for e in rig.events if isinstance(e, FolderChanged)] == [
        FolderTrouble.MISSING,
        None,
    ]


async def test_suddenly_empty(rig: Rig, camera: Path) -> None:
    """An empty folder is doubted until a person says that it is right."""
    path = make(camera, "sub/a.jpg")
    await rig.run()
    shutil.rmtree(camera / "sub")
    await rig.run()
    await in_trouble(rig, FolderTrouble.SUDDENLY_EMPTY)
    assert (await rig.file(path)).state is PROTECTED
    await rig.engine.accept_root("camera")
    await in_trouble(rig, None)
    assert (await rig.file(path)).state is GONE
    assert await rig.share() is None
    make(camera, "sub/a.jpg")
    await rig.run()
    await rig.wait_for(PROTECTED, path)
    # The word held for that time only.
    shutil.rmtree(camera / "sub")
    await rig.run()
    await in_trouble(rig, FolderTrouble.SUDDENLY_EMPTY)
    assert rig.bodies() == 1


@pytest.mark.parametrize("automatic", [True, False])
async def test_server_lost_its_data(
    server: Simulator, tmp_path: Path, camera: Path, automatic: bool
) -> None:
    """Contents that the server lost as a whole are told, and uploaded again."""
    paths = [make(camera, f"{number}.jpg") for number in range(12)]
    folder = folder_at(camera, new_media=automatic)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        await rig.wait_for(PROTECTED, *paths)
        for asset in server.assets():
            await server.delete(asset.id)
        outcome = await rig.engine.reconfirm()
        assert outcome is not None
        assert outcome.lost == 12
        assert (await rig.wait_event(ProofsLost)).count == 12
        if not automatic:
            found = await rig.wait_for(WAITING, *paths)
            assert found.reason is Reason.PROOF_LOST
            await rig.run()
        await rig.wait_for(PROTECTED, *paths)
        assert len(server.assets()) == 12
        assert rig.bodies() == 24


async def test_other_user(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """With another user nothing goes on until a person says so; then all is proven anew."""
    path = make(camera, "a.jpg")
    ledger, folder = tmp_path / "ledger.db", folder_at(camera)
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, path)
    user = await server.add_user("ada@example.com", "Ada")
    key = await server.add_api_key(user, ["all"])
    make(camera, "b.jpg")
    async with rig_on(server, ledger, [folder], api_key=key) as rig:

        async def halted() -> bool:
            return (await rig.engine.overview()).halt is Halt.OTHER_USER

        await until(halted)
        rig.engine.resume()
        assert (await rig.run()).outcome is RunOutcome.FAILED
        assert (await rig.engine.overview()).status is EngineStatus.ERROR
        assert len(server.assets()) == 1
        await rig.engine.adopt_user()
        await rig.wait_for(PROTECTED, path, camera / "b.jpg")
        assert (await rig.engine.overview()).halt is None
    assert sorted(
        asset.original_file_name
        for asset in server.assets()
        if asset.owner_id == user.id
    ) == ["a.jpg", "b.jpg"]


async def test_changed_rules(rig: Rig, camera: Path) -> None:
    """Rules that change decide anew from the ledger; what is proven stays proven."""
    proven = make(camera, "proven.png")
    await rig.run()
    waits = make(camera, "waits.png")
    photo = make(camera, "photo.jpg")
    await rig.engine._folders["camera"].scan()
    await rig.wait_for(WAITING, waits, photo)

    async def scans() -> int:
        count: int = await rig.engine.ledger.ask(
            lambda con: con.execute("SELECT max(id) FROM scan").fetchone()[0]
        )
        return count

    before = await scans()
    folder = folder_at(camera, new_media=False, rules=RuleSet(rules=(NO_PNG,)))
    await rig.engine.apply(folder)
    found = await rig.wait_for(UNWANTED, waits)
    assert (found.reason, found.rule, found.criterion) == (
        Reason.RULE,
        "No PNG",
        "extension",
    )
    assert (await rig.file(proven)).state is PROTECTED
    assert (await rig.file(photo)).state is WAITING
    await rig.engine.apply(folder_at(camera, new_media=False))
    await rig.wait_for(WAITING, waits)
    assert await scans() == before
    await rig.engine.apply(folder)
    await rig.run()
    await rig.wait_for(PROTECTED, photo, proven)
    assert rig.names() == ["photo.jpg", "proven.png"]


async def test_rules_that_depend_on_time(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A file becomes old enough without anything happening to it."""
    path = make(camera, "a.jpg")
    rule = parse_rule({"older_than_days": 30, "action": "back_up"}, 1)
    folder = folder_at(camera, rules=RuleSet(kinds=frozenset(), rules=(rule,)))
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.wait_for(UNWANTED, path)
        rig.clock.wall += 31 * 86400
        await look(rig)
        await rig.wait_for(PROTECTED, path)


async def test_without_what_was_there_before(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """Only what comes after the folder was added is wanted, also over a restart."""
    old = make(camera, "old.jpg")
    ledger, folder = tmp_path / "ledger.db", folder_at(camera, include_existing=False)
    async with rig_on(server, ledger, [folder]) as rig:
        assert (await rig.wait_for(UNWANTED, old)).reason is Reason.EXISTING
        new = make(camera, "new.jpg")
        await rig.wait_for(PROTECTED, new)
    later = make(camera, "later.jpg")
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, later)
        assert (await rig.file(old)).state is UNWANTED
        await rig.engine.apply(folder_at(camera))
        await rig.wait_for(PROTECTED, old)


async def test_without_runs_on_new_media(rig: Rig, camera: Path) -> None:
    """What arrives waits for a run that is asked for."""
    await watching(rig)
    path = make(camera, "a.jpg")
    await rig.wait_for(WAITING, path)
    assert rig.bodies() == 0
    assert (await rig.engine.overview()).status is EngineStatus.WAITING
    report = await rig.run()
    assert report.examples == ("a.jpg",)
    assert (await rig.file(path)).state is PROTECTED
    assert not [
        event
        for event in rig.events
        if isinstance(event, RunFinished) and event.run.trigger is RunTrigger.NEW_MEDIA
    ]


async def test_switched_off_over_a_restart(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """No run starts by itself while the switch is off."""
    ledger, folder = tmp_path / "ledger.db", folder_at(camera)
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.engine.controls.set_automatic(False)
    path = make(camera, "a.jpg")
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(WAITING, path)
        overview = await rig.engine.overview()
        assert (overview.automatic, overview.run) == (False, None)
        await rig.engine.controls.set_automatic(True)
        await rig.wait_for(PROTECTED, path)


async def test_folders_change_during_an_upload(rig: Rig, camera: Path) -> None:
    """A large upload goes on, whatever is changed about folders meanwhile."""
    size = 20_000_000
    big = make(camera, "big.mp4", os.urandom(1000) * (size // 1000))
    rig.server.faults.add(
        Fault(
            action=Action.THROTTLE,
            method="POST",
            path=UPLOAD,
            rate=10_000_000,
            body_over=1_000_000,
        )
    )
    task = asyncio.create_task(rig.run())

    def sent() -> int:
        return sum(r.received for r in rig.server.requests.matching("POST", UPLOAD))

    async def began() -> bool:
        return sent() > 100_000

    await until(began)
    other = make(camera.with_name("phone"), "b.jpg")
    await rig.engine.apply(folder_at(other.parent, "phone"))
    await rig.engine.apply(
        folder_at(camera, new_media=False, rules=RuleSet(rules=(NO_PNG,)))
    )
    await rig.wait_for(PROTECTED, other)
    assert sent() < size
    await rig.engine.remove("phone")
    report = await task
    assert report.outcome is RunOutcome.COMPLETED
    assert (await rig.file(big)).state is PROTECTED
    large = [
        r for r in rig.server.requests.matching("POST", UPLOAD) if r.received > 1e6
    ]
    assert len(large) == 1


async def test_server_is_away_at_start(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """Files are seen and wait; once the server is there, they are stored."""
    path = make(camera, "a.jpg")
    await server.stop()
    async with rig_on(server, tmp_path / "ledger.db", [folder_at(camera)]) as rig:
        await rig.wait_for(WAITING, path)

        async def offline() -> bool:
            return (await rig.engine.overview()).status is EngineStatus.OFFLINE

        await until(offline)
        overview = await rig.engine.overview()
        assert not overview.connected
        assert overview.error
        await server.start()
        await rig.wait_for(PROTECTED, path)
        assert (await rig.engine.overview()).connected


async def test_polled_folder(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """Without events new files are found by looking once a minute."""
    folder = folder_at(camera, detection=Detection.POLLING)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        make(camera, "a.jpg")
        await rig.run()
        assert (await rig.engine.overview()).folders["camera"].polling
        path = make(camera, "b.jpg")
        assert await rig.engine.explain(str(path)) is None
        await look(rig, seconds=61)
        await rig.wait_for(PROTECTED, path)
    assert not any(isinstance(event, PollingFallback) for event in rig.events)


async def test_events_are_quick(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A file in a watched folder, or in a new one below, waits soon after it settled."""
    async with rig_on(server, tmp_path / "ledger.db", [folder_at(camera)]) as rig:
        await watching(rig)
        for name in ("a.jpg", "new/deep/b.jpg"):
            began = time.monotonic()
            path = make(camera, name)

            async def decided(path: Path = path) -> bool:
                found = await rig.engine.explain(str(path))
                return found is not None and found.state in (WAITING, PROTECTED)

            await until(decided)
            assert time.monotonic() - began < SETTLE + 2
            await rig.wait_for(PROTECTED, path)


async def test_events_that_the_system_refuses(
    server: Simulator,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder that can't be watched is polled, which is told; later it is tried again."""

    def refuse(*args: Any, **values: Any) -> None:
        raise WatchError("limit")

    with monkeypatch.context() as patch:
        patch.setattr(Watcher, "add", refuse)
        async with rig_on(server, tmp_path / "ledger.db", [folder_at(camera)]) as rig:
            event = await rig.wait_event(PollingFallback)
            assert (event.folder, event.reason) == ("camera", "limit")
            await rig.run()
            path = make(camera, "a.jpg")
            await look(rig, seconds=61)
            await rig.wait_for(PROTECTED, path)
            assert (await rig.engine.overview()).folders["camera"].polling
            patch.undo()
            await look(rig, seconds=3601)
            await watching(rig)
            assert not (await rig.engine.overview()).folders["camera"].polling


async def test_watch_that_died(rig: Rig, camera: Path) -> None:
    """A watch whose thread ended is noticed and begun anew; nothing is missed."""
    await watching(rig)
    reader = SHARED._reader
    assert reader is not None
    reader._inotify.stop()
    await asyncio.to_thread(reader._thread.join)
    missed = make(camera, "missed.jpg")
    await look(rig)
    await rig.wait_for(WAITING, missed)
    await watching(rig)
    await rig.wait_for(WAITING, make(camera, "seen.jpg"))


async def test_plan(rig: Rig, camera: Path) -> None:
    """A plan knows what is protected, declined and left out; nothing is recorded."""
    kept, declined = make(camera, "kept.jpg"), make(camera, "declined.jpg")
    await rig.run()
    asset_id = (await rig.file(declined)).asset_id
    assert asset_id
    await rig.server.trash(asset_id)
    await rig.engine.reconfirm()
    folder = folder_at(camera, new_media=False, rules=RuleSet(rules=(NO_PNG,)))
    await rig.engine.apply(folder)
    new = make(camera, "new.jpg", b"12345")
    make(camera, "x.png")
    make(camera, "letter.pdf")
    make(camera, "empty.jpg", b"")
    kept.rename(camera / "other.jpg")
    plan = (await rig.engine.plan())["camera"]
    assert (plan.files, plan.wanted, plan.declined) == (6, 3, 1)
    # What was renamed is not known by its new name before it is read.
    assert (plan.protected, plan.to_upload) == (0, 2)
    assert plan.left_out == {"extension": 1, "empty": 1}
    assert plan.skipped_by == {"No PNG": 1}
    assert plan.complete
    assert plan.wanted_bytes == sum(
        (camera / name).stat().st_size
        for name in ("other.jpg", "declined.jpg", "new.jpg")
    )
    (camera / "other.jpg").rename(kept)
    await rig.run()
    plan = (await rig.engine.plan(["camera"]))["camera"]
    assert (plan.protected, plan.declined, plan.to_upload) == (2, 1, 0)
    assert await rig.engine.plan(["none"]) == {}
    assert (await rig.file(new)).state is PROTECTED
    found = await rig.engine.preview(folder)
    assert (found.protected, found.declined, found.to_upload) == (2, 1, 0)
    # A folder that is not watched is known by its files alone.
    found = await rig.engine.preview(folder_at(camera, "new"))
    assert (found.wanted, found.protected, found.to_upload) == (4, 0, 4)


class CountingClock(SystemClock):
    """A clock that goes on by a second whenever it is looked at."""

    seconds = 0.0

    @override
    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


async def test_preview_that_ran_out_of_time(camera: Path) -> None:
    """Numbers are those of what was seen until then, and say so."""
    for number in range(250):
        make(camera, f"{number}.jpg", b"x")
    folder = folder_at(camera, rules=RuleSet(extensions=DEFAULT_EXTENSIONS))
    clock = CountingClock()
    enquiry = Enquiry(OpenContext(), clock)
    found = await preview(folder, None, clock, enquiry, seconds=2)
    assert (found.files, found.wanted, found.complete) == (200, 200, False)
    whole = await preview(folder, None, clock, enquiry)
    assert (whole.files, whole.complete) == (250, True)


async def test_preview_of_a_folder_that_is_not_there(rig: Rig, tmp_path: Path) -> None:
    """It says that something could not be read, and raises nothing."""
    found = await rig.engine.preview(folder_at(tmp_path / "none"), 5)
    assert (found.files, found.errors) == (0, 1)


async def test_scan_without_a_ledger(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a scan is answered although the ledger can't be read."""
    await rig.run()

    def broken(con: sqlite3.Connection, folder: int) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(scans, "present_files", broken)
        with pytest.raises(LedgerError):
            await rig.engine._folders["camera"].scan()


async def test_one_broken_file_stops_no_other(rig: Rig, camera: Path) -> None:
    """A file that became a directory, a link or nothing fails alone."""
    await watching(rig)
    names = ("directory.jpg", "link.jpg", "none.jpg", "empty.jpg", "good.jpg")
    for name in names:
        make(camera, name, b"" if name == "empty.jpg" else None)
    await rig.wait_for(
        WAITING, *(camera / name for name in names if "empty" not in name)
    )
    # No event may tell of it before the run does.
    await rig.engine.apply(
        folder_at(camera, new_media=False, detection=Detection.POLLING)
    )

    async def polled() -> bool:
        return (await rig.engine.overview()).folders["camera"].polling

    await until(polled)
    for name in names[:3]:
        (camera / name).unlink()
    (camera / "directory.jpg").mkdir()
    (camera / "link.jpg").symlink_to(camera / "good.jpg")
    run_id = rig.engine.start_run(trigger=RunTrigger.RETRY)
    report = await rig.engine.wait_run(run_id)
    assert report is not None
    assert report.error is None
    assert report.counts.uploaded == 1
    assert (await rig.file(camera / "good.jpg")).state is PROTECTED
    assert (await rig.file(camera / "empty.jpg")).reason is Reason.EMPTY
    assert rig.names() == ["good.jpg"]


async def test_overlapping_folders(rig: Rig, camera: Path) -> None:
    """A folder in another one is told; its files are stored once and known in both."""
    path = make(camera, "sub/a.jpg")
    await rig.engine.apply(folder_at(camera / "sub", "sub", new_media=False))
    event = await rig.wait_event(FoldersOverlap)
    assert (event.first, event.second) == ("camera", "sub")
    await rig.run()
    await rig.wait_for(PROTECTED, path)
    assert (await rig.engine.overview()).tally.count(PROTECTED) == 2
    assert rig.bodies() == 1
    await rig.engine.remove("sub")
    assert rig.engine.overlaps == frozenset()


async def test_new_ledger_uploads_nothing_twice(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """On a new host with an empty ledger the server's word is enough."""
    paths = [make(camera, f"{number}.jpg") for number in range(3)]
    for ledger in ("one.db", "two.db"):
        async with rig_on(server, tmp_path / ledger, [folder_at(camera)]) as rig:
            found = await rig.wait_for(PROTECTED, *paths)
            await rig.quiet()
    assert found.reason is Reason.ON_SERVER
    assert rig.bodies() == 3


async def test_stop_in_the_middle_loses_nothing(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """An engine that ends during an upload sends it again; a stopped run says so."""
    path = make(camera, "big.mp4", b"x" * 5_000_000)
    fault = server.faults.add(
        Fault(action=Action.THROTTLE, method="POST", path=UPLOAD, rate=500_000)
    )
    ledger, folder = tmp_path / "ledger.db", folder_at(camera)
    async with rig_on(server, ledger, [folder]) as rig:

        async def began() -> bool:
            return any(r.received for r in server.requests.matching("POST", UPLOAD))

        await until(began)
        assert await rig.engine.stop_run() is not None
        assert (await rig.wait_event(RunFinished)).run.outcome is RunOutcome.STOPPED
        assert (await rig.file(path)).state is WAITING
    server.faults.remove(fault)
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, path)
    assert len(server.assets()) == 1


async def test_listener_that_fails_disturbs_nobody(rig: Rig, camera: Path) -> None:
    """An event reaches all listeners, whatever one of them does."""

    def broken(event: object) -> None:
        raise ZeroDivisionError

    unsubscribe = rig.engine.subscribe(broken)
    make(camera, "a.jpg")
    assert (await rig.run()).counts.uploaded == 1
    unsubscribe()
    unsubscribe()
