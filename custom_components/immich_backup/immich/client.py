"""The Immich REST API, as far as we use it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from .errors import (
    ConnectionFailedError,
    ContentSizeError,
    ImmichError,
    MaintenanceError,
    NotFoundError,
    ProtocolError,
    ServerTooOldError,
    TooLargeError,
)
from .models import (
    Album,
    AlbumRole,
    ApiKey,
    AssetDetails,
    CheckResult,
    MediaTypes,
    ServerVersion,
    Storage,
    Tag,
    UploadResult,
    User,
    Visibility,
    local_api_time,
)
from .multipart import AssetUpload, Envelope, WholeBody, envelope
from .stream import BodyStream, send_timeout
from .transport import CONNECT_TIMEOUT, Transport

OLDEST_VERSION = ServerVersion(3, 0, 0)
# The server's database takes 65,533 parameters in one call, and proxies often 1 MB of
# body; 5,000 checksums are 280 kB.
MAX_CHECK = 5000
# Content of at most this many bytes is better sent in one piece. With the form around
# it, it stays below 1 MiB, the most that aiohttp likes to be handed at once.
SMALL_BODY = 1008 * 1024
# The server makes previews of 1440 pixels as JPEG; few of them have half a megabyte.
MAX_THUMBNAIL = 4 * 1024 * 1024
_CHECKSUM_SIZE = 20
_IMAGES = ((0, b"\xff\xd8\xff"), (0, b"\x89PNG"), (8, b"WEBP"))


class ImmichClient:
    """A typed client of one server and one API key; holds no state of its own.

    Every method raises the errors of errors.py and nothing else, besides what an
    upload's own content raises, and ValueError for a checksum that is none.
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
        return isinstance(config, dict) and config.get("maintenanceMode") is True

    async def media_types(self) -> MediaTypes:
        """Return the extensions that the server takes; needs no key."""
        return MediaTypes.from_json(await self._call("GET", "server/media-types"))

    async def api_key(self) -> ApiKey:
        """Return the key and its permissions; any valid key may ask."""
        return ApiKey.from_json(await self._call("GET", "api-keys/me"))

    async def me(self) -> User:
        """Return the key's user, with quota; needs `user.read`."""
        return User.from_json(await self._call("GET", "users/me"))

    async def users(self) -> Sequence[User]:
        """Return all users of the server, without quotas (`user.read`)."""
        return [
            User.from_json(item) for item in _list(await self._call("GET", "users"))
        ]

    async def storage(self) -> Storage:
        """Return the server's disk space; needs `server.storage`."""
        return Storage.from_json(await self._call("GET", "server/storage"))

    async def require_supported(self) -> ServerVersion:
        """Return the server's version; ServerTooOldError below 3.0.

        What answers without being Immich raises ProtocolError.
        """
        version = await self.version()
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
        at_once = MAX_CHECK
        while part := checksums[len(results) : len(results) + at_once]:
            # In threads, as thousands of rows would hold up the event loop.
            body = await asyncio.to_thread(_check_body, part)
            try:
                answer = await self._call(
                    "POST", "assets/bulk-upload-check", body=body, resend=True
                )
            except TooLargeError:
                if len(part) == 1:
                    raise
                at_once = len(part) // 2
                continue
            results += await asyncio.to_thread(_check_results, answer, len(part))
        return results

    async def upload_asset(self, upload: AssetUpload) -> UploadResult:
        """Send one file; needs `asset.upload`.

        A known checksum is answered as a duplicate before the body is read. There is no
        limit on the whole time, only on silence. An exception of the upload's content
        abandons the upload (the server then stores nothing) and is raised as it is;
        content of another size than announced raises ContentSizeError.
        """
        frame = envelope(upload)
        length = len(frame.head) + upload.size + len(frame.tail)
        headers = {
            "Content-Type": frame.content_type,
            "Content-Length": str(length),
            "x-immich-checksum": _valid(upload.checksum).hex(),
        }
        if not isinstance(upload.content, bytes):
            answer = await self._stream(upload.content, upload.size, frame, headers)
        elif len(upload.content) != upload.size:
            raise ContentSizeError("The content has another size than announced")
        else:
            answer = await self._call(
                "POST",
                "assets",
                data=WholeBody(frame, upload.content),
                headers=headers,
                timeout=aiohttp.ClientTimeout(
                    total=send_timeout(length), sock_connect=CONNECT_TIMEOUT
                ),
                resend=True,
            )
        return UploadResult.from_json(answer)

    async def _stream(
        self,
        content: Callable[[], AsyncIterator[bytes]],
        size: int,
        frame: Envelope,
        headers: Mapping[str, str],
    ) -> Any:
        """Send content as it is read; return the answer."""
        try:
            async with asyncio.timeout(send_timeout(0)) as deadline:
                body = BodyStream(frame, content, size, deadline)
                try:
                    return await self._call(
                        "POST",
                        "assets",
                        data=body,
                        headers=headers,
                        timeout=aiohttp.ClientTimeout(
                            total=None, sock_connect=CONNECT_TIMEOUT
                        ),
                    )
                except ImmichError:
                    if body.failure is None:
                        raise
                finally:
                    await body.aclose()
        except TimeoutError as err:
            raise ConnectionFailedError("The server stopped taking bytes") from err
        # Out here nothing gets chained to it.
        raise body.failure

    async def albums(self, name: str | None = None) -> Sequence[Album]:
        """Return this user's own albums, all or those of exactly a name (`album.read`).

        The oldest first.
        """
        params = ({} if name is None else {"name": name}) | {"isOwned": "true"}
        answer = await self._call("GET", "albums", params=params)
        albums = (Album.from_json(item) for item in _list(answer))
        # The server ignores a parameter that it does not know.
        return sorted(
            (album for album in albums if name in (None, album.name)),
            key=lambda album: (album.created_at, album.id),
        )

    async def create_album(
        self,
        name: str,
        asset_ids: Sequence[str] = (),
        share: Mapping[str, AlbumRole] | None = None,
    ) -> Album:
        """Create an album, whether or not one of this name exists (`album.create`).

        Assets that are not this user's are left out of it silently. It is shared with
        other users (their ids); RefusedError if one of them is not there.
        """
        body: dict[str, object] = {"albumName": name, "assetIds": list(asset_ids)}
        if share:
            body["albumUsers"] = [
                {"userId": user_id, "role": role.value}
                for user_id, role in share.items()
            ]
        return Album.from_json(await self._call("POST", "albums", body=body))

    async def rename_album(self, album_id: str, name: str) -> None:
        """Give an album another name (`album.update`)."""
        await self._call(
            "PATCH",
            f"albums/{quote(album_id, safe='')}",
            body={"albumName": name},
            resend=True,
        )

    async def delete_album(self, album_id: str) -> None:
        """Delete an album; its assets stay (`album.delete`)."""
        await self._call("DELETE", f"albums/{quote(album_id, safe='')}")

    async def add_to_album(
        self, album_id: str, asset_ids: Sequence[str]
    ) -> Sequence[str]:
        """Put assets into an album; those already in it stay (`albumAsset.create`).

        Returns those that the server refused: they are not this user's, or locked.
        Raises NotFoundError when the album is not this user's.
        """
        answer = await self._call(
            "PUT",
            f"albums/{quote(album_id, safe='')}/assets",
            body={"ids": list(asset_ids)},
        )
        added: set[str] = set()
        for row in _list(answer):
            asset_id = _row_id(row)
            if row.get("success") is True or row.get("error") == "duplicate":
                added.add(asset_id)
        return [asset_id for asset_id in asset_ids if asset_id not in added]

    async def upsert_tags(self, values: Sequence[str]) -> Sequence[Tag]:
        """Return these tags (`Home/Doorbell`), created where missing (`tag.create`).

        They come in the order asked.
        """
        answer = await self._call("PUT", "tags", body={"tags": list(values)})
        tags = [Tag.from_json(item) for item in _list(answer)]
        if len(tags) != len(values):
            raise ProtocolError("The server's answer lacks tags")
        return tags

    async def tag_assets(
        self, tag_ids: Sequence[str], asset_ids: Sequence[str]
    ) -> None:
        """Give these tags to these assets (`tag.asset`)."""
        await self._call(
            "PUT",
            "tags/assets",
            body={"tagIds": list(tag_ids), "assetIds": list(asset_ids)},
        )

    async def untag_assets(self, tag_id: str, asset_ids: Sequence[str]) -> None:
        """Take a tag from assets, those that have it (`tag.asset`)."""
        await self._call(
            "DELETE",
            f"tags/{quote(tag_id, safe='')}/assets",
            body={"ids": list(asset_ids)},
        )

    async def asset(self, asset_id: str) -> AssetDetails:
        """Return what the server shows of an asset by now; needs `asset.read`."""
        return AssetDetails.from_json(
            await self._call("GET", f"assets/{quote(asset_id, safe='')}")
        )

    async def city(self, asset_id: str) -> str | None:
        """Return the city an asset was taken in; needs `asset.read`.

        None where the server does not know, or has not found out yet.
        """
        return (await self.asset(asset_id)).city

    async def update_assets(
        self,
        asset_ids: Sequence[str],
        *,
        favourite: bool | None = None,
        visibility: Visibility | None = None,
        description: str | None = None,
        taken: datetime | None = None,
        place: tuple[float, float] | None = None,
        rating: int | None = None,
    ) -> None:
        """Change what is given here of these assets (`asset.update`).

        ``taken`` is aware of its zone, ``place`` latitude and longitude (it can't be
        cleared), ``rating`` 1 to 5, -1 for rejected and 0 for none. The server refuses
        the whole call if one of them is not this user's.
        """
        latitude, longitude = place or (None, None)
        changes: dict[str, object] = {
            "isFavorite": favourite,
            "visibility": None if visibility is None else visibility.value,
            "description": description,
            "dateTimeOriginal": None if taken is None else local_api_time(taken),
            "latitude": latitude,
            "longitude": longitude,
            "rating": rating or None,
        }
        body = {key: value for key, value in changes.items() if value is not None}
        if rating == 0:
            body["rating"] = None
        await self._call("PUT", "assets", body={"ids": list(asset_ids), **body})

    async def link_live_photo(self, still_id: str, video_id: str) -> None:
        """Make a video the moving half of a still, which hides it (`asset.update`)."""
        await self._call(
            "PUT",
            f"assets/{quote(still_id, safe='')}",
            body={"livePhotoVideoId": video_id},
        )

    async def create_stack(self, asset_ids: Sequence[str]) -> None:
        """Show assets as one, the first of them on top (`stack.create`).

        At least two; those of other stacks are taken out of them.
        """
        await self._call("POST", "stacks", body={"assetIds": list(asset_ids)})

    async def thumbnail(self, asset_id: str, *, large: bool = False) -> bytes:
        """Return a small picture of an asset, as JPEG, PNG or WebP; needs `asset.view`.

        Its shorter side has about 250 pixels; a large one's has about 1440. Raises
        NotFoundError when the asset is not this user's or the server has not made it
        yet, and ProtocolError for more than 4 MB or what is no picture.
        """
        answer: bytes | None = await self._call(
            "GET",
            f"assets/{quote(asset_id, safe='')}/thumbnail",
            params={"size": "preview" if large else "thumbnail"},
            raw=MAX_THUMBNAIL,
        )
        if answer is None or not any(
            answer.startswith(magic, at) for at, magic in _IMAGES
        ):
            raise ProtocolError(
                "The server answered with something else than a picture"
            )
        return answer

    async def _get(self, path: str) -> Any:
        """Ask an endpoint that exists in maintenance mode too."""
        try:
            return await self._transport.request("GET", path)
        except NotFoundError as err:
            raise ProtocolError(
                "There is no Immich at this address", status=404
            ) from err

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


