"""How answers go out: JSON with ETag and gzip, files with ranges."""

import asyncio
import base64
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import re
from typing import Any
from urllib.parse import quote
import zlib

from aiohttp import web

from .body import Disconnected, cut
from .errors import ApiError
from .faults import Action
from .times import http_date

# The compression middleware leaves smaller answers alone.
_COMPRESS_FROM = 1024
# From this size on an answer is compressed in a thread.
_LARGE = 128 * 1024
_BLOCK = 1024 * 1024
_CACHE = (
    "private, max-age=86400, no-transform, "
    "stale-while-revalidate=2592000, stale-if-error=2592000"
)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with what is sent as JSON; raw is JSON that is written already."""

    status: int
    data: Any = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer:
    """A file to send, whole or in part."""

    path: Path
    size: int
    modified: int  # microseconds since 1970
    content_type: str
    name: str | None


def to_json(data: Any) -> bytes:
    """Write JSON as JavaScript does: compact, UTF-8."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def etag(body: bytes) -> str:
    """Return the ETag that Express gives a body (measured on Immich 3.0.3)."""
    digest = base64.b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'"{len(body):x}-{digest}"'


async def json_response(
    request: web.BaseRequest, status: int, body: bytes, *, negotiated: bool = True
) -> web.Response:
    """Return JSON with the headers of the real server."""
    headers = {"Content-Type": "application/json; charset=utf-8", "ETag": etag(body)}
    if not negotiated:
        return web.Response(status=status, body=body, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if (
        request.method in ("GET", "HEAD")
        and status == 200
        and request.headers.get("If-None-Match") == headers["ETag"]
    ):
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    accepted = request.headers.get("Accept-Encoding", "")
    if len(body) < _COMPRESS_FROM or "gzip" not in accepted:
        return web.Response(status=status, body=body, headers=headers)
    if len(body) < _LARGE:
        body = _gzip(body)
    else:
        body = await asyncio.to_thread(_gzip, body)
    headers["Content-Encoding"] = "gzip"
    response = web.Response(status=status, body=body, headers=headers)
    response.enable_chunked_encoding()
    return response


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(level=1, wbits=31)
    return compressor.compress(body) + compressor.flush()


async def error_response(request: web.BaseRequest, error: ApiError) -> web.Response:
    """Return the answer that an error stands for."""
    return await json_response(
        request, error.status, to_json(error.body), negotiated=error.negotiated
    )


def disposition(name: str) -> str:
    """Return the Content-Disposition of a file name."""
    return f"inline; filename*=UTF-8''{quote(name, safe="!~*'()")}"


async def cut_answer(
    request: web.BaseRequest, response: web.Response, at_byte: int
) -> None:
    """Send an answer only up to some byte of its body, then close the connection."""
    whole = response.body
    data = whole if isinstance(whole, bytes) else b""
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(data)
    await partial.prepare(request)
    await partial.write(data[:at_byte])
    cut(request, Action.CLOSE)
    raise Disconnected


async def file_response(
    request: web.BaseRequest, file: FileAnswer, cut_at: int | None = None
) -> web.StreamResponse:
    """Send a file; an unsatisfiable range is 404 (measured on Immich 3.0.3).

    With cut_at the connection is closed after so many bytes of it.
    """
    tag = f'W/"{file.size:x}-{file.modified // 1000:x}"'
    headers = {
        "Cache-Control": _CACHE,
        "Content-Type": file.content_type,
        "Accept-Ranges": "bytes",
        "Last-Modified": http_date(file.modified),
        "ETag": tag,
    }
    if file.name is not None:
        headers["Content-Disposition"] = disposition(file.name)
    if request.headers.get("If-None-Match") == tag:
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    start, end, status = 0, file.size, 200
    if match := _RANGE.fullmatch(request.headers.get("Range", "").strip()):
        first, last = match.groups()
        if first:
            start = int(first)
            end = min(int(last) + 1, file.size) if last else file.size
        elif last:
            start = max(0, file.size - int(last))
        if start >= end:
            headers["Content-Type"] += "; charset=utf-8"
            headers["Content-Range"] = f"bytes */{file.size}"
            body = to_json({"message": "Not Found"})
            return web.Response(status=404, body=body, headers=headers)
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = end - start
    await response.prepare(request)
    if request.method != "HEAD":
        stop = end if cut_at is None else min(end, start + cut_at)
        await _send(response, file.path, start, stop)
        if stop < end:
            cut(request, Action.CLOSE)
            raise Disconnected
    await response.write_eof()
    return response


async def _send(response: web.StreamResponse, path: Path, start: int, end: int) -> None:
    """Write a part of a file in blocks, read in a thread."""
    handle = await asyncio.to_thread(path.open, "rb")
    with handle:
        await asyncio.to_thread(handle.seek, start)
        while start < end:
            data = await asyncio.to_thread(handle.read, min(_BLOCK, end - start))
            if not data:
                break
            start += len(data)
            await response.write(data)
