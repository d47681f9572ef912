"""What may happen to a request on its way, and what may come back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import gzip
import itertools
import json
import tracemalloc
import zlib

import aiohttp
import pytest

from custom_components.immich_backup.immich import (
    ImmichClient,
    client as client_module,
    errors,
    stream,
    transport,
)

from .calls import ALL_CALLS, PIECE, client_tasks, until
from .conftest import CANARY, Connect
from .server import Exchange, Handler, RawServer, answers, brief, http

type Call = Callable[[ImmichClient], Awaitable[object]]

VERSION = http(200, {"major": 3, "minor": 0, "patch": 3, "prerelease": None})
ME = http(200, {"id": "u1", "name": "Ann", "email": "ann@example.com"})


async def forget(exchange: Exchange) -> None:
    """Read a request and never answer."""
    await exchange.drain_body()
    await exchange.reader.read()
    exchange.writer.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ALL_CALLS.values(), ids=ALL_CALLS.keys())
async def test_redirects_are_not_followed(
    connect: Connect, call: Call, status: int
) -> None:
    """Neither the key nor a body ever reaches another origin."""
    async with RawServer(answers(other=ME)) as other:
        location = f"http://me:pw@127.0.0.1:{other.port}/login?token=secret#top"
        redirect = http(status, headers={"Location": location})
        async with RawServer(answers(other=redirect)) as server:
            with pytest.raises(errors.RedirectedError) as caught:
                await call(connect(server.address))
        assert other.connections == 0
    assert caught.value.location == f"{other_address(location)}/login"
    assert caught.value.status == status
    assert len(server.exchanges) == 1


def other_address(location: str) -> str:
    """Return the origin of a URL that has a user and a password."""
    return "http://" + location.partition("@")[2].partition("/")[0]


@pytest.mark.parametrize(
    "location", ["", "javascript:alert(1)", "//[", "http://h:99999/", "\x80"]
)
async def test_redirect_to_nonsense(connect: Connect, location: str) -> None:
    """A redirect to whatever is a redirect."""
    async with RawServer(
        answers(other=http(302, headers={"Location": location}))
    ) as server:
        with pytest.raises(errors.RedirectedError):
            await connect(server.address).me()


@pytest.mark.parametrize(
    "answer",
    [
        http(200, "{", headers={"Content-Type": "application/json"}),
        http(200, "", headers={"Content-Type": "application/json"}),
        http(200, "null", headers={"Content-Type": "application/json"}),
        http(200, "\udcff", headers={"Content-Type": "application/json"}),
        http(200, '"\\ud800"', headers={"Content-Type": "application/json"}),
        http(200, "[" * 100_000, headers={"Content-Type": "application/json"}),
        http(200, '{"id":"u1","status":"created"}'),
        http(200, "<html>Please log in</html>"),
        http(200, headers={"Content-Encoding": "gzip", "Content-Length": "0"}),
        http(200),
        http(201),
        http(404, {"message": "Cannot find it", "statusCode": 404}),
        http(404, "<html>Not found</html>"),
        http(101),
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nA" + b"a" * 100_000 + b": b\r\n\r\n",
    ],
    ids=brief,
)
@pytest.mark.parametrize("call", ALL_CALLS.values(), ids=ALL_CALLS.keys())
async def test_not_immich(connect: Connect, call: Call, answer: bytes) -> None:
    """What is not JSON of Immich is a ProtocolError, for every call."""
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.ProtocolError):
            await call(connect(server.address))


_ROW = {"id": "0", "action": "reject", "reason": "duplicate", "assetId": "a1"}
_WRONG: dict[str, list[object]] = {
    "version": [
        [],
        {"major": 3, "minor": 0},
        {"major": "3", "minor": 0, "patch": 3},
        {"major": True, "minor": 0, "patch": 3},
        {"major": 3.5, "minor": 0, "patch": 3},
    ],
    "media_types": [[], {"image": [], "video": []}, {"image": 1, "video": 1}],
    "api_key": [
        [],
        {"id": "k1", "name": "Backup"},
        {"id": "", "name": "Backup", "permissions": []},
        {"id": "k1", "name": "Backup", "permissions": "all"},
    ],
    "me": [[], "x", 1, {}, {"id": 1}, {"id": None}, {"id": ""}],
    "storage": [[], {"diskAvailableRaw": 1}, {"diskSizeRaw": 1}],
    "bulk_upload_check": [
        [],
        {},
        {"results": None},
        {"results": []},
        {"results": [None]},
        {"results": [{**_ROW, "id": 0}]},
        {"results": [{**_ROW, "id": []}]},
        {"results": [{**_ROW, "id": "1"}]},
        {"results": [_ROW, {**_ROW, "id": "1"}]},
        {"results": [{**_ROW, "action": "replace"}]},
        {"results": [{**_ROW, "action": None}]},
        {"results": [{**_ROW, "assetId": ""}]},
        {"results": [{**_ROW, "assetId": None}]},
    ],
    "upload_asset": [
        [],
        {"status": "created"},
        {"status": "created", "id": ""},
        {"status": "created", "id": 1},
        {"status": "replaced", "id": "a1"},
        {"id": "a1"},
    ],
    "albums": [{}, [None], [{"id": "b1"}], [{"id": "", "albumName": "Home"}]],
    "create_album": [[], {"id": "b1"}, {"id": "", "albumName": "Home"}],
    "add_to_album": [{}, [None], [{"success": True}], [{"id": [], "success": True}]],
    "upsert_tags": [{}, [None], [{"id": "t1"}], [{"id": "", "value": "Home"}]],
}


@pytest.mark.parametrize(
    ("name", "data"),
    [(name, data) for name, wrong in _WRONG.items() for data in [*wrong, None]],
    ids=brief,
)
async def test_wrong_shape(connect: Connect, name: str, data: object) -> None:
    """JSON that is not the answer to the question is a ProtocolError."""
    answer = http(204) if data is None else http(200, data)
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.ProtocolError):
            await ALL_CALLS[name](connect(server.address))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999", 86400),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_retry_after(
    connect: Connect, status: int, value: str, seconds: float
) -> None:
    """The server's wish to wait is understood, within a day."""
    answer = http(status, headers={"Retry-After": value})
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await connect(server.address).me()
    assert caught.value.retry_after == seconds


