"""The calls of the client, against the simulated server where it knows them."""

import base64
import hashlib
import io
import json

import aiohttp
from PIL import Image
import pytest

from custom_components.immich_backup.immich import (
    MAX_CHECK,
    OLDEST_VERSION,
    Album,
    CheckAction,
    ImmichClient,
    ServerVersion,
    Tag,
    errors,
)
from custom_components.immich_backup.immich.client import MAX_THUMBNAIL
from simulator import Simulator

from .calls import ALL_CALLS, CALLS, OPEN_CALLS, asset
from .conftest import CANARY, Connect
from .server import Exchange, RawServer, answers, brief, http

CONFIG = {"maintenanceMode": False, "isInitialized": True}
CANNOT = http(404, {"message": "Cannot GET /api/users/me"})


async def test_version(client: ImmichClient, immich: Simulator) -> None:
    """The version is told without a key, and compares by number."""
    immich.faults.version = "3.12.0"
    version = await client.version()
    assert str(version) == "3.12.0"
    assert version > ServerVersion(3, 2, 9)
    assert await client.require_supported() == version


@pytest.mark.parametrize("version", ["2.7.5", "1.143.1"])
async def test_too_old(client: ImmichClient, immich: Simulator, version: str) -> None:
    """An older server is refused with its version."""
    immich.faults.version = version
    with pytest.raises(errors.ServerTooOldError, match=version) as caught:
        await client.require_supported()
    assert caught.value.version == version
    assert str(OLDEST_VERSION) == "3.0.0"


async def test_account(client: ImmichClient, immich: Simulator) -> None:
    """Key, user, media types and disk are read from the server."""
    key = await client.api_key()
    assert key.permissions == {"all"}
    assert key.missing(frozenset({"asset.upload"})) == frozenset()
    me = await client.me()
    assert me.id == immich.admin().id
    assert (me.name, me.email) == ("Admin", "admin@example.com")
    assert me.quota_size is me.quota_left is None
    types = await client.media_types()
    assert {".jpg", ".heic", ".dng"} <= types.image
    assert {".mp4", ".mov"} <= types.video
    assert types.sidecar == {".xmp"}
    storage = await client.storage()
    assert 0 < storage.available < storage.size


async def test_small_key(session: aiohttp.ClientSession, immich: Simulator) -> None:
    """What a key lacks is named, by itself and by the refusals."""
    user = await immich.add_user("ann@example.com", "Ann")
    key = await immich.add_api_key(user, ["asset.upload"])
    client = ImmichClient(session, immich.url, key)
    wanted = frozenset({"asset.upload", "user.read"})
    assert (await client.api_key()).missing(wanted) == {"user.read"}
    with pytest.raises(errors.PermissionMissingError) as caught:
        await client.me()
    assert caught.value.permission == "user.read"
    assert not (await client.upload_asset(asset())).duplicate


@pytest.mark.parametrize(
    "name",
    [name for name in CALLS if name not in ("media_types", "add_to_album")],
)
async def test_wrong_key(
    session: aiohttp.ClientSession, immich: Simulator, name: str
) -> None:
    """A wrong key and none at all are refused alike."""
    for key in ("wrong", None):
        with pytest.raises(errors.UnauthorisedError):
            await CALLS[name](ImmichClient(session, immich.url, key))


@pytest.mark.parametrize("name", CALLS)
async def test_maintenance(client: ImmichClient, immich: Simulator, name: str) -> None:
    """In maintenance every call but the open ones is put off."""
    immich.faults.maintenance = True
    with pytest.raises(errors.MaintenanceError):
        await CALLS[name](client)
    assert await client.in_maintenance()
    await client.require_supported()
    immich.faults.maintenance = False
    assert not await client.in_maintenance()


@pytest.mark.parametrize("name", OPEN_CALLS)
async def test_something_else(connect: Connect, name: str) -> None:
    """A server that knows none of this is not Immich, rather than something missing."""
    async with RawServer(answers(other=CANNOT)) as server:
        with pytest.raises(errors.ProtocolError, match="no Immich"):
            await OPEN_CALLS[name](connect(server.address))


