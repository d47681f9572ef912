"""The client on Home Assistant's own client session."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest

from custom_components.immich_backup.immich import ImmichClient, errors
from simulator import Simulator

from .calls import Content, asset
from .conftest import CANARY
from .server import RawServer, answers, http

MEGABYTE = 1024 * 1024


async def test_uploads(hass: HomeAssistant, immich: Simulator) -> None:
    """Uploads, early answers and checks work on the shared session."""
    client = ImmichClient(async_get_clientsession(hass), immich.url, CANARY)
    await client.require_supported()
    assert not (await client.upload_asset(asset())).duplicate
    content = Content(30 * MEGABYTE)
    stored = await client.upload_asset(content.upload())
    again = Content(30 * MEGABYTE)
    assert (await client.upload_asset(again.upload())).duplicate
    assert again.read < again.size
    (check,) = await client.bulk_upload_check([content.checksum()])
    assert check.asset_id == stored.asset_id


@pytest.mark.parametrize("location", ["http://localhost:9/", "http://[::1]/", "//["])
async def test_redirects(hass: HomeAssistant, location: str) -> None:
    """A redirect is no more than an error there too."""
    redirect = http(307, headers={"Location": location})
    async with RawServer(answers(other=redirect)) as server:
        client = ImmichClient(async_get_clientsession(hass), server.address, CANARY)
        with pytest.raises(errors.ProtocolError):
            await client.upload_asset(asset())
        assert len(server.exchanges) == 1
