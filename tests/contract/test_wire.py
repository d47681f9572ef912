"""Tests that requests go over the wire exactly as they are written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import gzip

import pytest

from .wire import Message, NoAnswerError, Server, exchange

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LIMIT = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[Server]:
    """Run a raw server for one connection."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Server.from_url(f"http://127.0.0.1:{port}/base/")


async def test_request_is_sent_as_written() -> None:
    """Request line, header names in their case and body arrive byte for byte."""
    received = bytearray()

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.extend(await reader.readuntil(b"\r\n\r\n"))
        received.extend(await reader.readexactly(3))
        writer.write(OK)
        await writer.drain()

    message = Message(
        method="POST", target="/api/x", headers=(("X-API-KEY", " k "),), body=b"a\0b"
    )
    async with listening(handler) as server:
        answer = await exchange(server, message, LIMIT)
    lines = received.split(b"\r\n")
    assert lines[0] == b"POST /base/api/x HTTP/1.1"
    assert b"X-API-KEY:  k " in lines
    assert b"Content-Length: 3" in lines
    assert lines[-1] == b"a\0b"
    assert (answer.status, answer.body, answer.early) == (200, b"ok", False)


async def test_chunked_body() -> None:
    """A chunked body has no Content-Length and ends with the empty chunk."""
    received = bytearray()

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.extend(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n")
        await writer.drain()

    async with listening(handler) as server:
        message = Message(method="POST", target="/", body=b"abc", chunked=True)
        answer = await exchange(server, message, LIMIT)
    assert b"Content-Length" not in received
    assert received.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert answer.body == b"ok"


async def test_body_waits_for_continue() -> None:
    """With Expect the body follows only after 100 Continue."""

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(3) == b"abc"
        writer.write(OK)
        await writer.drain()

    async with listening(handler) as server:
        message = Message(
            method="POST",
            target="/",
            headers=(("Expect", "100-continue"),),
            body=b"abc",
        )
        answer = await exchange(server, message, LIMIT)
    assert answer.continued
    assert answer.body == b"ok"


async def test_answer_before_the_end_of_the_body() -> None:
    """The rest of a body is not sent once the answer is there."""

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        await reader.read()

    async with listening(handler) as server:
        message = Message(method="POST", target="/", body=bytes(50_000_000))
        answer = await exchange(server, message, LIMIT)
    assert answer.early
    assert answer.body == b"ok"


async def test_half_closed_connection() -> None:
    """After a half close the server reads the end and can still answer."""

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert (await reader.read()).endswith(b"Content-Length: 9\r\n\r\nabc")
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with listening(handler) as server:
        message = Message(
            method="POST", target="/", body=b"abc", declared=9, half_close=True
        )
        answer = await exchange(server, message, LIMIT)
    assert (answer.status, answer.body) == (400, b"")


async def test_silence_and_end_are_no_answer() -> None:
    """A server that says nothing or hangs up gives no answer."""

    async def silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    for handler, limit in ((silent, 0.05), (rude, LIMIT)):
        async with listening(handler) as server:
            with pytest.raises(NoAnswerError):
                await exchange(server, Message(method="GET", target="/"), limit)


async def test_kept_connection_must_be_closed_by_the_server() -> None:
    """An idle connection that stays open is a failure."""
    closes = True

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert b"Connection: keep-alive" in await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        if not closes:
            await reader.read()

    message = Message(method="GET", target="/", keep_open=True)
    async with listening(handler) as server:
        assert (await exchange(server, message, LIMIT)).status == 200
    closes = False
    async with listening(handler) as server:
        with pytest.raises(NoAnswerError):
            await exchange(server, message, 0.05)


async def test_answers_without_a_body() -> None:
    """HEAD and 204 have none, whatever the headers say; gzip is decoded on demand."""
    packed = gzip.compress(b"[]")
    answers = {
        b"HEAD": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"DELETE": b"HTTP/1.1 204 No Content\r\n\r\n",
        b"GET": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        % len(packed)
        + packed,
    }

    async def handler(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(answers[head.split(b" ")[0]])
        await writer.drain()

    async with listening(handler) as server:
        for method, decoded in (("HEAD", b""), ("DELETE", b""), ("GET", b"[]")):
            answer = await exchange(server, Message(method=method, target="/"), LIMIT)
            assert answer.decoded() == decoded


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "https://photos.example.com/immich/api/",
            Server(host="photos.example.com", port=443, tls=True, prefix="/immich"),
        ),
        (
            "http://[::1]:2283",
            Server(host="::1", port=2283, tls=False, prefix=""),
        ),
    ],
)
def test_url(url: str, server: Server) -> None:
    """A URL may have a base path and end with /api."""
    assert Server.from_url(url) == server


def test_authority() -> None:
    """An IPv6 address stands in brackets."""
    assert Server.from_url("http://[::1]:2283").authority == "[::1]:2283"
    assert Server.from_url("http://example.com").authority == "example.com:80"


@pytest.mark.parametrize("url", ["ftp://x", "photos.example.com", "http://"])
def test_bad_url(url: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="not an http"):
        Server.from_url(url)
