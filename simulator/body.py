"""The body of a request: counted, bounded, and as slow or short as a fault says."""

import asyncio
import json
import re
import socket
import struct
from typing import Any

from aiohttp import ClientError, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from .errors import ApiError, internal_error
from .faults import Action, Fault
from .records import RequestRecord

# Larger JSON is refused, with 500 instead of 413 (measured on Immich 3.0.3).
JSON_LIMIT = 10 * 1024 * 1024
# From this size on JSON is parsed in a thread, for it would hold up the loop.
_LARGE_JSON = 128 * 1024


class Disconnected(Exception):
    """The connection is gone, by the client's doing or by a fault."""


class Body:
    """Reads what a client sends after the headers."""

    def __init__(
        self, request: web.BaseRequest, record: RequestRecord, faults: list[Fault]
    ) -> None:
        """Read the body of this request; CLOSE, RESET and THROTTLE are obeyed."""
        self._request = request
        self._content: StreamReader = request.content
        self._record = record
        self._rate = 0
        self._cut: Fault | None = None
        for fault in faults:
            if fault.action is Action.THROTTLE:
                self._rate = fault.rate
            elif fault.cuts_body:
                self._cut = fault
        self._started = 0.0

    def start(self) -> None:
        """Get ready to read; a throttled connection gets a small buffer."""
        if self._rate:
            transport = self._request.transport
            if transport is not None and (sock := transport.get_extra_info("socket")):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            self._started = asyncio.get_running_loop().time()

    async def chunk(self) -> bytes:
        """Return the next bytes, empty at the end; Disconnected if they never come."""
        try:
            if self._rate:
                data = await self._content.read(max(1, min(self._rate // 20, 65_536)))
            elif self._cut is not None:
                rest = self._cut.at_byte - self._record.received
                data = await self._content.read(max(1, min(rest, 65_536)))
            else:
                data = await self._content.readany()
        except (OSError, ClientError, HttpProcessingError) as err:
            raise Disconnected from err
        self._record.received += len(data)
        if self._rate:
            loop = asyncio.get_running_loop()
            due = self._started + self._record.received / self._rate
            await asyncio.sleep(due - loop.time())
        if self._cut is not None and self._record.received >= self._cut.at_byte:
            cut(self._request, self._cut.action)
            raise Disconnected
        return data

    async def drain(self) -> None:
        """Read the rest and throw it away."""
        while await self.chunk():
            pass

    async def swallow(self) -> None:
        """Throw the rest away after the answer; it may break off."""
        try:
            while data := await self._content.readany():
                self._record.received += len(data)
        except (OSError, ClientError, HttpProcessingError) as err:
            raise Disconnected from err

    async def json(self) -> Any:
        """Return the JSON that was sent; an empty body is an empty object."""
        length = self._request.content_length
        if length is not None and length > JSON_LIMIT:
            raise _unparsed(internal_error())
        parts: list[bytes] = []
        size = 0
        while data := await self.chunk():
            size += len(data)
            if size > JSON_LIMIT:
                raise _unparsed(internal_error())
            parts.append(data)
        raw = b"".join(parts)
        if not raw:
            return {}
        if size > _LARGE_JSON:
            return await asyncio.to_thread(_parse_json, raw)
        return _parse_json(raw)


def _unparsed(error: ApiError) -> ApiError:
    """Return an answer as it is given before the compression middleware."""
    error.negotiated = False
    return error


def _parse_json(raw: bytes) -> Any:
    """Return the value, or raise the answer 400 with V8's words."""
    text = raw.decode("utf-8", "replace")
    stripped = text.lstrip(" \t\n\r")
    if not stripped.startswith(("{", "[")):
        quoted = stripped if len(stripped) <= 40 else f"{stripped[:10]}..."
        first = stripped[:1]
        raise _unparsed(
            ApiError(400, f"Unexpected token '{first}', \"{quoted}\" is not valid JSON")
        )
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as err:
        raise _unparsed(ApiError(400, _v8_message(text, err))) from err


def _innermost(text: str) -> str:
    """Return the bracket that is still open at the end of a piece of JSON."""
    opened: list[str] = []
    for sign in re.findall(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', text, re.DOTALL):
        if sign in "{[":
            opened.append(sign)
        elif sign in "}]" and opened:
            opened.pop()
    return opened[-1] if opened else ""


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError("Expecting value", name, 0)


def _v8_message(text: str, err: json.JSONDecodeError) -> str:
    """Return what JavaScript says of JSON that Python could not parse."""
    position = err.pos
    where = f"in JSON at position {position} (line {err.lineno} column {err.colno})"
    match err.msg:
        case "Expecting value" if position >= len(text.rstrip()):
            return "Unexpected end of JSON input"
        case "Expecting property name enclosed in double quotes":
            return f"Expected property name or '}}' {where}"
        case "Expecting ':' delimiter":
            return f"Expected ':' after property name {where}"
        case "Expecting ',' delimiter":
            if _innermost(text[:position]) == "[":
                return f"Expected ',' or ']' after array element {where}"
            return f"Expected ',' or '}}' after property value {where}"
        case "Unterminated string starting at":
            end = len(text)
            return f"Unterminated string in JSON at position {end} (line 1 column {end + 1})"
        case "Extra data":
            return (
                f"Unexpected non-whitespace character after JSON at position {position}"
            )
    found = text[position : position + 1]
    return f"Unexpected token '{found}', \"{text[:40]}\" is not valid JSON"


def cut(request: web.BaseRequest, action: Action) -> None:
    """Close the connection of a request, with RESET by RST."""
    transport = request.transport
    if transport is None:
        return
    if action is not Action.RESET:
        transport.close()
        return
    if sock := transport.get_extra_info("socket"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
