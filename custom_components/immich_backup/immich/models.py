"""What an Immich server says, as typed values; unknown fields are ignored."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Self, override

from .errors import ProtocolError


def _optional[T](data: object, key: str, kind: type[T]) -> T | None:
    """Return a field, or None when it is missing or of another type."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return None
    return value


def _field[T](data: object, key: str, kind: type[T]) -> T:
    """Return a field that must be there and of this type; else ProtocolError."""
    value = _optional(data, key, kind)
    if value is None:
        raise ProtocolError(f"The server's answer lacks a usable `{key}`")
    return value


def _id(data: object, key: str = "id") -> str:
    """Return an identifier, which is never empty; else ProtocolError."""
    value = _field(data, key, str)
    if not value:
        raise ProtocolError(f"The server's answer has an empty `{key}`")
    return value


@dataclass(frozen=True, slots=True, order=True)
class ServerVersion:
    """A server's version; compares by number."""

    major: int
    minor: int
    patch: int

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /server/version`."""
        return cls(
            _field(data, "major", int),
            _field(data, "minor", int),
            _field(data, "patch", int),
        )

    @override
    def __str__(self) -> str:
        """Return it as `3.0.3`."""
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The Immich user whose key we use; sizes in bytes, no quota is None."""

    id: str
    name: str
    email: str
    quota_size: int | None
    quota_usage: int | None

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /users/me`."""
        return cls(
            id=_id(data),
            name=_optional(data, "name", str) or "",
            email=_optional(data, "email", str) or "",
            quota_size=_optional(data, "quotaSizeInBytes", int),
            quota_usage=_optional(data, "quotaUsageInBytes", int),
        )

    @property
    def quota_left(self) -> int | None:
        """Bytes that still fit into the quota; None without a quota."""
        if self.quota_size is None:
            return None
        return max(0, self.quota_size - (self.quota_usage or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """The API key itself and what it may do."""

    id: str
    name: str
    permissions: frozenset[str]

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /api-keys/me`."""
        permissions = _field(data, "permissions", list)
        return cls(
            id=_id(data),
            name=_field(data, "name", str),
            permissions=frozenset(p for p in permissions if isinstance(p, str)),
        )

    def missing(self, wanted: frozenset[str]) -> frozenset[str]:
        """Return which of the wanted permissions this key lacks."""
        if "all" in self.permissions:
            return frozenset()
        return wanted - self.permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTypes:
    """The file name extensions a server takes, lower case, with the dot."""

    image: frozenset[str]
    video: frozenset[str]
    sidecar: frozenset[str]

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /server/media-types`."""

        def extensions(key: str) -> frozenset[str]:
            values = _field(data, key, list)
            return frozenset(v.lower() for v in values if isinstance(v, str))

        return cls(
            image=extensions("image"),
            video=extensions("video"),
            sidecar=extensions("sidecar"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The server's disk; bytes."""

    available: int
    size: int

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /server/storage`."""
        return cls(
            available=_field(data, "diskAvailableRaw", int),
            size=_field(data, "diskSizeRaw", int),
        )


class CheckAction(StrEnum):
    """What the server would do with a file of a checksum."""

    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The answer for one checksum of a bulk upload check.

    ``asset_id`` is set exactly when this user has an asset of this content.
    """

    action: CheckAction
    reason: str | None
    asset_id: str | None
    trashed: bool

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read one element of `results`."""
        try:
            action = CheckAction(_field(data, "action", str))
        except ValueError as err:
            raise ProtocolError("Unknown action in the bulk upload check") from err
        reason = _optional(data, "reason", str)
        duplicate = action is CheckAction.REJECT and reason == "duplicate"
        return cls(
            action=action,
            reason=reason,
            asset_id=_id(data, "assetId") if duplicate else None,
            trashed=_optional(data, "isTrashed", bool) is True,
        )


class Visibility(StrEnum):
    """Where an asset shows up in Immich."""

    TIMELINE = "timeline"
    ARCHIVE = "archive"
    HIDDEN = "hidden"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """What the server says about an upload: a claim, not yet a proof."""

    asset_id: str
    duplicate: bool

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `POST /assets`."""
        status = _field(data, "status", str)
        if status not in ("created", "duplicate"):
            raise ProtocolError("Unknown status in the answer to an upload")
        return cls(asset_id=_id(data), duplicate=status == "duplicate")


class AlbumRole(StrEnum):
    """What somebody may do with an album that is shared with them."""

    VIEWER = "viewer"
    EDITOR = "editor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """An album of this user or shared with them.

    ``created_at`` is as the server writes it, in UTC, so that it can be compared.
    """

    id: str
    name: str
    created_at: str
    asset_count: int

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read one album."""
        return cls(
            id=_id(data),
            name=_field(data, "albumName", str),
            created_at=_optional(data, "createdAt", str) or "",
            asset_count=_optional(data, "assetCount", int) or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag; ``value`` is its full path, such as `Home/Doorbell`."""

    id: str
    value: str

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read one tag."""
        return cls(id=_id(data), value=_field(data, "value", str))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDetails:
    """What Immich shows of an asset; None is unknown.

    ``clock`` is the clock on the wall when it was taken, and ``zone`` that of the
    place, as the server names it: None where neither the file nor a person says one.
    ``place`` is latitude and longitude.
    """

    clock: datetime | None = None
    zone: str | None = None
    place: tuple[float, float] | None = None
    rating: int | None = None
    description: str | None = None
    favourite: bool = False
    city: str | None = None

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the answer of `GET /assets/{id}`."""
        exif = data.get("exifInfo") if isinstance(data, dict) else None
        numbers = [_number(exif, key) for key in ("latitude", "longitude")]
        latitude, longitude = numbers
        return cls(
            clock=_clock(_optional(data, "localDateTime", str)),
            zone=_optional(exif, "timeZone", str) or None,
            # What lies at zero in both it takes for having none, when it reads it.
            place=None
            if latitude is None or longitude is None or not (latitude or longitude)
            else (latitude, longitude),
            rating=_optional(exif, "rating", int),
            description=_optional(exif, "description", str) or None,
            favourite=_optional(data, "isFavorite", bool) is True,
            city=_optional(exif, "city", str) or None,
        )


def _number(data: object, key: str) -> float | None:
    """Return a number, whole or not."""
    whole = _optional(data, key, int)
    return _optional(data, key, float) if whole is None else float(whole)


def _clock(text: str | None) -> datetime | None:
    """Return a wall clock, which the server writes as if it were UTC."""
    try:
        return (
            None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)
        )
    except ValueError:
        return None


def local_api_time(moment: datetime) -> str:
    """Return an aware datetime as the server takes it, with its offset in minutes."""
    offset = moment.utcoffset() or timedelta()
    minutes = timedelta(minutes=round(offset / timedelta(minutes=1)))
    moment = moment.replace(tzinfo=timezone(minutes))
    return moment.isoformat(timespec="milliseconds")


def api_time(moment: datetime) -> str:
    """Return an aware datetime as the server takes it, in UTC with milliseconds."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        # The first or the last day of the calendar, the offset leads out of it.
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
