"""Faults on this side: a damaged or full ledger, two engines, files that change."""

import asyncio
from collections.abc import Callable
from hashlib import sha1
import os
from pathlib import Path
import random
import shutil
import sqlite3
import threading

import pytest

from custom_components.immich_backup.engine import FileState
from custom_components.immich_backup.engine.ledger import Ledger, LedgerBusyError
from simulator import Action

from .world import SMALL, World, until

# scripts/faults asks for more.
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "16"))


def flip(data: bytearray, chance: random.Random) -> None:
    """Change up to 20 bytes anywhere."""
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] ^= chance.randint(1, 255)


def flip_header(data: bytearray, chance: random.Random) -> None:
    """Change a byte of the header."""
    data[chance.randrange(100)] ^= chance.randint(1, 255)


def truncate(data: bytearray, chance: random.Random) -> None:
    """Cut the end off."""
    del data[chance.randrange(len(data)) :]


def blank_page(data: bytearray, chance: random.Random) -> None:
    """Make a page all zeros, as a disk does that lost it."""
    page = chance.randrange(len(data) // 4096) * 4096
    data[page : page + 4096] = bytes(4096)


def garbage(data: bytearray, chance: random.Random) -> None:
    """Replace everything."""
    data[:] = chance.randbytes(chance.randint(1, 9000))


DAMAGES = (flip, flip_header, truncate, blank_page, garbage)


@pytest.mark.timeout(120 + 5 * ROUNDS)
async def test_damaged_ledger(world: World, tmp_path: Path) -> None:
    """Whatever became of the ledger, the engine starts, and sends nothing again."""
    for number in range(12):
        world.write(f"d{number % 3}/p{number}.jpg", 3000)
    async with world.engine() as engine:
        await world.until_protected(engine)
    sent = world.bodies()
    whole = world.ledger.read_bytes()
    set_aside = 0
    for number in range(ROUNDS):
        chance = random.Random(number)
        damage = DAMAGES[number % len(DAMAGES)]
        data = bytearray(whole)
        damage(data, chance)
        ledger = tmp_path / f"{number}" / "ledger.db"
        ledger.parent.mkdir()
        ledger.write_bytes(data)
        what = f"{damage.__name__} of round {number}"
        async with world.engine(ledger) as engine:
            set_aside += engine.ledger.quarantined is not None
            try:
                await world.until_protected(engine)
            except Exception as err:
                raise AssertionError(what) from err
        assert world.bodies() == sent, what
        shutil.rmtree(ledger.parent)
    assert set_aside >= ROUNDS // 2


async def test_lost_log_of_the_ledger(world: World, tmp_path: Path) -> None:
    """After a power cut the log may end anywhere; the ledger is then an older one."""
    copy = tmp_path / "copy" / "ledger.db"
    copy.parent.mkdir()
    for number in range(12):
        world.write(f"p{number}.jpg", 3000)
    async with world.engine() as engine:
        await world.until_protected(engine)
        main = world.ledger.read_bytes()
        log = Path(f"{world.ledger}-wal").read_bytes()
    sent = world.bodies()
    assert len(log) > 20_000
    for end in range(0, len(log), len(log) // 8):
        copy.write_bytes(main)
        Path(f"{copy}-wal").write_bytes(log[:end])
        async with world.engine(copy) as engine:
            await world.until_protected(engine)
            assert engine.ledger.quarantined is None
        assert world.bodies() == sent


def limit(pages: int | None) -> Callable[[sqlite3.Connection], None]:
    """Return a job that lets the ledger grow by so many pages, or without limit."""

    def job(con: sqlite3.Connection) -> None:
        (now,) = con.execute("PRAGMA page_count").fetchone()
        most = 2**31 if pages is None else now + pages
        con.execute(f"PRAGMA max_page_count = {most}")

    return job


@pytest.mark.parametrize("pages", [0, 2, 8])
async def test_full_disk(world: World, pages: int) -> None:
    """When the ledger can't grow nothing is claimed; with room again it goes on."""
    world.write("first.jpg", SMALL)
    async with world.engine() as engine:
        await world.until_protected(engine)
        await engine.ledger.run(limit(pages))
        for number in range(150):
            world.write(f"{'x' * 100}{number}.jpg", 500)

        await until(lambda: engine.ledger.failing is not None)
        files = await world.files(engine)
        claimed = [f for f in files.values() if f.state is FileState.PROTECTED]
        assert {f.sha1 for f in claimed} <= world.held()
        await engine.ledger.run(limit(None))
        await world.until_protected(engine)
        assert engine.ledger.failing is None
    assert world.held() == world.sums()
    assert world.bodies() == len(world.contents)


async def test_full_disk_while_sending(world: World) -> None:
    """What was sent but could not be recorded is found on the server."""
    async with world.engine() as engine:
        await engine.controls.set_automatic(False)
        for number in range(200):
            world.write(f"p{number}.jpg", 500)
        await world.until_states(engine, waiting=200)
        await engine.ledger.run(limit(2))
        await engine.controls.set_automatic(True)
        await until(lambda: engine.ledger.failing is not None)
        files = await world.files(engine)
        claimed = {f.sha1 for f in files.values() if f.state is FileState.PROTECTED}
        assert claimed <= world.held()
        await engine.ledger.run(limit(None))
        await world.until_protected(engine)
    # Those on their way when the disk was full may have been cut off.
    assert world.bodies() <= len(world.contents) + 4


async def test_two_engines_on_one_ledger(world: World) -> None:
    """The second one is refused, and the first one does not notice."""
    world.write("a.jpg", SMALL)
    async with world.engine() as engine:
        with pytest.raises(LedgerBusyError):
            async with world.engine():
                pass
        await world.until_protected(engine)
    second = Ledger(world.ledger)
    await second.open()
    await second.close()


def open_files() -> set[str]:
    """Return what this process has open."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{link.name} {link.readlink()}")
        except FileNotFoundError:
            continue
    return found


def own_threads() -> set[threading.Thread]:
    """Return all threads but those that the event loop keeps for itself."""
    return {
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith(("SyncWorker_", "asyncio_"))
    }


@pytest.mark.parametrize("size", [900_000, 8_000_000])
async def test_stop_during_slow_uploads(world: World, size: int) -> None:
    """Stopping takes seconds whatever is on its way, and leaves nothing behind."""
    loop = asyncio.get_running_loop()
    for number in range(6):
        world.write(f"p{number}.mp4", size)
    throttle = world.fault(action=Action.THROTTLE, rate=50_000)
    # What the first loop of this kind opens stays open.
    async with world.engine() as engine:
        await until(lambda: world.bodies() >= 4)
    await world.server.stop()
    await world.server.start()
    tasks, threads, files = (
        asyncio.all_tasks(),
        own_threads(),
        open_files(),
    )
    async with world.engine() as engine:
        before = world.bodies()
        await until(lambda: world.bodies() >= before + 4)
        started = loop.time()
        await engine.stop()
        assert loop.time() - started < 10
    await world.server.stop()
    await world.server.start()
    await until(lambda: asyncio.all_tasks() <= tasks | {asyncio.current_task()})
    await until(lambda: own_threads() <= threads)
    await until(lambda: len(open_files()) <= len(files))
    assert world.held() == set()
    world.server.faults.remove(throttle)
    async with world.engine() as engine:
        await world.until_protected(engine)


def change_truncated(world: World, path: Path) -> bytes:
    """Cut a file short."""
    os.truncate(path, 21_000_000)
    return path.read_bytes()


def change_grown(world: World, path: Path) -> bytes:
    """Append to a file."""
    with path.open("ab") as file:
        file.write(bytes(5_000_000))
    return path.read_bytes()


def change_replaced(world: World, path: Path) -> bytes:
    """Put another file of the same size and time in its place."""
    status = path.stat()
    other = world.folder.parent / "other"
    content = random.Random(9).randbytes(status.st_size)
    other.write_bytes(content)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    return content


def change_rewritten(world: World, path: Path) -> bytes:
    """Write into a file, near its end, and set its time back."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(1000))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return path.read_bytes()


CHANGES = (change_truncated, change_grown, change_replaced, change_rewritten)


@pytest.mark.parametrize("change", CHANGES)
async def test_large_file_changes_on_its_way(
    world: World, change: Callable[[World, Path], bytes]
) -> None:
    """The server never gets a mixture, and in the end it has what is there."""
    old = world.write("film.mp4", 30_000_000)
    throttle = world.fault(action=Action.THROTTLE, rate=15_000_000)
    async with world.engine() as engine:

        def under_way() -> bool:
            sent = world.server.requests.matching("POST", "/api/assets")
            return any(request.received > 5_000_000 for request in sent)

        await until(under_way)
        new = change(world, world.folder / "film.mp4")
        assert new != old
        world.contents["film.mp4"] = new
        world.server.faults.remove(throttle)
        await world.until_protected(engine)
        (file,) = (await world.files(engine)).values()
        assert file.sha1 == sha1(new).hexdigest()
    assert world.held() == {sha1(new).hexdigest()}


async def test_large_file_vanishes_on_its_way(world: World) -> None:
    """A file that is deleted while it is sent leaves nothing half on the server."""
    old = world.write("film.mp4", 30_000_000)
    world.write("photo.jpg", SMALL)
    throttle = world.fault(action=Action.THROTTLE, rate=15_000_000)
    async with world.engine() as engine:
        await until(lambda: world.bodies(old) == 1)
        (world.folder / "film.mp4").unlink()
        del world.contents["film.mp4"]
        world.server.faults.remove(throttle)

        async def quiet() -> bool:
            states = await world.states(engine)
            return states[FileState.PROTECTED] >= 1 and not (
                states[FileState.WAITING] + states[FileState.FAILED]
            )

        await until(quiet)
    assert world.held() - world.sums() <= {sha1(old).hexdigest()}
