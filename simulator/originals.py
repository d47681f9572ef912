"""What of an asset can be fetched: thumbnail, original, film, archives."""

import asyncio
from collections.abc import Iterator
import io
import sqlite3
from typing import Any, override
import zipfile

from aiohttp import web

from .access import own_assets, readable_asset
from .errors import ApiError, bad_request, no_access, not_found
from .files import Files
from .formats import extension, mime_type
from .replies import FileAnswer
from .routing import Call, Routes
from .store import select_in
from .validation import (
    MAX_SAFE_INTEGER,
    array,
    boolean,
    fields,
    number,
    one_of,
    optional,
    string_boolean,
    uuid,
)

routes = Routes()

_SIZES = ("original", "fullsize", "preview", "thumbnail")
_ARCHIVE_SIZE = 4 * 1024**3
_BLOCK = 1024 * 1024
_INFO = fields(
    albumId=optional(uuid()),
    archiveSize=optional(number(integer=True, minimum=1, maximum=MAX_SAFE_INTEGER)),
    assetIds=optional(array(uuid())),
    userId=optional(uuid()),
)
_ARCHIVE = fields(assetIds=array(uuid()), edited=optional(boolean()))


async def _original(call: Call, row: sqlite3.Row, *, name: str | None) -> FileAnswer:
    """Return the file of an asset; its date is the one that came with it."""
    path = call.backend.files.locate(row["path"])
    try:
        stat = await asyncio.to_thread(path.stat)
    except OSError:
        raise not_found() from None
    return FileAnswer(
        path=path,
        size=stat.st_size,
        modified=row["file_modified_at"],
        content_type=mime_type(row["original_path"]),
        name=name,
    )


@routes.add("GET", "/assets/{id}/thumbnail", need="asset.view")
async def thumbnail(call: Call) -> FileAnswer | web.Response:
    """Send a thumbnail, once the job has made it."""
    asset_id = call.id()
    query = call.query(
        fields(edited=optional(string_boolean()), size=optional(one_of(_SIZES)))
    )
    row = readable_asset(call, asset_id, "asset.view")
    size = query.get("size", "thumbnail")
    if size in ("original", "fullsize"):
        return web.Response(
            status=302,
            text="Found. Redirecting to original?",
            headers={"Location": "original?", "Vary": "Accept, Accept-Encoding"},
        )
    suffix = "_preview.jpeg" if size == "preview" else "_thumbnail.webp"
    path = call.backend.files.thumbnail(row["owner_id"], asset_id, suffix)
    try:
        stat = await asyncio.to_thread(path.stat)
    except OSError:
        raise not_found("Asset media not found") from None
    name = row["original_file_name"]
    stem = name.removesuffix(extension(name))
    return FileAnswer(
        path=path,
        size=stat.st_size,
        modified=stat.st_mtime_ns // 1000,
        content_type="image/jpeg" if size == "preview" else "image/webp",
        name=stem + suffix,
    )


@routes.add("GET", "/assets/{id}/original", need="asset.download")
async def original(call: Call) -> FileAnswer:
    """Send the very bytes that came; an unknown asset is 404 here."""
    asset_id = call.id()
    try:
        row = readable_asset(call, asset_id, "asset.download")
    except ApiError:
        raise not_found() from None
    return await _original(call, row, name=row["original_file_name"])


@routes.add("GET", "/assets/{id}/video/playback", need="asset.view")
async def playback(call: Call) -> FileAnswer:
    """Send a film as it is; nothing is transcoded here."""
    row = readable_asset(call, call.id(), "asset.view")
    if row["type"] != "VIDEO":
        raise not_found()
    return await _original(call, row, name=None)


def _wanted(call: Call, dto: dict[str, Any]) -> list[sqlite3.Row]:
    """Return the assets that a download asks for."""
    store, user_id = call.backend.store, call.auth.user_id
    if "assetIds" in dto:
        return list(own_assets(call, dto["assetIds"], "asset.download").values())
    if "albumId" in dto:
        member = store.one(
            "SELECT 1 FROM album_users WHERE album_id = ? AND user_id = ?",
            dto["albumId"],
            user_id,
        )
        if member is None:
            raise no_access("album.download")
        return store.all(
            "SELECT a.* FROM assets a JOIN album_assets aa ON aa.asset_id = a.id "
            "WHERE aa.album_id = ? AND a.deleted_at IS NULL",
            dto["albumId"],
        )
    if "userId" in dto:
        if dto["userId"] != user_id:
            raise no_access("timeline.download")
        return store.all(
            "SELECT * FROM assets WHERE owner_id = ? AND deleted_at IS NULL "
            "AND visibility != 'hidden' ORDER BY rowid",
            user_id,
        )
    raise bad_request("assetIds, albumId, or userId is required")


@routes.add("POST", "/download/info", need="asset.download")
async def download_info(call: Call) -> dict[str, Any]:
    """Split what is wanted into archives of a bearable size."""
    dto = call.dto(_INFO)
    limit = dto.get("archiveSize", _ARCHIVE_SIZE)
    rows = _wanted(call, dto)
    films = [row["live_photo_video_id"] for row in rows if row["live_photo_video_id"]]
    rows += select_in(
        call.backend.store.db, "SELECT * FROM assets WHERE id IN {in}", films
    )
    archives: list[dict[str, Any]] = []
    for row in rows:
        if not archives or archives[-1]["size"] > limit:
            archives.append({"size": 0, "assetIds": []})
        archives[-1]["size"] += row["size"]
        archives[-1]["assetIds"].append(row["id"])
    return {"totalSize": sum(row["size"] for row in rows), "archives": archives}


class _Outlet(io.RawIOBase):
    """A file that cannot seek and gives away what is written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _archive(files: Files, rows: list[sqlite3.Row]) -> Iterator[bytes]:
    """Write a ZIP without compression, block by block; equal names get a number."""
    outlet = _Outlet()
    seen: dict[str, int] = {}
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for row in rows:
            name = row["original_file_name"]
            count = seen[name] = seen.get(name, -1) + 1
            if count:
                suffix = extension(name)
                name = f"{name.removesuffix(suffix)}+{count}{suffix}"
            info = zipfile.ZipInfo(name)
            source_path = files.locate(row["path"])
            with source_path.open("rb") as source, archive.open(info, "w") as out:
                while data := source.read(_BLOCK):
                    out.write(data)
                    yield outlet.take()
    yield outlet.take()


@routes.add("POST", "/download/archive", need="asset.download", status=200)
async def download_archive(call: Call) -> web.StreamResponse:
    """Send originals in a ZIP."""
    dto = call.dto(_ARCHIVE)
    rows = own_assets(call, dto["assetIds"], "asset.download")
    ordered = [rows[asset_id] for asset_id in dict.fromkeys(dto["assetIds"])]
    response = web.StreamResponse(
        headers={"Content-Type": "application/octet-stream", "Vary": "Accept-Encoding"}
    )
    response.enable_chunked_encoding()
    await response.prepare(call.request)
    blocks = _archive(call.backend.files, ordered)
    while (data := await asyncio.to_thread(next, blocks, None)) is not None:
        await response.write(data)
    await response.write_eof()
    return response
