"""The organise step: puts what is proven where its owner wants it on the server.

What is to be done stands in the ledger, so that it is done later if it can't be now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
import logging

from ...immich.errors import (
    ImmichError,
    NotFoundError,
    RefusedError,
    UnauthorisedError,
    UnavailableError,
)
from ..clock import Clock
from ..context import Context
from ..ledger import Ledger, LedgerError, arranging
from ..ledger.arranging import Arrangeable
from ..link import HaltedError, LinkDownError, ServerLink
from ..watched import WatchedFolder
from .albums import AT_ONCE, Albums
from .placement import Placement
from .planner import Placed, Plan, Planner
from .subject import Subject
from .telling import placement_text
from .todo import Todo, album_word, link_word, stack_word, tag_word, todo_of
from .tripbook import TripBook

_LOGGER = logging.getLogger(__name__)

# So many files are looked at together: the more, the fewer calls for each album.
_BATCH = 20_000
# Seconds until it is looked whether something is due.
_INTERVAL = 15 * 60.0
_TAGS_AT_ONCE = 100


@dataclass(slots=True, kw_only=True)
class Organised:
    """What was done, or would be: files by what they get."""

    files: int = 0
    albums: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    favourites: int = 0
    visibility: int = 0
    descriptions: int = 0
    live_photos: int = 0
    stacks: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def count(self, todo: Todo) -> None:
        """Count what is to be done."""
        self.live_photos += len(todo.links)
        self.stacks += len(todo.stacks)
        for ref, asset_ids in todo.albums.items():
            self.albums[ref.name] = self.albums.get(ref.name, 0) + len(asset_ids)
        for tags, asset_ids in todo.tags.items():
            for tag in tags:
                self.tags[tag] = self.tags.get(tag, 0) + len(asset_ids)
        for change, asset_ids in todo.changes.items():
            self.favourites += len(asset_ids) if change.favourite else 0
            self.visibility += len(asset_ids) if change.visibility else 0
            self.descriptions += len(asset_ids) if change.description else 0

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
    """Where one file goes, and why (``text``); ``done`` is False while something of it is still to be done.

    ``problem`` says why that did not work so far.
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
        self._trips = TripBook(ledger, context, link.client.city)
        self._planner = Planner(
            ledger=ledger,
            pool=pool,
            context=context,
            folders=folders,
            trips=self._trips,
        )
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

    async def explain(self, folder_id: str, path: bytes) -> Explained | None:
        """Return where a protected file (its relative path) goes, and why not yet.

        None if it is not protected, or its folder is not tended. Raises LedgerError.
        """
        file = await self._ledger.ask(arranging.one, folder_id, path)
        if file is None or folder_id not in self._folders:
            return None
        (subject,) = await self._planner.read([file])
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
        return await self._ledger.ask(
            arranging.due,
            self._numbers(self._folders),
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

        await self._put_together(todo, postpone)
        await self._put_into_albums(todo, postpone)
        await self._tag(todo, postpone)
        await self._change(todo, postpone)
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

    async def _put_together(self, todo: Todo, postpone: _Postpone) -> None:
        """Put the halves of live photos together, and stack what is shown as one.

        Both halves are proven by now: a video that was hidden for the sake of a still
        that never came would be lost to its owner.
        """
        client = self._link.client
        for still, video in list(todo.links.items()):
            try:
                await self._try(client.link_live_photo(still, video))
            except (NotFoundError, RefusedError) as err:
                _LOGGER.debug("A live photo was not put together: %s", err)
            except ImmichError as err:
                postpone((still, video), err)
                del todo.links[still]
                continue
            await self._ledger.run(arranging.note_applied, link_word(video), [still])
        for stack in list(todo.stacks):
            try:
                await self._try(client.create_stack(stack))
            except (NotFoundError, RefusedError) as err:
                _LOGGER.debug("Some assets were not stacked: %s", err)
            except ImmichError as err:
                postpone(stack, err)
                todo.stacks.remove(stack)
                continue
            await self._ledger.run(arranging.note_applied, stack_word(stack[0]), stack)

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
            await self._try(albums.look())
            for ref in refs:
                await self._try(albums.put(ref, []))

    async def _put_into_albums(self, todo: Todo, postpone: _Postpone) -> None:
        """Put assets into their albums."""
        if not todo.albums:
            return
        albums = Albums(self._link.client, self._ledger, self._clock)
        try:
            await self._try(albums.look())
        except ImmichError as err:
            for wanted in todo.albums.values():
                postpone(wanted, err)
            todo.albums.clear()
            return
        for ref in sorted(todo.albums, key=lambda ref: ref.key):
            wanted = todo.albums[ref]
            if albums.unwanted(ref):
                del todo.albums[ref]
                continue
            try:
                album_id = await self._try(
                    albums.put(ref, list(wanted), todo.shares.get(ref))
                )
            except ImmichError as err:
                postpone(wanted, err)
                del todo.albums[ref]
                continue
            # One that was refused was deleted on the server meanwhile.
            await self._ledger.run(
                arranging.note_applied, album_word(album_id), list(wanted)
            )
        # Without it there are two albums where one would do.
        with suppress(ImmichError):
            moved = await self._try(albums.merge())
            for album_id, asset_ids in moved.items():
                await self._ledger.run(
                    arranging.note_applied, album_word(album_id), asset_ids
                )

    async def _tag(self, todo: Todo, postpone: _Postpone) -> None:
        """Give assets their tags."""
        values = list(dict.fromkeys(tag for tags in todo.tags for tag in tags))
        ids: dict[str, str] = {}
        try:
            for start in range(0, len(values), _TAGS_AT_ONCE):
                part = values[start : start + _TAGS_AT_ONCE]
                tags = await self._try(self._link.client.upsert_tags(part))
                ids |= {name: tag.id for name, tag in zip(part, tags, strict=True)}
        except ImmichError as err:
            for wanted in todo.tags.values():
                postpone(wanted, err)
            todo.tags.clear()
            return
        for names, wanted in list(todo.tags.items()):
            tag_ids = [ids[name] for name in names]
            assets = list(wanted)
            try:
                for start in range(0, len(assets), AT_ONCE):
                    part = assets[start : start + AT_ONCE]
                    await self._try(self._link.client.tag_assets(tag_ids, part))
            except ImmichError as err:
                postpone(wanted, err)
                del todo.tags[names]
                continue
            for name in names:
                await self._ledger.run(arranging.note_applied, tag_word(name), assets)

    async def _change(self, todo: Todo, postpone: _Postpone) -> None:
        """Set favourite, visibility and description."""
        client = self._link.client
        for change, wanted in list(todo.changes.items()):
            assets = list(wanted)
            parts = [
                assets[start : start + AT_ONCE]
                for start in range(0, len(assets), AT_ONCE)
            ]
            try:
                while parts:
                    part = parts.pop()
                    try:
                        await self._try(
                            client.update_assets(
                                part,
                                favourite=change.favourite,
                                visibility=change.visibility,
                                description=change.description,
                            )
                        )
                    except NotFoundError, RefusedError:
                        # One of them was deleted on the server meanwhile. Alone it has
                        # nothing more to get.
                        if (half := len(part) // 2) > 0:
                            parts += [part[:half], part[half:]]
            except ImmichError as err:
                postpone(wanted, err)
                del todo.changes[change]
                continue
            for word in change.words:
                await self._ledger.run(arranging.note_applied, word, assets)

    async def _try[T](self, ask: Awaitable[T]) -> T:
        """Ask the server; LinkDownError, HaltedError if it is away, else ImmichError."""
        try:
            return await ask
        except UnauthorisedError as err:
            self._link.note_failure(err)
            raise
        except UnavailableError as err:
            self._link.note_failure(err)
            raise LinkDownError(str(err)) from err


type _Postpone = Callable[[Collection[str], ImmichError], None]
