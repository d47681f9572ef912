"""Every call of the client, and uploads to make."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
import hashlib
from typing import Any

from custom_components.immich_backup.immich import AssetUpload, ImmichClient

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
PIECE = 256 * 1024


def asset(
    name: bytes | str = "IMG_1.jpg", content: bytes = b"picture", **changes: Any
) -> AssetUpload:
    """Return an upload of these bytes."""
    upload = AssetUpload(
        name=name,
        size=len(content),
        checksum=hashlib.sha1(content).digest(),
        created_at=NOON,
        modified_at=NOON,
        content=content,
    )
    return replace(upload, **changes)


class Content:
    """Content that is read piece by piece, and remembers how that went.

    ``failure`` is raised instead of the piece number ``fails_at``; ``gate``, if any,
    is waited for before that piece.
    """

    def __init__(
        self,
        size: int,
        *,
        failure: Exception | None = None,
        fails_at: int = -1,
        gate: asyncio.Event | None = None,
    ) -> None:
        """Prepare ``size`` bytes."""
        self.size = size
        self.failure = failure
        self.fails_at = fails_at
        self.gate = gate
        self.read = 0
        self.started = 0
        self.closed = 0

    async def __call__(self) -> AsyncIterator[bytes]:
        """Start reading."""
        self.started += 1
        try:
            for number in range(-(-self.size // PIECE)):
                if number == self.fails_at:
                    if self.gate is not None:
                        await self.gate.wait()
                    if self.failure is not None:
                        raise self.failure
                piece = self.piece(number)
                self.read += len(piece)
                yield piece
        finally:
            # A file is closed in a thread, which takes a while.
            for _ in range(20):
                await asyncio.sleep(0)
            self.closed += 1

    def piece(self, number: int) -> bytes:
        """Return one piece; no two are equal."""
        return number.to_bytes(8) * (min(PIECE, self.size - number * PIECE) // 8)

    def checksum(self) -> bytes:
        """Return the SHA-1 of all pieces."""
        digest = hashlib.sha1()
        for number in range(-(-self.size // PIECE)):
            digest.update(self.piece(number))
        return digest.digest()

    def upload(self, **changes: Any) -> AssetUpload:
        """Return an upload of this content."""
        values = {"size": self.size, "checksum": self.checksum(), "content": self}
        return replace(asset(), **{**values, **changes})


# All that need a key, or the whole server.
CALLS: Mapping[str, Callable[[ImmichClient], Awaitable[object]]] = {
    "media_types": lambda client: client.media_types(),
    "api_key": lambda client: client.api_key(),
    "me": lambda client: client.me(),
    "storage": lambda client: client.storage(),
    "bulk_upload_check": lambda client: client.bulk_upload_check([bytes(20)]),
    "upload_asset": lambda client: client.upload_asset(asset()),
    "upload_asset_stream": lambda client: client.upload_asset(
        Content(3 * PIECE).upload()
    ),
    "albums": lambda client: client.albums("Home"),
    "create_album": lambda client: client.create_album("Home"),
    "add_to_album": lambda client: client.add_to_album("album", ["asset"]),
    "upsert_tags": lambda client: client.upsert_tags(["Home/Door"]),
    "tag_assets": lambda client: client.tag_assets(["tag"], ["asset"]),
    "untag_assets": lambda client: client.untag_assets("tag", ["asset"]),
    "update_assets": lambda client: client.update_assets(["asset"], favourite=True),
    "rename_album": lambda client: client.rename_album("album", "Name"),
    "asset": lambda client: client.asset("asset"),
    "city": lambda client: client.city("asset"),
    "link_live_photo": lambda client: client.link_live_photo("still", "video"),
    "create_stack": lambda client: client.create_stack(["first", "second"]),
    "users": lambda client: client.users(),
    "delete_album": lambda client: client.delete_album("album"),
    "thumbnail": lambda client: client.thumbnail("asset"),
}
# These work without a key, and in maintenance mode.
OPEN_CALLS: Mapping[str, Callable[[ImmichClient], Awaitable[object]]] = {
    "version": lambda client: client.version(),
    "in_maintenance": lambda client: client.in_maintenance(),
    "require_supported": lambda client: client.require_supported(),
}
ALL_CALLS = {**CALLS, **OPEN_CALLS}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is the case."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


# Where the tasks of the servers run, which keep connections and jobs for a while.
_SERVERS = ("/simulator/", "/aiohttp/web_", "/immich/server.py")


def client_tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks of this process but those of the servers."""

    def of_a_server(task: asyncio.Task[Any]) -> bool:
        code = getattr(task.get_coro(), "cr_code", None)
        return any(part in getattr(code, "co_filename", "") for part in _SERVERS)

    return {task for task in asyncio.all_tasks() if not of_a_server(task)}
