"""Albums: what is in them and who sees them."""

from collections.abc import Iterable
import sqlite3
from typing import Any

from .access import allowed_assets, readable_asset
from .asset_dto import failed_row, marker_dto
from .errors import bad_request, no_access
from .routing import Call, Routes
from .store import Store, new_id
from .times import DAY, iso_millis, iso_postgres, now
from .users import nested_user_dto
from .validation import (
    array,
    boolean,
    fields,
    one_of,
    optional,
    string,
    string_boolean,
    uuid,
)

routes = Routes()

_ROLES = one_of(("editor", "owner", "viewer"))
_IDS = fields(ids=array(uuid()))
_CREATE = fields(
    albumName=string(),
    albumUsers=optional(array(fields(userId=uuid(), role=_ROLES))),
    assetIds=optional(array(uuid())),
    description=optional(string()),
)
_UPDATE = fields(
    albumName=optional(string()),
    albumThumbnailAssetId=optional(uuid()),
    description=optional(string()),
    isActivityEnabled=optional(boolean()),
    order=optional(one_of(("asc", "desc"))),
)
_LIST = fields(
    assetId=optional(uuid()),
    id=optional(uuid()),
    isOwned=optional(string_boolean()),
    isShared=optional(string_boolean()),
    name=optional(string()),
)
_SHARE = fields(
    albumUsers=array(fields(userId=uuid(), role=optional(_ROLES)), min_items=1)
)
_BULK_ADD = fields(albumIds=array(uuid()), assetIds=array(uuid()))

# The assets of an album that count: neither trashed nor hidden nor locked.
_SHOWN = (
    "FROM album_assets aa JOIN assets a ON a.id = aa.asset_id "
    "WHERE aa.album_id = ? AND a.deleted_at IS NULL "
    "AND a.visibility IN ('archive', 'timeline')"
)