async def test_retry_after_a_date(connect: Connect) -> None:
    """A date is as far away as the clock says."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    answer = http(503, headers={"Retry-After": date})
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await connect(server.address).me()
    assert caught.value.retry_after is not None
    assert 3500 < caught.value.retry_after <= 3600


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "Fri, 99 Dec 1999 23:59:59 +9999", "\u00b2"]
)
async def test_unusable_retry_after(connect: Connect, value: str) -> None:
    """Any other wish is none."""
    answer = http(503, headers={"Retry-After": value})
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await connect(server.address).me()
    assert caught.value.retry_after is None


async def endless(exchange: Exchange) -> None:
    """Answer with a text that never ends."""
    await exchange.drain_body()
    await exchange.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"')
    while True:
        await exchange.send(b" " * PIECE)


async def gzip_bomb(exchange: Exchange) -> None:
    """Answer with a few kilobytes that become 256 megabytes."""
    packer = zlib.compressobj(9, wbits=31)
    megabyte = bytes(1024 * 1024)
    raw = b"".join([*(packer.compress(megabyte) for _ in range(256)), packer.flush()])
    await exchange.drain_body()
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    await exchange.send(http(200, raw, headers=headers))


@pytest.mark.parametrize("handler", [endless, gzip_bomb])
async def test_memory_is_bounded(connect: Connect, handler: Handler) -> None:
    """An answer without end, or one that swells, is given up and costs no memory."""
    async with RawServer(handler) as server:
        client = connect(server.address)
        tracemalloc.start()
        try:
            with pytest.raises(errors.ProtocolError, match="too long"):
                await client.me()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 3 * transport.MAX_ANSWER


async def test_endless_error_page(connect: Connect) -> None:
    """Only the beginning of an error page is read."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        while True:
            await exchange.send(b"<p>" * 10_000)

    async with RawServer(handle) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await connect(server.address).me()
    assert caught.value.status == 502


