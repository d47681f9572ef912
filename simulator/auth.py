"""Who is asking, and what they may do: users, API keys, sessions, permissions."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import hmac
import json
import secrets
from typing import Any, Final, Literal

from .errors import ApiError
from .store import Store, new_id
from .times import now

# All permissions an API key can have, in the server's order (Immich 3.0.3).
_PERMISSION_NAMES = """
    all activity.create activity.read activity.update activity.delete
    activity.statistics apiKey.create apiKey.read apiKey.update apiKey.delete
    asset.read asset.update asset.delete asset.statistics asset.share
    asset.view asset.download asset.upload asset.copy asset.derive
    asset.edit.get asset.edit.create asset.edit.delete album.create album.read
    album.update album.delete album.statistics album.share album.download
    albumAsset.create albumAsset.delete albumUser.create albumUser.update
    albumUser.delete auth.changePassword authDevice.delete archive.read
    backup.list backup.download backup.upload backup.delete duplicate.read
    duplicate.delete face.create face.read face.update face.delete folder.read
    job.create job.read library.create library.read library.update
    library.delete library.statistics timeline.read timeline.download
    maintenance map.read map.search memory.create memory.read memory.update
    memory.delete memory.statistics memoryAsset.create memoryAsset.delete
    notification.create notification.read notification.update
    notification.delete partner.create partner.read partner.update
    partner.delete person.create person.read person.update person.delete
    person.statistics person.merge person.reassign pinCode.create
    pinCode.update pinCode.delete plugin.create plugin.read plugin.update
    plugin.delete server.about server.apkLinks server.storage
    server.statistics server.versionCheck serverLicense.read
    serverLicense.update serverLicense.delete session.create session.read
    session.update session.delete session.lock sharedLink.create
    sharedLink.read sharedLink.update sharedLink.delete stack.create
    stack.read stack.update stack.delete sync.stream syncCheckpoint.read
    syncCheckpoint.update syncCheckpoint.delete systemConfig.read
    systemConfig.update systemMetadata.read systemMetadata.update tag.create
    tag.read tag.update tag.delete tag.asset user.read user.update
    userLicense.create userLicense.read userLicense.update userLicense.delete
    userOnboarding.read userOnboarding.update userOnboarding.delete
    userPreference.read userPreference.update userProfileImage.create
    userProfileImage.read userProfileImage.update userProfileImage.delete
    queue.read queue.update queueJob.create queueJob.read queueJob.update
    queueJob.delete workflow.create workflow.read workflow.update
    workflow.delete adminUser.create adminUser.read adminUser.update
    adminUser.delete adminSession.read adminAuth.unlinkAll
"""
PERMISSIONS: Final = tuple(_PERMISSION_NAMES.split())

AVATAR_COLORS: Final = (
    "primary", "pink", "red", "yellow", "blue",
    "green", "purple", "orange", "gray", "amber",
)  # fmt: skip

type Need = str | Literal[False]
"""A permission that an API key needs; "all" by default; False means none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """The user behind a request; permissions is None for a session."""

    user_id: str
    is_admin: bool
    key_id: str | None = None
    session_id: str | None = None
    permissions: frozenset[str] | None = None

    def require(self, need: Need, *, admin: bool) -> None:
        """Raise the answer 403 if this user or key may not do that."""
        if admin and not self.is_admin:
            raise ApiError(403, "Forbidden")
        if self.permissions is None or need is False:
            return
        if "all" not in self.permissions and need not in self.permissions:
            raise ApiError(403, f"Missing required permission: {need}")