def _album_dto(
    store: Store, row: sqlite3.Row, *, just_written: bool = False
) -> dict[str, Any]:
    """Return an album; answers to changes write its dates in another way."""
    users = store.all(
        "SELECT u.*, au.role FROM album_users au JOIN users u ON u.id = au.user_id "
        "WHERE au.album_id = ? ORDER BY au.role != 'owner', au.rowid",
        row["id"],
    )
    facts = store.one(
        "SELECT count(*) AS assets, min(a.local_date_time) AS first, "
        f"max(a.local_date_time) AS last, max(a.updated_at) AS updated {_SHOWN}",
        row["id"],
    )
    assert facts is not None
    dto = {
        "albumName": row["name"],
        "description": row["description"],
        "albumThumbnailAssetId": _thumbnail_of(store, row),
        "createdAt": iso_millis(row["created_at"]),
        "updatedAt": iso_millis(row["updated_at"]),
        "id": row["id"],
        "albumUsers": [
            {"user": nested_user_dto(user), "role": user["role"]} for user in users
        ],
        "shared": len(users) > 1,
        "hasSharedLink": False,
    }
    if facts["assets"]:
        for name, instant in (("startDate", "first"), ("endDate", "last")):
            value: int = facts[instant]
            dto[name] = (
                iso_postgres(value) if just_written else iso_millis(value // DAY * DAY)
            )
    dto |= {
        "assetCount": facts["assets"],
        "isActivityEnabled": bool(row["is_activity_enabled"]),
        "order": row["asset_order"],
    }
    if facts["assets"] and not just_written:
        dto["lastModifiedAssetTimestamp"] = iso_millis(facts["updated"])
    return dto


def _thumbnail_of(store: Store, row: sqlite3.Row) -> str | None:
    """Return the cover; the newest picture where the chosen one is not shown."""
    cover = store.one(
        f"SELECT a.id {_SHOWN} ORDER BY a.id != ?, a.file_created_at DESC LIMIT 1",
        row["id"],
        row["thumbnail_asset_id"],
    )
    return None if cover is None else cover["id"]


def _member_album(
    call: Call, album_id: str, permission: str, *roles: str
) -> sqlite3.Row:
    """Return an album in which the user has one of these roles, or any."""
    row = call.backend.store.one(
        "SELECT a.*, au.role FROM albums a JOIN album_users au ON au.album_id = a.id "
        "WHERE a.id = ? AND au.user_id = ?",
        album_id,
        call.auth.user_id,
    )
    if row is None or (roles and row["role"] not in roles):
        raise no_access(permission)
    return row


def _add_assets(store: Store, album: sqlite3.Row, ids: Iterable[str]) -> None:
    """Put assets into an album that are not in it yet."""
    wanted = list(ids)
    if not wanted:
        return
    with store.transaction() as db:
        db.executemany(
            "INSERT INTO album_assets VALUES (?, ?)",
            [(album["id"], asset_id) for asset_id in wanted],
        )
        store.update(
            "albums",
            album["id"],
            {
                "updated_at": now(),
                "thumbnail_asset_id": album["thumbnail_asset_id"] or wanted[0],
            },
        )


def _asset_ids(store: Store, album_id: str) -> set[str]:
    rows = store.all("SELECT asset_id FROM album_assets WHERE album_id = ?", album_id)
    return {row["asset_id"] for row in rows}


@routes.add("GET", "/albums", need="album.read")
async def list_albums(call: Call) -> list[dict[str, Any]]:
    """List own and shared albums, the newest first; the name must match exactly."""
    query = call.query(_LIST)
    if "assetId" in query:
        readable_asset(call, query["assetId"], "asset.read")
    rows = call.backend.store.all(
        "SELECT a.* FROM albums a JOIN album_users me ON me.album_id = a.id "
        "AND me.user_id = :user "
        "WHERE (:name IS NULL OR a.name = :name) AND (:id IS NULL OR a.id = :id) "
        "AND (:owned IS NULL OR (me.role = 'owner') = :owned) "
        "AND (:shared IS NULL OR :shared = ((SELECT count(*) FROM album_users o "
        "WHERE o.album_id = a.id) > 1)) "
        "AND (:asset IS NULL OR EXISTS (SELECT 1 FROM album_assets aa "
        "WHERE aa.album_id = a.id AND aa.asset_id = :asset)) "
        "ORDER BY a.created_at DESC, a.rowid DESC",
        user=call.auth.user_id,
        name=query.get("name"),
        id=query.get("id"),
        owned=query.get("isOwned"),
        shared=query.get("isShared"),
        asset=query.get("assetId"),
    )
    return [_album_dto(call.backend.store, row) for row in rows]


@routes.add("POST", "/albums", need="album.create")
async def create_album(call: Call) -> dict[str, Any]:
    """Make an album; names need not be unique, foreign assets are left out."""
    dto = call.dto(_CREATE)
    store, user_id = call.backend.store, call.auth.user_id
    album_id = new_id()
    instant = now()
    members = [(entry["userId"], entry["role"]) for entry in dto.get("albumUsers", ())]
    for member, _ in members:
        _require_user(call, member)
    with store.transaction() as db:
        store.insert(
            "albums",
            {
                "id": album_id,
                "owner_id": user_id,
                "name": dto["albumName"],
                "description": dto.get("description", ""),
                "created_at": instant,
                "updated_at": instant,
            },
        )
        db.executemany(
            "INSERT OR IGNORE INTO album_users VALUES (?, ?, ?)",
            [(album_id, *member) for member in [(user_id, "owner"), *members]],
        )
    album = _member_album(call, album_id, "album.read")
    wanted = dict.fromkeys(dto.get("assetIds", ()))
    allowed = allowed_assets(call, wanted)
    _add_assets(store, album, [asset_id for asset_id in wanted if asset_id in allowed])
    store.update("albums", album_id, {"updated_at": instant})
    album = _member_album(call, album_id, "album.read")
    return _album_dto(store, album, just_written=True)


@routes.add("GET", "/albums/statistics", need="album.statistics")
async def statistics(call: Call) -> dict[str, int]:
    """Count the albums."""
    row = call.backend.store.one(
        "SELECT coalesce(sum(role = 'owner'), 0) AS owned, "
        "coalesce(sum(members > 1), 0) AS shared, "
        "coalesce(sum(role = 'owner' AND members = 1), 0) AS alone FROM "
        "(SELECT role, (SELECT count(*) FROM album_users o "
        "WHERE o.album_id = me.album_id) AS members FROM album_users me "
        "WHERE me.user_id = ?)",
        call.auth.user_id,
    )
    assert row is not None
    return {"owned": row["owned"], "shared": row["shared"], "notShared": row["alone"]}


@routes.add("PUT", "/albums/assets", need="albumAsset.create")
async def add_to_albums(call: Call) -> dict[str, Any]:
    """Put assets into several albums; it is only told whether anything was new."""
    dto = call.dto(_BULK_ADD)
    store = call.backend.store
    albums = [
        album
        for album_id in dict.fromkeys(dto["albumIds"])
        if (
            album := store.one(
                "SELECT a.* FROM albums a JOIN album_users au ON au.album_id = a.id "
                "WHERE a.id = ? AND au.user_id = ? AND au.role != 'viewer'",
                album_id,
                call.auth.user_id,
            )
        )
    ]
    allowed = allowed_assets(call, dto["assetIds"])
    if not albums or not allowed:
        return {"success": False, "error": "no_permission"}
    wanted = [
        asset_id for asset_id in dict.fromkeys(dto["assetIds"]) if asset_id in allowed
    ]
    changed = False
    for album in albums:
        present = _asset_ids(store, album["id"])
        fresh = [asset_id for asset_id in wanted if asset_id not in present]
        _add_assets(store, album, fresh)
        changed = changed or bool(fresh)
    return {"success": True} if changed else {"success": False, "error": "duplicate"}


@routes.add("GET", "/albums/{id}", need="album.read")
async def get_album(call: Call) -> dict[str, Any]:
    """Tell of an album; its assets are found by a search."""
    return _album_dto(call.backend.store, _member_album(call, call.id(), "album.read"))


@routes.add("PATCH", "/albums/{id}", need="album.update")
async def update_album(call: Call) -> dict[str, Any]:
    """Change name, description, cover and order."""
    album = _member_album(call, call.id(), "album.update", "owner")
    dto = call.dto(_UPDATE)
    store = call.backend.store
    if cover := dto.get("albumThumbnailAssetId"):
        if cover not in _asset_ids(store, album["id"]):
            raise bad_request("Invalid album thumbnail")
    columns = {
        "albumName": "name",
        "albumThumbnailAssetId": "thumbnail_asset_id",
        "description": "description",
        "isActivityEnabled": "is_activity_enabled",
        "order": "asset_order",
    }
    changes = {columns[name]: value for name, value in dto.items()}
    store.update("albums", album["id"], {**changes, "updated_at": now()})
    album = _member_album(call, album["id"], "album.read")
    return _album_dto(store, album, just_written=True)


@routes.add("DELETE", "/albums/{id}", need="album.delete", status=204)
async def delete_album(call: Call) -> None:
    """Remove an album; its assets stay."""
    album = _member_album(call, call.id(), "album.delete", "owner")
    call.backend.store.db.execute("DELETE FROM albums WHERE id = ?", (album["id"],))


@routes.add("PUT", "/albums/{id}/assets", need="albumAsset.create")
async def add_assets(call: Call) -> list[dict[str, Any]]:
    """Put assets into an album, with one row of the answer per asset."""
    album_id = call.id()
    ids: list[str] = call.dto(_IDS)["ids"]
    store = call.backend.store
    if store.one("SELECT 1 FROM albums WHERE id = ?", album_id) is None:
        raise bad_request("Album not found")
    album = _member_album(call, album_id, "albumAsset.create", "owner", "editor")
    present = _asset_ids(store, album_id)
    allowed = allowed_assets(call, ids)
    fresh: list[str] = []
    results: list[dict[str, Any]] = []
    for asset_id in ids:
        if asset_id in present:
            results.append(failed_row(asset_id, "duplicate"))
        elif asset_id not in allowed:
            results.append(failed_row(asset_id, "no_permission"))
        else:
            present.add(asset_id)
            fresh.append(asset_id)
            results.append({"id": asset_id, "success": True})
    _add_assets(store, album, fresh)
    return results


@routes.add("DELETE", "/albums/{id}/assets", need="albumAsset.delete")
async def remove_assets(call: Call) -> list[dict[str, Any]]:
    """Take assets out of an album, with one row of the answer per asset."""
    album = _member_album(call, call.id(), "albumAsset.delete", "owner", "editor")
    ids: list[str] = call.dto(_IDS)["ids"]
    store = call.backend.store
    present = _asset_ids(store, album["id"])
    allowed = present if album["role"] == "owner" else allowed_assets(call, ids).keys()
    results: list[dict[str, Any]] = []
    with store.transaction() as db:
        for asset_id in ids:
            if asset_id not in present:
                results.append(failed_row(asset_id, "not_found"))
            elif asset_id not in allowed:
                results.append(failed_row(asset_id, "no_permission"))
            else:
                present.discard(asset_id)
                db.execute(
                    "DELETE FROM album_assets WHERE album_id = ? AND asset_id = ?",
                    (album["id"], asset_id),
                )
                results.append({"id": asset_id, "success": True})
        store.update("albums", album["id"], {"updated_at": now()})
    return results


@routes.add("GET", "/albums/{id}/map-markers", need="album.read")
async def map_markers(call: Call) -> list[dict[str, Any]]:
    """Tell where the pictures of an album were taken."""
    album = _member_album(call, call.id(), "album.read")
    rows = call.backend.store.all(f"SELECT a.* {_SHOWN}", album["id"])
    return [marker for row in rows if (marker := marker_dto(row))]


@routes.add("PUT", "/albums/{id}/users", need="albumUser.create")
async def share_album(call: Call) -> dict[str, Any]:
    """Let others see an album, or add to it."""
    album = _member_album(call, call.id(), "album.share", "owner")
    store = call.backend.store
    for entry in call.dto(_SHARE)["albumUsers"]:
        user_id = entry["userId"]
        if user_id == call.auth.user_id:
            raise bad_request("Cannot be shared with owner")
        _require_user(call, user_id)
        try:
            store.db.execute(
                "INSERT INTO album_users VALUES (?, ?, ?)",
                (album["id"], user_id, entry.get("role", "editor")),
            )
        except sqlite3.IntegrityError:
            raise bad_request("User already added") from None
    store.update("albums", album["id"], {"updated_at": now()})
    album = _member_album(call, album["id"], "album.read")
    return _album_dto(store, album, just_written=True)


@routes.add("PUT", "/albums/{id}/user/{userId}", need="albumUser.update", status=204)
async def change_role(call: Call) -> None:
    """Make a member editor or viewer."""
    album = _member_album(call, call.id(), "album.share", "owner")
    role = call.dto(fields(role=_ROLES))["role"]
    if role == "owner":
        raise bad_request("An album has one owner")
    call.backend.store.db.execute(
        "UPDATE album_users SET role = ? WHERE album_id = ? AND user_id = ? "
        "AND role != 'owner'",
        (role, album["id"], call.id("userId")),
    )


@routes.add("DELETE", "/albums/{id}/user/{userId}", need="albumUser.delete", status=204)
async def unshare_album(call: Call) -> None:
    """Take a member out of an album, or leave it."""
    album = _member_album(call, call.id(), "album.read")
    user_id = call.auth.user_id
    if call.params["userId"] != "me":
        user_id = call.id("userId")
    if user_id == album["owner_id"]:
        raise bad_request("Cannot remove album owner")
    if user_id != call.auth.user_id and album["role"] != "owner":
        raise no_access("album.share")
    removed = call.backend.store.db.execute(
        "DELETE FROM album_users WHERE album_id = ? AND user_id = ?",
        (album["id"], user_id),
    ).rowcount
    if not removed:
        raise bad_request("Album not shared with user")


def _require_user(call: Call, user_id: str) -> None:
    if not call.backend.store.one("SELECT 1 FROM users WHERE id = ?", user_id):
        raise bad_request("User not found")
