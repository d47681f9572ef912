"""What the server makes of a file after its answer: dates, place, thumbnails."""

from io import BytesIO
from pathlib import Path
import shutil
import sqlite3
from typing import Any
from zipfile import ZipFile

import aiohttp
from PIL import Image
import pytest

from simulator import Simulator
from simulator.thumbnails import make_thumbnails

from .client import Client, created_id, picture


def _exif(
    taken: str | None, offset: str | None = None, *, paris: bool = False
) -> Image.Exif:
    exif = Image.Exif()
    if taken is not None:
        fields = exif.get_ifd(0x8769)
        fields[0x9003] = taken
        if offset is not None:
            fields[0x9011] = offset
    if paris:
        place = exif.get_ifd(0x8825)
        place[1], place[2] = "N", (48.0, 51.0, 12.0)
        place[3], place[4] = "E", (2.0, 20.0, 56.0)
    return exif


def _sidecar(attributes: str, inside: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{inside}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


async def _processed(
    simulator: Simulator, client: Client, data: bytes, **fields: Any
) -> dict[str, Any]:
    asset_id = created_id(await client.upload(data, **fields))
    await simulator.idle()
    _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
    result: dict[str, Any] = asset
    return result


@pytest.mark.parametrize(
    ("exif", "fields", "instant", "wall", "zone"),
    [
        (
            _exif("2023:07:15 09:00:00", "+02:00"),
            {},
            "2023-07-15T07:00:00.000Z",
            "2023-07-15T09:00:00.000Z",
            "UTC+2",
        ),
        (
            _exif("2022:01:01 00:00:00"),
            {},
            "2022-01-01T00:00:00.000Z",
            "2022-01-01T00:00:00.000Z",
            None,
        ),
        (
            _exif("2023:07:15 09:00:00", paris=True),
            {},
            "2023-07-15T07:00:00.000Z",
            "2023-07-15T09:00:00.000Z",
            "Europe/Paris",
        ),
        (
            None,
            {"created": "9999-12-31T23:59:59.000Z"},
            "2024-05-01T10:00:00.000Z",
            "2024-05-01T10:00:00.000Z",
            None,
        ),
        (
            None,
            {"created": "1850-01-01T00:00:00.000Z"},
            "1850-01-01T00:00:00.000Z",
            "1850-01-01T00:00:00.000Z",
            None,
        ),
        (
            None,
            {"created": "2024-05-01T10:00:00+02:00"},
            "2024-05-01T08:00:00.000Z",
            "2024-05-01T08:00:00.000Z",
            None,
        ),
        (
            None,
            {"modified": "2001-02-03T04:05:06.789Z"},
            "2001-02-03T04:05:06.789Z",
            "2001-02-03T04:05:06.789Z",
            None,
        ),
        (
            None,
            {"modified": "2099-01-01T00:00:00.000Z"},
            "2024-05-01T10:00:00.000Z",
            "2024-05-01T10:00:00.000Z",
            None,
        ),
    ],
)
async def test_dates(
    simulator: Simulator,
    client: Client,
    exif: Image.Exif | None,
    fields: dict[str, str],
    instant: str,
    wall: str,
    zone: str | None,
) -> None:
    """EXIF wins; without it the earlier of the two dates that were sent."""
    asset = await _processed(simulator, client, picture(1, exif=exif), **fields)
    assert asset["fileCreatedAt"] == instant
    assert asset["localDateTime"] == wall
    assert asset["exifInfo"]["timeZone"] == zone
    modified = fields.get("modified", "2024-05-01T10:00:00.000Z")
    assert asset["fileModifiedAt"] == modified


async def test_before_and_after_processing(
    simulator: Simulator, client: Client
) -> None:
    """The answer comes first; facts and thumbnails later."""
    simulator.jobs.processing_delay = 3600
    data = picture(1, exif=_exif("2023:07:15 09:00:00", paris=True))
    asset_id = created_id(await client.upload(data))
    _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
    assert asset["thumbhash"] is None
    assert asset["fileCreatedAt"] == "2024-05-01T10:00:00.000Z"
    assert asset["exifInfo"]["exifImageWidth"] is None
    assert asset["exifInfo"]["fileSizeInByte"] == len(data)
    status, body = await client.ask("GET", f"/api/assets/{asset_id}/thumbnail")
    assert (status, body) == (404, {"message": "Asset media not found"})
    await simulator.idle()
    _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
    assert asset["thumbhash"]
    assert (asset["width"], asset["height"]) == (320, 240)
    assert asset["exifInfo"]["city"] == "Paris"


async def test_sidecar_wins(simulator: Simulator, client: Client) -> None:
    """Date, place, rating, words and tags come from the sidecar."""
    sidecar = _sidecar(
        'exif:DateTimeOriginal="2019-03-04T05:06:07+01:00" xmp:Rating="4" '
        'exif:GPSLatitude="40,42.768N" exif:GPSLongitude="74,0.36W"',
        "<dc:description><rdf:Alt><rdf:li>Words</rdf:li></rdf:Alt></dc:description>"
        "<dc:subject><rdf:Bag><rdf:li>tagged</rdf:li></rdf:Bag></dc:subject>",
    )
    data = picture(1, exif=_exif("2023:07:15 09:00:00", "+02:00"))
    asset = await _processed(simulator, client, data, sidecar=sidecar)
    assert asset["fileCreatedAt"] == "2019-03-04T04:06:07.000Z"
    assert asset["localDateTime"] == "2019-03-03T23:06:07.000Z"
    info = asset["exifInfo"]
    assert (info["timeZone"], info["city"]) == ("America/New_York", "New York City")
    assert (info["rating"], info["description"]) == (4, "Words")
    assert [tag["value"] for tag in asset["tags"]] == ["tagged"]


@pytest.mark.parametrize(
    "sidecar",
    [
        b"not xml at all",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + _sidecar(""),
        b"\xff\xfe\x00garbage",
    ],
)
async def test_useless_sidecar(
    simulator: Simulator, client: Client, sidecar: bytes
) -> None:
    """Garbage and entities are ignored, the picture is processed all the same."""
    asset = await _processed(simulator, client, picture(1), sidecar=sidecar)
    assert asset["thumbhash"]
    assert asset["fileCreatedAt"] == "2024-05-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"x", "one.jpg"),
        (bytes(range(256)) * 100, "noise.jpg"),
        (picture(1)[:-1500], "cut.jpg"),
        (b"\0\0\0\x18ftypisom", "short.mp4"),
    ],
)
async def test_broken_files_never_get_a_thumbnail(
    simulator: Simulator, client: Client, data: bytes, name: str
) -> None:
    """They are kept as they are."""
    asset = await _processed(simulator, client, data, name=name)
    assert asset["thumbhash"] is None
    status, _ = await client.ask("GET", f"/api/assets/{asset['id']}/thumbnail")
    assert status == 404
    assert simulator.asset_bytes(asset["id"]) == data


