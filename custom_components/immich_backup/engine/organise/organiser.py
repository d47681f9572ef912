"""The organise step: puts what is proven where its owner wants it on the server.

What is to be done stands in the ledger, so that it is done later if it can't be now.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
import logging

from ...immich.errors import ImmichError
from ..clock import Clock
from ..context import Context
from ..enquiry import Enquiry
from ..ledger import Ledger, LedgerError, arranging, folders as ledger_folders
from ..ledger.arranging import AlbumRow, Arrangeable
from ..ledger.rehearsal import Rehearsal
from ..link import HaltedError, LinkDownError, ServerLink
from ..model import FileState
from ..watched import WatchedFolder
from .albums import Albums, deleted_text
from .arrangement import by_trip
from .doer import Doer
from .geotagger import Geotagger, Undone
from .planner import Plan, Planner
from .present_rules import PresentRules
from .report import Explained, Organised
from .telling import placement_text
from .todo import Todo, todo_of
from .tripbook import TripBook

_LOGGER = logging.getLogger(__name__)

# So many files are looked at together: the more, the fewer calls for each album.
_BATCH = 20_000
# After so many unexpected errors in them it is no longer looked which files they are
# about: to find one takes fifteen.
_MOST_FAILURES = 100
# Seconds until it is looked whether something is due.
_INTERVAL = 15 * 60.0
_UNEXPECTED = "Unexpected error, see the log"
_TRIPS_WAIT = "Trips are looked for once nothing in the folder waits to be stored"


class Organiser:
    """Organises what is proven: at the end of runs, and when it could not be before."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        pool: Executor,
        clock: Clock,
        context: Context,
        folders: Mapping[str, WatchedFolder],
        paused: Callable[[], bool],
        connect: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """Take what it works with.

        While it is ``paused`` nothing is sent. ``connect`` makes sure that the server is
        known; ``changed`` is told when a pass ended.
        """
        self._ledger = ledger
        self._link = link
        self._clock = clock
        self._folders = folders
        self._doer = Doer(ledger=ledger, link=link, clock=clock)
        self._pool = pool
        self._context = context
        self._trips = TripBook(ledger, context, clock, link.client.city)
        self._planner = Planner(
            ledger=ledger, pool=pool, clock=clock, context=context, folders=folders
        )
        self._geotagger = Geotagger(link.client, ledger, self._doer.ask)
        self._paused = paused
        self._connect = connect
        self._changed = changed
        self._lock = asyncio.Lock()
        # Set when there is a reason to look again, or to count anew when to.
        self._wake = asyncio.Event()
        self._woken = False

    async def tend(self) -> None:
        """Organise what is due whenever there is reason to; until it is cancelled."""
        while True:
            self._woken = False
            began = self._clock.monotonic()
            with suppress(LedgerError):
                await self.work()
            # Also while a long run goes on, at the end of which it is done anyway.
            end = self._clock.monotonic() + _INTERVAL
            while not self._woken:
                until = end
                # Names that could not be asked for just now are not at once again.
                if (again := self._trips.again_at) > began:
                    until = min(end, again)
                if (left := until - self._clock.monotonic()) <= 0:
                    break
                self._wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._wake.wait()

    def wake(self) -> None:
        """Look again: the server is back, or a person acted."""
        self._woken = True
        self._wake.set()

    async def work(self) -> Organised:
        """Organise what is due now, as far as the server lets; raises LedgerError.

        In a folder with trips nothing is due as long as more is to be stored there, for
        trips never unite: what lies between two of them may be on its way.
        """
        report = Organised()
        async with self._lock:
            numbers = await self._ready()
            after, found = 0, False
            with suppress(LinkDownError, HaltedError):
                while not self._paused() and (batch := await self._due(numbers, after)):
                    if not self._link.usable:
                        await self._connect()
                    self._link.check()
                    # What is due in one batch is seen at once anyway.
                    if not found and len(batch) == _BATCH:
                        found = True
                        if not await self._find_trips(numbers, report):
                            trips = self._with_trips(numbers)
                            numbers = [n for n in numbers if n not in trips]
                            continue
                    reopened = await self._organise_safely(batch, report)
                    after = 0 if reopened else batch[-1].id
                if self._link.usable and not self._paused():
                    await self._rename_trips(report)
        # There may be a name to ask for again.
        self._wake.set()
        if report.files:
            self._changed()
        return report

    async def again(self, folder_ids: Collection[str]) -> Organised:
        """Organise all that is proven of these folders, what was done before excepted.

        What the rules of today say of files counts, not those that wanted them.
        Raises LedgerError.
        """
        numbers = self._numbers(folder_ids)
        rules = self._present_rules()
        async for files in self._pages(numbers):
            if verdicts := await rules.verdicts(files):
                await self._ledger.run(arranging.note_rules, verdicts)
        await self._ledger.run(arranging.arrange_again, numbers)
        self._trips.ask_at_once()
        report = await self.work()
        await self._note_waiting(numbers, report)
        return report

    async def plan(self, folder_ids: Collection[str]) -> Organised:
        """Return what ``again`` would do; nothing is sent or recorded. LedgerError."""
        report = Organised()
        wanted = self._numbers(folder_ids)
        known = await self._ledger.ask(arranging.albums)
        numbers = await self._without_waiting(wanted)
        city = self._link.client.city
        async with self._rehearsal(numbers, city) as trips:
            await self._planner.find_trips(
                self._planned_pages(self._with_trips(numbers)), trips
            )
            async for files in self._planned_pages(numbers):
                plan = await self._planner.plan(files, trips, record=False)
                report.files += len(files)
                todo = await self._todo(plan, known)
                for ref in [*todo.albums]:
                    if ref.key in known and known[ref.key].deleted is not None:
                        lost = todo.albums.pop(ref)
                        report.note_problem(deleted_text(ref), len(lost))
                report.count(todo)
                report.note(plan.placed)
        await self._note_waiting(wanted, report)
        return report

    async def undo_geotags(self, folder_ids: Collection[str] | None) -> Undone:
        """Take the places away that assets of these folders (None: all) were given.

        Raises LedgerError, ImmichError, LinkDownError, HaltedError.
        """
        numbers = None
        if folder_ids is not None:
            found = (self._folders.get(key) for key in folder_ids)
            numbers = [w.number for w in found if w and w.number is not None]
        async with self._lock:
            await self._connect()
            self._link.check()
            return await self._geotagger.undo(numbers)

    async def explain(self, folder_id: str, path: bytes) -> Explained | None:
        """Return where a protected file (its relative path) goes, and why not yet.

        None if it is not protected, or its folder is not tended. Raises LedgerError.
        """
        file = await self._ledger.ask(arranging.one, folder_id, path)
        if file is None or folder_id not in self._folders:
            return None
        subject = await self._planner.subject(file)
        async with self._rehearsal([file.folder], _no_city) as trips:
            plan = await self._planner.plan([file], trips, record=False)
        ((_, placement),) = plan.placed
        (arrangement,) = self._planner.arrangements([file])
        known = await self._ledger.ask(arranging.albums)
        todo = await self._todo(plan, known)
        problem = await self._ledger.ask(arranging.problem, file.id)
        waits = await self._ledger.ask(
            arranging.is_due, file.id
        ) and not await self._without_waiting([file.folder])
        if waits and by_trip(arrangement):
            placement = replace(placement, album=None, undecided=_TRIPS_WAIT)
        return Explained(
            subject=subject,
            placement=placement,
            text=placement_text(subject, placement, arrangement.album),
            done=not (todo or waits or placement.undecided),
            problem=_TRIPS_WAIT if waits else problem or placement.undecided,
        )

    def _numbers(self, folder_ids: Collection[str]) -> list[int]:
        """Return the ledger's numbers of folders that are tended and organised."""
        return [
            watched.number
            for key in folder_ids
            if (watched := self._folders.get(key)) is not None
            and watched.number is not None
            and watched.folder.arranged
        ]

    def _with_trips(self, numbers: Collection[int]) -> list[int]:
        """Return those of some folders in which albums are those of trips."""
        return [
            watched.number
            for watched in self._folders.values()
            if watched.number is not None
            and watched.number in numbers
            and (
                by_trip(watched.folder.arrangement)
                or any(map(by_trip, watched.folder.rule_arrangements.values()))
            )
        ]

    async def _without_waiting(self, numbers: Collection[int]) -> list[int]:
        """Return those of some folders whose trips need not wait for what is stored."""
        tallies = await self._ledger.ask(ledger_folders.tallies)
        waiting = {
            number
            for number in self._with_trips(numbers)
            if number in tallies and tallies[number].count(FileState.WAITING)
        }
        return [number for number in numbers if number not in waiting]

    async def _note_waiting(self, numbers: Collection[int], report: Organised) -> None:
        """Count the files of those folders whose trips wait."""
        waiting = set(numbers).difference(await self._without_waiting(numbers))
        tallies = await self._ledger.ask(ledger_folders.tallies)
        if files := sum(
            tally.count(FileState.PROTECTED)
            for number, tally in tallies.items()
            if number in waiting
        ):
            report.note_problem(_TRIPS_WAIT, files)

    async def _ready(self) -> list[int]:
        """Return the folders (the ledger's numbers) in which files are organised now."""
        # Without its files nothing is known of what they get.
        present = [
            key for key, watched in self._folders.items() if watched.source is not None
        ]
        return await self._without_waiting(self._numbers(present))

    async def _due(self, numbers: Sequence[int], after: int) -> list[Arrangeable]:
        """Return files of these folders that are to be organised now, after one (its id)."""
        return await self._ledger.ask(
            arranging.due, numbers, self._clock.time(), after, _BATCH
        )

    async def _all_due(
        self, numbers: Sequence[int]
    ) -> AsyncIterator[list[Arrangeable]]:
        """Yield all files of these folders that are to be organised now, in pages."""
        after = 0
        while files := await self._due(numbers, after):
            after = files[-1].id
            yield files

    async def _pages(self, numbers: Sequence[int]) -> AsyncIterator[list[Arrangeable]]:
        """Yield all protected files of these folders, in pages."""
        for number in numbers:
            after = 0
            while files := await self._ledger.ask(
                arranging.page, number, after, _BATCH
            ):
                after = files[-1].id
                yield files

    async def _planned_pages(
        self, numbers: Sequence[int]
    ) -> AsyncIterator[list[Arrangeable]]:
        """Yield the same as if the rules of today had wanted them."""
        rules = self._present_rules()
        async for files in self._pages(numbers):
            yield await rules.applied(files)

    def _present_rules(self) -> PresentRules:
        """Return what asks the rules as they are now."""
        enquiry = Enquiry(self._context, self._clock)
        folders = list(self._folders.values())
        return PresentRules(folders, self._clock, enquiry, self._pool)

    @asynccontextmanager
    async def _rehearsal(
        self,
        numbers: Collection[int],
        city: Callable[[str], Awaitable[str | None]],
    ) -> AsyncIterator[TripBook]:
        """Give a copy of what is known of the trips of folders, which may be changed."""
        rehearsal = Rehearsal(self._ledger.path, numbers, self._pool)
        try:
            yield TripBook(rehearsal, self._context, self._clock, city)
        finally:
            await rehearsal.close()

    async def _todo(self, plan: Plan, known: Mapping[str, AlbumRow]) -> Todo:
        """Return what is left to be done, as far as the known albums tell."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, todo_of, plan, await self._done(plan), known
        )

    async def _done(self, plan: Plan) -> Mapping[str, set[str]]:
        """Return what was done for files before, and for those that belong to them."""
        asset_ids = dict.fromkeys(file.asset_id for file, _ in plan.placed)
        asset_ids |= dict.fromkeys(plan.pairing.links)
        asset_ids |= dict.fromkeys(a for stack in plan.pairing.stacks for a in stack)
        return await self._ledger.ask(arranging.applied, list(asset_ids))

    async def _find_trips(self, numbers: Collection[int], report: Organised) -> bool:
        """Find the trips of all that is due in these folders; False if a bug is in it."""
        due = self._all_due(self._with_trips(numbers))
        try:
            await self._planner.find_trips(due, self._trips)
        except LedgerError:
            raise
        except Exception:
            _LOGGER.exception("Unexpected error while looking for trips")
            report.note_problem(_UNEXPECTED)
            return False
        return True

    async def _organise_safely(
        self, files: Sequence[Arrangeable], report: Organised
    ) -> bool:
        """Do the same as _organise; a bug in it fails no backup, and is tried again.

        It stops only the files that it is about: what fails is halved until they are
        alone. If there are too many of them, the rest is put off as well.
        """
        parts, failures, reopened = [files], 0, False
        while parts:
            part = parts.pop()
            try:
                reopened |= await self._organise(part, report)
            except LinkDownError, HaltedError, LedgerError:
                raise
            except Exception:
                if not failures:
                    _LOGGER.exception("Unexpected error while organising")
                failures += 1
                if len(part) == 1 or failures > _MOST_FAILURES:
                    await self._put_off(part, _UNEXPECTED, report)
                    continue
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
        return reopened

    async def _put_off(
        self, files: Sequence[Arrangeable], text: str, report: Organised
    ) -> None:
        """Let files be tried again later, and note why; raises LedgerError."""
        report.note_problem(text, len(files))
        await self._ledger.run(
            arranging.settle,
            (),
            {file.id: text for file in files},
            self._clock.time(),
        )

    async def _organise(self, files: Sequence[Arrangeable], report: Organised) -> bool:
        """Do all that is to be done for files; what fails is tried again later.

        Returns whether files of before are to be organised now. Raises LinkDownError,
        HaltedError, LedgerError: then all of it is tried again.
        """
        plan = await self._planner.plan(files, self._trips, record=True)
        todo = await self._todo(plan, await self._ledger.ask(arranging.albums))
        postponed: dict[int, str] = {
            file.id: placement.undecided
            for file, placement in plan.placed
            if placement.undecided is not None
        }

        def postpone(asset_ids: Collection[str], error: ImmichError) -> None:
            for file in todo.files(asset_ids):
                postponed.setdefault(file, str(error))

        await self._doer.do(todo, postpone)
        await self._geotagger.give(todo, postpone)
        report.files += len(files)
        report.count(todo)
        report.note(plan.placed)
        for text in postponed.values():
            report.note_problem(text)
        await self._ledger.run(
            arranging.settle,
            [file.id for file in files if file.id not in postponed],
            postponed,
            self._clock.time(),
        )
        return plan.reopened

    async def _rename_trips(self, report: Organised) -> None:
        """Do the same as _rename; a bug in it fails no backup."""
        try:
            await self._rename()
        except LinkDownError, HaltedError, LedgerError:
            raise
        except Exception:
            _LOGGER.exception("Unexpected error while renaming albums of trips")
            report.note_problem(_UNEXPECTED)

    async def _rename(self) -> None:
        """Let albums follow the names of their trips, whose places became known."""
        await self._trips.name_places()
        known = await self._ledger.ask(arranging.albums)
        refs = [
            ref
            for ref in await self._trips.renamed()
            if ref.key in known and known[ref.key].title != ref.name
        ]
        if refs:
            albums = Albums(self._link.client, self._ledger, self._clock)
            # The name is not worth another try.
            with suppress(ImmichError):
                await self._doer.ask(albums.look())
                for ref in refs:
                    await self._doer.ask(albums.follow(ref))
        self._trips.note_renamed()


async def _no_city(_asset_id: str) -> str | None:
    """Ask nobody where an asset is."""
    return None
