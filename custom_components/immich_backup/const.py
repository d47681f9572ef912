"""Names that more than one module of the integration uses."""

import logging
from typing import Final

DOMAIN: Final = "immich_backup"
LOGGER: Final = logging.getLogger(__package__)

SUBENTRY_FOLDER: Final = "folder"

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
CONF_INCLUDE_EXISTING: Final = "include_existing"
CONF_SETTLE_SECONDS: Final = "settle_seconds"

DEFAULT_SETTLE_SECONDS: Final = 10

# What the API key must be allowed to do, with what it is used for; the same list is in
# the README.
PERMISSIONS: Final = frozenset(
    (
        "asset.upload",
        "user.read",
        "album.read",
        "album.create",
        "albumAsset.create",
        "tag.create",
        "tag.asset",
    )
)

REPOSITORY_URL: Final = "https://github.com/immich-backup/immich-backup"
