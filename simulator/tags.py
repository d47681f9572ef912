"""Tags: a tree of names by slashes, and which assets carry them."""

from collections.abc import Iterable
import sqlite3
from typing import Any

from .access import allowed_assets
from .asset_dto import failed_row
from .errors import bad_request, no_access
from .routing import Call, Routes
from .store import Store, new_id
from .times import iso_millis, iso_postgres, now
from .validation import array, fields, optional, string, uuid

routes = Routes()

_IDS = fields(ids=array(uuid()))
_UPSERT = fields(tags=array(string()))
_CREATE = fields(
    name=string(),
    parentId=optional(uuid(), nullable=True),
    color=optional(string(), nullable=True),
)
_UPDATE = fields(color=optional(string(), nullable=True))
_BULK = fields(assetIds=array(uuid()), tagIds=array(uuid()))


def _tag_dto(row: sqlite3.Row) -> dict[str, Any]:
    dto: dict[str, Any] = {"id": row["id"]}
    if row["parent_id"] is not None:
        dto["parentId"] = row["parent_id"]
    dto |= {
        "name": row["value"].rpartition("/")[2],
        "value": row["value"],
        "createdAt": iso_millis(row["created_at"]),
        "updatedAt": iso_millis(row["updated_at"]),
    }
    if row["color"] is not None:
        dto["color"] = row["color"]
    return dto


def tags_of_asset(store: Store, asset_id: str) -> list[dict[str, Any]]:
    """Return the tags of an asset as they are told inside it."""
    rows = store.all(
        "SELECT t.* FROM tags t JOIN tag_assets ta ON ta.tag_id = t.id "
        "WHERE ta.asset_id = ? ORDER BY t.value",
        asset_id,
    )
    return [
        _tag_dto(row)
        | {
            "createdAt": iso_postgres(row["created_at"]),
            "updatedAt": iso_postgres(row["updated_at"]),
        }
        for row in rows
    ]


def upsert_tag(store: Store, user_id: str, value: str) -> sqlite3.Row | None:
    """Return the tag of a path like "Trips/2024", made with its parents if missing.

    Slashes that separate nothing are dropped; None if no name is left. An existing
    tag counts as updated.
    """
    parent: sqlite3.Row | None = None
    path = ""
    for name in value.split("/"):
        if not name:
            continue
        path = f"{path}/{name}" if path else name
        store.db.execute(
            "INSERT INTO tags VALUES (?, ?, ?, ?, NULL, ?, ?) "
            "ON CONFLICT (user_id, value) DO UPDATE SET updated_at = ?",
            (
                new_id(),
                user_id,
                parent["id"] if parent else None,
                path,
                now(),
                now(),
                now(),
            ),
        )
        parent = store.one(
            "SELECT * FROM tags WHERE user_id = ? AND value = ?", user_id, path
        )
    return parent


def tag_asset(store: Store, tag_id: str, asset_id: str) -> bool:
    """Put a tag on an asset; False if it has it already."""
    return bool(
        store.db.execute(
            "INSERT OR IGNORE INTO tag_assets VALUES (?, ?)", (tag_id, asset_id)
        ).rowcount
    )


def _own_tags(call: Call, ids: Iterable[str]) -> list[sqlite3.Row]:
    return [
        row
        for tag_id in dict.fromkeys(ids)
        if (
            row := call.backend.store.one(
                "SELECT * FROM tags WHERE id = ? AND user_id = ?",
                tag_id,
                call.auth.user_id,
            )
        )
        is not None
    ]


def _own_tag(call: Call, tag_id: str, permission: str) -> sqlite3.Row:
    found = _own_tags(call, [tag_id])
    if not found:
        raise no_access(permission)
    return found[0]


@routes.add("GET", "/tags", need="tag.read")
async def list_tags(call: Call) -> list[dict[str, Any]]:
    """List all tags by their path."""
    rows = call.backend.store.all(
        "SELECT * FROM tags WHERE user_id = ? ORDER BY value", call.auth.user_id
    )
    return [_tag_dto(row) for row in rows]


