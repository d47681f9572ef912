"""What a person enters in the forms, and reads there."""

from collections.abc import Iterator, Mapping
import json
from pathlib import Path
from typing import Any

from homeassistant.const import CONF_PATH
from homeassistant.data_entry_flow import FlowResult, FlowResultType
from homeassistant.helpers import config_validation as cv
import probatio

from custom_components import immich_backup
from custom_components.immich_backup.const import (
    CONF_ALBUM,
    CONF_BURST,
    CONF_CORRECT_DATES,
    CONF_DETECTION,
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FAVOURITE,
    CONF_HEIC_AND_JPEG,
    CONF_INCLUDE_EXISTING,
    CONF_INTERRUPT,
    CONF_INTERRUPT_TVS,
    CONF_KEYWORDS,
    CONF_LEAST_COUNT,
    CONF_LIVE_PHOTOS,
    CONF_NEW_MEDIA,
    CONF_ONLY_STORED,
    CONF_OVERDUE_HOURS,
    CONF_PICTURE,
    CONF_PLACE_MINUTES,
    CONF_PRESENCE,
    CONF_QUIET_FAILURES,
    CONF_RAW_AND_JPEG,
    CONF_RECURSIVE,
    CONF_SETTLE_SECONDS,
    CONF_TYPES,
    CONF_VISIBILITY,
    Presence,
)
from custom_components.immich_backup.flows.folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
)
from custom_components.immich_backup.flows.notification_form import (
    SECTION_OFTEN,
    SECTION_SPEECH,
    SECTION_WORDS,
)
from custom_components.immich_backup.flows.organise_form import (
    SECTION_MORE,
    SECTION_PLACE,
    SECTION_TOGETHER,
)
from custom_components.immich_backup.flows.when_form import (
    SECTION_ADVANCED,
    SECTION_CONDITIONS,
    SECTION_PRESENCE,
)
from custom_components.immich_backup.notifications import DEFAULT_OCCASIONS


def folder_form(path: Path | str, **changes: Any) -> dict[str, Any]:
    """Return the form of a folder as the browser sends it, with these changes.

    A changed section keeps its other fields.
    """
    form: dict[str, Any] = {
        CONF_PATH: str(path),
        CONF_INCLUDE_EXISTING: True,
        SECTION_WHAT: {CONF_TYPES: ["photo", "video"]},
        SECTION_DETAILS: {
            CONF_RECURSIVE: True,
            CONF_DETECTION: "auto",
            CONF_SETTLE_SECONDS: 1,
        },
    }
    for key, value in changes.items():
        form[key] = {**form[key], **value} if isinstance(value, dict) else value
    return form


def notification_form(**changes: Any) -> dict[str, Any]:
    """Return the form of a notification as the browser sends it, with these changes."""
    form: dict[str, Any] = {
        CONF_EVENTS: [one.value for one in DEFAULT_OCCASIONS],
        SECTION_OFTEN: {
            CONF_ONLY_STORED: True,
            CONF_LEAST_COUNT: 1,
            CONF_DIGEST_MINUTES: 0,
            CONF_QUIET_FAILURES: True,
        },
        SECTION_WORDS: {CONF_PICTURE: True},
        SECTION_SPEECH: {CONF_INTERRUPT: False, CONF_INTERRUPT_TVS: False},
    }
    for key, value in changes.items():
        form[key] = {**form[key], **value} if isinstance(value, dict) else value
    return form


def when_form(**changes: Any) -> dict[str, Any]:
    """Return the form of when a folder is backed up, with these changes."""
    form: dict[str, Any] = {
        CONF_NEW_MEDIA: True,
        SECTION_PRESENCE: {CONF_PRESENCE: Presence.ARRIVES.value},
        SECTION_CONDITIONS: {},
        SECTION_ADVANCED: {CONF_OVERDUE_HOURS: 48},
    }
    for key, value in changes.items():
        form[key] = {**form[key], **value} if isinstance(value, dict) else value
    return form


def organise_form(**changes: Any) -> dict[str, Any]:
    """Return the form of how files are organised, with these changes."""
    form: dict[str, Any] = {
        CONF_ALBUM: "none",
        SECTION_TOGETHER: {
            CONF_LIVE_PHOTOS: True,
            CONF_RAW_AND_JPEG: "both",
            CONF_HEIC_AND_JPEG: "both",
            CONF_BURST: "all",
        },
        SECTION_PLACE: {CONF_PLACE_MINUTES: 5},
        SECTION_MORE: {
            CONF_FAVOURITE: False,
            CONF_VISIBILITY: "default",
            CONF_KEYWORDS: False,
            CONF_CORRECT_DATES: "name",
        },
    }
    for key, value in changes.items():
        form[key] = {**form[key], **value} if isinstance(value, dict) else value
    return form


def fields(form: FlowResult[Any, Any]) -> dict[str, Any]:
    """Return the fields of a form as the browser gets them, by name."""
    found: Any = probatio.to_field_list(
        form["data_schema"], custom_serializer=cv.custom_serializer
    )
    json.dumps(found)
    return {field["name"]: field for field in found}


def suggested(form: FlowResult[Any, Any]) -> dict[str, Any]:
    """Return what a form is filled in with, as the browser sends it back."""

    def fill(part: list[dict[str, Any]]) -> dict[str, Any]:
        filled = {}
        for field in part:
            value = (field.get("description") or {}).get("suggested_value")
            if field.get("type") == "expandable":
                filled[field["name"]] = fill(field["schema"])
            elif value is not None:
                filled[field["name"]] = value
            elif "default" in field:
                filled[field["name"]] = field["default"]
        return filled

    return fill(list(fields(form).values()))


def details(form: FlowResult[Any, Any]) -> dict[str, str]:
    """Return what the texts of a form are filled in with."""
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    return dict(placeholders)


def english() -> dict[str, Any]:
    """Return the English texts."""
    folder = Path(immich_backup.__file__).parent / "translations"
    texts: dict[str, Any] = json.loads((folder / "en.json").read_text())
    return texts


def assert_readable(result: FlowResult[Any, Any], texts: Mapping[str, Any]) -> None:
    """Check that a person can read what a flow shows: nothing in it is missing."""
    values = result.get("description_placeholders") or {}
    read: list[str] = []
    if result["type"] in (FlowResultType.FORM, FlowResultType.MENU):
        step = texts["step"][result["step_id"]]
        read += _leaves(step)
        read += [texts["error"][key] for key in (result.get("errors") or {}).values()]
        assert set(result.get("menu_options", ())) == set(step.get("menu_options", ()))
    elif result["type"] is FlowResultType.ABORT:
        ours = result.get("translation_domain") is None
        read += [texts["abort"][result["reason"]]] if ours else []
    for text in read:
        text.format(**values)


def _leaves(node: Any) -> Iterator[str]:
    """Yield all texts in a part of the texts."""
    if isinstance(node, dict):
        for value in node.values():
            yield from _leaves(value)
    else:
        yield node