async def test_compressed_answers(connect: Connect) -> None:
    """A proxy may compress answers."""
    answer = http(
        200,
        gzip.compress(json.dumps({"id": "u1"}).encode()),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    async with RawServer(answers(other=answer)) as server:
        assert (await connect(server.address).me()).id == "u1"


async def test_silence(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers is given up, for every call."""
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.05)
    monkeypatch.setattr(stream, "_STORE_TIMEOUT", 0.05)
    async with RawServer(forget) as server:
        for call in ALL_CALLS.values():
            with pytest.raises(errors.ConnectionFailedError) as caught:
                await call(connect(server.address))
            assert caught.value.status is None
        assert len(server.exchanges) == len(ALL_CALLS)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Header: ",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        b"HTTP/1.1 500 Sorry\r\nContent-Type: application/json\r\n\r\n",
    ],
    ids=["no head", "head", "body", "error"],
)
@pytest.mark.parametrize("name", ["me", "upload_asset", "upload_asset_stream"])
async def test_a_trickle(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str, start: bytes
) -> None:
    """A server that says a byte now and then, for ever, is given up too."""
    monkeypatch.setattr(transport, "ANSWER_TIMEOUT", 0.3)
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.3)
    monkeypatch.setattr(stream, "_STORE_TIMEOUT", 0.3)
    drops = 0

    async def trickle(exchange: Exchange) -> None:
        nonlocal drops
        await exchange.drain_body()
        await exchange.send(start)
        # Without a start, for ever "go on", which is no answer.
        for drop in itertools.cycle([b" "] if start else [b"HTTP/1.1 100 C\r\n\r\n"]):
            await exchange.send(drop)
            await asyncio.sleep(0.002)
            drops += 1

    async with RawServer(trickle) as server:
        with pytest.raises(errors.ConnectionFailedError):
            await ALL_CALLS[name](connect(server.address))
    assert drops > 20


async def test_half_open_server(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes the connection and does not even speak TLS is given up."""
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 0.05)
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT", 0.05)

    async def never(_: Exchange) -> None:
        raise AssertionError

    async with RawServer(never) as server:
        address = server.address.replace("http:", "https:")
        for call in ALL_CALLS.values():
            with pytest.raises(errors.ConnectionFailedError, match="not answer"):
                await call(ImmichClient(session, address, CANARY))


async def test_nobody_there(connect: Connect) -> None:
    """A refused connection is named."""
    async with RawServer(forget) as server:
        address, port = server.address, server.port
    for call in ALL_CALLS.values():
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await call(connect(address))
        assert str(caught.value) == (
            f"Can't connect to the server: nothing answers at 127.0.0.1, port {port}"
        )


async def test_unknown_host(session: aiohttp.ClientSession) -> None:
    """A name that does not exist is a failed connection."""
    with pytest.raises(
        errors.ConnectionFailedError, match="no address is known for nowhere.invalid"
    ):
        await ImmichClient(session, "http://nowhere.invalid", CANARY).me()


@pytest.mark.parametrize("cut", [10, 60, 120])
@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("call", ALL_CALLS.values(), ids=ALL_CALLS.keys())
async def test_cut_answer(connect: Connect, call: Call, reset: bool, cut: int) -> None:
    """An answer that breaks off, in its head or its body, is a broken connection."""
    answer = http(200, {"id": "x", "status": "created", "name": "y" * 50})

    async def handle(exchange: Exchange) -> None:
        await exchange.drain_body()
        await exchange.send(answer[:cut])
        if reset:
            exchange.reset()
        exchange.writer.close()

    async with RawServer(handle) as server:
        with pytest.raises(errors.ConnectionFailedError, match="broke"):
            await call(connect(server.address))


# What is sent again when the server closes a kept connection as it is used. A second
# album of the same name would be one too many, and a stream is spent.
_NOT_RESENT = ("create_album", "create_stack", "upload_asset_stream")


@pytest.mark.parametrize("name", ALL_CALLS)
async def test_closed_while_idle(connect: Connect, name: str) -> None:
    """A kept connection that the server closes just now is replaced once."""

    async def handle(exchange: Exchange) -> None:
        await exchange.drain_body()
        if len(server.exchanges) == 2:
            exchange.writer.close()
        else:
            await exchange.send(VERSION if len(server.exchanges) == 1 else http(401))

    async with RawServer(handle) as server:
        client = connect(server.address)
        await client.version()
        expected = (
            errors.ConnectionFailedError
            if name in _NOT_RESENT
            else errors.UnauthorisedError
        )
        with pytest.raises(expected):
            await ALL_CALLS[name](client)
        assert len(server.exchanges) == (2 if name in _NOT_RESENT else 3)
        assert server.connections == (1 if name in _NOT_RESENT else 2)
        if name not in _NOT_RESENT:
            first, second = server.exchanges[1:]
            assert first.target == second.target
            assert first.received == second.received


@pytest.mark.parametrize("name", ALL_CALLS)
async def test_never_more_than_twice(connect: Connect, name: str) -> None:
    """A server that always hangs up is asked twice at most."""

    async def handle(exchange: Exchange) -> None:
        await exchange.drain_body()
        exchange.writer.close()

    async with RawServer(handle) as server:
        with pytest.raises(errors.ConnectionFailedError):
            await ALL_CALLS[name](connect(server.address))
        assert len(server.exchanges) == (1 if name in _NOT_RESENT else 2)


async def test_cancelled_while_waiting(connect: Connect) -> None:
    """A cancelled request leaves neither a task nor a connection."""
    async with RawServer(forget) as server:
        for call in ALL_CALLS.values():
            count = len(server.exchanges)
            task = asyncio.ensure_future(call(connect(server.address)))
            await until(lambda count=count: len(server.exchanges) > count)  # type: ignore[misc]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: client_tasks() == {asyncio.current_task()})


async def test_closed_session(connect: Connect, session: aiohttp.ClientSession) -> None:
    """After the end of the session every call fails like a lost connection."""
    client = connect("http://127.0.0.1:9")
    await session.close()
    for call in ALL_CALLS.values():
        with pytest.raises(errors.ConnectionFailedError, match="shut down"):
            await call(client)


async def test_headers(session: aiohttp.ClientSession) -> None:
    """Extra headers are sent along, but can't touch what belongs to the protocol."""
    extra = {
        "CF-Access-Client-Id": "door",
        "Cookie": "pass=1",
        "X-API-Key": "other",
        "content-length": "1",
        "Transfer-Encoding": "chunked",
        "Content-Type": "text/plain",
        "X-Immich-Checksum": "0" * 40,
        "Accept": "text/html",
    }
    async with RawServer(answers(other=http(401))) as server:
        client = ImmichClient(session, server.address, CANARY, headers=extra)
        for call in ALL_CALLS.values():
            with pytest.raises(errors.UnauthorisedError):
                await call(client)
        for exchange in server.exchanges:
            assert exchange.headers.getall("CF-Access-Client-Id") == ["door"]
            assert exchange.headers.getall("Cookie") == ["pass=1"]
            assert exchange.headers.getall("x-api-key") == [CANARY]
            picture = "/thumbnail" in exchange.target
            accepted = ["*/*" if picture else "application/json"]
            assert exchange.headers.getall("Accept") == accepted
            assert "Transfer-Encoding" not in exchange.headers
            assert exchange.received == exchange.length != 1
            assert "text/plain" not in exchange.headers.get("Content-Type", "")
            assert exchange.headers.get("x-immich-checksum") != "0" * 40


async def test_without_key(session: aiohttp.ClientSession) -> None:
    """Without a key none is sent."""
    async with RawServer(answers(other=VERSION)) as server:
        await ImmichClient(session, server.address, None).version()
        assert "x-api-key" not in server.exchanges[0].headers


@pytest.mark.parametrize("key", ["two\nlines", "nul\0", "schlüssel", "a\r\nX-Evil: 1"])
async def test_impossible_key(session: aiohttp.ClientSession, key: str) -> None:
    """A key that no header can hold is a refused key, and is not sent."""
    async with RawServer(answers(other=ME)) as server:
        with pytest.raises(errors.UnauthorisedError) as caught:
            await ImmichClient(session, server.address, key).me()
        assert server.connections == 0
    assert key not in str(caught.value)


async def test_impossible_header(session: aiohttp.ClientSession) -> None:
    """An extra header that can't be sent is no crash."""
    async with RawServer(answers(other=ME)) as server:
        client = ImmichClient(
            session, server.address, CANARY, headers={"X-Extra": "a\r\nX-Evil: 1"}
        )
        with pytest.raises(errors.ProtocolError):
            await client.me()
        assert not server.exchanges


async def test_base_path(connect: Connect) -> None:
    """Everything stays below the path of the proxy."""
    async with RawServer(answers(other=http(401))) as server:
        client = connect(f"{server.address}/my%20photos/immich")
        for call in ALL_CALLS.values():
            with pytest.raises(errors.UnauthorisedError):
                await call(client)
        assert len(server.paths) == len(ALL_CALLS)
        for path in server.paths:
            assert path.startswith("/my%20photos/immich/api/")


@pytest.mark.parametrize("album_id", ["../../evil", "a/b", "?x=1", "#x", "http://h/"])
async def test_ids_stay_in_their_place(connect: Connect, album_id: str) -> None:
    """An id, which comes from the server, can't turn one request into another."""
    async with RawServer(answers(other=http(401))) as server:
        with pytest.raises(errors.UnauthorisedError):
            await connect(server.address).add_to_album(album_id, ["a1"])
        (path,) = server.paths
    assert path.count("/") == 4
    assert path.endswith("/assets")
