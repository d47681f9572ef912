"""The trash: putting assets in, taking them out, deleting them for good."""

from typing import Any

from .access import own_assets
from .routing import Call, Routes
from .times import now
from .validation import array, boolean, fields, optional, uuid

routes = Routes()

_IDS = array(uuid())
_DELETE = fields(ids=_IDS, force=optional(boolean()))
_RESTORE = fields(ids=_IDS)


@routes.add("DELETE", "/assets", need="asset.delete", status=204)
async def delete_assets(call: Call) -> None:
    """Put assets into the trash; with force a job removes them for good."""
    dto = call.dto(_DELETE)
    rows = own_assets(call, dto["ids"], "asset.delete")
    instant = now()
    changes: dict[str, Any] = {"deleted_at": instant, "updated_at": instant}
    if dto.get("force"):
        changes["dying"] = True
    store = call.backend.store
    with store.transaction():
        for asset_id in rows:
            store.update("assets", asset_id, changes)
    call.backend.jobs.wake()


@routes.add("POST", "/trash/restore/assets", need="asset.delete", status=200)
async def restore_assets(call: Call) -> dict[str, int]:
    """Take assets out of the trash."""
    rows = own_assets(call, call.dto(_RESTORE)["ids"], "asset.delete")
    store = call.backend.store
    with store.transaction():
        for asset_id, row in rows.items():
            if not row["dying"]:
                store.update(
                    "assets", asset_id, {"deleted_at": None, "updated_at": now()}
                )
    return {"count": len(rows)}


@routes.add("POST", "/trash/restore", need="asset.delete", status=200)
async def restore_trash(call: Call) -> dict[str, int]:
    """Take everything out of the trash."""
    count = call.backend.store.db.execute(
        "UPDATE assets SET deleted_at = NULL, updated_at = ? "
        "WHERE owner_id = ? AND deleted_at IS NOT NULL AND NOT dying",
        (now(), call.auth.user_id),
    ).rowcount
    return {"count": count}


@routes.add("POST", "/trash/empty", need="asset.delete", status=200)
async def empty_trash(call: Call) -> dict[str, int]:
    """Have a job remove everything that is in the trash."""
    count = call.backend.store.db.execute(
        "UPDATE assets SET dying = 1, deleted_at = ? "
        "WHERE owner_id = ? AND deleted_at IS NOT NULL AND NOT dying",
        (now(), call.auth.user_id),
    ).rowcount
    call.backend.jobs.wake()
    return {"count": count}
