"""The demonstration, step by step: start, set up, back up, tell, keep running."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
import sys
import time
from typing import Any

from aiohttp import ClientError, ClientSession

from . import log, samples
from .api import ApiError, HomeApi, HomeSocket, Json
from .backup import Backup
from .delivery import Delivery
from .errors import DemoError
from .family_calendar import set_up_calendar
from .gallery import Gallery, look_around
from .home import FIRST_PORT, RESTART, Home
from .household import EVENT, Household, switch_on_tv
from .installation import Installation
from .phone import Phone
from .ports import claim_port
from .process import HomeLock
from .report import File, Report, Sums, deliveries_text, ignored_names
from .runs import Run, RunLog
from .server import Server, look_at, simulated_server
from .state import HomeState
from .visit import visit

# A run may end while a file is still being written; the next one takes it.
_MORE_RUNS = 2
# Seconds until the run begins that somebody's arrival starts.
_ARRIVAL = 30.0
_FIRST_PHONE_PORT = 8400
_KINDS = ("notify", "speaker", "tv")
# Seconds between lines that tell the progress of a long backup.
_PROGRESS = 15.0
# Finished runs that are told; nothing else needs to be.
_OUTCOMES = frozenset(("completed", "completed_with_errors", "failed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for; ``server`` is an address and a key."""

    home: Path
    port: int | None = None
    photos: Path | None = None
    server: tuple[str, str] | None = None
    once: bool = False
    json: bool = False


