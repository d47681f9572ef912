"""The Immich REST API, as far as we use it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from .errors import (
    ConnectionFailedError,
    ImmichError,
    MaintenanceError,
    NotFoundError,
    ProtocolError,
    ServerTooOldError,
)
from .models import (
    Album,
    ApiKey,
    CheckResult,
    MediaTypes,
    ServerVersion,
    Storage,
    Tag,
    UploadResult,
    User,
)
from .multipart import AssetUpload, envelope
from .transport import CONNECT_TIMEOUT, IDLE_TIMEOUT, Transport

OLDEST_VERSION = ServerVersion(3, 0, 0)
# The server's database takes 65,533 parameters in one call, and proxies often 1 MB of
# body; 5,000 checksums are 280 kB.
MAX_CHECK = 5000
# After the last byte the server still has to store the file; a big one on a slow disk
# takes its time.
_STORE_TIMEOUT = 300.0
# A body of at most this many bytes is sent in one piece, without a sign of progress.
SMALL_BODY = 1024 * 1024
_SLOWEST_RATE = 8 * 1024


class ImmichClient:
    """A typed client of one server and one API key; holds no state of its own.

    Every method raises the errors of errors.py and nothing else, besides what an
    upload's own content raises.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        api_key: str | None,
        *,
        verify_tls: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Use this session for this normalised address; it stays the caller's."""
        self.address = address
        self._transport = Transport(
            session, address, api_key, verify_tls=verify_tls, headers=headers
        )

    async def version(self) -> ServerVersion:
        """Return the server's version; needs no key."""
        return ServerVersion.from_json(await self._get("server/version"))

    async def in_maintenance(self) -> bool:
        """Return whether the server is in maintenance mode; needs no key."""
        config = await self._get("server/config")
        return isinstance(config, Mapping) and config.get("maintenanceMode") is True

    async def media_types(self) -> MediaTypes:
        """Return the extensions that the server takes; needs no key."""
        return MediaTypes.from_json(await self._call("GET", "server/media-types"))

    async def api_key(self) -> ApiKey:
        """Return the key and its permissions; any valid key may ask."""
        return ApiKey.from_json(await self._call("GET", "api-keys/me"))

    async def me(self) -> User:
        """Return the key's user, with quota; needs `user.read`."""
        return User.from_json(await self._call("GET", "users/me"))

    async def storage(self) -> Storage:
        """Return the server's disk space; needs `server.storage`."""
        return Storage.from_json(await self._call("GET", "server/storage"))

    async def require_supported(self) -> ServerVersion:
        """Return the server's version; ServerTooOldError below 3.0.

        What answers without being Immich raises ProtocolError.
        """
        try:
            version = await self.version()
        except NotFoundError as err:
            raise ProtocolError("There is no Immich at this address") from err
        if version < OLDEST_VERSION:
            raise ServerTooOldError(str(version))
        return version

    async def bulk_upload_check(
        self, checksums: Sequence[bytes]
    ) -> Sequence[CheckResult]:
        """Ask what the server has of these SHA-1 checksums (20 raw bytes each).

        Any number of them; the results come in the same order. Needs `asset.upload`.
        Assets of external libraries are never found (their checksum is of the path).
        """
        results: list[CheckResult] = []
        for start in range(0, len(checksums), MAX_CHECK):
            part = checksums[start : start + MAX_CHECK]
            answer = await self._call(
                "POST",
                "assets/bulk-upload-check",
                body={
                    "assets": [
                        {"id": str(i), "checksum": base64.b64encode(checksum).decode()}
                        for i, checksum in enumerate(part)
                    ]
                },
            )
            results += _check_results(answer, len(part))
        return results

    async def upload_asset(self, upload: AssetUpload) -> UploadResult:
        """Send one file; needs `asset.upload`.

        A known checksum is answered as a duplicate before the body is read. There is no
        limit on the whole time, only on silence. An exception of the upload's content
        abandons the upload (the server then stores nothing) and is raised as it is.
        """
        frame = envelope(upload)
        length = len(frame.head) + upload.size + len(frame.tail)
        headers = {
            "Content-Type": frame.content_type,
            "Content-Length": str(length),
            "x-immich-checksum": upload.checksum.hex(),
        }
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=_STORE_TIMEOUT
        )
        if isinstance(upload.content, bytes):
            if len(upload.content) != upload.size:
                raise ValueError("The size does not belong to the content")
            async with _deadline(IDLE_TIMEOUT + length / _SLOWEST_RATE):
                answer = await self._call(
                    "POST",
                    "assets",
                    data=b"".join((frame.head, upload.content, frame.tail)),
                    headers=headers,
                    timeout=timeout,
                )
            return UploadResult.from_json(answer)
        failures: list[Exception] = []
        async with _deadline(IDLE_TIMEOUT) as deadline:
            content = upload.content()
            try:
                answer = await self._call(
                    "POST",
                    "assets",
                    data=_body(frame.head, content, frame.tail, deadline, failures),
                    headers=headers,
                    timeout=timeout,
                    # A stream can't be sent twice.
                    retry=False,
                )
            except ImmichError as err:
                if failures:
                    raise failures[0] from err
                raise
        return UploadResult.from_json(answer)

    async def albums(self, name: str) -> Sequence[Album]:
        """Return this user's own albums of exactly this name; needs `album.read`."""
        answer = await self._call(
            "GET", "albums", params={"name": name, "isOwned": "true"}
        )
        return [Album.from_json(item) for item in _list(answer)]

    async def create_album(self, name: str) -> Album:
        """Create an album, whether or not one of this name exists (`album.create`)."""
        return Album.from_json(
            await self._call("POST", "albums", body={"albumName": name})
        )

    async def add_to_album(self, album_id: str, asset_ids: Sequence[str]) -> None:
        """Put assets into an album; those already in it stay (`albumAsset.create`).

        Raises RefusedError when one of them can't be added.
        """
        answer = await self._call(
            "PUT", f"albums/{album_id}/assets", body={"ids": list(asset_ids)}
        )
        for row in _list(answer):
            if not isinstance(row, Mapping):
                raise ProtocolError("An unusable row in the answer of an album")
            if row.get("success") is not True and row.get("error") != "duplicate":
                raise NotFoundError("The asset or the album is not this user's")

    async def upsert_tags(self, values: Sequence[str]) -> Sequence[Tag]:
        """Return these tags (`Home/Doorbell`), created where missing (`tag.create`)."""
        answer = await self._call("PUT", "tags", body={"tags": list(values)})
        return [Tag.from_json(item) for item in _list(answer)]

    async def tag_assets(
        self, tag_ids: Sequence[str], asset_ids: Sequence[str]
    ) -> None:
        """Give these tags to these assets (`tag.asset`)."""
        await self._call(
            "PUT",
            "tags/assets",
            body={"tagIds": list(tag_ids), "assetIds": list(asset_ids)},
        )

    async def _get(self, path: str) -> Any:
        """Ask an endpoint that exists in maintenance mode too."""
        return await self._transport.request("GET", path)

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request; a 404 for the whole path means maintenance, or no Immich 3.

        In maintenance mode the server answers so for nearly every path, even
        `api-keys/me` (measured on Immich 3.0.3).
        """
        try:
            return await self._transport.request(method, path, **options)
        except NotFoundError as err:
            if not str(err).startswith("Cannot "):
                raise
            if await self.in_maintenance():
                raise MaintenanceError("The server is in maintenance mode") from err
            await self.require_supported()
            raise ProtocolError(f"The server does not know {path}", status=404) from err


async def _body(
    head: bytes,
    content: AsyncIterator[bytes],
    tail: bytes,
    deadline: asyncio.Timeout,
    failures: list[Exception],
) -> AsyncIterator[bytes]:
    """Yield the whole body; every piece that is taken puts the deadline off.

    aiohttp wraps what is raised in here, so it is kept in ``failures`` as it was.
    """
    loop = asyncio.get_running_loop()
    yield head
    try:
        async for chunk in content:
            deadline.reschedule(loop.time() + IDLE_TIMEOUT)
            yield chunk
    except Exception as err:
        failures.append(err)
        raise
    deadline.reschedule(loop.time() + _STORE_TIMEOUT)
    yield tail


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Limit a block like asyncio.timeout; its expiry is a ConnectionFailedError."""
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            yield timeout
    except TimeoutError as err:
        if not timeout.expired():
            raise
        raise ConnectionFailedError("The server takes no more bytes") from err


def _list(answer: Any) -> Sequence[Any]:
    """Return the answer if it is a list."""
    if not isinstance(answer, list):
        raise ProtocolError("The server's answer is not a list")
    return answer


def _check_results(answer: Any, count: int) -> Sequence[CheckResult]:
    """Return the results in the order asked; each must belong to its question."""
    results = _list(answer.get("results") if isinstance(answer, Mapping) else None)
    by_id: dict[str, CheckResult] = {}
    for row in results:
        if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
            raise ProtocolError("An unusable row in the bulk upload check")
        by_id[row["id"]] = CheckResult.from_json(row)
    if by_id.keys() != {str(i) for i in range(count)}:
        raise ProtocolError("The bulk upload check lacks answers")
    return [by_id[str(i)] for i in range(count)]
