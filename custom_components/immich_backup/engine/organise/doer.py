"""Doing on the server what is left to be done for a batch of files."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import batched
import logging

from ...immich.errors import (
    ImmichError,
    NotFoundError,
    RefusedError,
    UnauthorisedError,
    UnavailableError,
)
from ..clock import Clock
from ..ledger import Ledger, arranging
from ..link import LinkDownError, ServerLink
from .albums import AT_ONCE, Albums
from .correction import Details, untouched
from .todo import Todo, album_word, link_word, stack_word, tag_word

_LOGGER = logging.getLogger(__name__)

_TAGS_AT_ONCE = 100

# Is told which assets (their ids) have to be tried again later, and why.
type Postpone = Callable[[Collection[str], ImmichError], None]


class Doer:
    """Does what is to be done, one thing after the other, and records what was done."""

    def __init__(self, *, ledger: Ledger, link: ServerLink, clock: Clock) -> None:
        """Do it on this server, record it in this ledger."""
        self._ledger = ledger
        self._link = link
        self._clock = clock

    async def do(self, todo: Todo, postpone: Postpone) -> None:
        """Do all of it; what fails is postponed and taken out of it.

        One thing that is not allowed keeps none of the others away. Raises
        LinkDownError, HaltedError, LedgerError: then all of it is tried again.
        """
        await self._put_together(todo, postpone)
        await self._put_into_albums(todo, postpone)
        await self._tag(todo, postpone)
        await self._change(todo, postpone)
        await self._tell(todo, postpone)

    async def _put_together(self, todo: Todo, postpone: Postpone) -> None:
        """Put the halves of live photos together, and stack what is shown as one.

        Both halves are proven by now: a video that was hidden for the sake of a still
        that never came would be lost to its owner.
        """
        client = self._link.client
        for still, video in list(todo.links.items()):
            try:
                await self.ask(client.link_live_photo(still, video))
            except (NotFoundError, RefusedError) as err:
                _LOGGER.debug("A live photo was not put together: %s", err)
            except ImmichError as err:
                postpone((still, video), err)
                del todo.links[still]
                continue
            await self._ledger.run(arranging.note_applied, link_word(video), [still])
        for stack in list(todo.stacks):
            try:
                await self.ask(client.create_stack(stack))
            except (NotFoundError, RefusedError) as err:
                _LOGGER.debug("Some assets were not stacked: %s", err)
            except ImmichError as err:
                postpone(stack, err)
                todo.stacks.remove(stack)
                continue
            await self._ledger.run(arranging.note_applied, stack_word(stack[0]), stack)

    async def _put_into_albums(self, todo: Todo, postpone: Postpone) -> None:
        """Put assets into their albums."""
        if not todo.albums:
            return
        albums = Albums(self._link.client, self._ledger, self._clock)
        try:
            await self.ask(albums.look())
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
                album_id = await self.ask(
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
            moved = await self.ask(albums.merge())
            for album_id, asset_ids in moved.items():
                await self._ledger.run(
                    arranging.note_applied, album_word(album_id), asset_ids
                )

    async def _tag(self, todo: Todo, postpone: Postpone) -> None:
        """Give assets their tags."""
        values = list(dict.fromkeys(tag for tags in todo.tags for tag in tags))
        ids: dict[str, str] = {}
        try:
            for part in batched(values, _TAGS_AT_ONCE):
                tags = await self.ask(self._link.client.upsert_tags(part))
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
                for part in batched(assets, AT_ONCE):
                    await self.ask(self._link.client.tag_assets(tag_ids, part))
            except ImmichError as err:
                postpone(wanted, err)
                del todo.tags[names]
                continue
            for name in names:
                await self._ledger.run(arranging.note_applied, tag_word(name), assets)

    async def _change(self, todo: Todo, postpone: Postpone) -> None:
        """Set favourite, visibility and description."""
        for change, wanted in list(todo.changes.items()):
            assets = list(wanted)
            update = partial(
                self._link.client.update_assets,
                favourite=change.favourite,
                visibility=change.visibility,
                description=change.description,
            )
            try:
                await self._update(assets, update)
            except ImmichError as err:
                postpone(wanted, err)
                del todo.changes[change]
                continue
            for word in change.words:
                await self._ledger.run(arranging.note_applied, word, assets)

    async def _tell(self, todo: Todo, postpone: Postpone) -> None:
        """Tell the server what is known of assets, as far as it does not know it."""
        await self._leave_alone(todo, postpone)
        telling: dict[Details, list[str]] = {}
        for asset_id, one in todo.telling.items():
            if one.details:
                telling.setdefault(one.details, []).append(asset_id)
        for details, assets in telling.items():
            update = partial(
                self._link.client.update_assets,
                taken=details.taken,
                place=details.place,
                rating=details.rating,
                description=details.description,
                favourite=details.favourite,
            )
            try:
                await self._update(assets, update)
            except ImmichError as err:
                postpone(assets, err)
                for asset_id in assets:
                    del todo.telling[asset_id]
                continue
            words = details.words().values()
            await self._ledger.run(
                arranging.note_told, [(a, word) for a in assets for word in words]
            )

    async def _leave_alone(self, todo: Todo, postpone: Postpone) -> None:
        """Take from what assets are told what a person said otherwise on the server."""
        known: list[tuple[str, str]] = []
        for asset_id, one in list(todo.telling.items()):
            words = list(one.known)
            if one.unsure:
                try:
                    shown = await self.ask(self._link.client.asset(asset_id))
                except NotFoundError, RefusedError:
                    # It was deleted on the server meanwhile.
                    del todo.telling[asset_id]
                    continue
                except ImmichError as err:
                    postpone([asset_id], err)
                    del todo.telling[asset_id]
                    continue
                changed = one.unsure - untouched(one.own, shown)
                words += one.details.only(changed).words().values()
                left = one.details.words().keys() - changed
                todo.telling[asset_id] = replace(one, details=one.details.only(left))
            known += [(asset_id, word) for word in words]
        await self._ledger.run(arranging.note_told, known)

    async def _update(
        self, assets: Sequence[str], update: Callable[[Sequence[str]], Awaitable[None]]
    ) -> None:
        """Change assets in the same way; raises ImmichError."""
        parts = list(batched(assets, AT_ONCE))
        while parts:
            part = parts.pop()
            try:
                await self.ask(update(part))
            except NotFoundError, RefusedError:
                # One of them was deleted on the server meanwhile. Alone it has nothing
                # more to get.
                if (half := len(part) // 2) > 0:
                    parts += [part[:half], part[half:]]

    async def ask[T](self, ask: Awaitable[T]) -> T:
        """Ask the server; LinkDownError, HaltedError if it is away, else ImmichError."""
        try:
            return await ask
        except UnauthorisedError as err:
            self._link.note_failure(err)
            raise
        except UnavailableError as err:
            self._link.note_failure(err)
            raise LinkDownError(str(err)) from err
