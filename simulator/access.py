"""Which objects a user may use: own ones, shared ones, never locked ones."""

from collections.abc import Iterable
import sqlite3

from .errors import no_access
from .routing import Call
from .store import select_in


def own_assets(
    call: Call, ids: Iterable[str], permission: str
) -> dict[str, sqlite3.Row]:
    """Return the user's own assets by id; all must be theirs and not locked.

    An API key never has the elevated permission that locked assets need.
    """
    wanted = set(ids)
    found = allowed_assets(call, wanted)
    if found.keys() != wanted:
        raise no_access(permission)
    return found


def own_asset(call: Call, asset_id: str, permission: str) -> sqlite3.Row:
    """Return one of the user's own assets."""
    return own_assets(call, [asset_id], permission)[asset_id]


def allowed_assets(call: Call, ids: Iterable[str]) -> dict[str, sqlite3.Row]:
    """Return those of these assets that are the user's own and not locked."""
    # The plus keeps SQLite from going through everything that the owner has.
    rows = select_in(
        call.backend.store.db,
        "SELECT * FROM assets WHERE +owner_id = ? AND visibility != 'locked' "
        "AND id IN {in}",
        set(ids),
        call.auth.user_id,
    )
    return {row["id"]: row for row in rows}


def readable_asset(call: Call, asset_id: str, permission: str) -> sqlite3.Row:
    """Return an asset that is the user's own or in an album they can see."""
    row = call.backend.store.one(
        "SELECT a.* FROM assets a WHERE a.id = :id AND a.visibility != 'locked' AND "
        "(a.owner_id = :user OR EXISTS (SELECT 1 FROM album_assets aa "
        "JOIN album_users au ON au.album_id = aa.album_id "
        "WHERE aa.asset_id = a.id AND au.user_id = :user))",
        id=asset_id,
        user=call.auth.user_id,
    )
    if row is None:
        raise no_access(permission)
    return row