class Accounts:
    """Users with their API keys and sessions."""

    def __init__(self, store: Store) -> None:
        """Work on the users of a store."""
        self._store = store
        self._known: dict[bytes, Auth] = {}

    def forget(self) -> None:
        """Drop what was remembered of keys and sessions, after a change of them."""
        self._known.clear()

    def authenticate(
        self, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Auth:
        """Return who sends this request, or raise the answer 401."""
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        token = (
            headers.get("x-immich-user-token")
            or headers.get("x-immich-session-token")
            or query.get("sessionKey")
            or (bearer.strip() if scheme.lower() == "bearer" else "")
        )
        if token:
            return self._find(token, "sessions", "Invalid user token")
        key = headers.get("x-api-key") or query.get("apiKey")
        if key:
            return self._find(key.strip(), "api_keys", "Invalid API key")
        raise ApiError(401, "Authentication required")

    def _find(self, secret: str, table: str, refusal: str) -> Auth:
        digest = hashlib.sha256(f"{table}:{secret}".encode()).digest()
        if auth := self._known.get(digest):
            return auth
        if table == "sessions":
            sql = (
                "SELECT s.id, u.id AS user_id, u.is_admin, NULL AS permissions "
                "FROM sessions s JOIN users u ON u.id = s.user_id "
                "WHERE s.token = ? AND u.deleted_at IS NULL"
            )
        else:
            sql = (
                "SELECT k.id, u.id AS user_id, u.is_admin, k.permissions "
                "FROM api_keys k JOIN users u ON u.id = k.user_id "
                "WHERE k.secret = ? AND u.deleted_at IS NULL"
            )
        row = self._store.one(sql, digest)
        if row is None:
            raise ApiError(401, refusal)
        is_key = row["permissions"] is not None
        auth = self._known[digest] = Auth(
            user_id=row["user_id"],
            is_admin=bool(row["is_admin"]),
            key_id=row["id"] if is_key else None,
            session_id=None if is_key else row["id"],
            permissions=frozenset(json.loads(row["permissions"])) if is_key else None,
        )
        return auth

    def add_user(
        self,
        email: str,
        name: str,
        password: str,
        *,
        is_admin: bool = False,
        storage_label: str | None = None,
        quota: int | None = None,
        should_change_password: bool = True,
    ) -> str:
        """Create a user and return their id; the e-mail address must be new."""
        user_id = new_id()
        instant = now()
        color = AVATAR_COLORS[sum(email.encode()) % len(AVATAR_COLORS)]
        self._store.db.execute(
            "INSERT INTO users (id, email, name, password, is_admin, avatar_color, "
            "storage_label, quota_size, should_change_password, created_at, "
            "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                user_id,
                email,
                name,
                hash_password(password),
                is_admin,
                color,
                storage_label,
                quota,
                should_change_password,
                instant,
                instant,
            ),
        )
        return user_id

    def add_key(
        self,
        user_id: str,
        name: str,
        permissions: list[str],
        secret: str | None = None,
    ) -> tuple[str, str]:
        """Create an API key and return its id and its secret."""
        key_id = new_id()
        secret = secret or _random_secret()
        digest = hashlib.sha256(f"api_keys:{secret}".encode()).digest()
        instant = now()
        self._store.db.execute(
            "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key_id, user_id, name, digest, json.dumps(permissions), instant, instant),
        )
        return key_id, secret

    def add_session(self, user_id: str) -> str:
        """Create a session and return its token."""
        token = _random_secret()
        digest = hashlib.sha256(f"sessions:{token}".encode()).digest()
        self._store.db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)",
            (new_id(), user_id, digest, now()),
        )
        return token

    def has_admin(self) -> bool:
        """Say whether somebody has signed up as administrator."""
        return self._store.one("SELECT 1 FROM users WHERE is_admin") is not None


def _random_secret() -> str:
    """Return a secret as the server makes them: letters and digits only."""
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    return "".join(char for char in text if char.isalnum())


def hash_password(password: str) -> str:
    """Return a salted hash of a password."""
    salt = secrets.token_hex(8)
    return f"{salt}${_derive(password, salt)}"


def check_password(password: str, stored: Any) -> bool:
    """Say whether a password is the one that was hashed."""
    salt, _, digest = str(stored).partition("$")
    return hmac.compare_digest(_derive(password, salt), digest)


def _derive(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1).hex()
