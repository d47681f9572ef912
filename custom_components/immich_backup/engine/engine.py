"""The engine: watched folders, one ledger, one server, and the runs between them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
import logging
import os
from pathlib import Path

from ..immich import ImmichClient
from .active_run import ActiveRun
from .background import Background
from .clock import Clock, SystemClock
from .conductor import Conductor
from .connection import Connection
from .context import Context
from .controls import Controls
from .enquiry import Enquiry
from .events import Event, Halted, Listeners, ProofsLost, StatusChanged
from .keeper import Confirmation, Keeper
from .ledger import (
    Ledger,
    LedgerError,
    agenda,
    arranging,
    files,
    folders,
    outbox,
    reports,
    runs,
)
from .ledger.folders import OUTBOX
from .ledger.rows import FileRow, Stamp
from .link import HaltedError, LinkDownError, ServerLink
from .model import (
    FileReport,
    FileState,
    Folder,
    Halt,
    Reason,
    RunReport,
    RunTrigger,
    Source,
)
from .organise.geotagger import Undone
from .organise.organiser import Organiser
from .organise.report import Explained, Organised
from .organise.singles import Singles
from .outbox import Outbox, UploadItem, UploadOutcome
from .overdue import OverdueWatch
from .overview import Overview, OverviewReader
from .preview import Preview, preview
from .rates import Meter
from .runner import Runner
from .tended import TendedFolders, Unseen
from .texts import reason_text, retry_text, upload_text
from .waiting import Waiting

_LOGGER = logging.getLogger(__name__)

# Seconds between looks whether a ledger that failed can be written again.
_LEDGER_RETRY = 30.0
# Seconds that stop() gives threads to end.
_STOP_PATIENCE = 5.0


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
        self.ledger = Ledger(ledger_path, self._ledger_changed)
        self._context = context
        self._clock = clock or SystemClock()
        self.link = ServerLink(client, self._linked, self._clock.monotonic)
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(4, "immich_backup_work")
        self._scan_pool = ThreadPoolExecutor(2, "immich_backup_scan")
        self.controls = Controls(self.ledger, self._clock, self._controls_changed)
        self._listeners = Listeners()
        self._emit = self._listeners.tell
        self._background = Background()
        self._meter = Meter(self._clock.monotonic)
        self._ledger_failed = asyncio.Event()
        self._connection = Connection(
            self.ledger,
            self.link,
            connected=self._connected,
            extensions_changed=self._extensions_changed,
        )
        self._keeper = Keeper(self.ledger, self.link, self._clock, self._confirmed)
        self._folders = TendedFolders(
            ledger=self.ledger,
            scan_pool=self._scan_pool,
            pool=self._pool,
            clock=self._clock,
            context=context,
            emit=self._emit,
            arrived=self._arrived,
            organise=self._wake_organiser,
        )
        self._organiser = Organiser(
            ledger=self.ledger,
            link=self.link,
            pool=self._pool,
            clock=self._clock,
            context=context,
            folders=self._folders,
            paused=lambda: self.controls.paused,
            connect=self._connection.ensure,
            changed=lambda: self._emit(StatusChanged()),
        )
        self._conductor = Conductor(
            ledger=self.ledger,
            link=self.link,
            clock=self._clock,
            tended=self._folders,
            controls=self.controls,
            emit=self._emit,
            connect=self._connection.ensure,
            new_runner=lambda run: self._new_runner(
                run,
                sources=lambda: self._conductor.sources(run),
                source=lambda number: self._conductor.source(run, number),
                unsettle=self._folders.unsettle,
                unexpected=self._folders.look_again,
            ),
            organise=self._organiser.work,
        )
        self._outbox = Outbox(
            ledger=self.ledger,
            link=self.link,
            pool=self._pool,
            clock=self._clock,
            emit=self._emit,
            paused=lambda: self.controls.paused,
            connect=self._connection.ensure,
            new_runner=self._new_runner,
            singles=Singles(
                ledger=self.ledger,
                link=self.link,
                pool=self._pool,
                clock=self._clock,
                context=context,
            ),
        )
        self._overdue = OverdueWatch(
            ledger=self.ledger,
            clock=self._clock,
            folders=self._folders,
            emit=self._emit,
        )
        self._waiting = Waiting(
            ledger=self.ledger,
            link=self.link,
            folders=self._folders,
            conductor=self._conductor,
            controls=self.controls,
        )
        self._overview = OverviewReader(
            ledger=self.ledger,
            link=self.link,
            folders=self._folders,
            conductor=self._conductor,
            controls=self.controls,
            clock=self._clock,
            rate=self._meter.rate,
        )

    # Life

    async def start(
        self,
        configured: Iterable[Folder],
        suspended: Collection[str] = (),
        *,
        begin: bool = True,
    ) -> None:
        """Open the ledger and begin to tend the folders, now or when ``begin`` is called.

        Works without the server. What is known of folders that are neither configured
        nor suspended is forgotten. Raises LedgerError.
        """
        configured = list(configured)
        try:
            await self.ledger.open()
            await self.ledger.run(runs.close_interrupted, self._clock.time())
            await self.ledger.run(
                folders.remove_missing,
                frozenset(folder.id for folder in configured).union(suspended),
            )
            await self._connection.load()
            await self.controls.load()
            await self._conductor.load()
            for folder in configured:
                await self.apply(folder)
        except BaseException:
            await self.stop()
            raise
        if begin:
            self.begin()

    def begin(self) -> None:
        """Look after the folders and the server from now on; called once."""
        self._folders.begin()
        self._background.start(self._connection.keep, "link")
        self._background.start(self._keeper.keep, "confirm")
        self._background.start(self._keep_ledger, "ledger")
        self._background.start(self._conductor.tend, "runs")
        self._background.start(self._outbox.tend, "outbox")
        self._background.start(self._organiser.tend, "organise")
        self._background.start(self.controls.keep, "pause")
        self._background.start(self._overdue.keep, "overdue")

    async def stop(self) -> None:
        """Stop everything within seconds; what is on its way is sent again later."""
        self.ledger.release()
        await asyncio.gather(
            self._background.stop(),
            self._conductor.stop_run(),
            self._outbox.stop(),
            self._folders.stop(),
            return_exceptions=True,
        )
        self._folders.close()
        await asyncio.gather(_end(self._scan_pool), _end(self._pool))
        await self.ledger.close()

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call a function for every event, in the loop; returns how to end it."""
        return self._listeners.add(listener)

    async def hold(self) -> None:
        """Make the ledger's file complete and leave it alone, to be copied.

        What happens meanwhile is recorded after ``release``, which comes by itself
        after half an hour. Questions are answered as always.
        """
        try:
            await self.ledger.hold()
        except LedgerError as err:
            # The log beside the file is copied with it, and holds the rest.
            _LOGGER.debug("The ledger was not completed for a copy: %s", err)

    async def release(self) -> None:
        """Go on after ``hold``."""
        self.ledger.release()

    # Folders

    async def apply(self, folder: Folder) -> None:
        """Add a folder, or take its changed configuration; disturbs nothing else."""
        await self._folders.apply(self._completed(folder))

    async def suspend(self, folder_id: str) -> None:
        """Stop tending a folder until it is applied again; its files stay known."""
        self._conductor.forget(folder_id)
        await self._folders.remove(folder_id)
        self._emit(StatusChanged())

    async def remove(self, folder_id: str) -> None:
        """Stop tending a folder and forget its files; contents stay known.

        Raises LedgerError.
        """
        await self.suspend(folder_id)
        await self.ledger.run(folders.remove, folder_id)
        self._emit(StatusChanged())

    async def accept_root(self, folder_id: str) -> None:
        """Take a person's word: a folder is right as it is now, empty or elsewhere.

        Raises LedgerError, and KeyError for an unknown folder.
        """
        await self._folders[folder_id].accept_root()

    def set_waiting_for(self, folder_id: str, reasons: Sequence[str]) -> None:
        """Let a folder's files wait for what these words say; go on if there are none.

        A run that was asked for meanwhile is then made up for.
        """
        watched = self._folders.get(folder_id)
        if watched is None or list(watched.waiting_for) == list(reasons):
            return
        watched.waiting_for = tuple(reasons)
        if not reasons:
            self._conductor.arrived(folder_id)
        self._emit(StatusChanged())

    async def scheduled_until(self, folder_id: str) -> float | None:
        """Return until when a folder's schedule was followed (epoch seconds).

        That is since it is known, if it never was; None if it is not. Raises LedgerError.
        """
        row = (await self.ledger.ask(agenda.read)).get(folder_id)
        return None if row is None else row.scheduled_until or row.since

    async def note_scheduled(self, folder_id: str) -> None:
        """Record that a folder's schedule was followed until now; raises LedgerError."""
        await self.ledger.run(agenda.note_scheduled, folder_id, self._clock.time())

    @property
    def overlaps(self) -> Collection[tuple[str, str]]:
        """Return the pairs of folders (their ids) that have files in common."""
        return self._folders.overlaps

    async def preview(self, folder: Folder, seconds: float | None = None) -> Preview:
        """Return what would happen in a folder now, watched or not.

        What is known of a watched one's files counts, by the folder's id. With a limit
        in seconds the numbers may be incomplete. Raises LedgerError.
        """
        return await preview(
            self._completed(folder),
            self._scan_pool,
            self._clock,
            Enquiry(self._context, self._clock),
            seconds=seconds,
            ledger=self.ledger,
        )

    async def plan(
        self, folder_ids: Collection[str] | None = None
    ) -> dict[str, Preview]:
        """Return what a run over these folders (None: all) would do now.

        Nothing is recorded or sent. Raises LedgerError.
        """
        planned = {
            key: watched.folder
            for key, watched in self._folders.items()
            if folder_ids is None or key in folder_ids
        }
        plans = await asyncio.gather(
            *(
                preview(
                    folder,
                    self._scan_pool,
                    self._clock,
                    Enquiry(self._context, self._clock),
                    ledger=self.ledger,
                )
                for folder in planned.values()
            )
        )
        return dict(zip(planned, plans, strict=True))

    # Runs

    def start_run(
        self,
        folder_ids: Collection[str] | None = None,
        *,
        trigger: RunTrigger,
        unconditional: bool = False,
    ) -> str:
        """Begin a run over these folders (None: all), or join the one that runs.

        Unless it is ``unconditional`` a folder's files wait for what it waits for.
        Returns the run's id.
        """
        return self._conductor.start_run(
            folder_ids, trigger, unconditional=unconditional
        )

    async def wait_run(self, run_id: str) -> RunReport | None:
        """Return a run's report once it ended; None for an unknown run."""
        return await self._conductor.wait_run(run_id)

    async def stop_run(self) -> str | None:
        """End the run that goes on; its files wait. Returns its id, or None."""
        return await self._conductor.stop_run()

    async def retry_failed(self, folder_ids: Collection[str] | None = None) -> int:
        """Let failed and parked files be tried again, now; return how many.

        Raises LedgerError.
        """
        numbers = [
            watched.number
            for key, watched in self._folders.items()
            if (folder_ids is None or key in folder_ids) and watched.number is not None
        ]
        count = await self.ledger.run(files.retry, numbers)
        if count:
            self.start_run(folder_ids, trigger=RunTrigger.RETRY)
        if folder_ids is None:
            count += await self._outbox.retry()
        return count

    def retry_text(self, count: int) -> str:
        """Return what it means that so many files are tried again, as a sentence."""
        return retry_text(count, self._waiting.trouble)

    async def retry_parked(self, reason: Reason) -> int:
        """Let files parked for a reason be tried again, now; return how many.

        Raises LedgerError.
        """
        count = await self.ledger.run(files.retry_reasons, (reason,))
        if count:
            self.start_run(trigger=RunTrigger.RETRY)
        return count

    def resume(self) -> None:
        """Try again after a halt: a person acted."""
        self.link.resume()
        self._connection.wake()
        self._conductor.look_again()

    async def adopt_user(self) -> None:
        """Take a person's word: the server is new, keep the folders, prove all again.

        Raises LedgerError.
        """
        await self._connection.adopt_user()
        self._decide_again()

    async def reconfirm(self) -> Confirmation | None:
        """Ask the server now for all that it should hold; None if it can't be asked.

        Raises LedgerError.
        """
        try:
            await self._connection.ensure()
            return await self._keeper.confirm()
        except LinkDownError, HaltedError:
            return None

    async def upload(self, items: Sequence[UploadItem]) -> list[UploadOutcome]:
        """Upload single files, wherever they lie; they wait while the server is away.

        One outcome for each, in order. Raises LedgerError.
        """
        return await self._outbox.upload(items)

    # What is stored, in albums and with tags

    async def organise(self, folder_ids: Collection[str] | None = None) -> Organised:
        """Give what is stored of these folders (None: all) what they say today.

        What was done once is not done again: a photo that someone took out of an album
        stays out. Raises LedgerError.
        """
        return await self._organiser.again(
            self._folders if folder_ids is None else folder_ids
        )

    async def plan_organising(
        self, folder_ids: Collection[str] | None = None
    ) -> Organised:
        """Return what ``organise`` would do; nothing is recorded or sent. LedgerError."""
        return await self._organiser.plan(
            self._folders if folder_ids is None else folder_ids
        )

    async def undo_geotags(self, folder_ids: Collection[str] | None = None) -> Undone:
        """Take away the places that assets of these folders (None: all) were given.

        Raises LedgerError, ImmichError, LinkDownError, HaltedError.
        """
        return await self._organiser.undo_geotags(folder_ids)

    async def explain_placement(self, report: FileReport) -> Explained | None:
        """Return which album and tags a file gets, and why; None if none or unproven.

        Raises LedgerError.
        """
        return await self._organiser.explain(report.folder, os.fsencode(report.path))

    async def organise_soon(self) -> None:
        """Try again what could not be organised; raises LedgerError."""
        await self.ledger.run(arranging.try_again)
        self._organiser.wake()

    def _wake_organiser(self) -> None:
        """Let what can be organised now be organised."""
        self._organiser.wake()

    async def answer_deleted_albums(self, *, make_again: bool) -> None:
        """Take a person's word on the albums that they deleted; raises LedgerError."""
        await self.ledger.run(
            lambda con: arranging.answer_deleted(con, make_again=make_again)
        )
        self._organiser.wake()
        self._emit(StatusChanged())

    # Questions

    async def overview(self) -> Overview:
        """Return everything in numbers, from the ledger, without asking the server.

        Of a ledger that can't be read these are the last numbers known.
        """
        return await self._overview.read()

    async def explain(self, path: str) -> FileReport | None:
        """Return what is known of the file at an absolute path; None if nothing is.

        It may be in a folder or queued by ``upload``. Raises LedgerError.
        """
        places = [*self._folders.find(path), (OUTBOX, outbox.filed(path))]
        for folder_id, relative in places:
            report = await self.ledger.ask(reports.one, folder_id, relative)
            if report is not None:
                return report
        return None

    def unseen(self, path: str) -> Unseen:
        """Return why nothing is known of the file at an absolute path."""
        return self._folders.unseen(path)

    def reason_text(self, report: FileReport) -> str:
        """Return why a file is in its state, as a sentence."""
        if report.folder == OUTBOX:
            waiting = self._waiting.of_uploads()
        else:
            waiting = self._waiting.of_folder(report.folder)
        return reason_text(report, waiting)

    def upload_text(self, outcome: UploadOutcome) -> str:
        """Return what became of a single upload, as a sentence."""
        waiting = self._waiting.of_uploads()
        return upload_text(outcome.reason, outcome.detail, waiting)

    async def largest_parked(self, reason: Reason) -> FileReport | None:
        """Return the largest file that is parked for a reason, None if there is none.

        Raises LedgerError.
        """
        return await self.ledger.ask(reports.largest_parked, reason)

    async def recent_runs(self, limit: int) -> list[RunReport]:
        """Return the runs that began last, the newest first. Raises LedgerError."""
        return await self.ledger.ask(runs.latest, limit)

    async def list_files(
        self,
        folder_id: str | None = None,
        states: Sequence[FileState] = (),
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[FileReport], int]:
        """Return files of these states (none: all) and how many there are in all.

        Raises LedgerError.
        """
        return await self.ledger.ask(
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

    def _new_runner(
        self,
        run: ActiveRun,
        *,
        sources: Callable[[], Mapping[int, Source]],
        source: Callable[[int], Source | None],
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
            sources=sources,
            source=source,
            emit=self._emit,
            unsettle=unsettle,
            unexpected=unexpected,
            reconfirm=self._keeper.confirm,
            pacer=self.controls.pacer,
            sent=self._meter.add,
            concurrency=self._concurrency,
        )

    def _controls_changed(self) -> None:
        """Follow what a person switched."""
        self._conductor.controls_changed()
        self._outbox.wake()
        self._organiser.wake()
        self._emit(StatusChanged())

    def _arrived(self, folder_id: str) -> None:
        """Note that files may be waiting in a folder."""
        self._conductor.arrived(folder_id)

    def _linked(self, event: Event) -> None:
        """Pass on what the link tells; it may mean that a run can start."""
        self._conductor.look_again()
        self._connection.wake()
        self._outbox.wake()
        self._organiser.wake()
        self._emit(event)

    def _connected(self) -> None:
        """Go on: the server is there, and uploads are possible."""
        self._keeper.connected()
        self._conductor.look_again()
        self._outbox.wake()
        self._organiser.wake()
        self._emit(StatusChanged())

    async def _extensions_changed(self) -> None:
        """Let all folders decide by what the server takes now."""
        for watched in list(self._folders.values()):
            await self.apply(watched.folder)

    def _confirmed(self, outcome: Confirmation) -> None:
        """Tell what came of asking for everything."""
        if outcome.lost:
            self._emit(ProofsLost(outcome.lost))
            self._decide_again()
        self._emit(StatusChanged())

    def _decide_again(self) -> None:
        """Let what waits again be decided by the rules of today, and then be stored."""
        self._folders.decide_again()
        self._conductor.look_again()

    def _ledger_changed(self) -> None:
        """Tell that nothing can be recorded, or that it can again."""
        if self.ledger.failing is not None:
            self._emit(Halted(Halt.LEDGER, self.ledger.failing))
            self._ledger_failed.set()
            return
        self._ledger_failed.clear()
        self._emit(Halted(self.link.halt, self.link.halt_detail))
        self._conductor.look_again()
        self._outbox.wake()
        self._organiser.wake()

    async def _keep_ledger(self) -> None:
        """Look now and then whether a ledger that failed works again."""
        while True:
            await self._ledger_failed.wait()
            await asyncio.sleep(_LEDGER_RETRY)
            with suppress(LedgerError):
                await self.ledger.probe()


async def _end(pool: Executor) -> None:
    """End a pool's threads; one that hangs on a dead network share is left behind."""
    pool.shutdown(wait=False, cancel_futures=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_PATIENCE):
            await asyncio.get_running_loop().run_in_executor(None, pool.shutdown)
