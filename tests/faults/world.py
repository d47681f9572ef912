"""A folder, a server, and an engine between them, in one process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
import random

import aiohttp

from custom_components.immich_backup.engine import (
    Engine,
    FileState,
    Folder,
    OpenContext,
    RuleSet,
)
from custom_components.immich_backup.engine.model import FileReport
from custom_components.immich_backup.immich import ImmichClient
from simulator import Fault, Simulator

CONCURRENCY = 4
SMALL, LARGE = 20_000, 2_500_000


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a condition; fails after a generous time."""
    async with asyncio.timeout(60):
        while True:
            met = condition()
            if met is True or (not isinstance(met, bool) and await met):
                return
            await asyncio.sleep(0.01)


@dataclass(slots=True, kw_only=True)
class World:
    """What a fault test looks at; ``contents`` are the contents that were written."""

    server: Simulator
    folder: Path
    ledger: Path
    contents: dict[str, bytes] = field(default_factory=dict)

    def write(self, name: str, size: int, seed: object = None) -> bytes:
        """Write a file of random bytes, which the name decides unless seeded."""
        content = random.Random(str(seed or name)).randbytes(size)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.contents[name] = content
        return content

    def fault(self, **values: object) -> Fault:
        """Switch on a fault of uploads, or of what the values say."""
        values = {"method": "POST", "path_regex": "^/api/assets$"} | values
        return self.server.faults.add(Fault(**values))  # type: ignore[arg-type]

    @asynccontextmanager
    async def engine(self, ledger: Path | None = None) -> AsyncIterator[Engine]:
        """Run an engine that backs up the folder by itself."""
        async with aiohttp.ClientSession() as session:
            engine = Engine(
                ledger_path=ledger or self.ledger,
                client=ImmichClient(session, self.server.url, self.server.api_key),
                context=OpenContext(),
                concurrency=CONCURRENCY,
            )
            folder = Folder(
                id="photos",
                name="Photos",
                path=str(self.folder),
                rules=RuleSet(),
                settle_seconds=0.1,
            )
            await engine.start([folder])
            try:
                yield engine
            finally:
                await engine.stop()

    async def files(self, engine: Engine) -> dict[str, FileReport]:
        """Return what the ledger knows of each file."""
        reports, _ = await engine.list_files(limit=10_000)
        return {report.path: report for report in reports}

    async def states(self, engine: Engine) -> Counter[FileState]:
        """Return how many files there are in each state."""
        return Counter(file.state for file in (await self.files(engine)).values())

    async def until_states(self, engine: Engine, **wanted: int) -> None:
        """Wait until there are so many files in each of these states, and no others."""
        expected = Counter({FileState(key): count for key, count in wanted.items()})
        found: Counter[FileState] = Counter()

        async def reached() -> bool:
            nonlocal found
            found = await self.states(engine)
            return found == expected

        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"{dict(found)} instead of {dict(expected)}") from None

    async def until_protected(self, engine: Engine) -> None:
        """Wait until all files are protected, and check that they are on the server."""
        await self.until_states(engine, protected=len(self.contents))
        assert self.sums() <= self.held()

    def sums(self) -> set[str]:
        """Return the SHA-1 of all contents."""
        return {sha1(content).hexdigest() for content in self.contents.values()}

    def held(self) -> set[str]:
        """Return the SHA-1 of all assets."""
        return {asset.sha1 for asset in self.server.assets()}

    def bodies(self, content: bytes | None = None) -> int:
        """Return how many uploads began, of one content or of all."""
        requests = self.server.requests.matching("POST", "/api/assets")
        if content is None:
            return len(requests)
        wanted = sha1(content).hexdigest()
        return sum(r.headers["x-immich-checksum"] == wanted for r in requests)