class Demonstration:
    """One demonstration in one home."""

    def __init__(self, options: Options) -> None:
        """Take what is asked for."""
        self.proven = self.told = False
        self._options = options
        self._began = time.monotonic()
        self._output = sys.stdout
        # The run that was told last: Home Assistant shows it again when it reloads.
        self._last_run: str | None = None
        self._runs = RunLog()
        self._telling: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def run(self) -> None:
        """Do everything; ends once the backup is told, or when it is cancelled.

        Raises DemoError.
        """
        async with self._stack:
            try:
                await self._run()
            except (ApiError, ClientError, TimeoutError) as err:
                raise DemoError(f"Home Assistant: {err or 'it is too slow'}") from err

    def _say(self, text: str) -> None:
        """Tell the person something."""
        print(text, file=self._output, flush=True)

    async def _run(self) -> None:
        """Do everything."""
        options = self._options
        options.home.mkdir(parents=True, exist_ok=True)
        lock = HomeLock(options.home)
        self._stack.callback(lock.close)
        await lock.acquire()
        state = HomeState.load(options.home / "demo.json")
        session = await self._stack.enter_async_context(ClientSession())

        server = await self._server(session, state)
        state.port = self._port(state)
        state.phone_port = claim_port(_FIRST_PHONE_PORT, state.phone_port)
        state.save()
        home = Home(options.home, lock, state.port)
        if not state.is_complete:
            # Home Assistant writes some things late: without its user, for one, nobody
            # could log in to what an interrupted first start left.
            await asyncio.to_thread(home.remove)
            state.forget_home()
        phone = await self._stack.enter_async_context(
            Phone(session, home.url, state.phone_port)
        )
        if (tv := await switch_on_tv(self._stack, state)) is None:
            self._say(
                "Something else uses port 8060, the only one at which Home Assistant"
                " looks for a Roku: this demonstration goes without a TV"
            )
        folder = options.photos or home.media / "Samples"
        await asyncio.to_thread(home.prepare, {folder, *state.folders()})
        self._say(f"Starting Home Assistant at {home.url}")
        await home.start()
        self._stack.push_async_callback(home.stop)
        if options.photos is None:
            await asyncio.to_thread(samples.make, folder)

        api = HomeApi(session, home.url)
        async with visit(home, api, state) as socket:
            await self._runs.listen(socket)
            household = Household(api, socket, state, phone=phone, tv=tv)
            await household.set_up()
            await household.leave()
            installation = Installation(api, socket, state)
            account = await installation.account(server)
            calendar = await set_up_calendar(
                api, socket, samples.EVENTS if options.photos is None else ()
            )
            subentry_id = await installation.folder(
                account, folder, household.person, calendar
            )
            await installation.notification(account, household.targets, household.voice)
            real = await asyncio.to_thread(folder.resolve)
            backup = Backup(socket, account.entry_id, subentry_id, real)
            report = await self._back_up(
                socket, backup, household, home, server, folder
            )
            gallery = await self._look_around(session, server, report.files)
            report = replace(report, gallery=gallery)
            state.note_complete()
            await self._tell(report, state)
            if options.once:
                return
            event = await backup.event_id()
            self._say("Everything runs; put a photo into the folder. Ctrl-C ends it.")
            code = await self._watch(socket, home, event, household)
        while code == RESTART:
            await home.start()
            async with visit(home, api, state) as socket:
                household.follow(socket)
                code = await self._watch(socket, home, event, household)
        raise DemoError(f"Home Assistant ended: {home.last_words()}")

    async def _server(self, session: ClientSession, state: HomeState) -> Server:
        """Return the server that was named, or the simulated one."""
        named = self._options.server
        if named is None or state.server_key is not None:
            # Also for a home that will leave it: it is asked until it is switched off.
            simulated = await self._stack.enter_async_context(
                simulated_server(self._options.home / "immich", state)
            )
        url, key = named or simulated
        return await look_at(session, url, key, simulated=named is None)

    def _port(self, state: HomeState) -> int:
        """Return the port for Home Assistant; raises DemoError if it is taken."""
        wanted = self._options.port
        if wanted is None:
            return claim_port(FIRST_PORT, state.port)
        if claim_port(wanted) != wanted:
            raise DemoError(f"Something else uses port {wanted}")
        return wanted

    async def _back_up(
        self,
        socket: HomeSocket,
        backup: Backup,
        household: Household,
        home: Home,
        server: Server,
        folder: Path,
    ) -> Report:
        """Back up until every file has its final state, and say what happened."""
        event = await backup.event_id()
        name = await household.person_name()
        # One that began before would not be started by who comes home.
        await backup.wait_until_idle()
        self._say(f"{name} comes home, so {folder} is backed up to {server.url}")
        progress = asyncio.create_task(self._tell_progress(backup))
        try:
            arrival = await self._come_home(household, event)
            for _ in range(_MORE_RUNS):
                if arrival and not await backup.count("settling", "waiting"):
                    break
                values = await backup.run()
                self._runs.add(event, Run.of(values, values["outcome"]))
        finally:
            progress.cancel()
        seconds = time.monotonic() - self._began
        runs = self._runs.of(event)
        for run in runs:
            if run.error is not None:
                self._say(f"The run ended early: {run.error}")
        self._last_run = runs[-1].id if runs else None
        files = await backup.files()
        await backup.wait_for_entities(Sums.of(files).verified)
        causes = {run.id: run.cause for run in runs}
        if arrival is not None:
            causes[arrival.id] = f"{name} came home"
        return Report(
            home_assistant=(await socket.command("get_config"))["version"],
            url=home.url,
            server=server,
            folder=str(folder),
            files=files,
            ignored=await asyncio.to_thread(ignored_names, folder, files),
            runs=runs,
            causes=causes,
            arrival=None if arrival is None else arrival.id,
            deliveries=await self._deliveries(household, runs),
            seconds=seconds,
            entities=await backup.entities(),
            log=await asyncio.to_thread(log.complaints_in, home.log),
        )

    async def _look_around(
        self, session: ClientSession, server: Server, files: Sequence[File]
    ) -> Gallery | None:
        """Return how the files are organised on the server.

        None if the server does not tell, which is told.
        """
        asset_ids = {
            file.asset_id
            for file in files
            if file.state == "protected" and file.asset_id is not None
        }
        try:
            return await look_around(session, server, asset_ids)
        except DemoError as err:
            self._say(str(err))
            return None

    async def _come_home(self, household: Household, event: str) -> Run | None:
        """Let the person come home and return the run that this started, at its end.

        None if it started none, which is told.
        """
        since = time.time()
        await household.arrive()
        try:
            async with asyncio.timeout(_ARRIVAL):
                run = await self._runs.wait_for(event, "trigger", since)
        except TimeoutError:
            self._say("Nothing was started by that")
            return None
        return await self._runs.wait_for_end(event, run.id)

    async def _deliveries(
        self, household: Household, runs: Sequence[Run]
    ) -> list[Delivery]:
        """Return what the receivers got, once they got all that is due."""
        due = [run.started for run in runs if run.outcome == EVENT and run.uploaded]
        if due:
            self._say("Waiting until everyone is told")
            told = [one async for one in household.await_deliveries(min(due))]
        else:
            told = await household.deliveries()
        # In the order in which a person looks: at the phone, to the speaker, at the TV.
        return sorted(told, key=lambda one: (_KINDS.index(one.kind), one.at))

    async def _tell_progress(self, backup: Backup) -> None:
        """Tell every now and then how far it is, as long as that changes."""
        told = 0
        while True:
            await asyncio.sleep(_PROGRESS)
            with suppress(ApiError):
                if (proven := await backup.count("protected")) != told:
                    left = await backup.count("settling", "waiting")
                    self._say(f"  {proven} proven, {left} to go")
                    told = proven

    async def _tell(self, report: Report, state: HomeState) -> None:
        """Print the report, for people and, if wanted, for programmes."""
        self.proven, self.told = report.proven, True
        self._say(f"\n{report.as_text()}")
        if not self._options.once:
            assert state.login is not None
            self._say(
                f"\nHome Assistant {report.home_assistant}: {report.url}"
                f"\n  log in as {state.login.username}, password"
                f" {state.login.password}"
                f"\n  then Settings, Devices & services, Immich Backup"
            )
        if self._options.json:
            self._say(report.as_json())
            # Nothing may follow the object.
            self._output = sys.stderr

    async def _watch(
        self, socket: HomeSocket, home: Home, event: str, household: Household
    ) -> int:
        """Tell what is backed up until Home Assistant ends; return its exit code."""

        def hear(message: Json) -> None:
            if message["data"]["entity_id"] != event:
                return
            run = self._tell_run(message["data"]["new_state"] or {})
            if run is not None and run.outcome == EVENT and run.uploaded:
                task = asyncio.create_task(self._tell_deliveries(household, run))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

        await socket.subscribe(hear, "state_changed")
        return await home.wait_until_ended()

    def _tell_run(self, state: Json) -> Run | None:
        """Tell once of a finished run that did something, and return it."""
        run: Mapping[str, Any] = state.get("attributes", {})
        if run.get("event_type") not in _OUTCOMES or run["run_id"] == self._last_run:
            return None
        self._last_run = run["run_id"]
        if run["uploaded"] or run["failed"]:
            self._say(
                f"{time.strftime('%H:%M:%S')} uploaded {run['uploaded']}, failed"
                f" {run['failed']}: {', '.join(run['examples'] + run['failing'])}"
            )
        return Run.of(run, run["event_type"])

    async def _tell_deliveries(self, household: Household, run: Run) -> None:
        """Tell who is told of a run, one after the other."""
        # Home Assistant may end meanwhile.
        with suppress(ApiError):
            async for one in household.await_deliveries(run.started):
                self._say(deliveries_text([one]))
