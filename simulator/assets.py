"""/assets apart from uploads and media: reading, changing, key-value metadata."""

from asyncio import to_thread
import json
from shutil import copyfile
import sqlite3
from typing import Any

from .access import own_asset, own_assets, readable_asset
from .asset_dto import asset_dto
from .asset_rows import edit_assets, set_live_video
from .errors import not_found
from .routing import Call, Routes
from .stacks import stack_summary
from .tags import tags_of_asset
from .times import iso_millis, now
from .uploads import METADATA_ITEMS, VISIBILITIES, hide_live_video
from .users import nested_user_dto, user_row
from .validation import (
    Check,
    array,
    boolean,
    fields,
    iso_datetime,
    number,
    one_of,
    optional,
    record,
    string,
    string_boolean,
    uuid,
)

routes = Routes()

_IDS = array(uuid())
_CHANGES: dict[str, Check] = {
    "dateTimeOriginal": optional(iso_datetime()),
    "description": optional(string()),
    "isFavorite": optional(boolean()),
    "latitude": optional(number(minimum=-90, maximum=90)),
    "longitude": optional(number(minimum=-180, maximum=180)),
    "rating": optional(number(integer=True, minimum=-1, maximum=5), nullable=True),
    "visibility": optional(one_of(VISIBILITIES)),
}
_UPDATE = fields(**_CHANGES, livePhotoVideoId=optional(uuid(), nullable=True))
_BULK_UPDATE = fields(**_CHANGES, ids=_IDS)
_METADATA = fields(items=METADATA_ITEMS)
_BULK_METADATA = fields(
    items=array(fields(assetId=uuid(), key=string(), value=record()))
)
_BULK_METADATA_DELETE = fields(items=array(fields(assetId=uuid(), key=string())))
_COPY = fields(
    sourceId=uuid(),
    targetId=uuid(),
    albums=optional(boolean()),
    favorite=optional(boolean()),
    sharedLinks=optional(boolean()),
    sidecar=optional(boolean()),
    stack=optional(boolean()),
)
_JOBS = ("refresh-faces", "refresh-metadata", "regenerate-thumbnail", "transcode-video")


@routes.add("GET", "/assets/statistics", need="asset.statistics")
async def statistics(call: Call) -> dict[str, int]:
    """Count pictures and videos, without hidden and locked ones by default."""
    query = call.query(
        fields(
            isFavorite=optional(string_boolean()),
            isTrashed=optional(string_boolean()),
            visibility=optional(one_of(VISIBILITIES)),
        )
    )
    sql = (
        "SELECT coalesce(sum(type = 'IMAGE'), 0) AS images, "
        "coalesce(sum(type = 'VIDEO'), 0) AS videos FROM assets "
        "WHERE owner_id = :user AND (deleted_at IS NOT NULL) = :trashed "
        "AND (:favorite IS NULL OR is_favorite = :favorite) "
        "AND (visibility = :visibility OR "
        "(:visibility IS NULL AND visibility IN ('archive', 'timeline')))"
    )
    named = {
        "user": call.auth.user_id,
        "trashed": query.get("isTrashed", False),
        "favorite": query.get("isFavorite"),
        "visibility": query.get("visibility"),
    }
    row = await call.backend.store.read(lambda db: db.execute(sql, named).fetchone())
    images, videos = row["images"], row["videos"]
    return {"images": images, "videos": videos, "total": images + videos}


@routes.add("GET", "/assets/{id}", need="asset.read")
async def get_asset(call: Call) -> dict[str, Any]:
    """Tell everything about an asset."""
    row = readable_asset(call, call.id(), "asset.read")
    store = call.backend.store
    return asset_dto(
        row,
        exif=True,
        owner=nested_user_dto(user_row(store, row["owner_id"])),
        tags=tags_of_asset(store, row["id"]),
        stack=stack_summary(store, row["stack_id"]),
    )


@routes.add("PUT", "/assets/{id}", need="asset.update")
async def update_asset(call: Call) -> dict[str, Any]:
    """Change an asset; the file stays as it is."""
    asset_id = call.id()
    dto = call.dto(_UPDATE)
    row = own_asset(call, asset_id, "asset.update")
    if "livePhotoVideoId" in dto:
        video_id = dto.pop("livePhotoVideoId")
        if video_id is not None:
            hide_live_video(call, call.auth, video_id)
        set_live_video(call.backend.store, row, video_id)
    edit_assets(call.backend.store, [row], dto)
    call.backend.jobs.wake()
    return asset_dto(own_asset(call, asset_id, "asset.update"), exif=True)


@routes.add("PUT", "/assets", need="asset.update", status=204)
@routes.add("PATCH", "/assets", need="asset.update", status=204)
async def update_assets(call: Call) -> None:
    """Change many assets in the same way."""
    dto = call.dto(_BULK_UPDATE)
    rows = own_assets(call, dto.pop("ids"), "asset.update")
    edit_assets(call.backend.store, rows.values(), dto)
    call.backend.jobs.wake()


