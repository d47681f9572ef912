"""What the tests of the engine share: an engine on a server, files, and waiting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import hashlib
from pathlib import Path
import time
from typing import Any, override

import aiohttp

from custom_components.immich_backup.engine import (
    Context,
    Engine,
    FileState,
    Folder,
    OpenContext,
    RuleSet,
    RunTrigger,
)
from custom_components.immich_backup.engine.clock import Clock
from custom_components.immich_backup.engine.events import Event
from custom_components.immich_backup.engine.ledger.rows import Stamp
from custom_components.immich_backup.engine.model import FileReport, RunReport
from custom_components.immich_backup.immich import ImmichClient
from simulator import Simulator

SETTLE = 0.2
UPLOAD = "/api/assets"


@dataclass(slots=True)
class ShiftedClock(Clock):
    """The machine's clocks, which a test can put forward or, the wall's, back."""

    wall: float = 0.0
    passed: float = 0.0

    @override
    def time(self) -> float:
        return time.time() + self.wall

    @override
    def monotonic(self) -> float:
        return time.monotonic() + self.passed


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait for a condition; TimeoutError if it never holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


def make(folder: Path, name: str, content: bytes | None = None) -> Path:
    """Write a file, with bytes of its own unless they are given."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"content of {name}".encode() if content is None else content)
    return path


def sha1(content: bytes) -> bytes:
    """Return what Immich compares contents by."""
    return hashlib.sha1(content, usedforsecurity=False).digest()


def stamp(number: int) -> Stamp:
    """Return a stamp of its own for each number."""
    return Stamp(number, number, number)


def folder_at(path: Path, key: str = "camera", **values: Any) -> Folder:
    """Return a folder that wants everything and settles quickly."""
    defaults: dict[str, Any] = {"rules": RuleSet(), "settle_seconds": SETTLE}
    return Folder(id=key, name=key.title(), path=str(path), **(defaults | values))


@dataclass(slots=True)
class Rig:
    """An engine that runs, its server, and what it told."""

    engine: Engine
    server: Simulator
    clock: ShiftedClock
    events: list[Event] = field(default_factory=list)

    async def run(self, *folders: str) -> RunReport:
        """Do a run that looks at the folders first, and return its report."""
        run_id = self.engine.start_run(folders or None, trigger=RunTrigger.MANUAL)
        async with asyncio.timeout(60):
            report = await self.engine.wait_run(run_id)
        assert report is not None
        return report

    async def file(self, path: Path) -> FileReport:
        """Return what is known of a file that must be known."""
        report = await self.engine.explain(str(path))
        assert report is not None, path
        return report

    async def wait_for(self, state: FileState, *paths: Path) -> FileReport:
        """Wait until files have a state; return the report of the last one."""
        found: list[FileReport | None] = []

        async def reached() -> bool:
            found[:] = [await self.engine.explain(str(path)) for path in paths]
            return all(file is not None and file.state is state for file in found)

        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"not {state}: {found}") from None
        assert found[-1] is not None
        return found[-1]

    async def wait_event(self, kind: type[Event], seconds: float = 30) -> Any:
        """Wait until an event of a kind was told; return the first one."""

        async def told() -> bool:
            return any(isinstance(event, kind) for event in self.events)

        await until(told, seconds)
        return next(event for event in self.events if isinstance(event, kind))

    async def quiet(self) -> None:
        """Wait until no run goes on, nothing is to be done and all runs are recorded."""

        async def idle() -> bool:
            overview = await self.engine.overview()
            if overview.run or overview.tally.count(
                FileState.SETTLING, FileState.WAITING
            ):
                return False
            # A run is over before the ledger has its outcome.
            runs = await self.engine.recent_runs(10)
            return all(run.finished is not None for run in runs)

        await until(idle)

    async def quiet_with(self, *paths: Path) -> None:
        """Wait until no run goes on, and nothing but these files waits."""

        async def idle() -> bool:
            overview = await self.engine.overview()
            counts = overview.tally.count(FileState.SETTLING, FileState.WAITING)
            looking = self.engine._conductor._recheck.is_set()
            return overview.run is None and counts == len(paths) and not looking

        # Questions are answered in their order, so what was to begin has begun then.
        for _ in range(3):
            await until(idle)

    async def share(self) -> float | None:
        """Return the protected share in percent."""
        return (await self.engine.overview()).tally.protected_share

    def names(self) -> list[str]:
        """Return the names of all assets on the server, sorted."""
        return sorted(asset.original_file_name for asset in self.server.assets())

    def bodies(self) -> int:
        """Return how many uploads the server received."""
        return len(self.server.requests.matching("POST", UPLOAD))


@asynccontextmanager
async def rig_on(
    server: Simulator,
    ledger: Path,
    folders: Sequence[Folder] = (),
    *,
    api_key: str | None = None,
    url: str | None = None,
    begin: bool = True,
    context: Context | None = None,
) -> AsyncIterator[Rig]:
    """Run an engine that backs up these folders to a server."""
    clock = ShiftedClock()
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            ledger_path=ledger,
            client=ImmichClient(session, url or server.url, api_key or server.api_key),
            context=context or OpenContext(),
            clock=clock,
        )
        rig = Rig(engine, server, clock)
        engine.subscribe(rig.events.append)
        await engine.start(folders, begin=begin)
        try:
            yield rig
        finally:
            await engine.stop()
