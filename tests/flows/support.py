"""What the tests of a folder's form share: going through it, and its texts."""

from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.data_entry_flow import FlowResultType

from custom_components.immich_backup.const import SUBENTRY_FOLDER
from tests.support.flows import assert_readable, english
from tests.support.home import Home

TEXTS = english()["config_subentries"][SUBENTRY_FOLDER]
# What is chosen once the outlook was read.
SAVE = {"next_step_id": "save"}
WHEN = {"next_step_id": "when"}
ORGANISE = {"next_step_id": "organise"}
RULES = [
    {
        "name": "No screenshots",
        "action": "skip",
        "types": ["photo"],
        "extensions": ["png", ".JPG"],
        "paths": ["Screenshots/", "**/private/**"],
        "min_size_mb": 0.1,
        "max_size_mb": 2000,
        "older_than_days": 30,
        "newer_than_days": 365,
        "captured_from": "2026-07-01",
        "captured_to": "2026-07-31",
        "min_pixels": 800,
        "max_pixels": 12000,
        "min_seconds": 3,
        "max_seconds": 600,
        "cameras": ["Canon", "iPhone 15"],
        "screenshot": "yes",
        "location": "no",
    },
    {"name": "Cats", "action": "back_up", "paths": ["*cat*"]},
]


async def begin(home: Home, subentry_id: str | None = None) -> SubentryFlowResult:
    """Return the form of a new folder, or of one that is there."""
    context = SubentryFlowContext(source=SOURCE_USER)
    if subentry_id is not None:
        context = SubentryFlowContext(
            source=SOURCE_RECONFIGURE, subentry_id=subentry_id
        )
    result = await home.hass.config_entries.subentries.async_init(
        (home.entry.entry_id, SUBENTRY_FOLDER), context=context
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == ("folder" if subentry_id is None else "change")
    assert_readable(result, TEXTS)
    return result


async def submit(
    home: Home, form: SubentryFlowResult, values: dict[str, Any]
) -> SubentryFlowResult:
    """Return what comes after a form was submitted."""
    result = await home.hass.config_entries.subentries.async_configure(
        form["flow_id"], values
    )
    await home.hass.async_block_till_done()
    assert_readable(result, TEXTS)
    return result


async def save(
    home: Home,
    form: SubentryFlowResult,
    values: dict[str, Any],
    when: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Fill in the forms, confirm them, and return what is stored of the folder."""
    before = set(home.entry.subentries)
    confirm = await submit(home, form, values)
    if when is not None:
        confirm = await submit(home, await submit(home, confirm, WHEN), when)
    assert confirm["type"] is FlowResultType.MENU, confirm
    assert confirm["step_id"] == "confirm"
    assert set(home.entry.subentries) == before
    result = await submit(home, confirm, SAVE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry_id,) = set(home.entry.subentries) - before
    return dict(home.entry.subentries[subentry_id].data)
