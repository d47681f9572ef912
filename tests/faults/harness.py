"""Killing backups: processes that die at chosen or random moments, and the oracle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from hashlib import sha1
from http import HTTPStatus
import json
import os
from pathlib import Path
import random
import signal
import sqlite3
import sys

from aiohttp import ClientSession, FormData

from simulator import Action, Fault, Simulator
from tests.support.bare import ROOT

from .belongings import DESCRIPTION, KNOWN, RATING, SIDECARS, STACK, STILL, VIDEO, write
from .child import CRASHED, NOT_REACHED, Job, Mishap

# What the engine sends at the same time.
CONCURRENCY = 4
_LONGEST_LIFE = 120.0
# When what was stored before was stored.
_BEFORE = "2020-01-01T00:00:00.000Z"


@dataclass(slots=True, kw_only=True)
class Nursery:
    """Makes processes that back up."""

    process: asyncio.subprocess.Process

    async def live(self, job: Job, seconds: float | None = None) -> int:
        """Let a backup live to its end, or kill it after so many seconds.

        Returns its exit status, -9 if it was killed.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(job.line())
        await self.process.stdin.drain()
        pid = await self._number()
        ended = asyncio.create_task(self._number())
        await asyncio.wait(
            [ended], timeout=_LONGEST_LIFE if seconds is None else seconds
        )
        if not ended.done():
            # It is not waited for before the number is read, so it is still ours.
            os.kill(pid, signal.SIGKILL)
        status = await ended
        assert seconds is not None or status >= 0, "a backup did not come to its end"
        return status

    async def _number(self) -> int:
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Run a nursery."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.child",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process=process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@dataclass(slots=True, kw_only=True)
class Scene:
    """A folder of files, a server of its own, and a ledger between them."""

    folder: Path
    ledger: Path
    server: Simulator
    contents: set[str]
    files: int
    kills: int = 0

    def job(
        self, at: int = 0, point: str = "after", mishap: Mishap = Mishap.EXIT
    ) -> Job:
        """Return the job of backing the folder up."""
        return Job(
            url=self.server.url,
            api_key=self.server.api_key,
            folder=str(self.folder),
            ledger=str(self.ledger),
            at=at,
            point=point,
            mishap=mishap,
        )

    def check_damage(self) -> None:
        """Assert what holds at any moment: nothing foreign, nothing claimed in vain."""
        held = {asset.sha1 for asset in self.server.assets()}
        assert held <= self.contents, "an asset is no source file"
        if not self.ledger.exists():
            return
        with closing(sqlite3.connect(self.ledger)) as con:
            assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if not con.execute("PRAGMA user_version").fetchone()[0]:
                return
            protected = con.execute("SELECT sha1 FROM file WHERE state = 'protected'")
            assert {row[0].hex() for row in protected} <= held, "claimed in vain"

    def check_end(self) -> None:
        """Assert what holds in the end: all is there, and little was sent twice."""
        self.check_damage()
        assert {asset.sha1 for asset in self.server.assets()} == self.contents
        with closing(sqlite3.connect(self.ledger)) as con:
            states = con.execute("SELECT state, count(*) FROM file GROUP BY state")
            assert dict(states.fetchall()) == {
                "protected": self.files,
                "unwanted": len(SIDECARS),
            }
        self._check_organised()
        bodies = Counter(
            request.headers["x-immich-checksum"]
            for request in self.server.requests.matching("POST", "/api/assets")
        )
        assert max(bodies.values()) <= 1 + self.kills
        # Only what was on its way at a kill is sent again.
        assert bodies.total() <= len(self.contents) + CONCURRENCY * self.kills

    def _check_organised(self) -> None:
        """Assert that all is arranged, and nothing is there twice."""
        self._check_albums()
        by_name = {asset.original_file_name: asset for asset in self.server.assets()}
        still, video = by_name[STILL], by_name[VIDEO]
        assert still.live_photo_video_id == video.id
        assert (still.visibility, video.visibility) == ("timeline", "hidden")
        stacks = self.server.backend.store.all("SELECT * FROM stacks")
        assert [row["primary_asset_id"] for row in stacks] == [by_name[STACK[0]].id]
        assert {by_name[name].stack_id for name in STACK} == {stacks[0]["id"]}
        # What was there before is told of its sidecar, others take theirs with them.
        for name in SIDECARS.values():
            if name != KNOWN:
                assert by_name[name].sidecar_path is not None
        assert by_name[KNOWN].sidecar_path is None
        row = self.server.backend.store.one(
            "SELECT edits FROM assets WHERE id = ?", by_name[KNOWN].id
        )
        assert row is not None
        edits = json.loads(row["edits"])
        assert (edits["description"], edits["rating"]) == (DESCRIPTION, RATING)

    def _check_albums(self) -> None:
        """Assert that there is one album for each sub-folder, with all of its files."""
        db = self.server.backend.store.db
        albums = db.execute(
            "SELECT a.name, x.asset_id FROM albums a JOIN album_assets x"
            " ON x.album_id = a.id"
        ).fetchall()
        by_sha1 = {asset.sha1: asset.id for asset in self.server.assets()}
        expected = {
            (path.parent.name, by_sha1[sha1(path.read_bytes()).hexdigest()])
            for path in self.folder.rglob("*.*")
            # A live photo's video is part of its still.
            if path.name not in SIDECARS and path.name != VIDEO
        }
        assert {tuple(row) for row in albums} == expected
        names = [row[0] for row in db.execute("SELECT name FROM albums")]
        assert sorted(names) == sorted(set(names)), "two albums of one name"
        tagged = {row[0] for row in db.execute("SELECT asset_id FROM tag_assets")}
        assert tagged == {asset_id for _, asset_id in expected}


