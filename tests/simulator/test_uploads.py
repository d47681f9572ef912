"""Uploads where the connection matters more than the answer."""

import asyncio
from collections.abc import AsyncGenerator
from hashlib import sha1
from pathlib import Path

import aiohttp

from simulator import Simulator

from .client import CREATED, Client, Wire, created_id, picture, raw_upload, until


def _files(simulator: Simulator) -> list[Path]:
    uploads = simulator.backend.data_dir / "upload"
    return [path for path in uploads.rglob("*") if path.is_file()]


async def test_parallel_uploads_of_one_file(
    simulator: Simulator, client: Client
) -> None:
    """One of them creates the asset, all name it, and one file is kept."""
    data = picture(1)
    answers = await asyncio.gather(*(client.upload(data) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({body["id"] for _, body in answers}) == 1
    assert len(simulator.assets()) == 1
    assert len(_files(simulator)) == 1
    status, me = await client.ask("GET", "/api/users/me")
    assert me["quotaUsageInBytes"] == len(data)


async def test_duplicate_is_told_before_the_body(
    simulator: Simulator, client: Client
) -> None:
    """30 MB are announced; the answer comes, and the connection goes on."""
    data = picture(1)
    asset_id = created_id(await client.upload(data))
    size = 30_000_000
    head, tail = raw_upload(
        client.key, size, extra=f"x-immich-checksum: {sha1(data).hexdigest()}\r\n"
    )
    wire = await Wire.open(simulator.url)
    await wire.send(head)
    status, headers, body = await wire.answer()
    assert status == 200
    assert asset_id in body.decode()
    assert headers["connection"] == "keep-alive"
    await wire.send(bytes(size) + tail)
    await wire.send(b"GET /api/server/ping HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await wire.answer())[2] == b'{"res":"pong"}'
    await wire.close()
    assert len(simulator.assets()) == 1


async def test_refused_key_is_told_before_the_body(simulator: Simulator) -> None:
    """A wrong key is refused before the file was sent."""
    head, _ = raw_upload("wrong", 30_000_000)
    wire = await Wire.open(simulator.url)
    await wire.send(head)
    status, _, body = await wire.answer()
    assert (status, body) == (401, b'{"message":"Invalid API key"}')
    await wire.close()


async def test_expect_continue_comes_first(
    simulator: Simulator, client: Client
) -> None:
    """100 Continue is sent even if the answer is known already."""
    head, _ = raw_upload("wrong", 1000, extra="Expect: 100-continue\r\n")
    wire = await Wire.open(simulator.url)
    await wire.send(head)
    assert (await wire.answer())[0] == 100
    assert (await wire.answer())[0] == 401
    await wire.close()


async def test_half_closed_upload(simulator: Simulator, client: Client) -> None:
    """Node answers a bare 400, and nothing is stored."""
    head, _ = raw_upload(client.key, 3_000_000)
    wire = await Wire.open(simulator.url)
    await wire.send(head + bytes(1_000_000))
    wire.writer.write_eof()
    assert await wire.reader.read() == (
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    )
    await wire.close()
    assert simulator.assets() == []
    await until(lambda: not _files(simulator))


async def test_broken_off_upload_leaves_nothing(
    simulator: Simulator, client: Client
) -> None:
    """A cut connection leaves neither asset nor file."""
    head, _ = raw_upload(client.key, 8_000_000)
    wire = await Wire.open(simulator.url)
    await wire.send(head + bytes(4_000_000))
    await until(lambda: bool(_files(simulator)))
    await wire.close()
    await until(lambda: not _files(simulator))
    assert simulator.assets() == []


async def test_refused_fields_leave_an_orphan(
    simulator: Simulator, client: Client
) -> None:
    """An invalid date leaves the file behind, an empty or foreign file does not."""
    status, _ = await client.upload(picture(1), created="yesterday")
    assert status == 400
    assert len(_files(simulator)) == 1
    for data, name in ((b"", "empty.jpg"), (b"x", "doc.pdf")):
        assert (await client.upload(data, name))[0] == 400
    assert len(_files(simulator)) == 1
    assert simulator.assets() == []


async def test_idle_connection_is_closed(simulator: Simulator) -> None:
    """A connection that idles for five seconds is closed by the server."""
    wire = await Wire.open(simulator.url)
    await wire.send(b"GET /api/server/ping HTTP/1.1\r\nHost: x\r\n\r\n")
    _, headers, _ = await wire.answer()
    assert headers["keep-alive"] == "timeout=5"
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(20):
        assert await wire.reader.read() == b""
    assert loop.time() - started > 4
    await wire.close()


async def test_chunked_upload(client: Client, simulator: Simulator) -> None:
    """No Content-Length is needed."""
    data = picture(1)
    head, tail = raw_upload(client.key, len(data), name="a.jpg")
    raw = head.partition(b"\r\n\r\n")[2] + data + tail

    async def pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(raw), 1000):
            yield raw[start : start + 1000]

    async with client.session.post(
        f"{client.url}/api/assets",
        data=pieces(),
        headers={
            "x-api-key": client.key,
            "Content-Type": "multipart/form-data; boundary=B",
        },
    ) as response:
        assert response.status == 201
        assert response.request_info.headers["Transfer-Encoding"] == "chunked"
    assert simulator.asset_bytes(simulator.assets()[0].id) == data


async def test_quota(simulator: Simulator, session: aiohttp.ClientSession) -> None:
    """What does not fit is refused after the body; removal makes room again."""
    user = await simulator.add_user("two@example.com", "Two", quota=10_000)
    key = await simulator.add_api_key(user, ["asset.upload", "user.read"])
    client = Client(session, simulator.url, key)
    asset_id = created_id(await client.upload(bytes(8_000)))
    status, body = await client.upload(bytes(3_000))
    assert (status, body) == (400, {"message": "Quota has been exceeded!"})
    await simulator.delete(asset_id)
    assert (await client.upload(bytes(3_000)))[0] == 201
    simulator.set_quota(user, None)
    assert (await client.upload(bytes(30_000)))[0] == 201


async def test_many_users_share_nothing(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """The same bytes are an asset of their own for each user."""
    user = await simulator.add_user("two@example.com", "Two")
    other = Client(session, simulator.url, await simulator.add_api_key(user, ["all"]))
    data = picture(1)
    mine = created_id(await client.upload(data))
    theirs = created_id(await other.upload(data))
    assert mine != theirs
    status, _ = await client.ask("GET", f"/api/assets/{theirs}")
    assert status == 400
    assert {asset.owner_id for asset in simulator.assets()} == {
        simulator.admin().id,
        user.id,
    }
    assert {asset.file_created_at for asset in simulator.assets()} == {CREATED}
