"""What only an all-seeing observer knows: every asset of every user."""

from dataclasses import dataclass
from pathlib import Path
import sqlite3
from typing import Any

from .files import Files
from .store import Store
from .times import iso_millis


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the simulated server."""

    id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """An asset as it lies in the database; times as the API writes them."""

    id: str
    owner_id: str
    library_id: str | None
    type: str
    sha1: str  # hexadecimal; of an external asset the SHA-1 of its path, as told
    size: int
    path: Path  # where the bytes are on this machine
    sidecar_path: Path | None
    original_file_name: str
    file_created_at: str
    file_modified_at: str
    local_date_time: str
    trashed: bool
    offline: bool
    favorite: bool
    visibility: str
    duration: int | None  # milliseconds
    live_photo_video_id: str | None
    stack_id: str | None
    thumbhash: str | None

    def as_json(self) -> dict[str, Any]:
        """Return all fields for the hidden endpoint."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name in self.__slots__
            for value in (getattr(self, name),)
        }


def _record(files: Files, row: sqlite3.Row) -> AssetRecord:
    sidecar = row["sidecar_path"]
    return AssetRecord(
        id=row["id"],
        owner_id=row["owner_id"],
        library_id=row["library_id"],
        type=row["type"],
        sha1=row["checksum"].hex(),
        size=row["size"],
        path=files.locate(row["path"]),
        sidecar_path=files.locate(sidecar) if sidecar else None,
        original_file_name=row["original_file_name"],
        file_created_at=iso_millis(row["file_created_at"]),
        file_modified_at=iso_millis(row["file_modified_at"]),
        local_date_time=iso_millis(row["local_date_time"]),
        trashed=row["deleted_at"] is not None,
        offline=bool(row["is_offline"]),
        favorite=bool(row["is_favorite"]),
        visibility=row["visibility"],
        duration=row["duration"],
        live_photo_video_id=row["live_photo_video_id"],
        stack_id=row["stack_id"],
        thumbhash=row["thumbhash"],
    )


def one_asset(store: Store, files: Files, asset_id: str) -> AssetRecord:
    """Return one asset; LookupError if there is none."""
    row = store.one("SELECT * FROM assets WHERE id = ?", asset_id)
    if row is None:
        raise LookupError(f"no asset {asset_id}")
    return _record(files, row)


def all_assets(store: Store, files: Files) -> list[AssetRecord]:
    """Return all assets in the order in which they came."""
    rows = store.all("SELECT * FROM assets ORDER BY rowid")
    return [_record(files, row) for row in rows]
