"""How an asset comes into the database."""

import json
from pathlib import Path
from typing import Any, Final

from .formats import is_video
from .store import Store, new_id
from .times import now, parse_iso

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
    path: Path,
    told_path: str,
    name: str,
    size: int,
    checksum: bytes,
    dto: dict[str, Any],
    sidecar: Path | None = None,
    library_id: str | None = None,
) -> str:
    """Commit a new asset and return its id.

    dto holds the fields of the upload. sqlite3.IntegrityError says that this owner
    already has an asset with this checksum.
    """
    asset_id = new_id()
    instant = now()
    created_at = parse_iso(dto["fileCreatedAt"])
    row = {
        "id": asset_id,
        "owner_id": owner_id,
        "library_id": library_id,
        "type": "VIDEO" if is_video(path.name) else "IMAGE",
        "path": str(path),
        "sidecar_path": None if sidecar is None else str(sidecar),
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
