"""Deleted by a person or lost by the server: telling one from the other."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path
import sqlite3

import aiohttp
import pytest

from custom_components.immich_backup.engine import FileState, Rule, RuleAction, RuleSet
from custom_components.immich_backup.engine.events import ProofsLost
from custom_components.immich_backup.engine.model import Reason, RunOutcome
from simulator import Simulator

from .support import Rig, folder_at, make, rig_on, sha1, until

PROTECTED, DECLINED = FileState.PROTECTED, FileState.DECLINED


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return an engine that tends the folder `camera`; runs are asked for."""
    (tmp_path / "camera").mkdir()
    folder = folder_at(tmp_path / "camera", new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as found:
        yield found


async def delete(
    server: Simulator, paths: Collection[Path], *, force: bool = True
) -> None:
    """Delete what is stored of files: for good, or into the trash."""
    sums = {sha1(path.read_bytes()).hex() for path in paths}
    ids = {asset.id for asset in server.assets() if asset.sha1 in sums}
    assert len(ids) == len(sums)
    async with (
        aiohttp.ClientSession(headers={"x-api-key": server.api_key}) as session,
        session.delete(
            f"{server.url}/api/assets", json={"ids": list(ids), "force": force}
        ) as response,
    ):
        assert response.status == 204

    async def done() -> bool:
        return not force or not ids & {asset.id for asset in server.assets()}

    await until(done)


def stored(server: Simulator) -> list[str]:
    """Return the SHA-1 of all that is on the server."""
    return sorted(asset.sha1 for asset in server.assets())


def sums(*paths: Path) -> list[str]:
    """Return the SHA-1 of files."""
    return sorted(sha1(path.read_bytes()).hex() for path in paths)


async def test_older_database(rig: Rig, tmp_path: Path) -> None:
    """What came after the server's own backup is stored again, nothing else."""
    camera = tmp_path / "camera"
    deleted = make(camera, "deleted.jpg")
    await rig.run()
    old = [make(camera, f"old {number}.jpg") for number in range(30)]
    await rig.run()
    new = [make(camera, f"new {number}.jpg") for number in range(12)]
    await rig.run()
    await delete(rig.server, [deleted, *new])
    outcome = await rig.engine.reconfirm()
    assert outcome is not None
    assert (outcome.confirmed, outcome.lost, outcome.declined) == (30, 12, 1)
    assert ProofsLost(12) in rig.events
    assert (await rig.file(new[0])).reason is Reason.PROOF_LOST
    report = await rig.run()
    assert report.counts.uploaded == 12
    assert (await rig.file(deleted)).state is DECLINED
    assert stored(rig.server) == sums(*old, *new)


async def test_a_few_are_deleted(rig: Rig, tmp_path: Path) -> None:
    """A small library that is deleted as a whole was deleted by someone."""
    paths = [make(tmp_path / "camera", f"{number}.jpg") for number in range(9)]
    await rig.run()
    await delete(rig.server, paths)
    outcome = await rig.engine.reconfirm()
    assert outcome is not None
    assert (outcome.lost, outcome.declined) == (0, 9)
    await rig.run()
    assert stored(rig.server) == []


@pytest.mark.parametrize(("count", "state"), [(12, PROTECTED), (3, DECLINED)])
async def test_found_out_by_a_copy(
    rig: Rig, tmp_path: Path, count: int, state: FileState
) -> None:
    """One file that is unexpectedly absent has all of them asked for."""
    camera = tmp_path / "camera"
    paths = [make(camera, f"{number}.jpg") for number in range(count)]
    await rig.run()
    await delete(rig.server, paths)
    copy = make(camera, "copy.jpg", paths[0].read_bytes())
    await rig.run()
    await rig.run()
    await rig.wait_for(state, copy, *paths)
    assert len(stored(rig.server)) == (count if state is PROTECTED else 0)


async def test_lost_but_no_longer_wanted(rig: Rig, tmp_path: Path) -> None:
    """What the server lost is decided by the rules of today before it goes up."""
    camera = tmp_path / "camera"
    paths = [make(camera, f"{number}.jpg") for number in range(12)]
    await rig.run()
    nothing = RuleSet(rules=(Rule("None", RuleAction.SKIP, ()),))
    await rig.engine.apply(folder_at(camera, rules=nothing))
    assert await rig.share() == 100
    await delete(rig.server, paths)
    await rig.engine.reconfirm()
    await rig.run()
    await rig.wait_for(FileState.UNWANTED, *paths)
    assert stored(rig.server) == []


async def test_in_the_trash_before_we_knew_it(
    server: Simulator, tmp_path: Path
) -> None:
    """A new host does not resurrect what someone threw away."""
    path = make(tmp_path / "camera", "a.jpg")
    folder = folder_at(path.parent, new_media=False)
    async with rig_on(server, tmp_path / "first.db", [folder]) as rig:
        await rig.run()
    await delete(server, [path], force=False)
    async with rig_on(server, tmp_path / "second.db", [folder]) as rig:
        report = await rig.run()
        assert (report.counts.declined, report.outcome) == (1, RunOutcome.COMPLETED)
        assert (await rig.file(path)).reason is Reason.TRASHED
        assert await rig.share() is None
        assert rig.bodies() == 1


async def test_protection_needs_a_proof(server: Simulator, tmp_path: Path) -> None:
    """A file whose proof a broken disk changed is asked for again, not believed."""
    path = make(tmp_path / "camera", "a.jpg")
    folder, ledger = folder_at(path.parent), tmp_path / "ledger.db"
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_for(PROTECTED, path)
    con = sqlite3.connect(ledger)
    with con:
        con.execute("UPDATE content SET sha1 = randomblob(20)")
    con.close()
    async with rig_on(server, ledger, [folder]) as rig:
        await rig.wait_event(ProofsLost)
        found = await rig.wait_for(PROTECTED, path)
        assert found.proof_at is not None
        assert rig.bodies() == 1


async def test_waits_for_the_rules(server: Simulator, tmp_path: Path) -> None:
    """What waits by former rules is not sent once others refuse it."""
    path = make(tmp_path / "camera", "a.jpg")
    ledger = tmp_path / "ledger.db"
    await server.stop()
    async with rig_on(server, ledger, [folder_at(path.parent)]) as rig:
        await rig.wait_for(FileState.WAITING, path)
    await server.start()
    nothing = RuleSet(rules=(Rule("None", RuleAction.SKIP, ()),))
    async with rig_on(server, ledger, [folder_at(path.parent, rules=nothing)]) as rig:
        await rig.run()
        assert (await rig.file(path)).state is FileState.UNWANTED
        assert rig.bodies() == 0
