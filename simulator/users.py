"""Users: sign-up, login, who I am, and what an administrator may do with them."""

import asyncio
import sqlite3
from typing import Any, Final

from .auth import AVATAR_COLORS, check_password, hash_password
from .errors import ApiError, bad_request, not_found
from .routing import Call, Routes
from .store import Store
from .times import iso_millis, iso_postgres, now
from .validation import (
    MAX_SAFE_INTEGER,
    boolean,
    email,
    fields,
    number,
    one_of,
    optional,
    string,
    string_boolean,
)

routes = Routes()

_QUOTA = optional(
    number(integer=True, minimum=0, maximum=MAX_SAFE_INTEGER), nullable=True
)
_SIGN_UP = fields(email=email(), password=string(), name=string())
_LOGIN = fields(email=email(), password=string())
_ADMIN_CREATE = fields(
    avatarColor=optional(one_of(AVATAR_COLORS), nullable=True),
    email=email(),
    isAdmin=optional(boolean()),
    name=string(),
    password=string(),
    quotaSizeInBytes=_QUOTA,
    shouldChangePassword=optional(boolean()),
    storageLabel=optional(string(), nullable=True),
)
_ADMIN_UPDATE = fields(
    avatarColor=optional(one_of(AVATAR_COLORS), nullable=True),
    email=optional(email()),
    isAdmin=optional(boolean()),
    name=optional(string()),
    password=optional(string()),
    quotaSizeInBytes=_QUOTA,
    shouldChangePassword=optional(boolean()),
    storageLabel=optional(string(), nullable=True),
)
_UPDATE_ME = fields(
    avatarColor=optional(one_of(AVATAR_COLORS), nullable=True),
    email=optional(email()),
    name=optional(string()),
    password=optional(string()),
)
_COLUMNS: Final = {
    "avatarColor": "avatar_color",
    "email": "email",
    "isAdmin": "is_admin",
    "name": "name",
    "password": "password",
    "quotaSizeInBytes": "quota_size",
    "shouldChangePassword": "should_change_password",
    "storageLabel": "storage_label",
}


def user_dto(row: sqlite3.Row) -> dict[str, Any]:
    """Return what everybody may know of a user."""
    return {
        "id": row["id"],
        "email": row["email"],
        "name": row["name"],
        "profileImagePath": "",
        "avatarColor": row["avatar_color"],
        "profileChangedAt": iso_millis(row["created_at"]),
    }


def nested_user_dto(row: sqlite3.Row) -> dict[str, Any]:
    """Return a user inside another object, with the time as PostgreSQL writes it."""
    return user_dto(row) | {"profileChangedAt": iso_postgres(row["created_at"])}


def full_user_dto(row: sqlite3.Row) -> dict[str, Any]:
    """Return what a user and administrators may know of that user."""
    deleted_at = row["deleted_at"]
    return {
        **user_dto(row),
        "storageLabel": row["storage_label"],
        "shouldChangePassword": bool(row["should_change_password"]),
        "isAdmin": bool(row["is_admin"]),
        "createdAt": iso_millis(row["created_at"]),
        "deletedAt": None if deleted_at is None else iso_millis(deleted_at),
        "updatedAt": iso_millis(row["updated_at"]),
        "oauthId": "",
        "quotaSizeInBytes": row["quota_size"],
        "quotaUsageInBytes": row["quota_usage"],
        "status": "active" if deleted_at is None else "deleted",
        "license": None,
    }


def user_row(store: Store, user_id: str) -> sqlite3.Row:
    """Return a user, or raise the answer 400."""
    row = store.one("SELECT * FROM users WHERE id = ?", user_id)
    if row is None:
        raise bad_request("User not found")
    return row


@routes.add("POST", "/auth/admin-sign-up", public=True)
async def admin_sign_up(call: Call) -> dict[str, Any]:
    """Create the first administrator."""
    dto = call.dto(_SIGN_UP)
    accounts = call.backend.accounts
    if accounts.has_admin():
        raise bad_request("The server already has an admin")
    user_id = accounts.add_user(
        dto["email"],
        dto["name"],
        dto["password"],
        is_admin=True,
        storage_label="admin",
    )
    return full_user_dto(user_row(call.backend.store, user_id))


@routes.add("POST", "/auth/login", public=True)
async def login(call: Call) -> dict[str, Any]:
    """Open a session for an e-mail address and a password."""
    dto = call.dto(_LOGIN)
    row = call.backend.store.one(
        "SELECT * FROM users WHERE email = ? AND deleted_at IS NULL", dto["email"]
    )
    if row is None or not await asyncio.to_thread(
        check_password, dto["password"], row["password"]
    ):
        raise ApiError(401, "Incorrect email or password")
    return {
        "accessToken": call.backend.accounts.add_session(row["id"]),
        "userId": row["id"],
        "userEmail": row["email"],
        "name": row["name"],
        "isAdmin": bool(row["is_admin"]),
        "profileImagePath": "",
        "shouldChangePassword": bool(row["should_change_password"]),
        "isOnboarded": False,
    }


@routes.add("POST", "/auth/logout", status=200)
async def logout(call: Call) -> dict[str, Any]:
    """Close the session."""
    call.backend.store.db.execute(
        "DELETE FROM sessions WHERE id = ?", (call.auth.session_id,)
    )
    call.backend.accounts.forget()
    return {"successful": True, "redirectUri": "/auth/login?autoLaunch=0"}


