"""Misbehaviour: each kind does what it says, to the requests it should strike."""

import asyncio
from hashlib import sha1
from typing import Any

import aiohttp
import pytest

from simulator import Action, Damage, Fault, Simulator, When
from simulator.faults import CANNED, fault_from_json

from .client import Client, created_id, form, picture


async def _broken(client: Client, data: bytes) -> None:
    """Upload something, which must end with a broken connection."""
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await client.upload(data)


@pytest.mark.parametrize("action", [Action.CLOSE, Action.RESET])
@pytest.mark.parametrize(
    ("when", "stored"), [(When.BEFORE, 0), (When.BODY, 0), (When.AFTER, 1)]
)
async def test_broken_connection(
    simulator: Simulator, client: Client, action: Action, when: When, stored: int
) -> None:
    """The connection breaks before, within or after the work, as wanted."""
    simulator.faults.add(Fault(action=action, when=when, times=1))
    await _broken(client, picture(1))
    assert len(simulator.assets()) == stored
    assert (await client.upload(picture(1)))[0] == (200 if stored else 201)


async def test_reset_within_the_body(simulator: Simulator, client: Client) -> None:
    """The server reads so many bytes and no more."""
    fault = simulator.faults.add(
        Fault(action=Action.RESET, method="POST", at_byte=500_000)
    )
    await _broken(client, bytes(5_000_000))
    assert fault.struck == 1
    assert simulator.requests.matching("POST", "/api/assets")[0].received == 500_000
    assert simulator.assets() == []


@pytest.mark.parametrize(("when", "stored"), [(When.BODY, 0), (When.AFTER, 1)])
async def test_answer_never_comes(
    simulator: Simulator, client: Client, when: When, stored: int
) -> None:
    """A hanging request ends when the faults are cleared, without an answer."""
    simulator.faults.add(Fault(action=Action.HANG, when=when))
    upload = asyncio.create_task(client.upload(picture(1)))
    done, _ = await asyncio.wait([upload], timeout=0.3)
    assert not done
    assert len(simulator.assets()) == stored
    simulator.faults.clear()
    with pytest.raises(aiohttp.ClientError):
        await upload


@pytest.mark.parametrize("name", CANNED)
async def test_canned_answer(
    simulator: Simulator, session: aiohttp.ClientSession, name: str
) -> None:
    """Proxies and broken servers have their own way to answer."""
    simulator.faults.add(Fault(action=Action.RESPOND, canned=name))
    canned = CANNED[name]
    async with session.post(
        f"{simulator.url}/api/assets",
        data=form(picture(1)),
        headers={"x-api-key": simulator.api_key},
        allow_redirects=False,
    ) as response:
        assert response.status == canned.status
        assert await response.text() == canned.body
        for header, value in canned.headers.items():
            assert response.headers[header] == value
        assert "X-Powered-By" not in response.headers
    assert simulator.assets() == []


async def test_proxy_refuses_only_what_is_too_large(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """A body limit strikes by the announced length; the rest may stay unread."""
    simulator.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            body_over=1_000_000,
            keep_alive=False,
        )
    )
    created_id(await client.upload(bytes(900_000)))
    async with session.post(
        f"{simulator.url}/api/assets",
        data=form(bytes(2_000_000)),
        headers={"x-api-key": simulator.api_key},
    ) as response:
        assert response.status == 413
        assert response.headers["Connection"] == "close"


async def test_answer_replaced_after_commit(
    simulator: Simulator, session: aiohttp.ClientSession, client: Client
) -> None:
    """A gateway may give up on something that was done."""
    simulator.faults.add(
        Fault(action=Action.RESPOND, canned="gateway-timeout", when=When.AFTER)
    )
    async with session.post(
        f"{simulator.url}/api/assets",
        data=form(picture(1)),
        headers={"x-api-key": simulator.api_key},
    ) as response:
        assert response.status == 504
    assert len(simulator.assets()) == 1


