"""Speaks HTTP/1.1 byte for byte: what is sent is exactly what the table says."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
import gzip
from http import HTTPStatus
import ssl
from typing import Self
from urllib.parse import urlsplit
import zlib

PIECE = 64 * 1024
NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class NoAnswerError(Exception):
    """The server gave no (complete) answer within the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the server listens."""

    host: str
    port: int
    tls: bool
    prefix: str

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the server of an http or https URL, which may have a base path."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise ValueError(f"not an http(s) URL: {url}")
        tls = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=parts.port or (443 if tls else 80),
            tls=tls,
            prefix=parts.path.rstrip("/").removesuffix("/api"),
        )

    @property
    def authority(self) -> str:
        """Return host and port as the Host header writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request as it goes over the wire.

    `declared` is the Content-Length if it is to differ from the length of `body`,
    `half_close` closes the sending side after the body, `keep_open` asks for a
    connection that outlives the answer.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    declared: int | None = None
    half_close: bool = False
    keep_open: bool = False

    def head(self, server: Server) -> bytes:
        """Return the request line and the headers."""
        lines = [
            f"{self.method} {server.prefix}{self.target} HTTP/1.1",
            f"Host: {server.authority}",
            f"Connection: {'keep-alive' if self.keep_open else 'close'}",
        ]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.body or self.method not in {"GET", "HEAD", "OPTIONS"}:
            length = len(self.body) if self.declared is None else self.declared
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def expects_continue(self) -> bool:
        """Return whether the body waits for 100 Continue."""
        return any(name.lower() == "expect" for name, _ in self.headers)

    def pieces(self) -> Iterable[bytes]:
        """Yield the body as it is written, framed if it is chunked."""
        for start in range(0, len(self.body), PIECE):
            piece = self.body[start : start + PIECE]
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece
        if self.chunked:
            yield b"0\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came back; `early` if it began before the whole body had been sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    continued: bool = False
    early: bool = False
    cookies: list[str] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def decoded(self) -> bytes:
        """Return the body without its Content-Encoding."""
        match self.header("content-encoding"):
            case "gzip":
                return gzip.decompress(self.body)
            case "deflate":
                return zlib.decompress(self.body)
            case _:
                return self.body


@dataclass(slots=True, kw_only=True)
class _Heads:
    """What the reading side tells the writing side."""

    continued: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)


async def exchange(server: Server, message: Message, limit: float) -> Answer:
    """Send one request on its own connection and return the answer.

    Raises NoAnswerError if none came within `limit` seconds, and OSError if the server
    cannot be reached.
    """
    tls = ssl.create_default_context() if server.tls else None
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=tls)
    heads = _Heads()
    reading = asyncio.create_task(_read_answer(reader, message.method, heads))
    try:
        async with asyncio.timeout(limit):
            complete = await _write(writer, server, message, heads)
            answer = await reading
        answer.continued = heads.continued.is_set()
        answer.early = not complete
        if message.keep_open:
            await _until_closed(reader, limit)
    except (TimeoutError, EOFError, ConnectionError) as err:
        raise NoAnswerError(repr(err)) from err
    else:
        return answer
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _write(
    writer: asyncio.StreamWriter, server: Server, message: Message, heads: _Heads
) -> bool:
    """Send the request; return False if the answer began before the body was out."""
    writer.write(message.head(server))
    await writer.drain()
    if message.expects_continue:
        await _first(heads.continued, heads.begun)
    try:
        for piece in message.pieces():
            if heads.begun.is_set():
                return False
            writer.write(piece)
            await writer.drain()
            # Lets the reading side run although the socket took everything at once.
            await asyncio.sleep(0)
        if message.half_close:
            writer.write_eof()
    except ConnectionError:
        # The answer may have arrived before the server closed the connection.
        return False
    return True


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _read_answer(
    reader: asyncio.StreamReader, method: str, heads: _Heads
) -> Answer:
    while True:
        status, headers = await _read_head(reader)
        if status != HTTPStatus.CONTINUE:
            break
        heads.continued.set()
    heads.begun.set()
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    answer = Answer(status=status, headers=headers, cookies=cookies)
    if method != "HEAD" and status not in NO_BODY:
        answer.body = await _read_body(reader, answer)
    return answer


async def _read_head(
    reader: asyncio.StreamReader,
) -> tuple[int, list[tuple[str, str]]]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers = [
        (name, value.strip()) for name, _, value in (ln.partition(":") for ln in lines)
    ]
    return int(first.split(" ", 2)[1]), headers


async def _read_body(reader: asyncio.StreamReader, answer: Answer) -> bytes:
    if (answer.header("transfer-encoding") or "").lower() == "chunked":
        body = bytearray()
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        return bytes(body)
    if (length := answer.header("content-length")) is not None:
        return await reader.readexactly(int(length))
    return await reader.read()


async def _until_closed(reader: asyncio.StreamReader, limit: float) -> None:
    async with asyncio.timeout(limit):
        if await reader.read():
            raise ConnectionError("the server sent more than one answer")
