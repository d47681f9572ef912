"""Albums and tags that were asked for together with an upload."""

from collections.abc import Sequence

from ...immich import ImmichClient
from ...immich.errors import NotFoundError
from ..model import Wish


async def grant(client: ImmichClient, wish: Wish, asset_ids: Sequence[str]) -> None:
    """Put assets into the album and give them the tags; may be repeated.

    The album is the user's own of exactly this name, created where there is none.
    Raises ImmichError.
    """
    if wish.album is not None:
        albums = await client.albums(wish.album)
        album = albums[0] if albums else await client.create_album(wish.album)
        if await client.add_to_album(album.id, asset_ids):
            raise NotFoundError("The asset or the album is not this user's")
    if wish.tags:
        tags = await client.upsert_tags(wish.tags)
        await client.tag_assets([tag.id for tag in tags], asset_ids)