async def test_latency_and_throttle(simulator: Simulator, client: Client) -> None:
    """Slowness is measurable and changes nothing else."""
    loop = asyncio.get_running_loop()
    latency = simulator.faults.add(Fault(action=Action.LATENCY, seconds=0.3))
    started = loop.time()
    await client.ask("GET", "/api/server/ping")
    assert loop.time() - started >= 0.3
    simulator.faults.remove(latency)
    simulator.faults.add(Fault(action=Action.THROTTLE, rate=500_000))
    started = loop.time()
    created_id(await client.upload(bytes(200_000)))
    assert loop.time() - started >= 0.4


@pytest.mark.parametrize("damage", Damage)
@pytest.mark.parametrize("on_disk", [False, True])
async def test_altered_bytes(
    simulator: Simulator, client: Client, damage: Damage, *, on_disk: bool
) -> None:
    """What is stored is not what was sent; the checksum tells unless it lies too."""
    data = picture(1)
    simulator.faults.add(Fault(action=Action.ALTER, damage=damage, on_disk=on_disk))
    asset = simulator.asset(created_id(await client.upload(data)))
    stored = simulator.asset_bytes(asset.id)
    assert stored != data
    assert len(stored) == len(data) - (damage is Damage.TAIL)
    told = data if on_disk else stored
    assert asset.sha1 == sha1(told).hexdigest()
    assert asset.size == len(told)


async def test_lies(simulator: Simulator, client: Client) -> None:
    """201 without an asset, and a duplicate that nobody has."""
    simulator.faults.add(Fault(action=Action.FORGET, times=1))
    lost = created_id(await client.upload(picture(1)))
    assert (await client.ask("GET", f"/api/assets/{lost}"))[0] == 400
    simulator.faults.add(Fault(action=Action.DUPLICATE, times=1))
    status, body = await client.upload(picture(1))
    assert (status, body["status"]) == (200, "duplicate")
    assert simulator.assets() == []
    assert (await client.upload(picture(1)))[0] == 201


