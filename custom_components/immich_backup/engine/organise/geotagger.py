"""Gives assets the places that the home knows, and takes them away again."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from itertools import batched
import math
from typing import Protocol

from ...immich import ImmichClient
from ...immich.errors import ImmichError, NotFoundError
from ..context import Place
from ..ledger import Ledger, arranging
from .albums import AT_ONCE
from .todo import PLACE, PLACE_KEPT, PLACE_UNDONE, Todo, place_of, place_word, tag_word

# By this tag all assets are found whose place the home told.
PLACE_TAG = "Immich Backup/Place added"
# The server can't clear a place. This one it takes for none when it reads it.
_NOWHERE: Place = (0.0, 0.0)
_GONE: Place = (math.nan, math.nan)
# Degrees: what the server stores has fewer digits.
_SAME = 1e-5


class Try(Protocol):
    """Asks the server; raises LinkDownError, HaltedError if it is away."""

    async def __call__[T](self, ask: Awaitable[T]) -> T:
        """Return the answer; ImmichError if it is refused."""


@dataclass(slots=True)
class Undone:
    """How many assets lost the place they were given, and how many have another now."""

    removed: int = 0
    kept: int = 0


class Geotagger:
    """Writes places to the server, never to a file, and remembers what it wrote."""

    def __init__(self, client: ImmichClient, ledger: Ledger, attempt: Try) -> None:
        """Ask the server by ``attempt``."""
        self._client = client
        self._ledger = ledger
        self._try = attempt

    async def give(
        self, todo: Todo, postpone: Callable[[Collection[str], ImmichError], None]
    ) -> None:
        """Give assets their places, and the tag; one that has a place keeps it.

        What was not done is taken out of ``todo``.
        """
        for place, wanted in list(todo.places.items()):
            try:
                free, ours = await self._sort(wanted, place)
                # The tag first: what was written can always be found.
                await self._tag([*free, *ours])
                for assets in batched(free, AT_ONCE):
                    await self._try(self._client.update_assets(assets, place=place))
            except ImmichError as err:
                postpone(wanted, err)
                del todo.places[place]
                continue
            given = [*free, *ours]
            await self._ledger.run(arranging.note_applied, place_word(place), given)
            kept = wanted.keys() - set(given)
            await self._ledger.run(arranging.note_applied, PLACE_KEPT, kept)
            todo.places[place] = dict.fromkeys(given)

    async def undo(self, folders: Collection[int] | None) -> Undone:
        """Take from assets of these folders (None: all) the places and the tag they were given.

        A place that a person has changed since stays. Raises ImmichError,
        LinkDownError, HaltedError, LedgerError; may be repeated.
        """
        given = await self._ledger.ask(arranging.applied_in, folders, PLACE)
        undone = Undone()
        for word, assets in given.items():
            if (place := place_of(word)) is None:
                continue
            _, ours = await self._sort(assets, place)
            for part in batched(ours, AT_ONCE):
                await self._try(self._client.update_assets(part, place=_NOWHERE))
            await self._untag(assets)
            await self._ledger.run(
                arranging.replace_applied, word, PLACE_UNDONE, assets
            )
            undone.removed += len(ours)
            undone.kept += len(assets) - len(ours)
        return undone

    async def _sort(
        self, asset_ids: Collection[str], place: Place
    ) -> tuple[list[str], list[str]]:
        """Return which assets have no place on the server, and which are at this one.

        The latter were brought there when it could not be recorded any more.
        """
        free, there = [], []
        for asset_id in asset_ids:
            found = await self._place(asset_id)
            if found is _GONE:
                continue
            if found is None:
                free.append(asset_id)
            elif _is_same(found, place):
                there.append(asset_id)
        return free, there

    async def _place(self, asset_id: str) -> Place | None:
        """Return where the server has an asset; _GONE if that was deleted meanwhile."""
        try:
            return (await self._try(self._client.asset(asset_id))).place
        except NotFoundError:
            return _GONE

    async def _tag(self, asset_ids: Collection[str]) -> None:
        """Give assets the tag by which they are found."""
        if not asset_ids:
            return
        (tag,) = await self._try(self._client.upsert_tags([PLACE_TAG]))
        for part in batched(asset_ids, AT_ONCE):
            await self._try(self._client.tag_assets([tag.id], part))
        await self._ledger.run(arranging.note_applied, tag_word(PLACE_TAG), asset_ids)

    async def _untag(self, asset_ids: Collection[str]) -> None:
        """Take the tag from assets."""
        (tag,) = await self._try(self._client.upsert_tags([PLACE_TAG]))
        for part in batched(asset_ids, AT_ONCE):
            await self._try(self._client.untag_assets(tag.id, part))
        await self._ledger.run(arranging.forget_applied, tag_word(PLACE_TAG), asset_ids)


def _is_same(first: Place, second: Place) -> bool:
    """Return whether two places differ by no more than rounding."""
    return all(abs(a - b) < _SAME for a, b in zip(first, second, strict=True))
