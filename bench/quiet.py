"""Many folders whose conditions are not met: what they cost, and when all begin at once.

A real Home Assistant, started and set up as the demonstration does it, beside the same
home with the account switched off, and beside itself before the conditions are met.

How late its event loop is it measures itself (see ``probe``). A full collection of
garbage stops all that Python does, in any home and longer the more it holds, whenever
enough was allocated by whomever; a home of this size needs some 150 ms for it. So it is
left out of the stalls, and what the account adds to it is a figure of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
import os
from pathlib import Path
import secrets
import sys
import time
from typing import Any, Self

from aiohttp import ClientSession

from demo import flows, onboarding
from demo.api import HomeApi, HomeSocket
from demo.backup import entity_id
from demo.errors import DemoError
from demo.home import FIRST_PORT, Home
from demo.installation import Installation
from demo.ports import HOST, claim_port
from demo.process import HomeLock, end
from demo.server import Server, look_at
from demo.state import Account, HomeState
from demo.visit import visit

from .measure import ROOT, Comparison, Figure, Rounds, Target, cpu_seconds

_CPU = Target(at_most=0.5)
_STALL = Target(at_most=20)
_FOLDERS, _EACH = 200, 500
_IDLE_SECONDS, _STALL_SECONDS = 60.0, 10.0
_PROBE = ROOT / "bench/probe"
_PROBE_DOMAIN = "bench_probe"
_GATE = "binary_sensor.quiet"
_CONDITION = {"condition": "state", "entity_id": _GATE, "state": "on"}
_SETTLE_SECONDS = 1
_SERVER_PORT = 2283
# The server would have a machine of its own: ours comes first.
_NICE = 19
# Seconds until the server answers, all files are known, a run has ended.
_START, _PATIENCE = 60.0, 900.0
_INTERVAL = 0.5
# The home has settled when it used at most so much of a core for so many seconds; with
# much else to do on the machine that may take a while, but not longer than this.
_CALM, _CALM_SECONDS, _CALM_PATIENCE = 0.03, 5.0, 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """How much is measured, and for how many seconds."""

    folders: int
    each: int
    idle: float
    stall: float
    calm: float

    @classmethod
    def of(cls, scale: float) -> Self:
        """Return the sizes of a measurement at a scale."""
        return cls(
            folders=max(4, int(_FOLDERS * scale)),
            each=max(5, int(_EACH * scale)),
            idle=max(1.0, _IDLE_SECONDS * scale),
            stall=max(2.0, _STALL_SECONDS * scale),
            calm=max(1.0, _CALM_SECONDS * scale),
        )

    @property
    def files(self) -> int:
        """Return how many files wait."""
        return self.folders * self.each


def run(folder: Path, *, scale: float = 1.0, rounds: int = 5) -> Iterator[Figure]:
    """Measure 200 folders in which 100,000 files wait for the same condition."""
    sizes = _Sizes.of(scale)
    ours, reference = asyncio.run(_measure(folder, sizes, rounds))
    what = f"{sizes.folders} folders, {sizes.files:,} files that wait for a condition"
    yield Figure(
        name="quiet.cpu",
        what=f"{what}: CPU of the home",
        unit="% of a core",
        comparison=Comparison.DIFFERENCE,
        ours=ours["cpu"],
        reference=reference["cpu"],
        target=_CPU,
    )
    yield Figure(
        name="quiet.stall",
        what=f"{what}: longest stall once it is met, without full collections",
        unit="ms",
        comparison=Comparison.DIFFERENCE,
        ours=ours["stall"],
        reference=reference["stall"],
        target=_STALL,
    )
    yield Figure(
        name="quiet.collection",
        what=f"{what}: a full collection of garbage",
        unit="CPU ms",
        comparison=Comparison.DIFFERENCE,
        ours=ours["collection"],
        reference=reference["collection"],
    )


async def _measure(folder: Path, sizes: _Sizes, rounds: int) -> tuple[Rounds, Rounds]:
    """Return the numbers of the home with its account, and of the reference."""
    ours, reference = Rounds(), Rounds()
    async with _open(folder, sizes) as scene:
        for _ in range(rounds):
            await scene.switch(on=False)
            await scene.settle()
            reference.add({"cpu": await scene.idle()})
            reference.add({"collection": await scene.collection()})
            await scene.fill_up()
            await scene.switch(on=True)
            await scene.wait_until_known()
            await scene.settle()
            ours.add({"cpu": await scene.idle()})
            reference.add({"stall": await scene.longest_stall(sizes.stall)})
            ours.add({"stall": await scene.stall_of_opening()})
            # Not before: it would be a while until the next one comes by itself.
            ours.add({"collection": await scene.collection()})
    return ours, reference


class _Scene:
    """A home with an account, and what is done with it."""

    def __init__(
        self,
        home: Home,
        api: HomeApi,
        socket: HomeSocket,
        state: HomeState,
        server: Server,
        sizes: _Sizes,
    ) -> None:
        """Take a home that somebody is logged in to; it has no account yet."""
        self._home = home
        self._api = api
        self._socket = socket
        self._state = state
        self._server = server
        self._sizes = sizes
        self._installation = Installation(api, socket, state)
        self._account: Account
        self._running = ""
        self._made = self._waiting = 0

    async def set_up(self) -> None:
        """Make the files, and add the account with its folders, whose gate is closed."""
        sizes = self._sizes
        await self._set_gate("off")
        await asyncio.to_thread(self._make_files, sizes.files)
        self._account = await self._installation.account(self._server)
        for number in range(sizes.folders):
            answers = {
                "path": str(self._path(number)),
                "name": self._path(number).name,
                "conditions": [_CONDITION],
                "settle_seconds": _SETTLE_SECONDS,
            }
            await flows.add_subentry(
                self._api,
                self._account.entry_id,
                "folder",
                answers,
                detours=("when",),
            )
        self._running = await entity_id(
            self._socket, f"{self._account.entry_id}_running"
        )
        await self.wait_until_known()

    async def switch(self, *, on: bool) -> None:
        """Switch the account on or off."""
        if on:
            await self._installation.account(self._server)
            return
        await self._socket.command(
            "config_entries/disable",
            entry_id=self._account.entry_id,
            disabled_by="user",
        )

    async def fill_up(self) -> None:
        """Make new files for those that no longer wait; while the account is off."""
        missing = self._sizes.files - self._waiting
        await asyncio.to_thread(self._make_files, missing)

    async def wait_until_known(self) -> None:
        """Wait until all files wait."""
        async with asyncio.timeout(_PATIENCE):
            while not await self._all_wait():
                await asyncio.sleep(_INTERVAL)

    async def settle(self) -> None:
        """Wait until the home is calm, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CALM_PATIENCE):
                while await self._busy(self._sizes.calm) > _CALM:
                    pass

    async def idle(self) -> float:
        """Return how much the home uses while nothing happens, in percent of a core."""
        return 100 * await self._busy(self._sizes.idle)

    async def longest_stall(self, seconds: float) -> float:
        """Return how late the home's event loop is at worst, in milliseconds."""
        return await self._probe("measure", seconds=seconds)

    async def collection(self) -> float:
        """Return how long a full collection of garbage takes, in CPU milliseconds."""
        return await self._probe("collect")

    async def stall_of_opening(self) -> float:
        """Return the longest stall once all folders may go on; then stop them again."""
        # The login is good for half an hour.
        await onboarding.log_in(self._api, self._state)
        stall = asyncio.create_task(self.longest_stall(self._sizes.stall))
        await self._set_gate("on")
        longest = await stall
        await self._set_gate("off")
        async with asyncio.timeout(_PATIENCE):
            while await self._is_running():
                await asyncio.sleep(_INTERVAL)
        if await self._all_wait():
            raise DemoError("Nothing was backed up")
        return longest

    async def _probe(self, action: str, **data: float) -> float:
        """Let the home measure something, in milliseconds."""
        answer = await self._socket.action(_PROBE_DOMAIN, action, **data)
        return float(answer["milliseconds"])

    def _path(self, number: int) -> Path:
        """Return the path of a folder."""
        return self._home.media / f"Camera {number + 1:03}"

    def _make_files(self, count: int) -> None:
        """Make small files, each with other bytes, the same number in each folder."""
        for number in range(self._made, self._made + count):
            folder = self._path(number % self._sizes.folders)
            folder.mkdir(exist_ok=True)
            (folder / f"IMG_{number:06}.jpg").write_text(f"{number}\n")
        self._made += count

    async def _busy(self, seconds: float) -> float:
        """Return how much of a core the home uses for some time."""
        began, used = time.perf_counter(), cpu_seconds(self._home.pid)
        await asyncio.sleep(seconds)
        return (cpu_seconds(self._home.pid) - used) / (time.perf_counter() - began)

    async def _set_gate(self, state: str) -> None:
        """Set the state that the condition is about."""
        await self._api.post(f"/api/states/{_GATE}", {"state": state})

    async def _is_running(self) -> bool:
        """Return whether a run goes on."""
        state = await self._api.get(f"/api/states/{self._running}")
        return bool(state["state"] == "on")

    async def _all_wait(self) -> bool:
        """Return whether all files wait."""
        page = await self._socket.action(
            flows.DOMAIN,
            "list_files",
            config_entry_id=self._account.entry_id,
            state=["waiting"],
            limit=1,
        )
        self._waiting = page["total"]
        return self._waiting == self._sizes.files