async def test_cut_answer(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """A download breaks off after so many bytes."""
    asset_id = created_id(await client.upload(bytes(3_000_000), "a.mp4"))
    simulator.faults.add(Fault(action=Action.CUT_ANSWER, at_byte=1_000_000))
    async with session.get(
        f"{simulator.url}/api/assets/{asset_id}/original",
        headers={"x-api-key": client.key},
    ) as response:
        assert response.headers["Content-Length"] == "3000000"
        received = await response.content.readexactly(1_000_000)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.readany()
    assert received == bytes(1_000_000)


async def test_outages(simulator: Simulator, client: Client) -> None:
    """Disk full, database down, maintenance, another version."""
    simulator.faults.disk_full = True
    for size in (1_000, 5_000_000):
        status, body = await client.upload(bytes(size))
        assert (status, body) == (500, {"message": "Failed to upload asset"})
    simulator.faults.clear()
    simulator.faults.database_down = True
    assert (await client.ask("GET", "/api/server/ping"))[0] == 200
    assert (await client.ask("GET", "/api/users/me"))[0] == 500
    assert (await client.upload(picture(1)))[0] == 500
    simulator.faults.clear()
    simulator.faults.maintenance = True
    status, config = await client.ask("GET", "/api/server/config")
    assert (status, config) == (200, {"maintenanceMode": True})
    status, body = await client.upload(picture(1))
    assert (status, body) == (404, {"message": "Cannot POST /api/assets"})
    simulator.faults.clear()
    simulator.faults.version = "2.7.5"
    _, version = await client.ask("GET", "/api/server/version")
    assert version == {"major": 2, "minor": 7, "patch": 5}
    assert simulator.assets() == []


async def test_refused_connections(
    simulator: Simulator, client: Client, session: aiohttp.ClientSession
) -> None:
    """A stopped server refuses; started again it has everything, on its port."""
    asset_id = created_id(await client.upload(picture(1)))
    await simulator.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.ask("GET", "/api/server/ping")
    await simulator.start()
    assert client.url == simulator.url
    assert (await client.ask("GET", f"/api/assets/{asset_id}"))[0] == 200


async def test_stop_cuts_running_uploads(simulator: Simulator, client: Client) -> None:
    """A restart is felt by who is uploading."""
    simulator.faults.add(Fault(action=Action.THROTTLE, rate=100_000))
    upload = asyncio.create_task(client.upload(bytes(2_000_000)))
    done, _ = await asyncio.wait([upload], timeout=0.3)
    assert not done
    await simulator.stop()
    with pytest.raises(aiohttp.ClientError):
        await upload
    assert simulator.assets() == []


async def test_matching(simulator: Simulator, client: Client) -> None:
    """Method, path, header, skip and times choose the requests."""
    fault = simulator.faults.add(
        Fault(
            action=Action.RESPOND,
            status=503,
            body="{}",
            method="get",
            path="/api/server",
            path_regex="ping$",
            header=("x-api-key", "^all"),
            skip=1,
            times=2,
        )
    )
    statuses = [(await client.ask("GET", "/api/server/ping"))[0] for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert (await client.ask("GET", "/api/server/version"))[0] == 200
    assert (fault.seen, fault.struck) == (5, 2)


def test_probability_is_reproducible() -> None:
    """The same seed strikes the same requests."""

    def pattern(seed: int) -> list[bool]:
        fault = Fault(action=Action.CLOSE, probability=0.5, seed=seed)
        return [fault.strikes("GET", "/", {}) for _ in range(64)]

    assert pattern(1) == pattern(1)
    assert pattern(1) != pattern(2)
    assert 16 < sum(pattern(1)) < 48


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"action": "explode"}, "explode"),
        ({}, "action"),
        ({"action": "close", "mood": "bad"}, "mood"),
        ({"action": "throttle"}, "rate"),
        ({"action": "respond", "canned": "fish"}, "canned"),
        ({"action": "close", "path_regex": "("}, "unterminated"),
    ],
)
def test_invalid_fault(values: dict[str, Any], message: str) -> None:
    """What makes no sense is refused in words."""
    with pytest.raises(ValueError, match=message):
        fault_from_json(values)


async def test_hidden_endpoints(simulator: Simulator, client: Client) -> None:
    """Everything can be switched, and everything seen, by HTTP."""
    status, fault = await client.ask(
        "POST", "/_sim/faults", {"action": "respond", "canned": "bad-gateway"}
    )
    assert (status, fault["struck"]) == (201, 0)
    with pytest.raises(aiohttp.ContentTypeError):
        await client.upload(picture(1))
    status, state = await client.ask("DELETE", "/_sim/faults")
    assert state["faults"] == []
    status, body = await client.ask("POST", "/_sim/faults", {"action": "explode"})
    assert (status, "explode" in body["message"]) == (400, True)
    created_id(await client.upload(picture(1), "Ünï.jpg"))
    _, dump = await client.ask("GET", "/_sim/assets")
    assert dump[0]["sha1"] == sha1(picture(1)).hexdigest()
    assert dump[0]["original_file_name"] == "Ünï.jpg"
    assert dump[0]["trashed"] is False
    _, log = await client.ask("GET", "/_sim/requests")
    (row,) = (row for row in log["requests"] if row["path"] == "/api/assets")
    assert row["statuses"] == {"502": 1, "201": 1}
    assert row["bytesReceived"] > len(picture(1))
    owner = simulator.admin().id
    await client.ask("PUT", "/_sim/quota", {"userId": owner, "quotaSizeInBytes": 1})
    assert (await client.upload(picture(2)))[0] == 400
    _, state = await client.ask("PUT", "/_sim/state", {"maintenance": True})
    assert state["maintenance"] is True
    assert (await client.ask("GET", "/api/users/me"))[0] == 404
    assert (await client.ask("PUT", "/_sim/state", {"weather": 1}))[0] == 400
    assert (await client.ask("GET", "/_sim/nothing"))[0] == 404
