"""A raw HTTP server for answers that no honest server would give."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
import json
import socket
import ssl
import struct
from types import TracebackType
from typing import Any, Self

from multidict import CIMultiDict


def http(
    status: int,
    body: bytes | str | object = b"",
    *,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return a whole HTTP answer; what is neither bytes nor text is sent as JSON."""
    content_type = "text/html; charset=utf-8"
    if not isinstance(body, bytes | str):
        content_type = "application/json; charset=utf-8"
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode(errors="surrogateescape")
    fields = CIMultiDict(
        {"Content-Type": content_type, "Content-Length": str(len(body))}
    )
    fields.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


def brief(value: object) -> str | None:
    """Return a short name of an answer for the names of tests; None for the rest."""
    if isinstance(value, bytes):
        status = value.partition(b"\r\n")[0].removeprefix(b"HTTP/1.1 ")
        body = value.partition(b"\r\n\r\n")[2]
        return f"{status[:20].decode()} {body[:60].decode(errors='replace')}"
    if isinstance(value, type | str):
        return None
    return json.dumps(value)[:60]


@dataclass
class Exchange:
    """One request that has arrived (its head), and the means to answer it."""

    method: str
    target: str
    headers: CIMultiDict[str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: int = 0

    @property
    def length(self) -> int:
        """The announced length of the body."""
        return int(self.headers.get("Content-Length", "0"))

    async def body(self) -> bytes:
        """Return the whole body."""
        raw = await self.reader.readexactly(self.length)
        self.received = len(raw)
        return raw

    async def drain_body(self) -> None:
        """Read the whole body and forget it."""
        while self.received < self.length:
            piece = await self.reader.read(min(256 * 1024, self.length - self.received))
            if not piece:
                raise ConnectionResetError
            self.received += len(piece)

    async def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(raw)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with an RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


type Handler = Callable[[Exchange], Awaitable[None]]


class RawServer:
    """Listens on 127.0.0.1 and lets ``handler`` answer every request.

    Connections are kept alive until the handler closes or the client does.
    """

    def __init__(self, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        """Prepare the server; it starts as a context manager."""
        self.handler = handler
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """The address of the server, as a person would type it."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """The targets of all requests so far."""
        return [exchange.target for exchange in self.exchanges]

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening and cut what is still open."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.close_clients()
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    head = await reader.readuntil(b"\r\n\r\n")
                    first, *lines = head.decode().split("\r\n")
                    method, target, _ = first.split(" ")
                    headers = CIMultiDict[str]()
                    for line in filter(None, lines):
                        name, _, value = line.partition(": ")
                        headers.add(name, value)
                    exchange = Exchange(method, target, headers, reader, writer)
                    self.exchanges.append(exchange)
                    await self.handler(exchange)
        except asyncio.CancelledError:
            # Only the end of the test cancels.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()


def answers(**by_path: bytes) -> Handler:
    """Return a handler: an answer by the last part of the path, `_` for `-`.

    ``other`` answers everything else. Bodies are read before the answer is given.
    """

    async def handle(exchange: Exchange) -> None:
        await exchange.body()
        name = exchange.target.partition("?")[0].rpartition("/")[2].replace("-", "_")
        await exchange.send(by_path.get(name) or by_path["other"])

    return handle
