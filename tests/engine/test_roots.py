"""Roots that are not what they were: unmounted, exchanged, forbidden, strange."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import subprocess
from typing import Any, override

import aiohttp
import pytest

from custom_components.immich_backup.engine import (
    Context,
    Detection,
    Engine,
    FileState,
    OpenContext,
    watched,
)
from custom_components.immich_backup.engine.detect import scan_timer
from custom_components.immich_backup.engine.events import FolderChanged, Halted
from custom_components.immich_backup.engine.model import FolderTrouble, Reason
from custom_components.immich_backup.immich import ImmichClient
from simulator import Simulator
from tests.support.mounting import mounted

from .support import Rig, ShiftedClock, folder_at, make, rig_on, until

PROTECTED, GONE = FileState.PROTECTED, FileState.GONE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at folders every moment."""
    monkeypatch.setattr(watched, "_CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(scan_timer, "_DOUBT_INTERVAL", 0.1)
    monkeypatch.setattr(scan_timer, "_PAUSE", 0.1)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """Return a place for something to be mounted."""
    path = tmp_path / "stick"
    path.mkdir()
    return path


def system(*command: str) -> None:
    """Run a command of the system."""
    subprocess.run(command, check=True)


async def in_trouble(engine: Engine, *troubles: FolderTrouble | None) -> None:
    """Wait until the folder has one of these troubles, or none."""

    async def has() -> bool:
        return (await engine.overview()).folders["camera"].trouble in troubles

    await until(has)


def told(rig: Rig) -> list[FolderTrouble | None]:
    """Return the troubles in the order in which they were told."""
    return [e.trouble for e in rig.events if isinstance(e, FolderChanged)]


@pytest.mark.parametrize("detection", [Detection.EVENTS, Detection.POLLING])
async def test_unmounted(
    server: Simulator, tmp_path: Path, stick: Path, detection: Detection
) -> None:
    """A file system that goes and comes costs nothing but a warning."""
    # A disk of its own, which keeps its files while it is not mounted there.
    disk = tmp_path / "disk"
    disk.mkdir()
    folder = folder_at(stick, detection=detection)
    with mounted(disk, "-t", "tmpfs", "tmpfs"), mounted(stick, "--bind", str(disk)):
        paths = [make(stick, f"{number}.jpg") for number in range(5)]
        async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
            await rig.wait_for(PROTECTED, *paths)
            system("umount", str(stick))
            if detection is Detection.POLLING:
                await rig.run()
            await in_trouble(rig.engine, FolderTrouble.SUDDENLY_EMPTY)
            await rig.run()
            for path in paths:
                assert (await rig.file(path)).state is PROTECTED
            system("mount", "--bind", str(disk), str(stick))
            late = make(stick, "late.jpg")
            await in_trouble(rig.engine, None)
            await rig.run()
            await rig.wait_for(PROTECTED, *paths, late)
            assert told(rig) == [FolderTrouble.SUDDENLY_EMPTY, None]
            assert rig.bodies() == 6


async def test_another_file_system(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """Of another disk nothing is recorded until a person says that it is right."""
    folder, ledger = folder_at(stick), tmp_path / "ledger.db"
    own = [make(stick, f"{number}.jpg") for number in range(3)]
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, *own)
    with mounted(stick, "-t", "tmpfs", "tmpfs"):
        # The same names, as cameras give them, and one more.
        others = [make(stick, f"{number}.jpg", b"%d" % number) for number in range(4)]
        async with rig_on(server, ledger, [folder]) as rig:
            await in_trouble(rig.engine, FolderTrouble.OTHER_FILE_SYSTEM)
            for _ in range(3):
                await rig.run()
            assert told(rig) == [FolderTrouble.OTHER_FILE_SYSTEM]
            for path in own:
                assert (await rig.file(path)).state is PROTECTED
            assert await rig.engine.explain(str(others[3])) is None
            assert rig.bodies() == 3
    async with rig_on(server, ledger, [folder]) as rig:
        report = await rig.run()
        assert (report.counts.duplicates, report.counts.superseded) == (0, 0)
        await rig.wait_for(PROTECTED, *own)
        assert rig.bodies() == 3
    with mounted(stick, "-t", "tmpfs", "tmpfs"):
        others = [make(stick, f"{number}.jpg", b"%d" % number) for number in range(4)]
        async with rig_on(server, ledger, [folder]) as rig:
            await in_trouble(rig.engine, FolderTrouble.OTHER_FILE_SYSTEM)
            await rig.engine.accept_root("camera")
            await rig.wait_for(PROTECTED, *others)
            await in_trouble(rig.engine, None)
        async with rig_on(server, ledger, [folder]) as rig:
            await rig.run()
            assert told(rig) == []
        assert len(server.assets()) == 7


async def test_exchanged_while_running(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """Another disk is noticed within moments, without any event."""
    path = make(stick, "a.jpg")
    async with rig_on(server, tmp_path / "ledger.db", [folder_at(stick)]) as rig:
        await rig.wait_for(PROTECTED, path)
        with mounted(stick, "-t", "tmpfs", "tmpfs"):
            make(stick, "b.jpg")
            await in_trouble(rig.engine, FolderTrouble.OTHER_FILE_SYSTEM)
            system("umount", str(stick))
            await in_trouble(rig.engine, None)
            system("mount", "-t", "tmpfs", "tmpfs", str(stick))
        assert (await rig.file(path)).state is PROTECTED
        assert rig.bodies() == 1


async def test_emptiness_is_accepted_over_a_restart(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """A person's word holds although the engine stops before it acts on it."""
    path = make(stick, "a.jpg")
    folder, ledger = folder_at(stick), tmp_path / "ledger.db"
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, path)
    path.unlink()
    async with rig_on(server, ledger, [folder]) as rig:
        await in_trouble(rig.engine, FolderTrouble.SUDDENLY_EMPTY)
    async with rig_on(server, ledger, [folder]) as rig:
        # At once, before the folder was looked at for the first time.
        await rig.engine.accept_root("camera")
        assert (await rig.file(path)).state is GONE
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.run()
        assert told(rig) == []
        assert (await rig.file(path)).state is GONE


class Fence(Context):
    """A home that forbids some places."""

    def __init__(self) -> None:
        """Forbid nothing yet."""
        self.forbidden: set[str] = set()

    @override
    def is_allowed(self, path: str) -> bool:
        return path not in self.forbidden


@asynccontextmanager
async def fenced(
    server: Simulator, ledger: Path, fence: Context, **folder: Any
) -> AsyncIterator[Rig]:
    """Run an engine in a home that forbids some places."""
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            ledger_path=ledger,
            client=ImmichClient(session, server.url, server.api_key),
            context=fence,
        )
        rig = Rig(engine, server, ShiftedClock())
        engine.subscribe(rig.events.append)
        await engine.start([folder_at(**folder)])
        try:
            yield rig
        finally:
            await engine.stop()


async def test_no_longer_allowed(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """What the home does not allow is not read, until it does again."""
    fence = Fence()
    first = make(stick, "a.jpg")
    async with fenced(server, tmp_path / "ledger.db", fence, path=stick) as rig:
        await rig.wait_for(PROTECTED, first)
        fence.forbidden.add(str(stick))
        await in_trouble(rig.engine, FolderTrouble.NOT_ALLOWED)
        second = make(stick, "b.jpg")
        assert (await rig.run()).counts.uploaded == 0
        assert await rig.engine.explain(str(second)) is None
        fence.forbidden.clear()
        await rig.wait_for(PROTECTED, second)
        assert told(rig) == [FolderTrouble.NOT_ALLOWED, None]


async def test_link_that_leads_out_is_followed_to_the_fence(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """A folder that is a link is judged by where it leads."""
    fence = Fence()
    fence.forbidden.add(str(stick))
    make(stick, "a.jpg")
    link = tmp_path / "link"
    link.symlink_to(stick)
    async with fenced(server, tmp_path / "ledger.db", fence, path=link) as rig:
        await in_trouble(rig.engine, FolderTrouble.NOT_ALLOWED)
        assert rig.bodies() == 0


async def test_folder_is_changed_to_another_place(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """The files of the former place are forgotten, their contents are not."""
    other = tmp_path / "other"
    old = make(stick, "old.jpg")
    copy, new = make(other, "copy.jpg", old.read_bytes()), make(other, "new.jpg")
    async with rig_on(server, tmp_path / "ledger.db", [folder_at(stick)]) as rig:
        await rig.wait_for(PROTECTED, old)
        await rig.engine.apply(folder_at(other))
        await rig.wait_for(PROTECTED, copy, new)
        assert (await rig.engine.overview()).tally.present == 2
        # There and back, faster than anything can follow.
        for path in (stick, other, stick, other, stick):
            await rig.engine.apply(folder_at(path))
        await rig.wait_for(PROTECTED, old)
        await rig.quiet()
        assert (await rig.engine.overview()).tally.present == 1
        assert rig.bodies() == 2
        assert [e for e in rig.events if isinstance(e, Halted)] == []


async def test_name_that_is_not_unicode(server: Simulator, tmp_path: Path) -> None:
    """The folder itself may have any name."""
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe4lter"))
    path = make(root, "a.jpg", b"x")
    for _ in range(2):
        async with rig_on(server, tmp_path / "ledger.db", [folder_at(root)]) as rig:
            await rig.run()
            await rig.wait_for(PROTECTED, path)
            assert rig.bodies() == 1


async def test_part_that_is_never_readable(
    server: Simulator, tmp_path: Path, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One directory that can't be read does not make all that follows old."""
    old = make(stick, "old.jpg")
    locked = make(stick, "locked/a.jpg").parent
    scandir = os.scandir

    def refuse(path: Any = ".") -> Any:
        if path == os.fsencode(locked):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    folder = folder_at(stick, include_existing=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        assert (await rig.file(old)).reason is Reason.EXISTING
        new = make(stick, "new.jpg")
        await rig.wait_for(PROTECTED, new)
        old.unlink()
        await rig.run()
        # Nobody knows for sure what is in there.
        assert (await rig.file(old)).state is FileState.UNWANTED


async def test_existing_files_stay_existing(
    server: Simulator, tmp_path: Path, stick: Path
) -> None:
    """Other permissions, or a trip away and back, make no file new."""
    paths = [make(stick, f"{number}.jpg") for number in range(3)]
    folder = folder_at(stick, include_existing=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        paths[0].chmod(0o600)
        moved = paths[1].rename(tmp_path / "away.jpg")
        await rig.run()
        moved.rename(paths[1])
        await rig.run()
        for path in paths[:2]:
            found = await rig.file(path)
            assert (found.state, found.reason) == (
                FileState.UNWANTED,
                Reason.EXISTING,
            )
        paths[2].write_bytes(b"edited")
        await rig.wait_for(PROTECTED, paths[2])
        assert rig.bodies() == 1


def test_open_context_allows_all(tmp_path: Path) -> None:
    """The engine driven alone reads wherever it is told to."""
    assert OpenContext().is_allowed(str(tmp_path))
