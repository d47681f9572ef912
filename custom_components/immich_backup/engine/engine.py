"""The engine: watched folders, one ledger, one server, and the runs between them."""

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
import os
from pathlib import Path
import secrets
import sqlite3

from ..immich import ImmichClient
from ..immich.errors import ImmichError
from .clock import Clock, SystemClock
from .conductor import Conductor
from .connection import Connection
from .context import Context
from .detect.watch import Watcher
from .events import Event, ProofsLost, StatusChanged
from .keeper import Confirmation, confirm_again
from .ledger import Ledger, LedgerError, contents, files, folders, reports, runs
from .ledger.rows import FileRow, Stamp
from .ledger.scans import Entry, known_states
from .link import HaltedError, LinkDownError, ServerLink
from .model import (
    EngineStatus,
    FileReport,
    FileState,
    Folder,
    FolderStatus,
    FolderTrouble,
    Halt,
    Reason,
    RunReport,
    RunTrigger,
    Tally,
)
from .outbox import Outbox, UploadItem, UploadOutcome
from .preview import Preview, preview
from .rates import Meter
from .runner import ActiveRun, Runner
from .watched import WatchedFolder

_CONFIRM_INTERVAL = 24 * 3600.0
# Seconds between tries when a person must act, but time may have done so.
_HALT_RETRY = 600.0
# Values of the account in the ledger.
_AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOverview:
    """One folder in numbers; ``last_success`` in epoch seconds."""

    status: FolderStatus
    trouble: FolderTrouble | None
    polling: bool
    tally: Tally
    last_success: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole account in numbers; ``rate`` in bytes per second."""

    status: EngineStatus
    connected: bool
    error: str | None
    halt: Halt | None
    halt_detail: str | None
    automatic: bool
    run: RunReport | None
    rate: float
    tally: Tally
    folders: Mapping[str, FolderOverview]
    last_success: float | None


class Engine:
    """Everything that backs up one account; lives in one event loop.

    Nothing raises for one file or for a server that is away; ask ``overview``.
    """

    def __init__(
        self,
        *,
        ledger_path: Path,
        client: ImmichClient,
        context: Context,
        clock: Clock | None = None,
        concurrency: int = 4,
    ) -> None:
        """Take what the engine works with; nothing starts yet."""
        self.ledger = Ledger(ledger_path)
        self.link = ServerLink(client, self._linked)
        self._context = context
        self._clock = clock or SystemClock()
        self._concurrency = concurrency
        self._session = secrets.randbits(62)
        self._pool = ThreadPoolExecutor(4, "immich_backup_work")
        self._scan_pool = ThreadPoolExecutor(2, "immich_backup_scan")
        self._watcher: Watcher | None = None
        self._folders: dict[str, WatchedFolder] = {}
        self._listeners: list[Callable[[Event], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._meter = Meter(self._clock.monotonic)
        self._connection = Connection(
            ledger=self.ledger,
            link=self.link,
            connected=self._connected,
            take_extensions=self._take_extensions,
        )
        self._outbox = Outbox(
            ledger=self.ledger,
            link=self.link,
            pool=self._pool,
            clock=self._clock,
            emit=self._emit,
            connect=self._connection.ensure,
            new_runner=self._new_runner,
        )
        self._conductor = Conductor(
            ledger=self.ledger,
            link=self.link,
            clock=self._clock,
            folders=self._folders,
            emit=self._emit,
            connect=self._connection.ensure,
            uploads_fail=self._uploads_fail,
            new_runner=self._new_runner,
        )

    # Life

    async def start(self, configured: Iterable[Folder]) -> None:
        """Open the ledger and begin to tend the folders.

        Works without the server. Raises LedgerError.
        """
        try:
            await self.ledger.open()
            await self.ledger.run(runs.close_interrupted, self._clock.time())
            await self._connection.load()
            automatic = await self.ledger.run(runs.get_value, _AUTOMATIC)
            self._conductor.automatic = automatic != "off"
            self._watcher = Watcher(asyncio.get_running_loop())
            configured = list(configured)
            await self.ledger.run(
                folders.remove_missing, frozenset(folder.id for folder in configured)
            )
            for folder in configured:
                await self.apply(folder)
        except BaseException:
            await self.stop()
            raise
        self._spawn(self._connection.tend(), "connection")
        self._spawn(self._keep_confirmed(), "confirm")
        self._spawn(self._conductor.tend(), "runs")
        self._spawn(self._outbox.tend(), "outbox")

    async def stop(self) -> None:
        """Stop everything within seconds; what is on its way is sent again later."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(
            self._outbox.stop(),
            self._conductor.stop(),
            *self._tasks,
            *(watched.stop() for watched in self._folders.values()),
            return_exceptions=True,
        )
        self._folders.clear()
        if self._watcher is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._watcher.close)
        self._scan_pool.shutdown(wait=False, cancel_futures=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
        await self.ledger.close()

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call a function for every event, in the loop; returns how to end it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    # Folders

    async def apply(self, folder: Folder) -> None:
        """Add a folder, or take its changed configuration; disturbs nothing else."""
        folder = self._completed(folder)
        if (watched := self._folders.get(folder.id)) is not None:
            await watched.apply(folder)
            return
        assert self._watcher is not None
        watched = WatchedFolder(
            folder,
            ledger=self.ledger,
            watcher=self._watcher,
            scan_pool=self._scan_pool,
            pool=self._pool,
            clock=self._clock,
            context=self._context,
            session=self._session,
            emit=self._emit,
            arrived=self._conductor.arrived,
        )
        self._folders[folder.id] = watched
        watched.start()

    async def remove(self, folder_id: str) -> None:
        """Stop tending a folder and forget its files; contents stay known."""
        watched = self._folders.pop(folder_id, None)
        if watched is not None:
            await watched.stop()
        self._conductor.forget(folder_id)
        await self.ledger.run(folders.remove_missing, frozenset(self._folders))
        self._emit(StatusChanged())

    async def accept_root(self, folder_id: str) -> None:
        """Take a person's word: a folder is right as it is now, empty or elsewhere."""
        await self._folders[folder_id].accept_root()

    async def preview(self, folder: Folder, seconds: float | None = None) -> Preview:
        """Return what would happen in a folder now, watched or not.

        With a limit in seconds the numbers may be incomplete.
        """
        folder = self._completed(folder)
        end = None if seconds is None else self._clock.monotonic() + seconds

        def expired() -> bool:
            return end is not None and self._clock.monotonic() > end

        return await asyncio.get_running_loop().run_in_executor(
            self._scan_pool,
            lambda: preview(folder, now=self._clock.time(), expired=expired),
        )

    async def plan(
        self, folder_ids: Collection[str] | None = None
    ) -> dict[str, Preview]:
        """Return what a run over these folders (None: all) would do now, by folder.

        Records and sends nothing. Raises LedgerError.
        """
        return {
            key: await asyncio.get_running_loop().run_in_executor(
                self._scan_pool, self._plan, watched
            )
            for key, watched in list(self._folders.items())
            if folder_ids is None or key in folder_ids
        }

    def _plan(self, watched: WatchedFolder) -> Preview:
        """Preview a folder against what the ledger knows of it; blocking."""
        number = watched.number
        with self.ledger.reader() as reader:

            def known(
                path: bytes, entries: Sequence[Entry]
            ) -> Mapping[bytes, tuple[FileState, bool]]:
                if number is None:
                    return {}
                return known_states(reader, number, path, entries)

            return preview(
                watched.folder,
                now=self._clock.time(),
                expired=lambda: False,
                known=known,
            )

    # Runs

    def start_run(
        self, folder_ids: Collection[str] | None = None, *, trigger: RunTrigger
    ) -> str:
        """Begin a run over these folders (None: all), or join the one that runs.

        Returns the run's id.
        """
        return self._conductor.start(folder_ids, trigger=trigger)

    async def wait_run(self, run_id: str) -> RunReport | None:
        """Return a run's report once it ended; None for an unknown run."""
        return await self._conductor.wait(run_id)

    async def stop_run(self) -> str | None:
        """End the run that goes on; its files wait. Returns its id, or None."""
        return await self._conductor.stop()

    async def retry_failed(self, folder_ids: Collection[str] | None = None) -> int:
        """Let failed and parked files be tried again, now; return how many."""
        numbers = self._numbers(folder_ids)
        count = await self.ledger.run(files.retry, numbers) if numbers else 0
        if count:
            self.start_run(folder_ids, trigger=RunTrigger.RETRY)
        if folder_ids is None:
            count += await self._outbox.retry()
        return count

    async def retry_parked(self, reason: Reason) -> int:
        """Let files that are parked for a reason be tried again, now; return how many.

        Raises LedgerError.
        """
        count = await self.ledger.run(files.retry_reason, reason)
        if count:
            self.start_run(trigger=RunTrigger.RETRY)
            self._outbox.wake()
        return count

    async def set_automatic(self, on: bool) -> None:
        """Switch whether runs start by themselves; what is asked for still runs.

        Kept in the ledger; raises LedgerError, and then nothing is switched.
        """
        await self.ledger.run(runs.set_value, _AUTOMATIC, "on" if on else "off")
        self._conductor.automatic = on
        self._conductor.look_everywhere()
        self._emit(StatusChanged())

    @property
    def automatic(self) -> bool:
        """Return whether runs start by themselves."""
        return self._conductor.automatic

    def resume(self) -> None:
        """Try again after a halt: a person acted."""
        self.link.resume()
        self._conductor.look_everywhere()

    async def adopt_user(self) -> None:
        """Take a person's word: the server is new, keep the folders, prove all again."""
        await self.ledger.run(contents.lose_all)
        await self._connection.adopt_user()
        self.resume()

    async def hold(self) -> None:
        """Complete the ledger's file and write nothing until it is released.

        For whoever copies it; ends by itself after an hour. Uploads go on.
        """
        await self.ledger.hold()

    async def release(self) -> None:
        """Go on after a hold."""
        self.ledger.release()

    async def reconfirm(self) -> Confirmation:
        """Ask the server now for all that it should hold, and record what changed.

        Raises LinkDownError, HaltedError, LedgerError, ImmichError.
        """
        outcome = await confirm_again(self.ledger, self.link, self._clock)
        if outcome.lost:
            self._emit(ProofsLost(outcome.lost))
            self._conductor.look_everywhere()
        self._emit(StatusChanged())
        return outcome

    async def upload(self, items: Sequence[UploadItem]) -> list[UploadOutcome]:
        """Upload single files, wherever they lie; they wait while the server is away.

        One outcome for each, in order. Raises LedgerError.
        """
        return await self._outbox.upload(items)

    # Questions

    async def overview(self) -> Overview:
        """Return everything in numbers, from the ledger, without asking the server."""
        run = self._conductor.run
        numbers = {
            watched.folder.id: watched.number for watched in self._folders.values()
        }
        total, tallies, successes, last = await self.ledger.run(_read_numbers, numbers)
        return Overview(
            status=self._status(total),
            connected=self.link.error is None and self.link.user is not None,
            error=self.link.error,
            halt=self.link.halt,
            halt_detail=self.link.halt_detail,
            automatic=self.automatic,
            run=None if run is None else run.report(),
            rate=self._meter.rate() if run is not None else 0.0,
            tally=total,
            folders={
                folder_id: FolderOverview(
                    status=self._folder_status(watched, tallies[folder_id]),
                    trouble=watched.trouble,
                    polling=watched.polling,
                    tally=tallies[folder_id],
                    last_success=successes[folder_id],
                )
                for folder_id, watched in self._folders.items()
                if folder_id in tallies
            },
            last_success=last,
        )

    async def explain(self, path: str) -> FileReport | None:
        """Return what is known of the file at an absolute path; None if nothing is."""
        for watched in self._folders.values():
            root = watched.folder.path.rstrip("/")
            if path.startswith(root + "/"):
                relative = os.fsencode(path[len(root) + 1 :])
                return await self.ledger.run(reports.one, watched.folder.id, relative)
        return None

    async def largest_parked(self, reason: Reason) -> int | None:
        """Return the size of the largest file parked for a reason, None if there is none.

        Raises LedgerError.
        """
        return await self.ledger.run(reports.largest_parked, reason)

    async def recent_runs(self, limit: int) -> list[RunReport]:
        """Return the runs that began last, the newest first. Raises LedgerError."""
        return await self.ledger.run(runs.latest, limit)

    async def list_files(
        self,
        folder_id: str | None = None,
        states: Sequence[FileState] = (),
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[FileReport], int]:
        """Return files of these states (none: all) and how many there are in all."""
        return await self.ledger.run(
            reports.many, folder_id, tuple(states), limit, offset
        )

    @property
    def folders(self) -> Mapping[str, Folder]:
        """Return the folders that are tended."""
        return {key: watched.folder for key, watched in self._folders.items()}

    # Inside

    def _completed(self, folder: Folder) -> Folder:
        """Return a folder whose rules know the extensions that the server takes."""
        rules = replace(
            folder.rules,
            include_existing=folder.include_existing,
            extensions=self._connection.extensions,
        )
        return replace(folder, rules=rules)

    def _numbers(self, folder_ids: Collection[str] | None) -> list[int]:
        """Return the ledger's numbers of folders."""
        return [
            watched.number
            for key, watched in self._folders.items()
            if (folder_ids is None or key in folder_ids) and watched.number is not None
        ]

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        """Run something in the background until the engine stops."""
        task = asyncio.create_task(work, name=f"immich_backup {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _emit(self, event: Event) -> None:
        """Tell all listeners."""
        for listener in list(self._listeners):
            listener(event)

    def _linked(self, event: Event) -> None:
        """Pass on what the link tells; it may mean that a run can start."""
        self._conductor.recheck()
        self._connection.changed()
        self._outbox.wake()
        self._emit(event)

    def _connected(self) -> None:
        """Let what waits go: the server answers."""
        self._conductor.look_everywhere()
        self._emit(StatusChanged())

    async def _take_extensions(self) -> None:
        """Decide again by what the server takes now."""
        for watched in list(self._folders.values()):
            await self.apply(watched.folder)

    def _uploads_fail(self, error: str) -> None:
        """Rest, for the server answers, but fails on one upload after the other."""
        self._connection.pause(self.link.trip(error))

    def _new_runner(
        self,
        run: ActiveRun,
        *,
        roots: Callable[[Collection[str]], Mapping[int, bytes]],
        unsettle: Callable[[FileRow, Stamp], Awaitable[None]],
        unexpected: Callable[[int], None],
    ) -> Runner:
        """Return a runner with what all runs share."""
        return Runner(
            run,
            ledger=self.ledger,
            link=self.link,
            pool=self._pool,
            clock=self._clock,
            roots=roots,
            emit=self._emit,
            unsettle=unsettle,
            unexpected=unexpected,
            sent=self._meter.add,
            concurrency=self._concurrency,
        )

    async def _keep_confirmed(self) -> None:
        """Ask the server again for all that it should hold: at start and every day."""
        while True:
            delay = _CONFIRM_INTERVAL
            try:
                await self.reconfirm()
            except LinkDownError, HaltedError, LedgerError, ImmichError:
                delay = _HALT_RETRY
            await asyncio.sleep(delay)

    async def _unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again."""
        for watched in self._folders.values():
            if watched.number == file.folder:
                await watched.unsettle(file, stamp)

    def _unexpected(self, number: int) -> None:
        """Look at a folder again: something in it is not as the ledger says."""
        for watched in self._folders.values():
            if watched.number == number:
                watched.look_again()

    def _status(self, tally: Tally) -> EngineStatus:
        """Return what the account is doing or waiting for."""
        if self.link.halt is not None:
            return EngineStatus.ERROR
        if self.link.error is not None:
            return EngineStatus.OFFLINE
        if self._conductor.run is not None:
            return EngineStatus.BACKING_UP
        if any(watched.scanning for watched in self._folders.values()):
            return EngineStatus.SCANNING
        if not self.automatic:
            return EngineStatus.PAUSED
        if tally.count(FileState.WAITING, FileState.FAILED):
            return EngineStatus.WAITING
        return EngineStatus.IDLE

    def _folder_status(self, watched: WatchedFolder, tally: Tally) -> FolderStatus:
        """Return what a folder is doing or waiting for."""
        if watched.trouble is not None:
            return FolderStatus.UNAVAILABLE
        if watched.scanning:
            return FolderStatus.SCANNING
        waiting = tally.count(FileState.WAITING, FileState.FAILED)
        run = self._conductor.run
        if run is not None and watched.folder.id in run.folders and waiting:
            return FolderStatus.BACKING_UP
        return FolderStatus.WAITING if waiting else FolderStatus.IDLE


def _read_numbers(
    con: sqlite3.Connection, numbers: Mapping[str, int | None]
) -> tuple[Tally, dict[str, Tally], dict[str, float | None], float | None]:
    """Read the tallies and the times of the last success, of all and of each folder."""
    return (
        folders.tally(con),
        {
            key: Tally() if number is None else folders.tally(con, number)
            for key, number in numbers.items()
        },
        {key: runs.last_success(con, key) for key in numbers},
        runs.last_success(con),
    )
