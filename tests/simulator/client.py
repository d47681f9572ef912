"""A plain client of the simulated server, on aiohttp and on bare sockets."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
import json
import re
from typing import Any

import aiohttp
from PIL import Image

CREATED = "2024-05-01T10:00:00.000Z"


def picture(number: int, *, exif: Image.Exif | None = None) -> bytes:
    """Return a small JPEG; another number gives other bytes."""
    image = Image.linear_gradient("L").resize((320, 240)).convert("RGB")
    buffer = BytesIO()
    extra = {} if exif is None else {"exif": exif}
    image.save(buffer, "JPEG", comment=b"picture %d" % number, **extra)
    return buffer.getvalue()


def form(
    data: bytes,
    name: str = "a.jpg",
    *,
    created: str = CREATED,
    modified: str = CREATED,
    sidecar: bytes | None = None,
    **fields: str,
) -> aiohttp.FormData:
    """Return the form of an upload."""
    result = aiohttp.FormData(quote_fields=False, charset="utf-8")
    for key, value in {
        "fileCreatedAt": created,
        "fileModifiedAt": modified,
        **fields,
    }.items():
        result.add_field(key, value)
    result.add_field("assetData", data, filename=name, content_type="image/jpeg")
    if sidecar is not None:
        result.add_field("sidecarData", sidecar, filename=f"{name}.xmp")
    return result


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until something is true; TimeoutError if it never is."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one server with one API key."""

    session: aiohttp.ClientSession
    url: str
    key: str

    async def ask(
        self, method: str, path: str, data: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer; data is sent as JSON."""
        sent = {"x-api-key": self.key, **headers}
        async with self.session.request(
            method, f"{self.url}{path}", json=data, headers=sent
        ) as response:
            body = await response.read()
            return response.status, json.loads(body) if body else None

    async def upload(
        self, data: bytes, name: str = "a.jpg", *, checksum: str = "", **fields: Any
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON of an upload."""
        headers = {"x-api-key": self.key}
        if checksum:
            headers["x-immich-checksum"] = checksum
        async with self.session.post(
            f"{self.url}/api/assets", data=form(data, name, **fields), headers=headers
        ) as response:
            return response.status, await response.json()


@dataclass(slots=True)
class Wire:
    """A connection on which every byte is chosen."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, url: str) -> Wire:
        """Connect to a server."""
        host, port = url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, data: bytes) -> None:
        """Send some bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in lower case, and body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", 0))
        body = await self.reader.readexactly(length)
        return int(first.split()[1]), headers, body

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


def raw_upload(
    key: str, size: int, *, name: str = "big.mp4", extra: str = ""
) -> tuple[bytes, bytes]:
    """Return head and tail of an upload of so many bytes, to be sent between them."""
    opening = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (field, CREATED.encode())
        for field in (b"fileCreatedAt", b"fileModifiedAt")
    ) + (
        b'--B\r\nContent-Disposition: form-data; name="assetData"; filename="%s"'
        b"\r\n\r\n" % name.encode()
    )
    tail = b"\r\n--B--\r\n"
    head = (
        f"POST /api/assets HTTP/1.1\r\nHost: x\r\nx-api-key: {key}\r\n{extra}"
        "Content-Type: multipart/form-data; boundary=B\r\n"
        f"Content-Length: {len(opening) + size + len(tail)}\r\n\r\n"
    )
    return head.encode() + opening, tail


def created_id(answer: tuple[int, dict[str, Any]]) -> str:
    """Return the id of an asset that was just created."""
    status, body = answer
    assert status == 201, body
    assert re.fullmatch(r"[0-9a-f-]{36}", body["id"])
    return str(body["id"])
