"""Albums: found by the id that a key stands for, made once, never made again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import batched, count
import logging

from ...immich import Album, AlbumRole, ImmichClient
from ...immich.errors import (
    ImmichError,
    NotFoundError,
    PermissionMissingError,
    RefusedError,
)
from ..clock import Clock
from ..ledger import Ledger, arranging
from .placement import AlbumRef

_LOGGER = logging.getLogger(__name__)

# Ids of 36 characters: 40 kB, and far below what the server's database takes at once.
AT_ONCE = 1000


class AlbumDeletedError(ImmichError):
    """The owner deleted the album on the server; they are asked what that means."""


def deleted_text(ref: AlbumRef) -> str:
    """Return that an album was deleted by its owner, who is asked about it."""
    return f"The album “{ref.name}” was deleted in Immich"


class Albums:
    """The albums of one pass over what is to be organised."""

    def __init__(self, client: ImmichClient, ledger: Ledger, clock: Clock) -> None:
        """Ask this server, remember in this ledger."""
        self.client = client
        self._ledger = ledger
        self._clock = clock
        self._own: dict[str, Album] = {}
        self._named: dict[str, Album] = {}
        self._known: dict[str, arranging.AlbumRow] = {}
        # Those made in this pass, by key, with the assets that we put in.
        self._made: dict[str, tuple[Album, list[str]]] = {}

    async def look(self) -> None:
        """See which albums there are; raises ImmichError, LedgerError."""
        for album in await self.client.albums():
            self._add(album)
        self._known = await self._ledger.ask(arranging.albums)

    def unwanted(self, ref: AlbumRef) -> bool:
        """Return whether a person said that this album shall not be made again."""
        row = self._known.get(ref.key)
        return row is not None and row.unwanted and self._find(ref) is None

    async def put(
        self,
        ref: AlbumRef,
        asset_ids: Sequence[str],
        share: Mapping[str, AlbumRole] | None = None,
    ) -> str:
        """Put assets into an album, made (and shared) where there is none; return its id.

        Those that the server refuses were deleted there, or are locked. Raises
        AlbumDeletedError, ImmichError, LedgerError.
        """
        left = list(asset_ids)
        album = self._find(ref)
        if album is None and ref.key in self._known:
            await self._ledger.run(arranging.note_deleted, ref.key, self._clock.time())
            raise AlbumDeletedError(deleted_text(ref))
        if album is None:
            name = self._free_name(ref)
            album = await self._create(name, left[:AT_ONCE], share or {})
            self._add(album)
            self._made[ref.key] = album, left[:AT_ONCE]
            left = left[AT_ONCE:]
        await self._remember(ref, album)
        for part in batched(left, AT_ONCE):
            await self.client.add_to_album(album.id, part)
            if ref.key in self._made:
                self._made[ref.key][1].extend(part)
        return album.id

    async def _create(
        self, name: str, asset_ids: Sequence[str], share: Mapping[str, AlbumRole]
    ) -> Album:
        """Make an album; without sharing it if somebody is not there any more."""
        try:
            return await self.client.create_album(name, asset_ids, share)
        except (RefusedError, NotFoundError) as err:
            if not share:
                raise
            _LOGGER.warning("The album “%s” is not shared: %s", name, err)
            return await self.client.create_album(name, asset_ids)

    async def merge(self) -> Mapping[str, Sequence[str]]:
        """Unite albums that someone else made under the same names at the same moment.

        The oldest one stays; only what we made in this pass is deleted, and only while
        nothing else is in it. Returns the assets that went into other albums, by the
        albums' ids. Raises ImmichError, LedgerError.
        """
        moved: dict[str, Sequence[str]] = {}
        if not self._made:
            return moved
        oldest: dict[str, Album] = {}
        counts: dict[str, int] = {}
        for album in await self.client.albums():
            oldest.setdefault(album.name, album)
            counts[album.id] = album.asset_count
        for key, (ours, asset_ids) in self._made.items():
            winner = oldest.get(ours.name)
            if winner is None or winner.id == ours.id or ours.id not in counts:
                continue
            for part in batched(asset_ids, AT_ONCE):
                await self.client.add_to_album(winner.id, part)
            await self._ledger.run(arranging.set_album, key, winner.id, winner.name)
            moved[winner.id] = asset_ids
            if counts[ours.id] <= len(asset_ids):
                await self._delete(ours)
        self._made.clear()
        return moved

    async def follow(self, ref: AlbumRef) -> None:
        """Let an album that we named have the name that its trip has now.

        Nothing happens where it is gone. Raises ImmichError, LedgerError.
        """
        row = self._known.get(ref.key)
        if row is not None and (album := self._own.get(row.id)) is not None:
            await self._remember(ref, album)

    async def _remember(self, ref: AlbumRef, album: Album) -> None:
        """Remember which album is meant; one that we named follows its trip's name."""
        row = self._known.get(ref.key)
        title = album.name
        if row is not None and row.id == album.id:
            named_by_us = album.name == row.title
            title = row.title
            if named_by_us and ref.name != ref.key:
                title = await self._rename(album, self._free_name(ref, album))
            if title == row.title and row.deleted is None:
                return
        await self._ledger.run(arranging.set_album, ref.key, album.id, title)
        self._known[ref.key] = arranging.AlbumRow(
            id=album.id, title=title, deleted=None, unwanted=False
        )

    def _free_name(self, ref: AlbumRef, album: Album | None = None) -> str:
        """Return the first name of an album, maybe there already, that no other has."""
        return next(
            name
            for name in _names(ref)
            if (other := self._named.get(name)) is None
            or (album is not None and other.id == album.id)
        )

    async def _rename(self, album: Album, name: str) -> str:
        """Give an album this name, if we may; return what it is called now."""
        if name == album.name:
            return name
        try:
            await self.client.rename_album(album.id, name)
        except PermissionMissingError as err:
            _LOGGER.debug("An album keeps its name: %s", err)
            return album.name
        del self._named[album.name]
        self._add(replace(album, name=name))
        return name

    async def _delete(self, album: Album) -> None:
        """Delete an album that another one replaces; it stays if that may not be."""
        try:
            await self.client.delete_album(album.id)
        except (PermissionMissingError, NotFoundError) as err:
            _LOGGER.debug("An album that exists twice stays: %s", err)

    def _find(self, ref: AlbumRef) -> Album | None:
        """Return the album that is meant, if it is there.

        First by the id, as its owner may have renamed it; then the oldest of the name,
        unless another trip has it.
        """
        row = self._known.get(ref.key)
        if row is not None and (album := self._own.get(row.id)) is not None:
            return album
        for name in _names(ref):
            album = self._named.get(name)
            if album is None or not self._is_taken(ref, album):
                break
        return album

    def _is_taken(self, ref: AlbumRef, album: Album) -> bool:
        """Return whether an album is that of something else than this trip."""
        return ref.key != ref.name and any(
            row.id == album.id for key, row in self._known.items() if key != ref.key
        )

    def _add(self, album: Album) -> None:
        """Note an album that there is; the oldest of a name counts."""
        self._own[album.id] = album
        self._named.setdefault(album.name, album)


def _names(ref: AlbumRef) -> Iterator[str]:
    """Yield how an album may be called: trips of one day and place are numbered."""
    yield ref.name
    if ref.key != ref.name:
        for number in count(2):
            yield f"{ref.name} ({number})"
