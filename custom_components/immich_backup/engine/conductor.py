"""Runs: when one starts, who joins it, and how it ends; one at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
import logging
import secrets

from .clock import Clock
from .events import Event, RunFinished, RunStarted
from .ledger import Ledger, LedgerError, files, runs
from .ledger.rows import FileRow, Stamp
from .link import HaltedError, LinkDownError, ServerLink
from .model import RunOutcome, RunReport, RunTrigger
from .runner import ActiveRun, Runner, UploadsFailError
from .watched import WatchedFolder

_LOGGER = logging.getLogger(__name__)

# Seconds until the ledger is asked again after it failed.
_LEDGER_RETRY = 30.0
# What a run that was asked for waits beyond the settle time, for files just seen.
_SETTLE_MARGIN = 5.0


class Conductor:
    """Starts runs by themselves and on request, over the folders that are tended."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        clock: Clock,
        folders: Mapping[str, WatchedFolder],
        emit: Callable[[Event], None],
        connect: Callable[[], Awaitable[None]],
        uploads_fail: Callable[[str], None],
        new_runner: Callable[..., Runner],
    ) -> None:
        """Take what runs need.

        ``folders`` are those that are tended, now and later. ``uploads_fail`` is told
        when the server fails on one upload after the other.
        """
        self.automatic = True
        self.run: ActiveRun | None = None
        self._ledger = ledger
        self._link = link
        self._clock = clock
        self._folders = folders
        self._emit = emit
        self._connect = connect
        self._uploads_fail = uploads_fail
        self._new_runner = new_runner
        self._task: asyncio.Task[None] | None = None
        self._ended: dict[str, asyncio.Future[RunReport]] = {}
        self._arrivals: set[str] = set()
        # Folders whose run broke off because the server was away.
        self._unfinished: set[str] = set()
        self._recheck = asyncio.Event()
        self._retry_at: float | None = None

    # On request

    def start(self, folder_ids: Collection[str] | None, *, trigger: RunTrigger) -> str:
        """Begin a run over these folders (None: all), or join the one that runs.

        Returns the run's id.
        """
        wanted = set(self._folders) if folder_ids is None else set(folder_ids)
        if self.run is not None:
            self.run.folders |= wanted
            self.run.asked |= wanted
            self.run.more.set()
            return self.run.id
        asked = trigger in (RunTrigger.MANUAL, RunTrigger.SCHEDULE)
        self.run = run = ActiveRun(
            id=secrets.token_hex(8),
            trigger=trigger,
            folders=wanted,
            asked=set(wanted) if asked else set(),
            started=self._clock.time(),
            folder_id=self._folder_id,
        )
        self._ended[run.id] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._perform(run), name="immich_backup run")
        return run.id

    async def wait(self, run_id: str) -> RunReport | None:
        """Return a run's report once it ended; None for an unknown run."""
        if (ended := self._ended.get(run_id)) is not None:
            return await asyncio.shield(ended)
        return await self._ledger.run(runs.get, run_id)

    async def stop(self) -> str | None:
        """End the run that goes on; its files wait. Returns its id, or None."""
        if self.run is None or self._task is None:
            return None
        run_id, task = self.run.id, self._task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return run_id

    def forget(self, folder_id: str) -> None:
        """Leave a folder out that is no longer tended."""
        self._arrivals.discard(folder_id)
        self._unfinished.discard(folder_id)
        if self.run is not None:
            self.run.folders.discard(folder_id)

    # By themselves

    def arrived(self, folder_id: str) -> None:
        """Files wait in a folder: join the run, or have one started."""
        self._arrivals.add(folder_id)
        self._recheck.set()

    def look_everywhere(self) -> None:
        """Files may wait in any folder: something in the way is gone."""
        self._arrivals |= set(self._folders)
        self._recheck.set()

    def recheck(self) -> None:
        """See again whether a run can start: the link's state changed."""
        self._recheck.set()

    async def tend(self) -> None:
        """Start runs when files arrived, or when a next try is due; runs on."""
        while True:
            delay = None
            if self._retry_at is not None:
                delay = max(0.0, self._retry_at - self._clock.monotonic())
            try:
                async with asyncio.timeout(delay):
                    await self._recheck.wait()
                self._recheck.clear()
            except TimeoutError:
                self._retry_at = None
                self._arrivals |= set(self._folders)
            if not self.automatic or not self._link.usable:
                continue
            ready = {
                key
                for key, watched in self._folders.items()
                if key in self._unfinished
                or (key in self._arrivals and watched.folder.new_media)
            }
            self._arrivals.clear()
            self._unfinished.clear()
            if self.run is not None:
                self.run.folders |= ready
                self.run.more.set()
            elif due := await self._due(ready):
                self.start(due, trigger=RunTrigger.NEW_MEDIA)

    async def _due(self, folder_ids: Collection[str]) -> set[str]:
        """Return the folders with a file that is due; note when the next one is."""
        now = self._clock.time()
        numbers = {
            key: number
            for key in folder_ids
            if (number := self._folders[key].number) is not None
        }
        found: set[str] = set()
        try:
            for key, number in numbers.items():
                if await self._ledger.run(files.claim, [number], now, 1):
                    found.add(key)
            if found or not numbers:
                return found
            due = await self._ledger.run(files.next_try, list(numbers.values()))
        except LedgerError:
            self._unfinished |= set(folder_ids)
            due = now + _LEDGER_RETRY
        if due is not None:
            wait = min(max(1.0, due - now), files.LONGEST_BACKOFF)
            self._retry_at = self._clock.monotonic() + wait
        return found

    # A run

    async def _perform(self, run: ActiveRun) -> None:
        """Do a run and tell its outcome."""
        self._emit(RunStarted(run.report()))
        outcome, error, again = RunOutcome.COMPLETED, None, True
        try:
            with suppress(LedgerError):
                await self._ledger.run(runs.save, run.report())
            await self._work(run)
            if run.report().counts.failed:
                outcome = RunOutcome.WITH_ERRORS
        except asyncio.CancelledError:
            outcome = RunOutcome.STOPPED
        except (LinkDownError, HaltedError, LedgerError) as err:
            outcome, error = RunOutcome.FAILED, str(err)
            self._unfinished |= run.folders
            if isinstance(err, UploadsFailError):
                self._uploads_fail(error)
            again = not isinstance(err, LedgerError)
        except Exception:
            _LOGGER.exception("Unexpected error in a run")
            outcome, error = RunOutcome.FAILED, "Unexpected error, see the log"
        report = replace(
            run.report(), finished=self._clock.time(), outcome=outcome, error=error
        )
        self.run = self._task = None
        if outcome in (RunOutcome.COMPLETED, RunOutcome.WITH_ERRORS):
            # What arrived in the last moment.
            self._arrivals |= run.folders
        if again:
            self._recheck.set()
        else:
            self._retry_at = self._clock.monotonic() + _LEDGER_RETRY
        with suppress(LedgerError):
            await self._ledger.run(runs.save, report)
        self._ended.pop(run.id).set_result(report)
        self._emit(RunFinished(report))

    async def _work(self, run: ActiveRun) -> None:
        """Scan what was asked for, then store what waits, until nothing is left."""
        if run.trigger is not RunTrigger.NEW_MEDIA:
            self._link.resume()
        while True:
            asked, run.asked = run.asked, set()
            await self._look(asked)
            await self._connect()
            runner = self._new_runner(
                run,
                roots=self._roots,
                unsettle=self._unsettle,
                unexpected=self._unexpected,
            )
            await runner.drain()
            if not run.asked:
                return

    async def _look(self, folder_ids: Collection[str]) -> None:
        """Scan folders and wait for files that are just settling."""
        looked_at = [self._folders[key] for key in folder_ids if key in self._folders]
        await asyncio.gather(*(watched.scan() for watched in looked_at))
        await asyncio.gather(
            *(watched.settled(_SETTLE_MARGIN) for watched in looked_at)
        )

    def _roots(self, folder_ids: Collection[str]) -> Mapping[int, bytes]:
        """Return the numbers and roots of the folders that can be read now."""
        return {
            watched.number: root
            for key in folder_ids
            if (watched := self._folders.get(key)) is not None
            and watched.number is not None
            and (root := watched.readable_root) is not None
        }

    def _watched(self, number: int) -> WatchedFolder | None:
        """Return a folder by the ledger's number of it."""
        for watched in self._folders.values():
            if watched.number == number:
                return watched
        return None

    def _folder_id(self, number: int) -> str:
        """Return the id of a folder by the ledger's number; empty once it is gone."""
        watched = self._watched(number)
        return "" if watched is None else watched.folder.id

    async def _unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again."""
        if (watched := self._watched(file.folder)) is not None:
            await watched.unsettle(file, stamp)

    def _unexpected(self, number: int) -> None:
        """Look at a folder again: something in it is not as the ledger says."""
        if (watched := self._watched(number)) is not None:
            watched.look_again()
