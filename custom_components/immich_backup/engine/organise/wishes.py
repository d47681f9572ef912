"""Albums and tags that were asked for together with an upload."""

from collections.abc import Sequence

from ...immich import ImmichClient
from ...immich.errors import ImmichError
from ..ledger import Ledger, arranging
from ..model import Wish
from .albums import Albums
from .placement import AlbumRef
from .todo import album_word, tag_word


async def grant(
    albums: Albums, ledger: Ledger, wish: Wish, asset_ids: Sequence[str]
) -> None:
    """Put assets into the album and give them the tags; may be repeated.

    The album is found as those of folders are: by its id, whatever its name is now.
    Raises ImmichError, LedgerError.
    """
    errors: list[ImmichError] = []
    if wish.album is not None:
        try:
            await _put_into_album(albums, ledger, wish.album, asset_ids)
        except ImmichError as err:
            # The tags do not depend on it.
            errors.append(err)
    if wish.tags:
        try:
            await _tag(albums.client, ledger, wish.tags, asset_ids)
        except ImmichError as err:
            errors.append(err)
    if errors:
        raise errors[0]


async def _put_into_album(
    albums: Albums, ledger: Ledger, name: str, asset_ids: Sequence[str]
) -> None:
    """Put assets into the album of a name."""
    await albums.look()
    album_id = await albums.put(AlbumRef(name, name), asset_ids)
    for found, moved in {album_id: asset_ids, **await albums.merge()}.items():
        await ledger.run(arranging.note_applied, album_word(found), moved)


async def _tag(
    client: ImmichClient, ledger: Ledger, names: Sequence[str], asset_ids: Sequence[str]
) -> None:
    """Give assets tags."""
    tags = await client.upsert_tags(names)
    await client.tag_assets([tag.id for tag in tags], asset_ids)
    for name in names:
        await ledger.run(arranging.note_applied, tag_word(name), asset_ids)