@pytest.mark.parametrize("name", CALLS)
async def test_an_unknown_path(connect: Connect, name: str) -> None:
    """An older server that lacks a path is too old; nothing else hides behind it."""
    for version, error in ((2, errors.ServerTooOldError), (4, errors.ProtocolError)):
        by_path = {
            "config": http(200, CONFIG),
            "version": http(200, {"major": version, "minor": 7, "patch": 5}),
            "other": CANNOT,
        }
        async with RawServer(answers(**by_path)) as server:
            with pytest.raises(errors.ImmichError) as caught:
                await CALLS[name](connect(server.address))
        assert type(caught.value) is error


async def test_bulk_upload_check(client: ImmichClient, immich: Simulator) -> None:
    """12,000 checksums are three questions; the answers come in order."""
    known: dict[int, str] = {}
    checksums = [hashlib.sha1(b"%d" % number).digest() for number in range(12_000)]
    for number in (0, 1, 4_999, 5_000, 9_999, 10_000, 11_999):
        uploaded = await client.upload_asset(asset(content=b"%d" % number))
        known[number] = uploaded.asset_id
    checksums[7] = checksums[0]
    known[7] = known[0]
    immich.requests.clear()
    results = await client.bulk_upload_check(checksums)
    assert len(results) == 12_000
    for number, result in enumerate(results):
        assert result.asset_id == known.get(number)
        rejected = result.action is CheckAction.REJECT
        assert rejected is (number in known)
        assert (result.reason == "duplicate") is rejected
        assert not result.trashed
    assert [record.path for record in immich.requests] == [
        "/api/assets/bulk-upload-check"
    ] * 3
    assert MAX_CHECK == 5_000


async def test_nothing_to_check(client: ImmichClient, immich: Simulator) -> None:
    """An empty list, which the server would choke on, is no question."""
    assert await client.bulk_upload_check([]) == []
    assert immich.requests.count == 0


async def test_check_result_of_all_kinds(connect: Connect) -> None:
    """A refusal for another reason than being there is no asset; trash is told."""
    rows = [
        {"id": "0", "action": "reject", "reason": "unsupported-format"},
        {
            "id": "1",
            "action": "reject",
            "reason": "duplicate",
            "assetId": "a1",
            "isTrashed": True,
        },
        {"id": "2", "action": "accept", "assetId": "a2", "new": {}},
    ]
    answer = http(200, {"results": rows[::-1]})
    async with RawServer(answers(other=answer)) as server:
        results = await connect(server.address).bulk_upload_check([bytes(20)] * 3)
    assert [result.asset_id for result in results] == [None, "a1", None]
    assert [result.trashed for result in results] == [False, True, False]
    assert results[0].reason == "unsupported-format"


@pytest.mark.parametrize(("limit", "calls"), [(200_000, 4), (30_000, 27)])
async def test_a_check_too_large_for_a_proxy(
    connect: Connect, limit: int, calls: int
) -> None:
    """A question that a proxy does not let through is asked in smaller parts."""
    asked: list[str] = []

    async def handle(exchange: Exchange) -> None:
        question = json.loads(await exchange.body())
        if exchange.length > limit:
            await exchange.send(http(413, "<html>413</html>"))
            return
        asked.extend(row["checksum"] for row in question["assets"])
        await exchange.send(
            http(
                200,
                {
                    "results": [
                        {"id": row["id"], "action": "accept"}
                        for row in question["assets"]
                    ]
                },
            )
        )

    checksums = [hashlib.sha1(b"%d" % number).digest() for number in range(7_000)]
    async with RawServer(handle) as server:
        results = await connect(server.address).bulk_upload_check(checksums)
        assert len(server.exchanges) == calls
    assert len(results) == 7_000
    assert asked == [base64.b64encode(c).decode() for c in checksums]


