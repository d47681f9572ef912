"""Single uploads: sent at once, queued while the server is away, never lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import json
from pathlib import Path

import aiohttp
import pytest

from custom_components.immich_backup.engine import (
    Engine,
    FileState,
    OpenContext,
    UploadItem,
    UploadOutcome,
    UploadState,
    Wish,
)
from custom_components.immich_backup.engine.ledger import outbox
from custom_components.immich_backup.engine.model import Reason
from custom_components.immich_backup.engine.organise.singles import PutRight, Singles
from custom_components.immich_backup.immich import ImmichClient
from simulator import Simulator
from tests.support.media import jpeg, xmp

from .library import Library
from .test_pairing import linked, still, video

WISH = Wish(album="Doorbell", tags=("Home/Doorbell",))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition; fails after a generous time."""
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def engine_on(
    server: Simulator, ledger: Path, api_key: str | None = None
) -> AsyncIterator[Engine]:
    """Run an engine without folders."""
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            ledger_path=ledger,
            client=ImmichClient(session, server.url, api_key or server.api_key),
            context=OpenContext(),
        )
        await engine.start([])
        try:
            yield engine
        finally:
            await engine.stop()


async def answer(server: Simulator, path: str) -> object:
    """Return what the server answers to a GET."""
    async with (
        aiohttp.ClientSession(headers={"x-api-key": server.api_key}) as session,
        session.get(f"{server.url}/api/{path}") as response,
    ):
        return await response.json()


def photo(folder: Path, name: str, content: bytes | None = None) -> Path:
    """Write a file that the server takes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(name.encode() if content is None else content)
    return path


async def test_each_file_has_its_outcome(server: Simulator, tmp_path: Path) -> None:
    """What can't be uploaded does not stop the others, and none is changed."""
    first = photo(tmp_path, "first.jpg")
    same = photo(tmp_path, "same.jpg", first.read_bytes())
    document = photo(tmp_path, "letter.pdf")
    async with engine_on(server, tmp_path / "ledger.db") as engine:
        outcomes = await engine.upload(
            [
                UploadItem(path=str(path), wish=WISH)
                for path in (first, same, document, tmp_path / "none.jpg")
            ]
        )
        assert [outcome.path for outcome in outcomes] == [
            str(first),
            str(same),
            str(document),
            str(tmp_path / "none.jpg"),
        ]
        assert [outcome.state for outcome in outcomes[2:]] == [
            UploadState.FAILED,
            UploadState.FAILED,
        ]
        assert {outcome.state for outcome in outcomes[:2]} == {UploadState.UPLOADED}
        assert outcomes[0].asset_id == outcomes[1].asset_id is not None
        assert outcomes[2].reason is Reason.UNSUPPORTED
        assert outcomes[3].reason is Reason.VANISHED
        # Nothing is left behind that a person would have to look after.
        assert (await engine.overview()).tally.present == 0
    assert [asset.original_file_name for asset in server.assets()] in (
        ["first.jpg"],
        ["same.jpg"],
    )
    assert all(path.exists() for path in (first, same, document))


async def test_album_and_tags_are_made_once(server: Simulator, tmp_path: Path) -> None:
    """Two uploads into one album make one album; repeating changes nothing."""
    paths = [photo(tmp_path, "one.jpg"), photo(tmp_path, "two.jpg")]
    async with engine_on(server, tmp_path / "ledger.db") as engine:
        for path in [*paths, paths[0]]:
            (outcome,) = await engine.upload([UploadItem(path=str(path), wish=WISH)])
            assert outcome.problem is None
        assert outcome.state is UploadState.DUPLICATE
    albums = await answer(server, "albums")
    assert isinstance(albums, list)
    assert [(a["albumName"], a["assetCount"]) for a in albums] == [("Doorbell", 2)]
    tags = await answer(server, "tags")
    assert isinstance(tags, list)
    assert sorted(tag["value"] for tag in tags) == ["Home", "Home/Doorbell"]


async def test_renamed_and_deleted_album(server: Simulator, tmp_path: Path) -> None:
    """An album is found whatever its name is now, and not made again once deleted."""
    paths = [photo(tmp_path, f"{number}.jpg") for number in range(3)]
    async with (
        engine_on(server, tmp_path / "ledger.db") as engine,
        aiohttp.ClientSession() as session,
    ):
        client = ImmichClient(session, server.url, server.api_key)
        await engine.upload([UploadItem(path=str(paths[0]), wish=WISH)])
        (album,) = await client.albums()
        await client.rename_album(album.id, "Front door")
        await engine.upload([UploadItem(path=str(paths[1]), wish=WISH)])
        (album,) = await client.albums()
        assert (album.name, album.asset_count) == ("Front door", 2)
        await client.delete_album(album.id)
        (outcome,) = await engine.upload([UploadItem(path=str(paths[2]), wish=WISH)])
        assert outcome.state is UploadState.UPLOADED
        assert "deleted" in (outcome.problem or "")
        assert await client.albums() == []
        assert (await engine.overview()).deleted_albums == ("Doorbell",)


async def test_refused_permission_costs_the_album_only(
    server: Simulator, tmp_path: Path
) -> None:
    """The photo is stored although the key may not make albums."""
    user = await server.add_user("ada@example.com", "Ada")
    key = await server.add_api_key(user, ["asset.upload", "user.read"])
    path = photo(tmp_path, "one.jpg")
    async with engine_on(server, tmp_path / "ledger.db", key) as engine:
        (outcome,) = await engine.upload([UploadItem(path=str(path), wish=WISH)])
    assert outcome.state is UploadState.UPLOADED
    assert outcome.problem is not None
    assert "album.read" in outcome.problem


