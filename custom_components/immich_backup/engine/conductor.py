"""Which runs there are: those that are asked for, and those that begin by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
import logging
import os
import secrets
import sqlite3

from .active_run import EXAMPLES, ActiveRun
from .clock import Clock
from .controls import END_OF_PAUSE, Controls
from .events import Event, RunFinished, RunStarted, StatusChanged
from .ledger import Ledger, LedgerError, agenda, files, folders, runs
from .link import HaltedError, LinkDownError, ServerLink
from .model import FileState, RunOutcome, RunReport, RunTrigger, Source
from .runner import Runner, UploadsFailError
from .watched import WatchedFolder

_LOGGER = logging.getLogger(__name__)

_LEDGER_RETRY = 30.0
# What a run that was asked for waits beyond the settle time, for files just seen.
_SETTLE_MARGIN = 5.0
# Such runs look at the folders first; the others were told what waits.
_LOOKING = (RunTrigger.MANUAL, RunTrigger.SCHEDULE, RunTrigger.TRIGGER)


class Conductor:
    """Has one run at a time; whoever asks for another one joins it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        clock: Clock,
        tended: Mapping[str, WatchedFolder],
        controls: Controls,
        emit: Callable[[Event], None],
        connect: Callable[[], Awaitable[None]],
        new_runner: Callable[[ActiveRun], Runner],
        organise: Callable[[], Awaitable[object]],
    ) -> None:
        """Take what it works with; ``connect`` makes sure that the server is known.

        ``organise`` arranges on the server what is proven.
        """
        self.run: ActiveRun | None = None
        self._ledger = ledger
        self._link = link
        self._clock = clock
        self._folders = tended
        self._controls = controls
        self._emit = emit
        self._connect = connect
        self._new_runner = new_runner
        self._organise = organise
        self._task: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._ended: dict[str, asyncio.Future[RunReport]] = {}
        # Folders in which files may wait, and those whose run broke off.
        self._arrivals: set[str] = set()
        self._unfinished: set[str] = set()
        # Folders that are owed a run which was asked for and had to wait.
        self._owed: set[str] = set()
        self._recheck = asyncio.Event()
        self._retry_at: float | None = None

    async def load(self) -> None:
        """Read from the ledger which folders are owed a run; raises LedgerError."""
        rows = await self._ledger.ask(agenda.read)
        self._owed = {key for key, row in rows.items() if row.owed}

    def start_run(
        self,
        folder_ids: Collection[str] | None,
        trigger: RunTrigger,
        *,
        unconditional: bool = False,
    ) -> str:
        """Begin a run over these folders (None: all), or join the one that goes on.

        Returns the run's id.
        """
        wanted = set(self._folders) if folder_ids is None else set(folder_ids)
        asked = wanted if trigger in _LOOKING else set()
        if self.run is not None:
            self.run.folders |= wanted
            self.run.unconditional |= wanted if unconditional else set()
            self._look(self.run, asked)
            self.run.more.set()
            return self.run.id
        run = ActiveRun(
            id=secrets.token_hex(8),
            trigger=trigger,
            folders=set(wanted),
            unconditional=set(wanted) if unconditional else set(),
            started=self._clock.time(),
            folder_id=self._folder_id,
        )
        self.run = run
        self._ended[run.id] = asyncio.get_running_loop().create_future()
        self._look(run, asked)
        self._task = asyncio.create_task(self._perform(run), name="immich_backup run")
        return run.id

    async def wait_run(self, run_id: str) -> RunReport | None:
        """Return a run's report once it ended; None for an unknown run."""
        if (ended := self._ended.get(run_id)) is not None:
            return await asyncio.shield(ended)
        return await self._ledger.ask(runs.get, run_id)

    async def stop_run(self) -> str | None:
        """End the run that goes on; its files wait. Returns its id, or None."""
        if self.run is None or self._task is None:
            return None
        run_id, task = self.run.id, self._task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return run_id

    def arrived(self, folder_id: str) -> None:
        """Note that files may be waiting in a folder."""
        self._arrivals.add(folder_id)
        self._recheck.set()

    def look_again(self) -> None:
        """Note that files may be waiting anywhere."""
        self._arrivals |= set(self._folders)
        self._recheck.set()

    def forget(self, folder_id: str) -> None:
        """Let go of a folder that was removed."""
        for some in (self._arrivals, self._unfinished, self._owed):
            some.discard(folder_id)
        if self.run is not None:
            self.run.folders.discard(folder_id)

    def controls_changed(self) -> None:
        """Follow what a person switched: pause, or go on."""
        if not self._controls.automatic:
            self._owed.clear()
        if self._controls.paused and self.run is not None and self._task is not None:
            self.run.broken_off = True
            self._task.cancel()
        self.look_again()

    def sources(self, run: ActiveRun) -> Mapping[int, Source]:
        """Return the folders (the ledger's numbers) whose files may be sent now."""
        return self._sources(run.folders, run.unconditional)

    def source(self, run: ActiveRun, number: int) -> Source | None:
        """Return a folder (the ledger's number) if its files may be sent now."""
        key = self._folder_id(number)
        if key not in run.folders:
            return None
        return self._sources([key], run.unconditional).get(number)

    def _sources(
        self, folder_ids: Collection[str], unconditional: Collection[str] = ()
    ) -> Mapping[int, Source]:
        """Return folders that can be read and need not wait."""
        if self._controls.paused:
            return {}
        return {
            watched.number: source
            for key in folder_ids
            if (watched := self._folders.get(key)) is not None
            and (not watched.waiting_for or key in unconditional)
            and watched.number is not None
            and (source := watched.source) is not None
        }

    async def tend(self) -> None:
        """Begin runs when files arrived, or a next try is due; until it is cancelled."""
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
                self.look_again()
            if (
                not self._controls.automatic
                or self._controls.paused
                or not self._link.usable
                or self._ledger.failing is not None
            ):
                continue
            ready = {
                key
                for key, watched in self._folders.items()
                if not watched.waiting_for
                and (
                    key in self._unfinished
                    or key in self._owed
                    or (key in self._arrivals and watched.folder.new_media)
                )
            }
            self._arrivals.clear()
            self._unfinished -= ready
            if self.run is not None:
                self.run.folders |= ready
                self.run.more.set()
            else:
                due = await self._due(ready) | (ready & self._owed)
                if due and self.run is None:
                    self.start_run(due, RunTrigger.NEW_MEDIA)

    async def _due(self, folder_ids: Collection[str]) -> set[str]:
        """Return the folders with a file that is due; note when the next one is."""
        now = self._clock.time()
        sources = self._sources(folder_ids)
        try:
            numbers = await self._ledger.ask(
                files.with_due,
                {number: source.rules_version for number, source in sources.items()},
                now,
            )
            if numbers:
                return {self._folder_id(number) for number in numbers} - {""}
            due = await self._ledger.ask(files.next_try, set(sources))
        except LedgerError:
            due = now + _LEDGER_RETRY
        if due is not None:
            wait = min(max(1.0, due - now), files.LONGEST_BACKOFF)
            retry_at = self._clock.monotonic() + wait
            self._retry_at = min(retry_at, self._retry_at or retry_at)
        return set()

    async def _perform(self, run: ActiveRun) -> None:
        """Do a run and tell its outcome."""
        self._emit(RunStarted(run.report()))
        outcome, error = RunOutcome.COMPLETED, None
        try:
            with suppress(LedgerError):
                await self._ledger.run(runs.save, run.report())
            outcome = await self._work(run)
        except asyncio.CancelledError:
            outcome = RunOutcome.STOPPED
            if run.broken_off:
                # It ends; whoever wants to end it now comes too late.
                self._task = None
                outcome = await self._judge_broken_off(run)
        except (LinkDownError, HaltedError, LedgerError) as err:
            outcome, error = RunOutcome.FAILED, str(err)
            self._unfinished |= run.folders
            if isinstance(err, LinkDownError) and self._link.error is None:
                # It answers, but not to this; asking again at once would not help.
                wait = err.retry_after if isinstance(err, UploadsFailError) else 0.0
                self._link.pause(error, wait)
        except Exception:
            _LOGGER.exception("Unexpected error in a run")
            outcome, error = RunOutcome.FAILED, "Unexpected error, see the log"
            self._link.pause(error)
        asked = list(run.asked)
        for look in self._looks:
            look.cancel()
        report = replace(
            run.report(), finished=self._clock.time(), outcome=outcome, error=error
        )
        self.run = self._task = None
        if outcome is not RunOutcome.STOPPED:
            self._arrivals |= run.folders
        self._recheck.set()
        # Before another run begins, and tells so.
        self._emit(RunFinished(report))
        if outcome is RunOutcome.FAILED and asked:
            # Someone asked who did not know yet that it fails.
            self.start_run(asked, RunTrigger.MANUAL)
        with suppress(LedgerError):
            await self._ledger.run(runs.save, report)
        self._ended.pop(run.id).set_result(report)
        self._emit(StatusChanged())

    async def _work(self, run: ActiveRun) -> RunOutcome:
        """Store what waits, once the folders were looked at, until nothing is left.

        Returns how that ended. Raises LinkDownError, HaltedError, LedgerError.
        """
        # What is there shall be known, even if the server turns out to be away.
        while self._looks:
            await asyncio.wait(self._looks)
        if run.trigger is not RunTrigger.NEW_MEDIA:
            await self._link.retry()
        await self._connect()
        while True:
            await self._new_runner(run).drain()
            if run.unseen is not None:
                # Nothing more waits, but not all is known that should.
                raise run.unseen
            await self._organise()
            outcome = await self._judge(run)
            if not run.asked:
                return outcome

    async def _judge(self, run: ActiveRun) -> RunOutcome:
        """Note what a run leaves undone, also of earlier ones, and say what that means.

        Raises LedgerError.
        """
        tended = {key: w for key in run.folders if (w := self._folders.get(key))}
        done: set[str] = set()
        waiting: set[str] = set()
        for key, watched in tended.items():
            if watched.number is None:
                continue
            part = run.part(watched.number)
            part.trouble = watched.trouble
            left = await self._ledger.ask(files.unstored, watched.number, EXAMPLES)
            part.counts.failed = left.count
            part.failing = [os.fsdecode(path) for path in left.paths]
            reasons = self._reasons(run, key)
            if part.trouble is None and await self._must_wait(run, key, watched.number):
                waiting.add(key)
                part.waiting_for = reasons
            elif part.trouble is None and not left.count:
                done.add(key)
        self._owed = self._owed - tended.keys() | waiting
        await self._ledger.run(
            _record, done, waiting, tended.keys() - waiting, self._clock.time()
        )
        if done | waiting != tended.keys():
            return RunOutcome.WITH_ERRORS
        return RunOutcome.WAITING if waiting else RunOutcome.COMPLETED

    async def _judge_broken_off(self, run: ActiveRun) -> RunOutcome:
        """Judge a run that a pause ended; without the ledger all of it is owed."""
        with suppress(LedgerError):
            if run.unseen is None:
                return await self._judge(run)
        self._owed |= run.folders
        for key in run.folders & self._folders.keys():
            if (number := self._folders[key].number) is not None:
                run.part(number).waiting_for = self._reasons(run, key)
        return RunOutcome.WAITING

    async def _must_wait(self, run: ActiveRun, key: str, number: int) -> bool:
        """Return whether a folder has files that may not be sent yet."""
        if run.broken_off:
            if key in run.asked:
                # Its scan has not ended: nobody knows what it would have found.
                return True
        elif self._sources([key], run.unconditional):
            return False
        tally = await self._ledger.ask(folders.tally, number)
        return tally.count(FileState.WAITING, FileState.FAILED) > 0

    def _reasons(self, run: ActiveRun, key: str) -> Sequence[str]:
        """Return what must become true before a folder's files are sent."""
        reasons = [] if key in run.unconditional else [*self._folders[key].waiting_for]
        if self._controls.paused or run.broken_off:
            reasons.append(END_OF_PAUSE)
        return tuple(reasons)

    def _look(self, run: ActiveRun, folder_ids: Collection[str]) -> None:
        """Scan folders beside what the run does; it does not end before."""
        asked = [key for key in folder_ids if key in self._folders]
        if asked:
            run.asked += asked
            look = asyncio.create_task(
                self._scan(run, asked), name="immich_backup look"
            )
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _scan(self, run: ActiveRun, folder_ids: Collection[str]) -> None:
        """Scan folders and wait for files that are just settling."""
        looked_at = [self._folders[key] for key in folder_ids]
        try:
            await asyncio.gather(*(watched.scan() for watched in looked_at))
            await asyncio.gather(
                *(watched.settled(_SETTLE_MARGIN) for watched in looked_at)
            )
        except LedgerError as err:
            run.unseen = err
        finally:
            for key in folder_ids:
                run.asked.remove(key)
            run.more.set()

    def _folder_id(self, number: int) -> str:
        """Return the id of a folder by the ledger's number; empty once it is gone."""
        for key, watched in self._folders.items():
            if watched.number == number:
                return key
        return ""


def _record(
    con: sqlite3.Connection,
    done: Collection[str],
    waiting: Collection[str],
    others: Collection[str],
    now: float,
) -> None:
    """Write what a run has done in its folders, and which of them are owed another."""
    agenda.note_success(con, done, now)
    agenda.set_owed(con, waiting, owed=True)
    agenda.set_owed(con, others, owed=False)