@routes.add("PUT", "/assets/copy", need="asset.copy", status=204)
async def copy_asset(call: Call) -> None:
    """Give one asset the albums, the favourite, the stack and so on of another."""
    dto = call.dto(_COPY)
    source_id, target_id = dto["sourceId"], dto["targetId"]
    rows = own_assets(call, [source_id, target_id], "asset.copy")
    source = rows[source_id]
    changes: dict[str, Any] = {"updated_at": now()}
    if dto.get("favorite", True):
        changes["is_favorite"] = source["is_favorite"]
    if dto.get("stack", True) and source["stack_id"]:
        changes["stack_id"] = source["stack_id"]
    if dto.get("sidecar", True) and source["sidecar_path"]:
        files = call.backend.files
        path, _ = files.new_original(call.auth.user_id, ".xmp")
        await to_thread(copyfile, files.locate(source["sidecar_path"]), path)
        changes["sidecar_path"] = files.remember(path)
        changes["needs_metadata"] = True
    store = call.backend.store
    with store.transaction() as db:
        store.update("assets", target_id, changes)
        if dto.get("albums", True):
            db.execute(
                "INSERT OR IGNORE INTO album_assets "
                "SELECT album_id, ? FROM album_assets WHERE asset_id = ?",
                (target_id, source_id),
            )
    call.backend.jobs.wake()


@routes.add("POST", "/assets/jobs", need="job.create", status=204)
async def run_jobs(call: Call) -> None:
    """Look into assets again."""
    dto = call.dto(fields(assetIds=_IDS, name=one_of(_JOBS)))
    rows = own_assets(call, dto["assetIds"], "asset.update")
    column = {
        "refresh-metadata": "needs_metadata",
        "regenerate-thumbnail": "needs_thumbnail",
    }.get(dto["name"])
    if column is not None:
        for asset_id in rows:
            call.backend.store.update("assets", asset_id, {column: True})
        call.backend.jobs.wake()


def _metadata_dto(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "key": row["key"],
        "value": json.loads(row["value"]),
        "updatedAt": iso_millis(row["updated_at"]),
    }


def _metadata(call: Call, asset_id: str) -> list[sqlite3.Row]:
    return call.backend.store.all(
        "SELECT * FROM asset_metadata WHERE asset_id = ? ORDER BY key", asset_id
    )


def _put_metadata(call: Call, asset_id: str, key: str, value: Any) -> None:
    call.backend.store.db.execute(
        "INSERT OR REPLACE INTO asset_metadata VALUES (?, ?, ?, ?)",
        (asset_id, key, json.dumps(value), now()),
    )


@routes.add("GET", "/assets/{id}/metadata", need="asset.read")
async def get_metadata(call: Call) -> list[dict[str, Any]]:
    """Tell all key-value pairs of an asset."""
    row = readable_asset(call, call.id(), "asset.read")
    return [_metadata_dto(entry) for entry in _metadata(call, row["id"])]


@routes.add("PUT", "/assets/{id}/metadata", need="asset.update")
async def put_metadata(call: Call) -> list[dict[str, Any]]:
    """Set some key-value pairs of an asset."""
    asset_id = call.id()
    dto = call.dto(_METADATA)
    own_asset(call, asset_id, "asset.update")
    with call.backend.store.transaction():
        for item in dto["items"]:
            _put_metadata(call, asset_id, item["key"], item["value"])
    keys = {item["key"] for item in dto["items"]}
    return [
        _metadata_dto(row) for row in _metadata(call, asset_id) if row["key"] in keys
    ]


@routes.add("GET", "/assets/{id}/metadata/{key}", need="asset.read")
async def get_metadata_key(call: Call) -> dict[str, Any]:
    """Tell one key-value pair of an asset."""
    row = readable_asset(call, call.id(), "asset.read")
    for entry in _metadata(call, row["id"]):
        if entry["key"] == call.params["key"]:
            return _metadata_dto(entry)
    raise not_found(f'Metadata with key "{call.params["key"]}" not found')


@routes.add("DELETE", "/assets/{id}/metadata/{key}", need="asset.update", status=204)
async def delete_metadata_key(call: Call) -> None:
    """Remove one key-value pair of an asset."""
    row = own_asset(call, call.id(), "asset.update")
    _delete_metadata(call, row["id"], call.params["key"])


def _delete_metadata(call: Call, asset_id: str, key: str) -> None:
    call.backend.store.db.execute(
        "DELETE FROM asset_metadata WHERE asset_id = ? AND key = ?", (asset_id, key)
    )


@routes.add("PUT", "/assets/metadata", need="asset.update")
async def put_bulk_metadata(call: Call) -> list[dict[str, Any]]:
    """Set key-value pairs of many assets."""
    items: list[dict[str, Any]] = call.dto(_BULK_METADATA)["items"]
    own_assets(call, [item["assetId"] for item in items], "asset.update")
    with call.backend.store.transaction():
        for item in items:
            _put_metadata(call, item["assetId"], item["key"], item["value"])
    wanted = {(item["assetId"], item["key"]) for item in items}
    return [
        {"assetId": asset_id, **_metadata_dto(row)}
        for asset_id in dict.fromkeys(item["assetId"] for item in items)
        for row in _metadata(call, asset_id)
        if (asset_id, row["key"]) in wanted
    ]


@routes.add("DELETE", "/assets/metadata", need="asset.update", status=204)
async def delete_bulk_metadata(call: Call) -> None:
    """Remove key-value pairs of many assets."""
    items: list[dict[str, Any]] = call.dto(_BULK_METADATA_DELETE)["items"]
    own_assets(call, [item["assetId"] for item in items], "asset.update")
    for item in items:
        _delete_metadata(call, item["assetId"], item["key"])
