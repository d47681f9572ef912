"""How files are organised is read from the server, with the documented permissions."""

from collections.abc import AsyncGenerator

from aiohttp import ClientSession
import pytest

from custom_components.immich_backup.const import PERMISSIONS
from demo.errors import DemoError
from demo.gallery import Album, Gallery, Stack, look_around
from demo.server import Server
from simulator import Simulator
from tests.simulator.client import Client, picture


@pytest.fixture
async def client() -> AsyncGenerator[Client]:
    """Return a client of a fresh server that may do everything."""
    async with Simulator() as simulator, ClientSession() as session:
        yield Client(session, simulator.url, simulator.api_key)


async def read(client: Client, permissions: frozenset[str], *asset_ids: str) -> Gallery:
    """Return what the server tells with a key that has these permissions."""
    _, made = await client.ask(
        "POST",
        "/api/api-keys",
        {"name": "Backup", "permissions": sorted(permissions)},
    )
    server = Server(
        url=client.url, key=made["secret"], user_id="", version="3.0.3", simulated=False
    )
    return await look_around(client.session, server, asset_ids)


async def upload(client: Client, *names: str) -> list[str]:
    """Upload a picture of its own under each name and return the assets' ids."""
    made = [
        await client.upload(picture(number), name) for number, name in enumerate(names)
    ]
    return [answer["id"] for _, answer in made]


async def test_what_is_organised(client: Client) -> None:
    """Only what has to do with the folder's assets is told, the largest first."""
    still, video, first, second, stranger = await upload(
        client, "live.jpg", "live.mov", "first.jpg", "second.jpg", "stranger.jpg"
    )
    for name, ids in (
        ("Trip", [still, first, second]),
        ("Mixed", [first, stranger]),
        ("Strangers", [stranger]),
        ("Empty", []),
    ):
        await client.ask("POST", "/api/albums", {"albumName": name, "assetIds": ids})
    for tags, ids in (
        (["Home/Camera"], [still, first, second]),
        (["Home/Door"], [second, stranger]),
    ):
        _, made = await client.ask("PUT", "/api/tags", {"tags": tags})
        asked = {"tagIds": [tag["id"] for tag in made], "assetIds": ids}
        await client.ask("PUT", "/api/tags/assets", asked)
    await client.ask("POST", "/api/stacks", {"assetIds": [stranger, second]})
    path = f"/api/assets/{still}"
    await client.ask("PUT", path, {"livePhotoVideoId": video, "isFavorite": True})
    await client.ask("PUT", path, {"latitude": 52.5, "longitude": 13.4})

    found = await read(client, PERMISSIONS, still, video, first, second)
    albums = [(album.name, album.count) for album in found.albums]
    assert albums == [("Trip", 3), ("Mixed", 2)]
    assert found.tags == {"Home/Camera": 3, "Home/Door": 1}
    assert found.stacks == [Stack(cover="stranger.jpg", count=2)]
    assert (found.live_photos, found.favourites, found.places) == (1, 1, 1)
    # A video that the server found inside of a photo makes no pair of files.
    assert (await read(client, PERMISSIONS, still)).live_photos == 0


async def test_deleted_meanwhile(client: Client) -> None:
    """What somebody deleted on the server is left out."""
    stays, deleted = await upload(client, "stays.jpg", "deleted.jpg")
    await client.ask("PUT", f"/api/assets/{stays}", {"isFavorite": True})
    await client.ask("PUT", f"/api/assets/{deleted}", {"isFavorite": True})
    await client.ask("DELETE", "/api/assets", {"ids": [deleted], "force": True})
    while (await client.ask("GET", f"/api/assets/{deleted}"))[0] == 200:
        pass
    assert (await read(client, PERMISSIONS, stays, deleted)).favourites == 1


async def test_without_permission(client: Client) -> None:
    """A key that may not look is an error in words."""
    (asset,) = await upload(client, "a.jpg")
    with pytest.raises(DemoError, match="album.read"):
        await read(client, PERMISSIONS - {"album.read"}, asset)


def test_lines() -> None:
    """People read counts first; a long list of names is cut and wrapped."""
    months = [f"2025-{n:02}" for n in range(1, 15)]
    albums = [Album(id=name, name=f"A long month {name}", count=1) for name in months]
    gallery = Gallery(
        albums=albums,
        tags={"Home/Camera": 20},
        stacks=[],
        live_photos=1,
        favourites=0,
        places=1,
    )
    lines = gallery.as_lines()
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].startswith("  14 albums       A long month 2025-01 (1), A ")
    assert all(line.startswith(" " * 18 + "A long month") for line in lines[1:4])
    assert " ".join(line.strip() for line in lines[:5]).endswith("(1) and 2 more")
    assert lines[5:] == [
        "  1 tag           Home/Camera (20)",
        "  1 live photo    still and video are one",
        "  0 stacks",
        "  0 favourites",
        "  1 place         where they were taken",
    ]