async def test_thumbnails(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """WebP and JPEG of the expected size, upright, with an ETag that works."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.linear_gradient("L").resize((800, 600)).convert("RGB")
    buffer = BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    asset = await _processed(simulator, client, buffer.getvalue())
    assert (asset["width"], asset["height"]) == (600, 800)
    url = f"{simulator.url}/api/assets/{asset['id']}/thumbnail"
    headers = {"x-api-key": client.key}
    async with session.get(url, headers=headers) as response:
        assert response.content_type == "image/webp"
        assert Image.open(BytesIO(await response.read())).size == (250, 333)
        tag = response.headers["ETag"]
    async with session.get(url, headers={**headers, "If-None-Match": tag}) as response:
        assert response.status == 304
    async with session.get(f"{url}?size=preview", headers=headers) as response:
        assert response.content_type == "image/jpeg"
        assert Image.open(BytesIO(await response.read())).size == (600, 800)


def test_thumbnails_appear_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets a part of one, or the ETag of a part."""
    path, small, large = (tmp_path / name for name in ("a.jpg", "small", "large"))
    path.write_bytes(picture(1))
    there: list[tuple[bool, bool]] = []
    save = Image.Image.save

    def watched(image: Image.Image, file: Path, *args: Any, **options: Any) -> None:
        save(image, file, *args, **options)
        there.append((large.exists(), small.exists()))

    monkeypatch.setattr(Image.Image, "save", watched)
    assert make_thumbnails(path, small, large)
    assert there == [(False, False), (True, False)]
    assert set(tmp_path.iterdir()) == {path, small, large}


async def test_edits_are_read_back(simulator: Simulator, client: Client) -> None:
    """A changed date moves the asset when the job has run again."""
    asset = await _processed(simulator, client, picture(1))
    path = f"/api/assets/{asset['id']}"
    _, changed = await client.ask(
        "PUT", path, {"dateTimeOriginal": "2020-01-02T03:04:05+02:00", "rating": 3}
    )
    assert changed["exifInfo"]["dateTimeOriginal"] == "2020-01-02T01:04:05+00:00"
    assert changed["fileCreatedAt"] == asset["fileCreatedAt"]
    await simulator.idle()
    _, changed = await client.ask("GET", path)
    assert changed["fileCreatedAt"] == "2020-01-02T01:04:05.000Z"
    assert changed["localDateTime"] == "2020-01-02T03:04:05.000Z"
    assert changed["exifInfo"]["rating"] == 3


async def test_deletion_is_a_short_job(simulator: Simulator, client: Client) -> None:
    """Until it has run the asset is still in the way; afterwards nothing is left."""
    simulator.jobs.deletion_delay = 3600
    data = picture(1)
    asset = await _processed(simulator, client, data)
    files = [path for path in simulator.backend.data_dir.rglob("*.*") if path.is_file()]
    assert len([path for path in files if "sqlite" not in path.name]) == 3
    doomed = {"ids": [asset["id"]], "force": True}
    assert (await client.ask("DELETE", "/api/assets", doomed))[0] == 204
    assert await client.upload(data) == (
        200,
        {"status": "duplicate", "id": asset["id"]},
    )
    await simulator.idle()
    assert simulator.assets() == []
    files = [path for path in simulator.backend.data_dir.rglob("*.*") if path.is_file()]
    assert [path for path in files if "sqlite" not in path.name] == []
    assert created_id(await client.upload(data)) != asset["id"]


async def test_external_assets(
    simulator: Simulator, client: Client, tmp_path: Path
) -> None:
    """They are shown and found, but never by their content."""
    path = tmp_path / "holiday.jpg"
    data = picture(1)
    path.write_bytes(data)
    external = await simulator.add_external_asset(path)
    await simulator.idle()
    _, asset = await client.ask("GET", f"/api/assets/{external.id}")
    assert asset["libraryId"] == external.library_id
    assert asset["originalPath"] == str(path)
    assert asset["thumbhash"]
    uploaded = created_id(await client.upload(data))
    assert uploaded != external.id
    _, me = await client.ask("GET", "/api/users/me")
    assert me["quotaUsageInBytes"] == len(data)
    await simulator.delete(external.id)
    assert path.read_bytes() == data
    status, body = await client.ask(
        "POST",
        "/_sim/external-assets",
        {"ownerId": simulator.admin().id, "path": str(path), "offline": True},
    )
    assert status == 201
    assert simulator.asset(body["id"]).offline


async def test_archive(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """Equal names get a number, and the bytes are those that came."""
    pictures = [picture(number) for number in range(3)]
    ids = [created_id(await client.upload(data, "same.jpg")) for data in pictures]
    async with session.post(
        f"{simulator.url}/api/download/archive",
        json={"assetIds": ids},
        headers={"x-api-key": client.key},
    ) as response:
        archive = ZipFile(BytesIO(await response.read()))
    assert archive.namelist() == ["same.jpg", "same+1.jpg", "same+2.jpg"]
    assert [archive.read(name) for name in archive.namelist()] == pictures


async def test_python_access(simulator: Simulator, client: Client) -> None:
    """Trash, delete and ask from the outside."""
    asset_id = created_id(await client.upload(picture(1)))
    await simulator.trash(asset_id)
    assert simulator.asset(asset_id).trashed
    _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
    assert asset["isTrashed"] is True
    await simulator.delete(asset_id)
    with pytest.raises(LookupError):
        simulator.asset(asset_id)
    with pytest.raises(LookupError):
        await simulator.delete(asset_id)


async def test_copied_data_folder_is_another_server(
    client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    """A backup of the server's folder serves its own files and removes only those."""
    data = picture(1)
    asset_id = created_id(await client.upload(data))
    await simulator.idle()
    clone = tmp_path / "clone"
    with sqlite3.connect(simulator.backend.data_dir / "immich.sqlite") as source:
        clone.mkdir()
        with sqlite3.connect(clone / "immich.sqlite") as target:
            source.backup(target)
        target.close()
    source.close()
    shutil.copytree(simulator.backend.data_dir / "upload", clone / "upload")
    async with Simulator(clone, api_key=simulator.api_key) as copied:
        assert copied.asset_bytes(asset_id) == data
        await copied.delete(asset_id)
        assert copied.assets() == []
    assert simulator.asset_bytes(asset_id) == data


async def test_occupied_port(simulator: Simulator) -> None:
    """A server that cannot listen says so and leaves nothing behind."""
    port = int(simulator.url.rpartition(":")[2])
    second = Simulator(port=port)
    with pytest.raises(OSError, match="in use"):
        await second.open()
    with pytest.raises(RuntimeError):
        _ = second.backend
