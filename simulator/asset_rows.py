"""How an asset comes into the database, is changed there and leaves it."""

from collections.abc import Iterable
import json
import sqlite3
from typing import Any, Final

from .dates import offset_name, parse_taken
from .formats import is_video
from .store import Store, new_id
from .times import iso_postgres, now, parse_iso

# What is told of a file that was not looked into yet; the order is that of the API.
EMPTY_EXIF: Final[dict[str, Any]] = {
    "make": None,
    "model": None,
    "exifImageWidth": None,
    "exifImageHeight": None,
    "fileSizeInByte": None,
    "orientation": None,
    "dateTimeOriginal": None,
    "modifyDate": None,
    "timeZone": None,
    "lensModel": None,
    "fNumber": None,
    "focalLength": None,
    "iso": None,
    "exposureTime": None,
    "latitude": None,
    "longitude": None,
    "city": None,
    "state": None,
    "country": None,
    "description": "",
    "projectionType": None,
    "rating": None,
}


def insert_asset(
    store: Store,
    *,
    owner_id: str,
    path: str,
    told_path: str,
    name: str,
    size: int,
    checksum: bytes,
    dto: dict[str, Any],
    sidecar: str | None = None,
    library_id: str | None = None,
) -> str:
    """Commit a new asset and return its id.

    path and sidecar are what Files.remember() gave, dto the fields of the upload. sqlite3.IntegrityError says that this owner
    already has an asset with this checksum.
    """
    asset_id = new_id()
    instant = now()
    created_at = parse_iso(dto["fileCreatedAt"])
    row = {
        "id": asset_id,
        "owner_id": owner_id,
        "library_id": library_id,
        "type": "VIDEO" if is_video(path) else "IMAGE",
        "path": path,
        "sidecar_path": sidecar,
        "original_path": told_path,
        "original_file_name": name,
        "checksum": checksum,
        "size": size,
        "file_created_at": created_at,
        "file_modified_at": parse_iso(dto["fileModifiedAt"]),
        "local_date_time": created_at,
        "created_at": instant,
        "updated_at": instant,
        "is_favorite": bool(dto.get("isFavorite")),
        "visibility": dto.get("visibility", "timeline"),
        "duration": dto.get("duration"),
        "live_photo_video_id": dto.get("livePhotoVideoId"),
        "exif": json.dumps(EMPTY_EXIF | {"fileSizeInByte": size}),
    }
    with store.transaction() as db:
        store.insert("assets", row)
        for item in dto.get("metadata", ()):
            db.execute(
                "INSERT OR REPLACE INTO asset_metadata VALUES (?, ?, ?, ?)",
                (asset_id, item["key"], json.dumps(item["value"]), instant),
            )
        if library_id is None:
            db.execute(
                "UPDATE users SET quota_usage = quota_usage + ?, updated_at = ? "
                "WHERE id = ?",
                (size, instant, owner_id),
            )
    return asset_id


def edit_assets(store: Store, rows: Iterable[sqlite3.Row], dto: dict[str, Any]) -> None:
    """Change assets as users do; what belongs into the file is kept beside it.

    The dates of an asset only follow when the metadata job has run again, as with
    the real server, which writes a sidecar and reads it back.
    """
    told: dict[str, Any] = {
        name: dto[name]
        for name in (
            "dateTimeOriginal",
            "description",
            "latitude",
            "longitude",
            "rating",
        )
        if name in dto
    }
    columns: dict[str, Any] = {"updated_at": now()}
    if "isFavorite" in dto:
        columns["is_favorite"] = dto["isFavorite"]
    if "visibility" in dto:
        columns["visibility"] = dto["visibility"]
    shown = told.copy()
    if text := told.get("dateTimeOriginal"):
        shown["dateTimeOriginal"] = iso_postgres(parse_iso(text))
        taken = parse_taken(text)
        if taken is not None and taken.offset is not None:
            shown["timeZone"] = offset_name(taken.offset)
    with store.transaction():
        for row in rows:
            changes = dict(columns)
            if told:
                changes["exif"] = json.dumps(json.loads(row["exif"]) | shown)
                changes["edits"] = json.dumps(json.loads(row["edits"]) | told)
                changes["needs_metadata"] = True
            store.update("assets", row["id"], changes)


def set_live_video(store: Store, row: sqlite3.Row, video_id: str | None) -> None:
    """Link a still with its video, or unlink them and show the video again."""
    old = row["live_photo_video_id"]
    with store.transaction():
        store.update("assets", row["id"], {"live_photo_video_id": video_id})
        if old is not None and old != video_id:
            store.update("assets", old, {"visibility": row["visibility"]})


def remove_asset(store: Store, row: sqlite3.Row) -> list[str]:
    """Remove an asset for good; return the remembered paths of its own files."""
    with store.transaction() as db:
        db.execute("DELETE FROM assets WHERE id = ?", (row["id"],))
        if row["stack_id"] is not None:
            _mend_stack(db, row["stack_id"])
        if row["library_id"] is None:
            db.execute(
                "UPDATE users SET quota_usage = max(0, quota_usage - ?) WHERE id = ?",
                (row["size"], row["owner_id"]),
            )
    if row["library_id"] is not None:
        return []
    return [path for path in (row["path"], row["sidecar_path"]) if path]


def _mend_stack(db: sqlite3.Connection, stack_id: str) -> None:
    """Dissolve a stack of fewer than two; give it a primary that is still there."""
    left = db.execute(
        "SELECT a.id, s.primary_asset_id FROM assets a JOIN stacks s "
        "ON s.id = a.stack_id WHERE s.id = ? ORDER BY a.file_created_at",
        (stack_id,),
    ).fetchall()
    if len(left) < 2:
        db.execute("DELETE FROM stacks WHERE id = ?", (stack_id,))
    elif left[0]["primary_asset_id"] not in [row["id"] for row in left]:
        db.execute(
            "UPDATE stacks SET primary_asset_id = ? WHERE id = ?",
            (left[0]["id"], stack_id),
        )
