"""API keys: making, listing, changing and removing them."""

import json
import sqlite3
from typing import Any

from .auth import PERMISSIONS
from .errors import ApiError, bad_request
from .routing import Call, Routes
from .times import iso_millis, now
from .validation import array, fields, one_of, optional, string

routes = Routes()

_PERMISSIONS = array(one_of(PERMISSIONS), min_items=1)
_CREATE = fields(name=optional(string()), permissions=_PERMISSIONS)
_UPDATE = fields(name=optional(string()), permissions=optional(_PERMISSIONS))


def _key_dto(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "createdAt": iso_millis(row["created_at"]),
        "updatedAt": iso_millis(row["updated_at"]),
        "permissions": json.loads(row["permissions"]),
    }


def _own_key(call: Call, key_id: str) -> sqlite3.Row:
    row = call.backend.store.one(
        "SELECT * FROM api_keys WHERE id = ? AND user_id = ?",
        key_id,
        call.auth.user_id,
    )
    if row is None:
        raise bad_request("API Key not found")
    return row


def _require_own_powers(call: Call, permissions: list[str]) -> None:
    """Refuse to give what this key does not have itself."""
    own = call.auth.permissions
    if own is not None and "all" not in own and not own.issuperset(permissions):
        raise bad_request("Cannot grant permissions you do not have")


@routes.add("POST", "/api-keys", need="apiKey.create")
async def create_key(call: Call) -> dict[str, Any]:
    """Make a key; only this answer ever tells its secret."""
    dto = call.dto(_CREATE)
    _require_own_powers(call, dto["permissions"])
    key_id, secret = call.backend.accounts.add_key(
        call.auth.user_id, dto.get("name") or "API Key", dto["permissions"]
    )
    return {"secret": secret, "apiKey": _key_dto(_own_key(call, key_id))}


@routes.add("GET", "/api-keys", need="apiKey.read")
async def list_keys(call: Call) -> list[dict[str, Any]]:
    """List one's own keys, the newest first."""
    rows = call.backend.store.all(
        "SELECT * FROM api_keys WHERE user_id = ? ORDER BY created_at DESC",
        call.auth.user_id,
    )
    return [_key_dto(row) for row in rows]


@routes.add("GET", "/api-keys/me", need=False)
async def my_key(call: Call) -> dict[str, Any]:
    """Tell what this very key may do; any key can ask that."""
    if call.auth.key_id is None:
        raise ApiError(403, "Not authenticated with an API Key")
    return _key_dto(_own_key(call, call.auth.key_id))


@routes.add("GET", "/api-keys/{id}", need="apiKey.read")
async def get_key(call: Call) -> dict[str, Any]:
    """Tell of one key."""
    return _key_dto(_own_key(call, call.id()))


@routes.add("PUT", "/api-keys/{id}", need="apiKey.update")
async def update_key(call: Call) -> dict[str, Any]:
    """Rename a key or change what it may do."""
    row = _own_key(call, call.id())
    dto = call.dto(_UPDATE)
    permissions = dto.get("permissions", json.loads(row["permissions"]))
    _require_own_powers(call, permissions)
    call.backend.store.db.execute(
        "UPDATE api_keys SET name = ?, permissions = ?, updated_at = ? WHERE id = ?",
        (dto.get("name", row["name"]), json.dumps(permissions), now(), row["id"]),
    )
    call.backend.accounts.forget()
    return _key_dto(_own_key(call, row["id"]))


@routes.add("DELETE", "/api-keys/{id}", need="apiKey.delete")
async def delete_key(call: Call) -> None:
    """Remove a key; it stops working at once."""
    row = _own_key(call, call.id())
    call.backend.store.db.execute("DELETE FROM api_keys WHERE id = ?", (row["id"],))
    call.backend.accounts.forget()
