"""The organise step: puts what is proven where its owner wants it on the server.

What is to be done stands in the ledger, so that it is done later if it can't be now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
import logging

from ...immich.errors import ImmichError
from ..clock import Clock
from ..context import Context
from ..ledger import Ledger, LedgerError, arranging
from ..ledger.arranging import Arrangeable
from ..link import HaltedError, LinkDownError, ServerLink
from ..watched import WatchedFolder
from .albums import Albums
from .doer import Doer
from .geotagger import Geotagger, Undone
from .placement import Placement
from .planner import Placed, Plan, Planner
from .subject import Subject
from .telling import placement_text
from .todo import Todo, todo_of
from .tripbook import TripBook

_LOGGER = logging.getLogger(__name__)

# So many files are looked at together: the more, the fewer calls for each album.
_BATCH = 20_000
# Seconds until it is looked whether something is due.
_INTERVAL = 15 * 60.0


@dataclass(slots=True, kw_only=True)
class Organised:
    """What was done, or would be: files by what they get."""

    files: int = 0
    albums: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    favourites: int = 0
    visibility: int = 0
    descriptions: int = 0
    dates: int = 0
    places: int = 0
    ratings: int = 0
    live_photos: int = 0
    stacks: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def count(self, todo: Todo) -> None:
        """Count what is to be done."""
        self.live_photos += len(todo.links)
        self.stacks += len(todo.stacks)
        placed = {asset_id for wanted in todo.places.values() for asset_id in wanted}
        placed.update(key for key, one in todo.telling.items() if one.details.place)
        self.places += len(placed)
        for ref, asset_ids in todo.albums.items():
            self.albums[ref.name] = self.albums.get(ref.name, 0) + len(asset_ids)
        for tags, asset_ids in todo.tags.items():
            for tag in tags:
                self.tags[tag] = self.tags.get(tag, 0) + len(asset_ids)
        for change, asset_ids in todo.changes.items():
            self.favourites += len(asset_ids) if change.favourite else 0
            self.visibility += len(asset_ids) if change.visibility else 0
            self.descriptions += len(asset_ids) if change.description else 0
        for telling in todo.telling.values():
            details = telling.details
            self.favourites += details.favourite is not None
            self.descriptions += details.description is not None
            self.dates += details.taken is not None
            self.ratings += details.rating is not None

    def note(self, placed: Sequence[Placed]) -> None:
        """Count what could not be decided."""
        for _, placement in placed:
            for problem in placement.problems:
                self.note_problem(problem)

    def note_problem(self, text: str, count: int = 1) -> None:
        """Count files for which something could not be done."""
        self.problems[text] = self.problems.get(text, 0) + count


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Where one file goes, and why (``text``).

    ``done`` is False while something of it is still to be done; ``problem`` says why that did not work so far.
    """

    subject: Subject
    placement: Placement
    text: str
    done: bool
    problem: str | None


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
        self._trips = TripBook(ledger, context, link.client.city)
        self._planner = Planner(
            ledger=ledger,
            pool=pool,
            clock=clock,
            context=context,
            folders=folders,
            trips=self._trips,
        )
        self._geotagger = Geotagger(link.client, ledger, self._doer.ask)
        self._paused = paused
        self._connect = connect
        self._changed = changed
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()

    async def tend(self) -> None:
        """Organise what is due whenever there is reason to; until it is cancelled."""
        while True:
            with suppress(LedgerError):
                await self.work()
            # Also while a long run goes on, at the end of which it is done anyway.
            with suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL):
                    await self._wake.wait()
            self._wake.clear()

    def wake(self) -> None:
        """Look again: the server is back, or a person acted."""
        self._wake.set()

    async def work(self) -> Organised:
        """Organise what is due now, as far as the server lets; raises LedgerError."""
        report = Organised()
        async with self._lock:
            with suppress(LinkDownError, HaltedError):
                after = 0
                while not self._paused() and (batch := await self._due(after)):
                    if not self._link.usable:
                        await self._connect()
                    self._link.check()
                    reopened = await self._organise_safely(batch, report)
                    after = 0 if reopened else batch[-1].id
                await self._rename_trips()
        if report.files:
            self._changed()
        return report

    async def again(self, folder_ids: Collection[str]) -> Organised:
        """Organise all that is proven of these folders, what was done before excepted.

        Raises LedgerError.
        """
        await self._ledger.run(arranging.arrange_again, self._numbers(folder_ids))
        return await self.work()

    async def plan(self, folder_ids: Collection[str]) -> Organised:
        """Return what ``again`` would do; nothing is sent or recorded. LedgerError."""
        report = Organised()
        known = await self._ledger.ask(arranging.albums)
        for number in self._numbers(folder_ids):
            after = 0
            while files := await self._ledger.ask(
                arranging.page, number, after, _BATCH
            ):
                after = files[-1].id
                plan = await self._planner.plan(files, record=False)
                report.files += len(files)
                report.count(todo_of(plan, await self._done(plan), known))
                report.note(plan.placed)
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
        plan = await self._planner.plan([file], record=False)
        ((_, placement),) = plan.placed
        (arrangement,) = self._planner.arrangements([file])
        known = await self._ledger.ask(arranging.albums)
        todo = todo_of(plan, await self._done(plan), known)
        return Explained(
            subject=subject,
            placement=placement,
            text=placement_text(subject, placement, arrangement.album),
            done=not todo and placement.undecided is None,
            problem=await self._ledger.ask(arranging.problem, file.id)
            or placement.undecided,
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

    async def _due(self, after: int) -> list[Arrangeable]:
        """Return files that are to be organised now."""
        # Without its files nothing is known of what they get.
        present = [
            key for key, watched in self._folders.items() if watched.source is not None
        ]
        return await self._ledger.ask(
            arranging.due,
            self._numbers(present),
            self._clock.time(),
            after,
            _BATCH,
        )

    async def _done(self, plan: Plan) -> Mapping[str, set[str]]:
        """Return what was done for files before, and for those that belong to them."""
        asset_ids = dict.fromkeys(file.asset_id for file, _ in plan.placed)
        asset_ids |= dict.fromkeys(plan.pairing.links)
        asset_ids |= dict.fromkeys(a for stack in plan.pairing.stacks for a in stack)
        return await self._ledger.ask(arranging.applied, list(asset_ids))

    async def _organise_safely(
        self, files: Sequence[Arrangeable], report: Organised
    ) -> bool:
        """Do the same as _organise; a bug in it fails no backup, and is tried again."""
        try:
            return await self._organise(files, report)
        except LinkDownError, HaltedError, LedgerError:
            raise
        except Exception:
            _LOGGER.exception("Unexpected error while organising")
            text = "Unexpected error, see the log"
            report.note_problem(text, len(files))
            await self._ledger.run(
                arranging.settle,
                (),
                {file.id: text for file in files},
                self._clock.time(),
            )
            return False

    async def _organise(self, files: Sequence[Arrangeable], report: Organised) -> bool:
        """Do all that is to be done for files; what fails is tried again later.

        Returns whether files of before are to be organised now. Raises LinkDownError,
        HaltedError, LedgerError: then all of it is tried again.
        """
        plan = await self._planner.plan(files, record=True)
        known = await self._ledger.ask(arranging.albums)
        todo = todo_of(plan, await self._done(plan), known)
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

    async def _rename_trips(self) -> None:
        """Let albums follow the names of their trips, whose places became known."""
        known = await self._ledger.ask(arranging.albums)
        await self._trips.name_places()
        refs = [ref for ref in await self._trips.renamed() if ref.key in known]
        if not refs:
            return
        albums = Albums(self._link.client, self._ledger, self._clock)
        # The name is not worth another try.
        with suppress(ImmichError):
            await self._doer.ask(albums.look())
            for ref in refs:
                await self._doer.ask(albums.put(ref, []))