@asynccontextmanager
async def scene(
    base: Path, *, files: int, largest: int, rate: int, seed: int
) -> AsyncIterator[Scene]:
    """Write files of 1 KB to ``largest`` bytes, some with the same content.

    Beside them lie files that belong together. The server reads each body at ``rate`` bytes a second (0: as fast as it can).
    """
    chance = random.Random(seed)
    folder = base / "photos"
    written: list[bytes] = []
    for number in range(files):
        if written and chance.random() < 0.1:
            content = chance.choice(written)
        else:
            size = round(1000 * (largest / 1000) ** chance.random())
            content = chance.randbytes(size)
            written.append(content)
        path = folder / f"day{number % 3}" / f"p{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    belongings = write(folder / "together")
    async with Simulator(base / "server", process=False) as server:
        await _store(server, folder / "together" / KNOWN)
        if rate:
            server.faults.add(
                Fault(
                    action=Action.THROTTLE, method="POST", path="/api/assets", rate=rate
                )
            )
        yield Scene(
            folder=folder.resolve(),
            ledger=base / "ledger.db",
            server=server,
            contents={sha1(content).hexdigest() for content in (*written, *belongings)},
            files=files + len(belongings),
        )


async def _store(server: Simulator, path: Path) -> None:
    """Store a file as if somebody had uploaded it before; its request is forgotten."""
    form = FormData({"fileCreatedAt": _BEFORE, "fileModifiedAt": _BEFORE})
    form.add_field("assetData", path.read_bytes(), filename=path.name)
    async with (
        ClientSession(headers={"x-api-key": server.api_key}) as session,
        session.post(f"{server.url}/api/assets", data=form) as response,
    ):
        assert response.status == HTTPStatus.CREATED
    server.requests.clear()


async def kill_at_random(
    breeder: Nursery, stage: Scene, *, kills: int, longest: float, seed: int
) -> None:
    """Back up with processes that are killed at random moments, then with one that lives.

    Each lives ``longest`` seconds at most. Asserts the oracle after each.
    """
    chance = random.Random(seed)
    for _ in range(kills):
        status = await breeder.live(stage.job(), chance.uniform(0.02, longest))
        assert status in (0, -signal.SIGKILL)
        if status == 0:
            break
        stage.kills += 1
        stage.check_damage()
    assert await breeder.live(stage.job()) == 0
    stage.check_end()


async def disturb_at(
    breeder: Nursery, stage: Scene, number: int, point: str, mishap: Mishap
) -> bool:
    """Back up with a process in which something happens at a transaction.

    Whatever it is, all is there in the end. Returns False when the backup has no such
    transaction. Asserts the oracle.
    """
    status = await breeder.live(stage.job(number, point, mishap))
    assert status in (0, NOT_REACHED, CRASHED)
    reached = status != NOT_REACHED
    stage.kills += reached
    if status == CRASHED:
        assert mishap is Mishap.EXIT
        stage.check_damage()
        assert await breeder.live(stage.job()) == 0
    stage.check_end()
    return reached