async def test_waits_for_the_server_over_a_restart(
    server: Simulator, tmp_path: Path
) -> None:
    """A copy of our own is kept until it is proven, then removed."""
    snapshot = photo(tmp_path / "spool", "door.jpg")
    ledger = tmp_path / "ledger.db"
    await server.stop()
    async with engine_on(server, ledger) as engine:
        (outcome,) = await engine.upload(
            [UploadItem(path=str(snapshot), wish=WISH, spooled=True)]
        )
        assert outcome.state is UploadState.WAITING
        overview = await engine.overview()
        assert overview.tally.count(FileState.WAITING) == 1
    assert snapshot.exists()
    await server.start()
    async with engine_on(server, ledger) as engine:

        async def gone() -> bool:
            return not snapshot.parent.exists()

        await until(gone)
        assert (await engine.overview()).tally.present == 0
    (asset,) = server.assets()
    assert asset.original_file_name == "door.jpg"
    albums = await answer(server, "albums")
    assert isinstance(albums, list)
    assert albums[0]["assetCount"] == 1


async def test_failed_upload_is_retried_on_request(
    server: Simulator, tmp_path: Path
) -> None:
    """A picture that exists nowhere else stays queued although it is refused."""
    snapshot = photo(tmp_path / "spool", "door.xyz")
    async with engine_on(server, tmp_path / "ledger.db") as engine:
        (outcome,) = await engine.upload(
            [UploadItem(path=str(snapshot), wish=Wish(), spooled=True)]
        )
        assert outcome.state is UploadState.FAILED
        assert (await engine.overview()).tally.count(FileState.PARKED) == 1
        assert await engine.retry_failed() == 1
    assert snapshot.exists()


async def test_what_belongs_to_files(server: Simulator, tmp_path: Path) -> None:
    """Live photos are put together; sidecars, Takeout and names count as in folders."""
    folder = tmp_path / "export"
    folder.mkdir()
    still(folder, "IMG_1.JPG", "one")
    video(folder, "IMG_1.MOV", "one")
    photo(folder, "IMG-20230715-WA0001.jpg", jpeg())
    photo(folder, "told.jpg", jpeg(appended=b"told"))
    takeout = {"title": "told.jpg", "description": "By the sea", "favorited": True}
    (folder / "told.jpg.json").write_text(json.dumps(takeout))
    photo(folder, "rated.jpg", jpeg(appended=b"rated"))
    async with aiohttp.ClientSession() as session:
        library = Library(session, server)
        async with engine_on(server, tmp_path / "ledger.db") as engine:

            async def upload(*paths: Path) -> set[UploadState]:
                outcomes = await engine.upload(
                    [UploadItem(path=str(path), wish=WISH) for path in paths]
                )
                assert not any(outcome.problem for outcome in outcomes)
                return {outcome.state for outcome in outcomes}

            paths = [path for path in folder.iterdir() if path.suffix != ".json"]
            assert await upload(*paths) == {UploadState.UPLOADED}
            await server.idle()
            assert await linked(library, "IMG_1.JPG", "IMG_1.MOV")
            # The still stands for its video.
            assert await library.albums() == {
                "Doorbell": sorted(p.name for p in paths if p.suffix != ".MOV")
            }
            dated = await library.asset("IMG-20230715-WA0001.jpg")
            assert dated["localDateTime"].startswith("2023-07-15T12:00")
            asset = await library.asset("told.jpg")
            assert asset["exifInfo"]["description"] == "By the sea"
            assert asset["isFavorite"]
            # What is there already has got no sidecar with it.
            (folder / "rated.xmp").write_text(xmp('xmp:Rating="4"'))
            assert await upload(folder / "rated.jpg") == {UploadState.DUPLICATE}
            await server.idle()
            assert (await library.asset("rated.jpg"))["exifInfo"]["rating"] == 4
            # Once is enough.
            puts = len(server.requests.matching("PUT", "/api/assets"))
            assert await upload(*paths) == {UploadState.DUPLICATE}
            assert len(server.requests.matching("PUT", "/api/assets")) == puts


async def test_what_could_not_be_put_right(server: Simulator, tmp_path: Path) -> None:
    """The file is stored all the same, and the answer says what is missing."""
    user = await server.add_user("ada@example.com", "Ada")
    key = await server.add_api_key(user, ["asset.upload", "user.read"])
    path = photo(tmp_path, "IMG-20230715-WA0001.jpg", jpeg())
    async with engine_on(server, tmp_path / "ledger.db", key) as engine:
        (outcome,) = await engine.upload([UploadItem(path=str(path), wish=Wish())])
        assert outcome.state is UploadState.UPLOADED
        assert "asset.update" in (outcome.problem or "")
        assert (await engine.overview()).tally.present == 0


async def test_asked_for_again_while_it_is_finished(
    server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is written and asked for anew meanwhile is uploaded as it is then."""
    path = photo(tmp_path, "doorbell.jpg", b"first")
    item = UploadItem(path=str(path), wish=WISH)
    async with engine_on(server, tmp_path / "ledger.db") as engine:
        again: list[asyncio.Task[list[UploadOutcome]]] = []
        put_right = Singles.put_right

        async def meanwhile(singles: Singles) -> PutRight:
            result = await put_right(singles)
            if not again:
                path.write_bytes(b"second")
                again.append(asyncio.create_task(engine.upload([item])))

                async def waiting() -> bool:
                    return bool(
                        await engine.ledger.ask(outbox.posted, (FileState.WAITING,))
                    )

                await until(waiting)
            return result

        monkeypatch.setattr(Singles, "put_right", meanwhile)
        await engine.upload([item])
        (outcome,) = await again[0]
        assert outcome.state is UploadState.UPLOADED
        assert (await engine.overview()).tally.present == 0
    assert sorted(asset.size for asset in server.assets()) == [5, 6]
