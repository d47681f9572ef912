"""Names that more than one module of the integration uses."""

from enum import StrEnum
import logging
from typing import Final

DOMAIN: Final = "immich_backup"
LOGGER: Final = logging.getLogger(__package__)

SUBENTRY_FOLDER: Final = "folder"
SUBENTRY_NOTIFICATION: Final = "notification"

# What a device stands for; services.yaml offers devices by it.
MODEL_ACCOUNT: Final = "Account"
MODEL_FOLDER: Final = "Folder"

# Of the account's entry, besides Home Assistant's own CONF_URL, CONF_API_KEY,
# CONF_VERIFY_SSL.
CONF_HEADERS: Final = "headers"

# Of a folder's subentry.
CONF_RECURSIVE: Final = "recursive"
CONF_DETECTION: Final = "detection"
CONF_TYPES: Final = "types"
CONF_RULES: Final = "rules"
CONF_NEW_MEDIA: Final = "new_media"
CONF_SCHEDULE_TIME: Final = "schedule_time"
CONF_SCHEDULE_WEEKDAYS: Final = "schedule_weekdays"
CONF_PERSONS: Final = "persons"
CONF_PRESENCE: Final = "presence"
CONF_ZONE: Final = "presence_zone"
CONF_TRIGGERS: Final = "triggers"
CONF_CONDITIONS: Final = "conditions"
CONF_OVERDUE_HOURS: Final = "overdue_hours"
CONF_INCLUDE_EXISTING: Final = "include_existing"
CONF_SETTLE_SECONDS: Final = "settle_seconds"
CONF_ORGANISE: Final = "organise"

# Of how a folder's files, or those of a rule, are organised.
CONF_ALBUM: Final = "album"
CONF_ALBUM_NAME: Final = "album_name"
CONF_ALBUM_LEVELS: Final = "album_levels"
CONF_ALBUM_JOINER: Final = "album_joiner"
CONF_ALBUM_CALENDARS: Final = "album_calendars"
CONF_ALBUM_SHARE: Final = "album_share"
CONF_ALBUM_ROLE: Final = "album_role"
CONF_ALBUM_OTHERWISE: Final = "album_otherwise"
CONF_TRIP_HOURS: Final = "trip_hours"
CONF_TRIP_KM: Final = "trip_km"
CONF_TRIP_PHOTOS: Final = "trip_photos"
CONF_PLACE_FROM: Final = "place_from"
CONF_PLACE_MINUTES: Final = "place_minutes"
CONF_TAGS: Final = "tags"
CONF_FAVOURITE: Final = "favourite"
CONF_VISIBILITY: Final = "visibility"
CONF_DESCRIPTION: Final = "description"
CONF_LIVE_PHOTOS: Final = "live_photos"
CONF_RAW_AND_JPEG: Final = "raw_and_jpeg"
CONF_HEIC_AND_JPEG: Final = "heic_and_jpeg"
CONF_BURST: Final = "burst"
CONF_SIDECARS: Final = "sidecars"
CONF_CORRECT_DATES: Final = "correct_dates"
CONF_KEYWORDS: Final = "keywords"

# Of a notification's subentry.
CONF_EVENTS: Final = "events"
CONF_FOLDERS: Final = "folders"
CONF_ONLY_STORED: Final = "only_stored"
CONF_LEAST_COUNT: Final = "least_count"
CONF_DIGEST_MINUTES: Final = "digest_minutes"
CONF_QUIET_FROM: Final = "quiet_from"
CONF_QUIET_TO: Final = "quiet_to"
CONF_QUIET_FAILURES: Final = "quiet_failures"
CONF_TITLE: Final = "title"
CONF_MESSAGE: Final = "message"
CONF_LANGUAGE: Final = "language"
CONF_NOTIFY_ENTITIES: Final = "notify_entities"
CONF_NOTIFY_ACTIONS: Final = "notify_actions"
CONF_PICTURE: Final = "picture"
CONF_SPEAKERS: Final = "speakers"
CONF_TTS: Final = "tts"
CONF_VOLUME: Final = "volume"
CONF_INTERRUPT: Final = "interrupt"
CONF_TVS: Final = "tvs"
CONF_INTERRUPT_TVS: Final = "interrupt_tvs"

# What the names of actions begin with that tell a phone with Home Assistant's app.
PHONE_PREFIX: Final = "mobile_app_"

DEFAULT_SETTLE_SECONDS: Final = 10
DEFAULT_OVERDUE_HOURS: Final = 48


class Presence(StrEnum):
    """Whether runs start when someone comes to a place, or leaves it."""

    ARRIVES = "arrives"
    LEAVES = "leaves"


# What the API key must be allowed to do: for any backup at all, and for all that files
# can be given beside it; the same list is in the README.
NEEDED_PERMISSIONS: Final = frozenset(("asset.upload", "user.read"))
PERMISSIONS: Final = NEEDED_PERMISSIONS | frozenset(
    (
        "album.read",
        "album.create",
        "album.update",
        "album.delete",
        "albumAsset.create",
        "asset.read",
        "asset.update",
        "stack.create",
        "tag.create",
        "tag.asset",
    )
)

REPOSITORY_URL: Final = "https://github.com/immich-backup/immich-backup"