async def test_a_proxy_that_lets_nothing_through(connect: Connect) -> None:
    """If not even one checksum gets through, that is the error."""
    async with RawServer(answers(other=http(413, "<html>413</html>"))) as server:
        with pytest.raises(errors.TooLargeError):
            await connect(server.address).bulk_upload_check([bytes(20)] * 100)
        assert len(server.exchanges) == 7


async def test_albums_of_a_server(
    client: ImmichClient, immich: Simulator, session: aiohttp.ClientSession
) -> None:
    """Albums are found by their whole name, created, and filled."""
    ann = await immich.add_user("ann@example.com", "Ann")
    key = await immich.add_api_key(ann, ["all"])
    of_ann = ImmichClient(session, immich.url, key)
    name = "Home & Söhne / 100% 🏔"
    theirs = await of_ann.create_album(name)
    assert await client.albums(name) == []
    ours = await client.create_album(name)
    assert ours.name == name
    assert await client.albums(name) == [ours]
    assert await client.albums() == [ours]
    assert await client.albums(name.lower()) == []
    assert ours.asset_count == 0
    uploads = [await client.upload_asset(asset(content=b"%d" % n)) for n in range(3)]
    first, second, third = (upload.asset_id for upload in uploads)
    await client.add_to_album(ours.id, [first, second])
    await client.add_to_album(ours.id, [second, third, third])
    await client.add_to_album(ours.id, [])
    async with session.get(
        f"{immich.url}/api/albums/{ours.id}", headers={"x-api-key": CANARY}
    ) as response:
        assert (await response.json())["assetCount"] == 3
    unknown = "00000000-0000-4000-8000-000000000000"
    assert await client.add_to_album(ours.id, [first, unknown]) == [unknown]
    filled = await client.create_album(name, [first, third, unknown])
    assert filled.asset_count == 2
    first_album, second_album = await client.albums(name)
    assert (first_album.id, second_album.id) == (ours.id, filled.id)
    await client.delete_album(filled.id)
    with pytest.raises(errors.NotFoundError):
        await client.delete_album(filled.id)
    with pytest.raises(errors.NotFoundError):
        await client.add_to_album(unknown, [first])
    with pytest.raises(errors.NotFoundError):
        await client.add_to_album(theirs.id, [first])
    assert await of_ann.add_to_album(theirs.id, [first]) == [first]


async def test_tags_of_a_server(
    client: ImmichClient, immich: Simulator, session: aiohttp.ClientSession
) -> None:
    """Tags are made with their parents, stay the same, and are given to assets."""
    (tag,) = await client.upsert_tags(["Zu Hause/Tür"])
    assert tag.value == "Zu Hause/Tür"
    again = await client.upsert_tags(["Zu Hause/Tür", "Zu Hause"])
    assert again[0] == tag
    assert again[1].value == "Zu Hause"
    stored = await client.upload_asset(asset())
    await client.tag_assets([tag.id], [stored.asset_id])
    await client.tag_assets([tag.id], [stored.asset_id])
    async with session.get(
        f"{immich.url}/api/assets/{stored.asset_id}", headers={"x-api-key": CANARY}
    ) as response:
        tags = (await response.json())["tags"]
    assert [found["id"] for found in tags] == [tag.id]
    await client.untag_assets(tag.id, [stored.asset_id])
    await client.untag_assets(tag.id, [stored.asset_id])
    async with session.get(
        f"{immich.url}/api/assets/{stored.asset_id}", headers={"x-api-key": CANARY}
    ) as response:
        assert (await response.json())["tags"] == []


async def test_place_of_an_asset(client: ImmichClient) -> None:
    """A place is given and read; zero in both is none, and what is gone is an error."""
    stored = await client.upload_asset(asset())
    assert (await client.asset(stored.asset_id)).place is None
    await client.update_assets([stored.asset_id], place=(52.5, -13.25))
    assert (await client.asset(stored.asset_id)).place == (52.5, -13.25)
    await client.update_assets([stored.asset_id], place=(0.0, 0.0))
    assert (await client.asset(stored.asset_id)).place is None
    with pytest.raises(errors.NotFoundError):
        await client.asset("00000000-0000-4000-8000-000000000000")


