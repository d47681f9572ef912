"""How a folder's files are organised in Immich, as the server itself tells."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from textwrap import wrap
from typing import Any

from aiohttp import ClientError, ClientResponseError, ClientSession

from .errors import DemoError
from .server import Server, ask

# Questions at the same time, and assets in an answer.
_AT_ONCE = 8
_PAGE = 1000
# Names in a line for people.
_NAMES = 12
_WIDTH = 100
_JOINED = "\xa0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """An album and how many assets are in it."""

    id: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack: the name of the file that is shown, and how many assets there are."""

    cover: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """What the server tells of a folder's assets.

    ``albums`` are those of the key's owner that have any of them, ``tags`` how many of
    them have each. ``live_photos`` counts the stills whose video is one of them as well:
    a server finds more inside of motion photos. ``places`` counts those that have one.
    """

    albums: Sequence[Album]
    tags: Mapping[str, int]
    stacks: Sequence[Stack]
    live_photos: int
    favourites: int
    places: int

    def as_lines(self) -> list[str]:
        """Return it for people, what is largest first."""
        albums = [f"{album.name} ({album.count})" for album in self.albums]
        tags = [f"{tag} ({count})" for tag, count in self.tags.items()]
        stacks = [f"{stack.cover} ({stack.count})" for stack in self.stacks]
        return [
            *_line(len(albums), "album", albums),
            *_line(len(tags), "tag", tags),
            *_line(self.live_photos, "live photo", ["still and video are one"]),
            *_line(len(stacks), "stack", stacks),
            *_line(self.favourites, "favourite"),
            *_line(self.places, "place", ["where they were taken"]),
        ]


def _line(count: int, word: str, names: Sequence[str] = ()) -> list[str]:
    """Return how many there are, and their names as far as there is room."""
    begin = f"  {f'{count} {word}{"" if count == 1 else "s"}':16}"
    if not count:
        return [begin.rstrip()]
    # Lines break between names only.
    shown = ", ".join(name.replace(" ", _JOINED) for name in names[:_NAMES])
    if (more := len(names) - _NAMES) > 0:
        shown += f" and{_JOINED}{more}{_JOINED}more"
    lines = wrap(
        shown,
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_on_hyphens=False,
    )
    return [line.replace(_JOINED, " ") for line in lines] or [begin.rstrip()]


async def look_around(
    session: ClientSession, server: Server, asset_ids: Collection[str]
) -> Gallery:
    """Return how these assets are organised on a server; DemoError."""
    try:
        reader = _Reader(session, server)
        assets = await reader.assets(asset_ids)
        return Gallery(
            albums=await reader.albums_with(assets),
            tags=_tags(assets.values()),
            stacks=await reader.stacks_of(assets),
            live_photos=sum(
                asset["livePhotoVideoId"] in assets for asset in assets.values()
            ),
            favourites=sum(asset["isFavorite"] for asset in assets.values()),
            places=sum(_has_place(asset) for asset in assets.values()),
        )
    except (ClientError, TimeoutError, ValueError) as err:
        raise DemoError(f"The server does not tell what is in it: {err}") from err


def _tags(assets: Collection[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many assets have each tag, the most frequent first."""
    found = Counter(tag["value"] for asset in assets for tag in asset.get("tags", ()))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _has_place(asset: Mapping[str, Any]) -> bool:
    """Return whether it is known where an asset was taken."""
    return (asset.get("exifInfo") or {}).get("latitude") is not None


class _Reader:
    """Asks a server; what the documented permissions of a key allow is enough."""

    def __init__(self, session: ClientSession, server: Server) -> None:
        """Take the server."""
        self._session = session
        self._server = server

    async def assets(self, asset_ids: Collection[str]) -> dict[str, Any]:
        """Return assets by their ids: only one by one they come with their tags.

        Those that somebody has deleted there meanwhile are left out.
        """
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(asset_id: str) -> Any:
            async with turn:
                try:
                    return await self._ask(f"assets/{asset_id}")
                except ClientResponseError as err:
                    if err.status == HTTPStatus.BAD_REQUEST:
                        return None
                    raise

        found = await asyncio.gather(*map(one, sorted(asset_ids)))
        return {asset["id"]: asset for asset in found if asset is not None}

    async def albums_with(self, asset_ids: Collection[str]) -> list[Album]:
        """Return the user's own albums that have any of these, the largest first."""
        albums = [
            Album(id=album["id"], name=album["albumName"], count=album["assetCount"])
            for album in await self._ask("albums?isOwned=true")
            if await self._has_any(album["id"], asset_ids)
        ]
        return sorted(albums, key=lambda album: (-album.count, album.name, album.id))

    async def stacks_of(self, assets: Mapping[str, Any]) -> list[Stack]:
        """Return the stacks in which assets are, the largest first."""
        found = {
            stack["id"]: stack
            for asset in assets.values()
            if (stack := asset.get("stack")) is not None
        }
        stacks = []
        for stack in found.values():
            first = stack["primaryAssetId"]
            cover = assets.get(first) or await self._ask(f"assets/{first}")
            stacks.append(
                Stack(cover=cover["originalFileName"], count=stack["assetCount"])
            )
        return sorted(stacks, key=lambda stack: (-stack.count, stack.cover))

    async def _has_any(self, album_id: str, asset_ids: Collection[str]) -> bool:
        """Return whether an album has any of these assets."""
        page: int | None = 1
        while page is not None:
            question = {"albumIds": [album_id], "size": _PAGE, "page": page}
            answer = (await self._ask("search/metadata", question))["assets"]
            if any(asset["id"] in asset_ids for asset in answer["items"]):
                return True
            page = answer["nextPage"] and int(answer["nextPage"])
        return False

    async def _ask(self, path: str, question: object = None) -> Any:
        """Return what the server answers."""
        url = f"{self._server.url}/api/{path}"
        return await ask(self._session, url, self._server.key, question)
