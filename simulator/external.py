"""External libraries: files that the server shows but did not receive."""

import hashlib
from pathlib import Path
import sqlite3
from typing import Any

from .asset_rows import insert_asset
from .errors import bad_request
from .formats import is_asset
from .routing import Call, Routes
from .store import Store, new_id
from .times import iso_millis, now

routes = Routes()


def path_checksum(path: Path) -> bytes:
    """Return the checksum that such an asset is told to have.

    It is the SHA-1 of `path:` and the path, not of the content (measured on 3.0.3);
    hence nothing ever finds it by its content.
    """
    return hashlib.sha1(f"path:{path}".encode()).digest()


def library_of(store: Store, owner_id: str) -> str:
    """Return the external library of a user, made if there is none."""
    row = store.one("SELECT id FROM libraries WHERE owner_id = ?", owner_id)
    if row is not None:
        return str(row["id"])
    library_id = new_id()
    store.db.execute(
        "INSERT INTO libraries VALUES (?, ?, 'New External Library', ?)",
        (library_id, owner_id, now()),
    )
    return library_id


def import_file(
    store: Store, owner_id: str, path: Path, *, offline: bool = False
) -> str:
    """Show a file of this machine as an external asset; return its id.

    ValueError says that the server would not take such a file.
    """
    if not is_asset(path.name):
        raise ValueError(f"not a picture or a film: {path.name}")
    stat = path.stat()
    modified = iso_millis(stat.st_mtime_ns // 1000)
    asset_id = insert_asset(
        store,
        owner_id=owner_id,
        path=str(path.absolute()),
        told_path=str(path),
        name=path.name,
        size=stat.st_size,
        checksum=path_checksum(path),
        dto={"fileCreatedAt": modified, "fileModifiedAt": modified},
        library_id=library_of(store, owner_id),
    )
    if offline:
        store.update("assets", asset_id, {"is_offline": True, "deleted_at": now()})
    return asset_id


def _library_dto(row: sqlite3.Row) -> dict[str, Any]:
    created_at = iso_millis(row["created_at"])
    return {
        "id": row["id"],
        "ownerId": row["owner_id"],
        "name": row["name"],
        "createdAt": created_at,
        "updatedAt": created_at,
        "refreshedAt": None,
        "importPaths": [],
        "exclusionPatterns": [],
        "assetCount": row["assets"],
    }


_LIBRARIES = (
    "SELECT l.*, (SELECT count(*) FROM assets a WHERE a.library_id = l.id) AS assets "
    "FROM libraries l "
)


@routes.add("GET", "/libraries", need="library.read", admin=True)
async def list_libraries(call: Call) -> list[dict[str, Any]]:
    """List all external libraries."""
    rows = call.backend.store.all(_LIBRARIES + "ORDER BY l.created_at")
    return [_library_dto(row) for row in rows]


@routes.add("GET", "/libraries/{id}", need="library.read", admin=True)
async def get_library(call: Call) -> dict[str, Any]:
    """Tell of one external library."""
    row = call.backend.store.one(_LIBRARIES + "WHERE l.id = ?", call.id())
    if row is None:
        raise bad_request("Library not found")
    return _library_dto(row)