async def test_trash(
    client: ImmichClient, immich: Simulator, session: aiohttp.ClientSession
) -> None:
    """An asset in the trash is still there, is told apart, and is a duplicate."""
    upload = asset()
    stored = await client.upload_asset(upload)
    async with session.delete(
        f"{immich.url}/api/assets",
        headers={"x-api-key": CANARY},
        json={"ids": [stored.asset_id]},
    ) as response:
        assert response.status == 204
    (check,) = await client.bulk_upload_check([upload.checksum])
    assert check.trashed
    assert check.asset_id == stored.asset_id
    again = await client.upload_asset(upload)
    assert again.duplicate
    assert again.asset_id == stored.asset_id


async def test_albums_on_the_wire(connect: Connect) -> None:
    """A server that ignores the name lists them all, which changes nothing."""
    home = {"id": "b1", "albumName": "Home & Söhne", "assetCount": 7}
    other = {"id": "b2", "albumName": "home & söhne"}
    added = [
        {"id": "a1", "success": True},
        {"id": "a2", "success": False, "error": "duplicate"},
    ]
    by_path = {"albums": http(200, [home, other]), "assets": http(200, added)}
    async with RawServer(answers(**by_path)) as server:
        client = connect(server.address)
        name = "Home & Söhne"
        album = Album(id="b1", name=name, created_at="", asset_count=7)
        assert await client.albums(name) == [album]
        assert await client.add_to_album("b1", ["a1", "a2"]) == []
        await client.add_to_album("b1", [])
        assert await client.add_to_album("b1", ["a1", "a3"]) == ["a3"]
        server.handler = answers(other=http(201, home))
        assert await client.create_album(name) == album
        assert server.paths[:2] == [
            "/api/albums?name=Home+%26+S%C3%B6hne&isOwned=true",
            "/api/albums/b1/assets",
        ]
        assert [exchange.method for exchange in server.exchanges] == [
            "GET",
            "PUT",
            "PUT",
            "PUT",
            "POST",
        ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(400, {"message": "Album not found"}), errors.NotFoundError),
        (
            http(400, {"message": "Not found or no albumAsset.create access"}),
            errors.NotFoundError,
        ),
    ],
    ids=brief,
)
async def test_no_such_album(
    connect: Connect, answer: bytes, error: type[errors.ImmichError]
) -> None:
    """An album that is not there, or not ours, is an error."""
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(error):
            await connect(server.address).add_to_album("b1", ["a1"])


@pytest.mark.parametrize(
    "rows", [[{"id": "a1", "success": False, "error": "no_permission"}], []]
)
async def test_not_in_the_album(connect: Connect, rows: list[object]) -> None:
    """An asset that is not in the album afterwards was refused."""
    async with RawServer(answers(other=http(200, rows))) as server:
        assert await connect(server.address).add_to_album("b1", ["a1"]) == ["a1"]


async def test_tags_on_the_wire(connect: Connect) -> None:
    """Tags are made by their path and given to assets by their ids."""
    bodies: list[object] = []

    async def handle(exchange: Exchange) -> None:
        bodies.append(json.loads(await exchange.body()))
        if exchange.target == "/api/tags":
            tag = {"id": "t1", "parentId": "t0", "name": "Tür", "value": "Home/Tür"}
            await exchange.send(http(200, [tag]))
        else:
            await exchange.send(http(200, {"count": 1}))

    async with RawServer(handle) as server:
        client = connect(server.address)
        tags = await client.upsert_tags(["Home/Tür"])
        assert tags == [Tag(id="t1", value="Home/Tür")]
        await client.tag_assets(["t1"], ("a1", "a2"))
        assert server.paths == ["/api/tags", "/api/tags/assets"]
    assert bodies == [
        {"tags": ["Home/Tür"]},
        {"tagIds": ["t1"], "assetIds": ["a1", "a2"]},
    ]


