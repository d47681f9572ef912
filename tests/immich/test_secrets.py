"""The key stays secret: in errors, in logs, whatever the server does."""

import asyncio
from collections.abc import Iterator
import logging
import traceback

import pytest

from custom_components.immich_backup.immich import errors

from .calls import ALL_CALLS
from .conftest import CANARY, Connect
from .server import Exchange, Handler, RawServer, answers, http

# A cut key is a leak too.
PART = CANARY[:12]


def chain(err: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and everything that it is chained to."""
    if err is not None:
        yield err
        yield from chain(err.__cause__)
        yield from chain(err.__context__)


def echo(raw: bytes) -> Handler:
    """Return a handler that answers with these bytes and `KEY` replaced."""

    async def handle(exchange: Exchange) -> None:
        await exchange.drain_body()
        key = exchange.headers.get("x-api-key", "").encode()
        await exchange.send(raw.replace(b"KEY", key))
        exchange.writer.close()

    return handle


ECHOES = {
    "message": b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n"
    b'{"message":"' + b"x" * 270 + b' x-api-key: KEY"}',
    "permission": b"HTTP/1.1 403 Bad\r\nContent-Type: application/json\r\n\r\n"
    b'{"message":"Missing required permission: KEY"}',
    "unknown path": b"HTTP/1.1 404 Bad\r\nContent-Type: application/json\r\n\r\n"
    b'{"message":"Cannot GET /api/users/me?apiKey=KEY"}',
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>KEY</p>",
    "location": b"HTTP/1.1 302 Found\r\nLocation: http://KEY:KEY@KEY/KEY?KEY#KEY\r\n"
    b"Content-Length: 0\r\n\r\n",
    "reason": b"HTTP/1.1 500 KEY\r\nKEY: KEY\r\nRetry-After: KEY\r\n\r\nKEY",
    "status line": b"KEY 200 KEY\r\n\r\n",
    "header": b"HTTP/1.1 200 OK\r\nContent-Length: KEY\r\n\r\n",
    "long header": b"HTTP/1.1 200 OK\r\nA: " + b"KEY" * 5000 + b"\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nKEY\r\nKEY\r\n",
    "encoding": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nKEY",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nKEY",
    "nothing": b"",
    "json": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    b'[{"id":["KEY"],"KEY":"KEY"}]',
    "version": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    b'{"major":"KEY","minor":"KEY","status":"KEY"}',
}


@pytest.mark.parametrize("raw", ECHOES.values(), ids=ECHOES.keys())
async def test_errors_and_logs(
    connect: Connect, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """No error, no chained exception, no traceback and no log line shows the key."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="asyncio")
    # Everything is slow, so that the loop describes what it runs.
    asyncio.get_running_loop().slow_callback_duration = 0
    failures: list[errors.ImmichError] = []
    async with RawServer(echo(raw)) as server:
        client = connect(server.address)
        for call in ALL_CALLS.values():
            # Some calls are content with some of the answers.
            try:
                await call(client)
            except errors.ImmichError as err:
                failures.append(err)
        sent = [exchange.headers["x-api-key"] for exchange in server.exchanges]
    assert len(failures) > len(ALL_CALLS) // 2
    assert set(sent) == {CANARY}
    for failure in failures:
        for link in chain(failure):
            assert PART not in f"{link} {link!r} {link.args!r} {vars(link)!r}"
        assert PART not in "".join(traceback.format_exception(failure))
    assert "Executing" in caplog.text
    for record in caplog.records:
        assert PART not in f"{record.getMessage()} {record.exc_text} {record.args!r}"


async def test_what_is_left_of_a_text(connect: Connect) -> None:
    """A text of the server is repeated in one short, readable line."""
    message = "Bad \x1b[31m\r\n\u202e" + "ü" * 1000
    async with RawServer(answers(other=http(400, {"message": message}))) as server:
        with pytest.raises(errors.RefusedError) as caught:
            await connect(server.address).me()
    assert str(caught.value) == "Bad  [31m   " + "ü" * 288
