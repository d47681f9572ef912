"""The server as a process: what outlives it, what it needs, how it ends."""

from hashlib import sha1
from pathlib import Path

import aiohttp
import pytest

from .client import Client, Wire, created_id, picture, raw_upload, until
from .process import running


async def test_stored_assets_outlive_kill(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """What was answered with 201 is there after kill -9; what was not is gone."""
    data = picture(1)
    checksum = sha1(data).hexdigest()
    async with running("--data", str(tmp_path), "--api-key", "k") as server:
        client = Client(session, server.url, "k")
        asset_id = created_id(await client.upload(data, "kept.jpg"))
        _, album = await client.ask(
            "POST", "/api/albums", {"albumName": "x", "assetIds": [asset_id]}
        )
        head, _ = raw_upload("k", 10_000_000)
        wire = await Wire.open(server.url)
        await wire.send(head + bytes(5_000_000))
        uploads = tmp_path / "upload"
        await until(lambda: len([p for p in uploads.rglob("*") if p.is_file()]) == 2)
        await server.kill()
        await wire.close()
    async with running("--data", str(tmp_path), "--api-key", "k") as server:
        client = Client(session, server.url, "k")
        status, answer = await client.ask(
            "POST",
            "/api/assets/bulk-upload-check",
            {"assets": [{"id": "1", "checksum": checksum}]},
        )
        assert status == 200
        assert answer["results"][0]["assetId"] == asset_id
        assert (await client.upload(data))[0] == 200
        _, found = await client.ask("POST", "/api/search/metadata", {})
        assert [item["id"] for item in found["assets"]["items"]] == [asset_id]
        _, same = await client.ask("GET", f"/api/albums/{album['id']}")
        assert same["assetCount"] == 1
        async with session.get(
            f"{server.url}/api/assets/{asset_id}/original", headers={"x-api-key": "k"}
        ) as response:
            assert await response.read() == data
        assert await server.terminate() == 0


async def test_jobs_go_on_after_kill(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """What waits for its thumbnail waits in the database, not in the process."""
    options = ("--data", str(tmp_path), "--api-key", "k")
    async with running(*options, "--no-jobs") as server:
        client = Client(session, server.url, "k")
        asset_id = created_id(await client.upload(picture(1)))
        await server.kill()
    async with running(*options) as server:
        client = Client(session, server.url, "k")
        thumbhash: list[str | None] = [None]
        while thumbhash[-1] is None:
            _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
            thumbhash.append(asset["thumbhash"])
        assert thumbhash[-1]


async def test_memory_stays_flat(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """300 MB go through without staying in memory, and arrive unchanged."""
    size = 300 * 1024 * 1024
    block = bytes(range(256)) * 4096
    async with running("--data", str(tmp_path), "--api-key", "k") as server:
        client = Client(session, server.url, "k")
        created_id(await client.upload(picture(1)))
        before = server.memory()
        head, tail = raw_upload("k", size)
        wire = await Wire.open(server.url)
        await wire.send(head)
        digest = sha1()
        for _ in range(size // len(block)):
            digest.update(block)
            await wire.send(block)
        await wire.send(tail)
        assert (await wire.answer())[0] == 201
        await wire.close()
        assert server.memory() - before < 40 * 1024 * 1024
        _, dump = await client.ask("GET", "/_sim/assets")
        assert dump[-1]["sha1"] == digest.hexdigest()
        assert dump[-1]["size"] == size


async def test_uninitialised_server(
    tmp_path: Path, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --no-seed the first sign-up makes the administrator; nothing is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with running("--no-seed") as server:
        client = Client(session, server.url, "")
        _, config = await client.ask("GET", "/api/server/config")
        assert config["isInitialized"] is False
        account = {"email": "a@example.com", "password": "secret", "name": "A"}
        status, _ = await client.ask("POST", "/api/auth/admin-sign-up", account)
        assert status == 201
        status, login = await client.ask("POST", "/api/auth/login", account)
        assert status == 201
        token = f"Bearer {login['accessToken']}"
        status, me = await client.ask("GET", "/api/users/me", Authorization=token)
        assert (status, me["email"]) == (200, "a@example.com")
        assert list(tmp_path.glob("immich-simulator-*"))
        assert await server.terminate() == 0
        assert list(tmp_path.iterdir()) == []