async def test_quota_of_a_user(connect: Connect) -> None:
    """What is left of a quota is never negative, and survives odd numbers."""
    user = {"id": "u1", "quotaSizeInBytes": 10, "quotaUsageInBytes": 15, "name": None}
    async with RawServer(answers(other=http(200, user))) as server:
        me = await connect(server.address).me()
        assert me.quota_left == 0
        assert me.name == ""
        server.handler = answers(other=http(200, {**user, "quotaSizeInBytes": True}))
        assert (await connect(server.address).me()).quota_left is None


def picture() -> bytes:
    """Return a JPEG that is larger than any thumbnail."""
    file = io.BytesIO()
    Image.new("RGB", (3000, 2000), "teal").save(file, "JPEG")
    return file.getvalue()


async def test_thumbnails_of_a_server(client: ImmichClient, immich: Simulator) -> None:
    """The server makes a small and a large one, once it has looked at the asset."""
    stored = await client.upload_asset(asset(content=picture()))
    await immich.idle()
    sizes = {}
    for large in (False, True):
        content = await client.thumbnail(stored.asset_id, large=large)
        with Image.open(io.BytesIO(content)) as image:
            sizes[image.format] = image.size
    assert sizes == {"WEBP": (375, 250), "JPEG": (2160, 1440)}


async def test_no_thumbnail(client: ImmichClient, immich: Simulator) -> None:
    """A file that is no picture has none, nor has an asset of somebody else."""
    stored = await client.upload_asset(asset(content=b"no picture"))
    await immich.idle()
    with pytest.raises(errors.NotFoundError):
        await client.thumbnail(stored.asset_id)
    with pytest.raises(errors.NotFoundError):
        await client.thumbnail("00000000-0000-4000-8000-000000000000")


async def test_thumbnail_needs_a_permission(
    session: aiohttp.ClientSession, immich: Simulator
) -> None:
    """A key that may only upload gets none, and is told which permission it lacks."""
    user = await immich.add_user("ann@example.com", "Ann")
    client = ImmichClient(
        session, immich.url, await immich.add_api_key(user, ["asset.upload"])
    )
    stored = await client.upload_asset(asset(content=picture()))
    with pytest.raises(errors.PermissionMissingError) as caught:
        await client.thumbnail(stored.asset_id)
    assert caught.value.permission == "asset.view"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Log in</html>",
        b"\xff\xd8\xff" + bytes(MAX_THUMBNAIL),
    ],
    ids=["empty", "page", "huge"],
)
async def test_thumbnail_that_is_none(connect: Connect, body: bytes) -> None:
    """What is no picture, or too large for one, is refused."""
    async with RawServer(answers(other=http(200, body))) as server:
        with pytest.raises(errors.ProtocolError):
            await connect(server.address).thumbnail("../asset")
        (path,) = server.paths
    assert path == "/api/assets/..%2Fasset/thumbnail?size=thumbnail"


async def test_thumbnail_without_content(connect: Connect) -> None:
    """An answer without content is no picture."""
    async with RawServer(answers(other=http(204))) as server:
        with pytest.raises(errors.ProtocolError):
            await connect(server.address).thumbnail("asset")


async def test_other_answers_outlive_one_error(
    client: ImmichClient, immich: Simulator
) -> None:
    """With the database gone everything fails, and works again afterwards."""
    immich.faults.database_down = True
    for name in ("api_key", "me", "bulk_upload_check", "upload_asset_stream"):
        with pytest.raises(errors.ServerFailedError) as caught:
            await ALL_CALLS[name](client)
        assert caught.value.status == 500
    immich.faults.database_down = False
    assert (await client.me()).id == immich.admin().id
    immich.faults.disk_full = True
    with pytest.raises(errors.ServerFailedError, match="Failed to upload asset"):
        await client.upload_asset(asset())
    immich.faults.disk_full = False
    assert not (await client.upload_asset(asset())).duplicate


async def test_address_is_kept(session: aiohttp.ClientSession) -> None:
    """The address can be read, the key can't."""
    client = ImmichClient(session, "http://photos.local/immich", CANARY)
    assert client.address == "http://photos.local/immich"
    assert CANARY not in repr(client)
