"""When a file was taken is what the server shows for it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import BytesIO

import aiohttp
import pytest

from custom_components.immich_backup.engine.media import (
    Witnesses,
    capture_time,
    read_facts,
    read_sidecar,
)
from simulator import Simulator
from tests.simulator.client import Client, created_id
from tests.support import media

TEXT = "2024:05:01 10:11:12"
CREATED = 3_797_395_872
XMP = media.xmp('exif:DateTimeOriginal="2023-02-01T03:04:05+05:00"').encode()
FILES = {
    "original.jpg": media.jpeg(
        media.tiff({}, {0x9003: TEXT, 0x9004: "2020:01:01 00:00:00"})
    ),
    "offset.jpg": media.jpeg(media.tiff({}, {0x9003: TEXT, 0x9011: "+02:00"})),
    "ahead.jpg": media.jpeg(media.tiff({}, {0x9003: TEXT, 0x9011: "+14:00"})),
    "digitized.jpg": media.jpeg(media.tiff({}, {0x9004: TEXT})),
    "photo.heic": media.heic(media.tiff({}, {0x9003: TEXT, 0x9011: "-09:30"})),
    "header.mp4": media.Video(created=CREATED, brand=b"isom").data(),
}


@pytest.fixture
async def client(server: Simulator) -> AsyncIterator[Client]:
    """Return a client of the server."""
    async with aiohttp.ClientSession() as session:
        yield Client(session, server.url, server.api_key)


@pytest.mark.parametrize("sidecar", [None, XMP])
@pytest.mark.parametrize("name", FILES)
async def test_local_time(
    server: Simulator, client: Client, name: str, sidecar: bytes | None
) -> None:
    """With and without a sidecar, which counts most."""
    upload = {} if sidecar is None else {"sidecar": sidecar}
    asset_id = created_id(await client.upload(FILES[name], name, **upload))
    await server.idle()
    _, asset = await client.ask("GET", f"/api/assets/{asset_id}")
    moment, _ = capture_time(
        Witnesses(
            own=read_facts(BytesIO(FILES[name]), name),
            sidecar=None if sidecar is None else read_sidecar(BytesIO(sidecar)),
        ),
        name,
        0,
        UTC,
    )
    shown = datetime.fromisoformat(asset["localDateTime"])
    assert moment.replace(tzinfo=None) == shown.replace(tzinfo=None)
    assert moment == datetime.fromisoformat(asset["fileCreatedAt"])
