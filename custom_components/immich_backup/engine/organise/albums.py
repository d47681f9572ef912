"""Albums: found by the id that a name stands for, made once, never made again."""

from collections.abc import Mapping, Sequence
import logging

from ...immich import Album, ImmichClient
from ...immich.errors import ImmichError, NotFoundError, PermissionMissingError
from ..clock import Clock
from ..ledger import Ledger, arranging

_LOGGER = logging.getLogger(__name__)

# Ids of 36 characters: 40 kB, and far below what the server's database takes at once.
AT_ONCE = 1000


class AlbumDeletedError(ImmichError):
    """The owner deleted the album on the server; they are asked what that means."""


class Albums:
    """The albums of one pass over what is to be organised."""

    def __init__(self, client: ImmichClient, ledger: Ledger, clock: Clock) -> None:
        """Ask this server, remember in this ledger."""
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._own: dict[str, Album] = {}
        self._named: dict[str, Album] = {}
        self._known: dict[str, arranging.AlbumRow] = {}
        # Those made in this pass, by name, with the assets that we put in.
        self._made: dict[str, tuple[Album, list[str]]] = {}

    async def look(self) -> None:
        """See which albums there are; raises ImmichError, LedgerError."""
        for album in await self._client.albums():
            self._add(album)
        self._known = await self._ledger.ask(arranging.albums)

    def unwanted(self, name: str) -> bool:
        """Return whether a person said that this album shall not be made again."""
        row = self._known.get(name)
        return row is not None and row.unwanted and self._find(name) is None

    async def put(self, name: str, asset_ids: Sequence[str]) -> str:
        """Put assets into the album that a name stands for, made where there is none.

        Those that the server refuses were deleted there, or are locked. Returns the
        album's id. Raises AlbumDeletedError, ImmichError, LedgerError.
        """
        left = list(asset_ids)
        album = self._find(name)
        if album is None and name in self._known:
            await self._ledger.run(arranging.note_deleted, [name], self._clock.time())
            raise AlbumDeletedError(f"The album “{name}” was deleted in Immich")
        if album is None:
            album = await self._client.create_album(name, left[:AT_ONCE])
            self._add(album)
            self._made[name] = album, left[:AT_ONCE]
            left = left[AT_ONCE:]
        row = self._known.get(name)
        if row is None or row.id != album.id or row.deleted is not None:
            await self._ledger.run(arranging.set_album, name, album.id)
            self._known[name] = arranging.AlbumRow(
                id=album.id, deleted=None, unwanted=False
            )
        for start in range(0, len(left), AT_ONCE):
            part = left[start : start + AT_ONCE]
            await self._client.add_to_album(album.id, part)
            if name in self._made:
                self._made[name][1].extend(part)
        return album.id

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
        for album in await self._client.albums():
            oldest.setdefault(album.name, album)
            counts[album.id] = album.asset_count
        for name, (ours, asset_ids) in self._made.items():
            winner = oldest.get(name)
            if winner is None or winner.id == ours.id or ours.id not in counts:
                continue
            for start in range(0, len(asset_ids), AT_ONCE):
                await self._client.add_to_album(
                    winner.id, asset_ids[start : start + AT_ONCE]
                )
            await self._ledger.run(arranging.set_album, name, winner.id)
            moved[winner.id] = asset_ids
            if counts[ours.id] <= len(asset_ids):
                await self._delete(ours)
        self._made.clear()
        return moved

    async def _delete(self, album: Album) -> None:
        """Delete an album that another one replaces; it stays if that may not be."""
        try:
            await self._client.delete_album(album.id)
        except (PermissionMissingError, NotFoundError) as err:
            _LOGGER.debug("An album that exists twice stays: %s", err)

    def _find(self, name: str) -> Album | None:
        """Return the album that a name stands for, if it is there.

        First by the id, as its owner may have renamed it; then the oldest of the name.
        """
        row = self._known.get(name)
        if row is not None and (album := self._own.get(row.id)) is not None:
            return album
        return self._named.get(name)

    def _add(self, album: Album) -> None:
        """Note an album that there is; the oldest of a name counts."""
        self._own[album.id] = album
        self._named.setdefault(album.name, album)
