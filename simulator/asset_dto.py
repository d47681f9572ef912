"""How the API tells an asset."""

from collections.abc import Callable
import json
import sqlite3
from typing import Any

from .checksums import to_text
from .formats import mime_type
from .times import iso_millis, iso_postgres


def asset_dto(
    row: sqlite3.Row,
    *,
    exif: bool = False,
    owner: dict[str, Any] | None = None,
    tags: list[dict[str, Any]] | None = None,
    stack: dict[str, Any] | None = None,
    as_postgres: bool = False,
) -> dict[str, Any]:
    """Return an asset; owner, tags and stack are only told together.

    as_postgres writes times as PostgreSQL's JSON does, as in stacks.
    """
    when: Callable[[int], str] = iso_postgres if as_postgres else iso_millis
    whole = owner is not None
    dto: dict[str, Any] = {
        "id": row["id"],
        "createdAt": when(row["created_at"]),
        "ownerId": row["owner_id"],
    }
    if whole:
        dto["owner"] = owner
    dto |= {
        "libraryId": row["library_id"],
        "type": row["type"],
        "originalPath": row["original_path"],
        "originalFileName": row["original_file_name"],
        "originalMimeType": mime_type(row["original_path"]),
        "thumbhash": row["thumbhash"],
        "fileCreatedAt": when(row["file_created_at"]),
        "fileModifiedAt": when(row["file_modified_at"]),
        "localDateTime": when(row["local_date_time"]),
        "updatedAt": when(row["updated_at"]),
        "isFavorite": bool(row["is_favorite"]),
        "isArchived": row["visibility"] == "archive",
        "isTrashed": row["deleted_at"] is not None,
        "visibility": row["visibility"],
        "duration": row["duration"],
    }
    if exif:
        dto["exifInfo"] = json.loads(row["exif"])
    dto["livePhotoVideoId"] = row["live_photo_video_id"]
    if whole:
        dto["tags"] = tags or []
    dto["people"] = []
    dto["checksum"] = to_text(row["checksum"])
    if whole:
        dto["stack"] = stack
    dto |= {
        "isOffline": bool(row["is_offline"]),
        "hasMetadata": True,
        "duplicateId": None,
        "resized": True,
        "width": row["width"],
        "height": row["height"],
        "isEdited": False,
    }
    return dto


def marker_dto(row: sqlite3.Row) -> dict[str, Any] | None:
    """Return where an asset is on the map, None if that is not known."""
    exif = json.loads(row["exif"])
    if exif["latitude"] is None or exif["longitude"] is None:
        return None
    return {
        "id": row["id"],
        "lat": exif["latitude"],
        "lon": exif["longitude"],
        "city": exif["city"],
        "state": exif["state"],
        "country": exif["country"],
    }


def failed_row(asset_id: str, error: str) -> dict[str, Any]:
    """Return the row for an asset that a change of many could not be made to."""
    return {"id": asset_id, "success": False, "error": error}