@asynccontextmanager
async def _open(folder: Path, sizes: _Sizes) -> AsyncGenerator[_Scene]:
    """Start a server and a home with an account on it."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())
        server = await stack.enter_async_context(_server(folder / "immich", session))
        lock = HomeLock(folder)
        stack.callback(lock.close)
        home = Home(folder, lock, claim_port(FIRST_PORT))
        await asyncio.to_thread(_prepare, home)
        await home.start()
        stack.push_async_callback(home.stop)
        api, state = HomeApi(session, home.url), HomeState(path=folder / "demo.json")
        socket = await stack.enter_async_context(visit(home, api, state))
        scene = _Scene(home, api, socket, state, server, sizes)
        await scene.set_up()
        yield scene


def _prepare(home: Home) -> None:
    """Write the configuration of a home that can measure itself; blocking."""
    home.prepare(())
    (home.config / "custom_components" / _PROBE_DOMAIN).symlink_to(_PROBE)
    with (home.config / "configuration.yaml").open("a") as configuration:
        configuration.write(f"{_PROBE_DOMAIN}:\n")


@asynccontextmanager
async def _server(folder: Path, session: ClientSession) -> AsyncGenerator[Server]:
    """Run a server in a process of its own, which gives way to others."""
    folder.mkdir()
    port, key = claim_port(_SERVER_PORT), secrets.token_urlsafe(32)
    options: tuple[Any, ...] = ("--port", port, "--data", folder, "--api-key", key)
    lock = HomeLock(folder)
    try:
        process = await lock.start(
            *(sys.executable, "-m", "simulator", "--no-jobs"),
            *map(str, options),
            folder=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            output=folder / "output",
        )
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        try:
            yield await _answering(session, f"http://{HOST}:{port}", key)
        finally:
            await end(process)
    finally:
        lock.close()


async def _answering(session: ClientSession, url: str, key: str) -> Server:
    """Return the server once it answers. Raises DemoError when it does not."""
    finish = time.monotonic() + _START
    while True:
        try:
            return await look_at(session, url, key, simulated=True)
        except DemoError:
            if time.monotonic() > finish:
                raise
        await asyncio.sleep(_INTERVAL)