def _list(answer: Any) -> Sequence[Any]:
    """Return the answer if it is a list."""
    if not isinstance(answer, list):
        raise ProtocolError("The server's answer is not a list")
    return answer


def _row_id(row: Any) -> str:
    """Return what a row of an answer is about."""
    row_id = row.get("id") if isinstance(row, dict) else None
    if not isinstance(row_id, str):
        raise ProtocolError("The server's answer has an unusable row")
    return row_id


def _valid(checksum: bytes) -> bytes:
    """Return a checksum; ValueError if it is none, which the server never finds."""
    if len(checksum) != _CHECKSUM_SIZE:
        raise ValueError("A SHA-1 checksum has 20 bytes")
    return checksum


def _check_body(checksums: Sequence[bytes]) -> Mapping[str, object]:
    """Return the question about these checksums."""
    return {
        "assets": [
            {"id": str(i), "checksum": base64.b64encode(_valid(checksum)).decode()}
            for i, checksum in enumerate(checksums)
        ]
    }


def _check_results(answer: Any, count: int) -> Sequence[CheckResult]:
    """Return the results in the order asked; each must belong to its question."""
    results = _list(answer.get("results") if isinstance(answer, dict) else None)
    by_id = {_row_id(row): CheckResult.from_json(row) for row in results}
    asked = [str(i) for i in range(count)]
    if by_id.keys() != set(asked):
        raise ProtocolError("The bulk upload check lacks answers")
    return [by_id[i] for i in asked]