@routes.add("POST", "/auth/validateToken", status=200)
async def validate_token(call: Call) -> dict[str, Any]:
    """Say that the token is good; a bad one never gets here."""
    return {"authStatus": True}


@routes.add("GET", "/auth/status")
async def auth_status(call: Call) -> dict[str, Any]:
    """Tell what is set up for signing in."""
    return {"pinCode": False, "password": True, "isElevated": False}


@routes.add("GET", "/users/me", need="user.read")
async def me(call: Call) -> dict[str, Any]:
    """Tell who I am, with quota and usage."""
    return full_user_dto(user_row(call.backend.store, call.auth.user_id))


@routes.add("PUT", "/users/me", need="user.update")
async def update_me(call: Call) -> dict[str, Any]:
    """Change what a user may change of their own."""
    return await _update(call, call.auth.user_id, call.dto(_UPDATE_ME))


@routes.add("GET", "/users/me/preferences", need="userPreference.read")
async def my_preferences(call: Call) -> dict[str, Any]:
    """Tell how the user wants the apps to look; nobody has changed anything here."""
    shown = {"enabled": True, "sidebarWeb": False}
    return {
        "albums": {"defaultAssetOrder": "desc"},
        "cast": {"gCastEnabled": False},
        "download": {"archiveSize": 4 * 1024**3, "includeEmbeddedVideos": False},
        "emailNotifications": {
            "albumInvite": True,
            "albumUpdate": True,
            "enabled": True,
        },
        "folders": {**shown, "enabled": False},
        "memories": {"duration": 5, "enabled": True},
        "people": {**shown, "minimumFaces": 3},
        "purchase": {"hideBuyButtonUntil": "2022-02-12", "showSupportBadge": True},
        "ratings": {"enabled": False},
        "recentlyAdded": {"sidebarWeb": False},
        "sharedLinks": shown,
        "tags": {**shown, "enabled": False},
    }


@routes.add("GET", "/users", need="user.read")
async def list_users(call: Call) -> list[dict[str, Any]]:
    """List all users, the newest first."""
    rows = call.backend.store.all(
        "SELECT * FROM users WHERE deleted_at IS NULL ORDER BY created_at DESC"
    )
    return [user_dto(row) for row in rows]


@routes.add("GET", "/users/{id}", need="user.read")
async def get_user(call: Call) -> dict[str, Any]:
    """Tell who somebody is."""
    return user_dto(user_row(call.backend.store, call.id()))


@routes.add("GET", "/admin/users", need="adminUser.read", admin=True)
async def admin_list(call: Call) -> list[dict[str, Any]]:
    """List all users with everything, the newest first."""
    query = call.query(fields(withDeleted=optional(string_boolean())))
    rows = call.backend.store.all(
        "SELECT * FROM users WHERE deleted_at IS NULL OR ? ORDER BY created_at DESC",
        query.get("withDeleted", False),
    )
    return [full_user_dto(row) for row in rows]


@routes.add("POST", "/admin/users", need="adminUser.create", admin=True)
async def admin_create(call: Call) -> dict[str, Any]:
    """Create a user."""
    dto = call.dto(_ADMIN_CREATE)
    try:
        user_id = call.backend.accounts.add_user(
            dto["email"],
            dto["name"],
            dto["password"],
            is_admin=dto.get("isAdmin", False),
            storage_label=dto.get("storageLabel"),
            quota=dto.get("quotaSizeInBytes"),
            should_change_password=dto.get("shouldChangePassword", True),
        )
    except sqlite3.IntegrityError:
        raise bad_request("User exists") from None
    return full_user_dto(user_row(call.backend.store, user_id))


@routes.add("GET", "/admin/users/{id}", need="adminUser.read", admin=True)
async def admin_get(call: Call) -> dict[str, Any]:
    """Tell everything about a user."""
    return full_user_dto(user_row(call.backend.store, call.id()))


@routes.add("PUT", "/admin/users/{id}", need="adminUser.update", admin=True)
async def admin_update(call: Call) -> dict[str, Any]:
    """Change a user, their quota for one."""
    return await _update(call, call.id(), call.dto(_ADMIN_UPDATE))


@routes.add("DELETE", "/admin/users/{id}", need="adminUser.delete", admin=True)
async def admin_delete(call: Call) -> dict[str, Any]:
    """Delete a user; their keys stop working at once."""
    user_id = call.id()
    user = user_row(call.backend.store, user_id)
    if user["is_admin"]:
        raise ApiError(403, "Cannot delete admin user")
    call.backend.store.db.execute(
        "UPDATE users SET deleted_at = ?, updated_at = ? WHERE id = ?",
        (now(), now(), user_id),
    )
    call.backend.accounts.forget()
    return full_user_dto(user_row(call.backend.store, user_id))


async def _update(call: Call, user_id: str, dto: dict[str, Any]) -> dict[str, Any]:
    store = call.backend.store
    if store.one("SELECT 1 FROM users WHERE id = ?", user_id) is None:
        raise not_found("User not found")
    if "password" in dto:
        dto["password"] = await asyncio.to_thread(hash_password, dto["password"])
    changes = {_COLUMNS[name]: value for name, value in dto.items()}
    changes["updated_at"] = now()
    try:
        store.update("users", user_id, changes)
    except sqlite3.IntegrityError:
        raise bad_request("Email already in use by another account") from None
    call.backend.accounts.forget()
    return full_user_dto(user_row(store, user_id))
