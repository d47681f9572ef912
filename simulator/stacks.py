"""Stacks: several assets that are shown as one."""

from collections.abc import Sequence
import sqlite3
from typing import Any

from .access import own_assets
from .asset_dto import asset_dto
from .errors import no_access
from .routing import Call, Routes
from .store import Store, new_id
from .times import now
from .validation import array, fields, optional, uuid

routes = Routes()

_CREATE = fields(assetIds=array(uuid(), min_items=2))
_UPDATE = fields(primaryAssetId=optional(uuid()))
_IDS = fields(ids=array(uuid()))


def stack_summary(store: Store, stack_id: str | None) -> dict[str, Any] | None:
    """Return a stack as it is told inside an asset."""
    row = store.one(
        "SELECT s.id, s.primary_asset_id, count(a.id) AS assets FROM stacks s "
        "JOIN assets a ON a.stack_id = s.id AND a.deleted_at IS NULL "
        "WHERE s.id = ? GROUP BY s.id",
        stack_id,
    )
    if row is None:
        return None
    return {
        "id": row["id"],
        "primaryAssetId": row["primary_asset_id"],
        "assetCount": row["assets"],
    }


def _stack_dto(store: Store, stack: sqlite3.Row) -> dict[str, Any]:
    """Return a stack with its assets, the primary one first."""
    rows = store.all(
        "SELECT * FROM assets WHERE stack_id = ? AND deleted_at IS NULL "
        "ORDER BY id != ?, file_created_at, rowid",
        stack["id"],
        stack["primary_asset_id"],
    )
    return {
        "id": stack["id"],
        "primaryAssetId": stack["primary_asset_id"],
        "assets": [asset_dto(row, exif=True, as_postgres=True) for row in rows],
    }


def _own_stack(call: Call, stack_id: str, permission: str) -> sqlite3.Row:
    row = call.backend.store.one(
        "SELECT * FROM stacks WHERE id = ? AND owner_id = ?",
        stack_id,
        call.auth.user_id,
    )
    if row is None:
        raise no_access(permission)
    return row


def _remove(call: Call, stacks: Sequence[sqlite3.Row]) -> None:
    with call.backend.store.transaction() as db:
        for stack in stacks:
            db.execute("DELETE FROM stacks WHERE id = ?", (stack["id"],))


@routes.add("GET", "/stacks", need="stack.read")
async def list_stacks(call: Call) -> list[dict[str, Any]]:
    """List the user's stacks with their assets."""
    query = call.query(fields(primaryAssetId=optional(uuid())))
    primary = query.get("primaryAssetId")
    rows = call.backend.store.all(
        "SELECT * FROM stacks WHERE owner_id = :user "
        "AND (:primary IS NULL OR primary_asset_id = :primary) ORDER BY created_at",
        user=call.auth.user_id,
        primary=primary,
    )
    return [_stack_dto(call.backend.store, row) for row in rows]


@routes.add("POST", "/stacks", need="stack.create")
async def create_stack(call: Call) -> dict[str, Any]:
    """Stack assets, the first on top; one may come from another stack."""
    ids: list[str] = call.dto(_CREATE)["assetIds"]
    own_assets(call, ids, "asset.update")
    store = call.backend.store
    stack_id = new_id()
    instant = now()
    with store.transaction() as db:
        db.execute(
            "INSERT INTO stacks VALUES (?, ?, ?, ?)",
            (stack_id, call.auth.user_id, ids[0], instant),
        )
        for asset_id in ids:
            store.update(
                "assets", asset_id, {"stack_id": stack_id, "updated_at": instant}
            )
        db.execute(
            "DELETE FROM stacks WHERE owner_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM assets WHERE stack_id = stacks.id)",
            (call.auth.user_id,),
        )
    return _stack_dto(store, _own_stack(call, stack_id, "stack.read"))


@routes.add("DELETE", "/stacks", need="stack.delete", status=204)
async def delete_stacks(call: Call) -> None:
    """Dissolve several stacks."""
    ids = call.dto(_IDS)["ids"]
    _remove(call, [_own_stack(call, stack_id, "stack.delete") for stack_id in ids])


@routes.add("GET", "/stacks/{id}", need="stack.read")
async def get_stack(call: Call) -> dict[str, Any]:
    """Tell one stack."""
    return _stack_dto(call.backend.store, _own_stack(call, call.id(), "stack.read"))


@routes.add("PUT", "/stacks/{id}", need="stack.update")
async def update_stack(call: Call) -> dict[str, Any]:
    """Put another asset on top."""
    stack = _own_stack(call, call.id(), "stack.update")
    dto = call.dto(_UPDATE)
    if primary := dto.get("primaryAssetId"):
        own_assets(call, [primary], "asset.update")
        call.backend.store.update("stacks", stack["id"], {"primary_asset_id": primary})
    return _stack_dto(call.backend.store, _own_stack(call, stack["id"], "stack.update"))


@routes.add("DELETE", "/stacks/{id}", need="stack.delete", status=204)
async def delete_stack(call: Call) -> None:
    """Dissolve a stack."""
    _remove(call, [_own_stack(call, call.id(), "stack.delete")])


@routes.add("DELETE", "/stacks/{id}/assets/{assetId}", need="stack.update", status=204)
async def remove_from_stack(call: Call) -> None:
    """Take an asset out of a stack."""
    stack = _own_stack(call, call.id(), "stack.update")
    call.backend.store.db.execute(
        "UPDATE assets SET stack_id = NULL, updated_at = ? "
        "WHERE id = ? AND stack_id = ?",
        (now(), call.id("assetId"), stack["id"]),
    )
