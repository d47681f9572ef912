"""A thin, typed client of the Immich REST API; it knows nothing about backups."""

from .address import complete_address, normalise_address
from .client import MAX_CHECK, OLDEST_VERSION, SMALL_BODY, ImmichClient
from .models import (
    Album,
    AlbumRole,
    ApiKey,
    AssetDetails,
    CheckAction,
    CheckResult,
    MediaTypes,
    ServerVersion,
    Storage,
    Tag,
    UploadResult,
    User,
    Visibility,
)
from .multipart import AssetUpload, sendable_name

__all__ = [
    "MAX_CHECK",
    "OLDEST_VERSION",
    "SMALL_BODY",
    "Album",
    "AlbumRole",
    "ApiKey",
    "AssetDetails",
    "AssetUpload",
    "CheckAction",
    "CheckResult",
    "ImmichClient",
    "MediaTypes",
    "ServerVersion",
    "Storage",
    "Tag",
    "UploadResult",
    "User",
    "Visibility",
    "complete_address",
    "normalise_address",
    "sendable_name",
]
