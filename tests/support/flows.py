"""What a person enters in the forms."""

from pathlib import Path
from typing import Any

from homeassistant.const import CONF_PATH

from custom_components.immich_backup.const import (
    CONF_DETECTION,
    CONF_INCLUDE_EXISTING,
    CONF_NEW_MEDIA,
    CONF_RECURSIVE,
    CONF_SETTLE_SECONDS,
    CONF_TYPES,
)
from custom_components.immich_backup.flows.folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    SECTION_WHEN,
)


def folder_form(path: Path | str, **changes: Any) -> dict[str, Any]:
    """Return the form of a folder as the browser sends it, with these changes.

    A changed section keeps its other fields.
    """
    form: dict[str, Any] = {
        CONF_PATH: str(path),
        CONF_INCLUDE_EXISTING: True,
        SECTION_WHAT: {CONF_TYPES: ["photo", "video"]},
        SECTION_WHEN: {CONF_NEW_MEDIA: True},
        SECTION_DETAILS: {
            CONF_RECURSIVE: True,
            CONF_DETECTION: "auto",
            CONF_SETTLE_SECONDS: 1,
        },
    }
    for key, value in changes.items():
        form[key] = {**form[key], **value} if isinstance(value, dict) else value
    return form