@routes.add("PUT", "/tags", need="tag.create")
async def upsert_tags(call: Call) -> list[dict[str, Any]]:
    """Make sure that tags exist; the leaves are told."""
    dto = call.dto(_UPSERT)
    store = call.backend.store
    with store.transaction():
        rows = [upsert_tag(store, call.auth.user_id, value) for value in dto["tags"]]
    return [_tag_dto(row) for row in rows if row is not None]


@routes.add("POST", "/tags", need="tag.create")
async def create_tag(call: Call) -> dict[str, Any]:
    """Make one tag, which must be new."""
    dto = call.dto(_CREATE)
    store, user_id = call.backend.store, call.auth.user_id
    parent_id = dto.get("parentId")
    value = dto["name"]
    if parent_id is not None:
        value = f"{_own_tag(call, parent_id, 'tag.read')['value']}/{value}"
    if store.one("SELECT 1 FROM tags WHERE user_id = ? AND value = ?", user_id, value):
        raise bad_request("A tag with that name already exists")
    tag_id = new_id()
    store.db.execute(
        "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tag_id, user_id, parent_id, value, dto.get("color"), now(), now()),
    )
    return _tag_dto(_own_tag(call, tag_id, "tag.read"))


@routes.add("PUT", "/tags/assets", need="tag.asset")
async def tag_many(call: Call) -> dict[str, int]:
    """Put tags on assets; what is unknown or foreign is left out silently."""
    dto = call.dto(_BULK)
    store = call.backend.store
    tags = _own_tags(call, dto["tagIds"])
    assets = allowed_assets(call, dto["assetIds"])
    with store.transaction():
        count = sum(
            tag_asset(store, tag["id"], asset_id) for tag in tags for asset_id in assets
        )
    return {"count": count}


@routes.add("GET", "/tags/{id}", need="tag.read")
async def get_tag(call: Call) -> dict[str, Any]:
    """Tell one tag."""
    return _tag_dto(_own_tag(call, call.id(), "tag.read"))


@routes.add("PUT", "/tags/{id}", need="tag.update")
async def update_tag(call: Call) -> dict[str, Any]:
    """Give a tag another colour."""
    tag = _own_tag(call, call.id(), "tag.update")
    dto = call.dto(_UPDATE)
    call.backend.store.update(
        "tags",
        tag["id"],
        {"color": dto.get("color", tag["color"]), "updated_at": now()},
    )
    return _tag_dto(_own_tag(call, tag["id"], "tag.update"))


@routes.add("DELETE", "/tags/{id}", need="tag.delete", status=204)
async def delete_tag(call: Call) -> None:
    """Remove a tag with everything below it."""
    tag = _own_tag(call, call.id(), "tag.delete")
    call.backend.store.db.execute("DELETE FROM tags WHERE id = ?", (tag["id"],))


@routes.add("PUT", "/tags/{id}/assets", need="tag.asset")
async def tag_assets(call: Call) -> list[dict[str, Any]]:
    """Put one tag on assets, with one row of the answer per asset."""
    tag = _own_tag(call, call.id(), "tag.asset")
    ids: list[str] = call.dto(_IDS)["ids"]
    store = call.backend.store
    allowed = allowed_assets(call, ids)
    results: list[dict[str, Any]] = []
    with store.transaction():
        for asset_id in ids:
            if asset_id not in allowed:
                results.append(failed_row(asset_id, "no_permission"))
            elif tag_asset(store, tag["id"], asset_id):
                results.append({"id": asset_id, "success": True})
            else:
                results.append(failed_row(asset_id, "duplicate"))
    return results


@routes.add("DELETE", "/tags/{id}/assets", need="tag.asset")
async def untag_assets(call: Call) -> list[dict[str, Any]]:
    """Take one tag from assets, with one row of the answer per asset."""
    tag = _own_tag(call, call.id(), "tag.asset")
    results: list[dict[str, Any]] = []
    for asset_id in call.dto(_IDS)["ids"]:
        removed = call.backend.store.db.execute(
            "DELETE FROM tag_assets WHERE tag_id = ? AND asset_id = ?",
            (tag["id"], asset_id),
        ).rowcount
        if removed:
            results.append({"id": asset_id, "success": True})
        else:
            results.append(failed_row(asset_id, "not_found"))
    return results
