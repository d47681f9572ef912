"""Fixtures of the tests of how a message reaches its targets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
import hashlib
from importlib.util import find_spec
import io
import os
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.immich_backup.delivery import films
from custom_components.immich_backup.delivery.clips import Clips, shelf_of
from custom_components.immich_backup.immich import AssetUpload, ImmichClient
from demo.roku import RokuTv
from simulator import Simulator
from tests.support.home import API_KEY, PATIENCE

from .support import TEAL, Voice, add_voice, find_ffmpeg

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def config_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Let whatever is kept be kept in the test's folder."""
    config = tmp_path / "config"
    config.mkdir(exist_ok=True)
    hass.config.config_dir = str(config)


@pytest.fixture(autouse=True)
def ffmpeg_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Home Assistant find ffmpeg, if it came as a package."""
    if (found := find_ffmpeg()) is not None:
        folder = str(Path(found).parent)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def voice(hass: HomeAssistant) -> Voice:
    """Return an engine that speaks."""
    return await add_voice(hass, Voice())


@pytest.fixture
async def tv() -> AsyncIterator[RokuTv]:
    """Return a Roku TV that is on and shows its home screen.

    There is only one port for it, which other tests may need at the same time.
    """
    tv = RokuTv()
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await stack.enter_async_context(tv)
                except OSError:
                    await asyncio.sleep(0.2)
                else:
                    break
        yield tv


@pytest.fixture
async def address(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> str:
    """Return where Home Assistant's web server listens, as it tells players itself."""
    for component in ("http", "media_player", "media_source", "tts"):
        assert await async_setup_component(hass, component, {})
    # Home Assistant's own web server takes addresses later, too; that of the tests does not.
    assert shelf_of(hass) is not None
    client = await hass_client_no_auth()
    hass.config.internal_url = str(client.make_url("/")).rstrip("/")
    return hass.config.internal_url


@pytest.fixture
async def asset_id(immich: Simulator, hass: HomeAssistant) -> str:
    """Return an asset of the server: a photo in one colour."""
    file = io.BytesIO()
    Image.new("RGB", (1600, 1200), TEAL).save(file, "JPEG")
    content = file.getvalue()
    client = ImmichClient(async_get_clientsession(hass), immich.url, API_KEY)
    stored = await client.upload_asset(
        AssetUpload(
            name="teal.jpg",
            size=len(content),
            checksum=hashlib.sha1(content).digest(),
            created_at=NOON,
            modified_at=NOON,
            content=content,
        )
    )
    await immich.idle()
    return stored.asset_id


@pytest.fixture
async def clips(hass: HomeAssistant, immich: Simulator) -> Clips:
    """Return the clips of an account that may see its photos."""
    return Clips(hass, ImmichClient(async_get_clientsession(hass), immich.url, API_KEY))


@pytest.fixture(params=["ffmpeg", "av"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let films be made by ffmpeg, and by PyAV, where they are."""
    found = find_ffmpeg() if request.param == "ffmpeg" else find_spec("av") and "av"
    if not found:
        pytest.skip(f"{request.param} is not installed")
    monkeypatch.setattr(films, "tools", lambda: [found])
    return found


@pytest.fixture
def no_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be there that makes films."""
    monkeypatch.setattr(films, "tools", list)
