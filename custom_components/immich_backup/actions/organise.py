"""The actions that organise what is stored already, and take places away again."""

from typing import Final

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..const import DOMAIN
from ..engine.ledger import LedgerError
from ..engine.link import HaltedError, LinkDownError
from ..engine.organise.geotagger import PLACE_TAG, Undone
from ..engine.organise.report import Organised
from ..immich.errors import ImmichError
from .common import ATTR_CONFIG_ENTRY_ID, ATTR_FOLDERS, ledger_failed, target_of

ATTR_DRY_RUN: Final = "dry_run"

ORGANISE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_FOLDERS): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
    }
)
UNDO_GEOTAGS_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_FOLDERS): vol.All(cv.ensure_list, [cv.string]),
    }
)


async def organise(call: ServiceCall) -> ServiceResponse:
    """Give what is stored the albums, tags and more that its folders say today."""
    manager, folder_ids = target_of(call, call.data.get(ATTR_FOLDERS))
    dry_run = call.data[ATTR_DRY_RUN]
    engine = manager.engine
    try:
        done = await (engine.plan_organising if dry_run else engine.organise)(
            folder_ids
        )
    except LedgerError as err:
        raise ledger_failed(err) from err
    return {
        "dry_run": dry_run,
        "text": _text(done, dry_run=dry_run),
        "files": done.files,
        "albums": done.albums,
        "tags": done.tags,
        "favourites": done.favourites,
        "visibility": done.visibility,
        "descriptions": done.descriptions,
        "dates": done.dates,
        "places": done.places,
        "ratings": done.ratings,
        "live_photos": done.live_photos,
        "stacks": done.stacks,
        "problems": done.problems,
    }


async def undo_geotags(call: ServiceCall) -> ServiceResponse:
    """Take away the places that photos were given by what the home knew."""
    manager, folder_ids = target_of(call, call.data.get(ATTR_FOLDERS))
    try:
        undone = await manager.engine.undo_geotags(folder_ids)
    except LedgerError as err:
        raise ledger_failed(err) from err
    except (HaltedError, ImmichError, LinkDownError) as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="places_failed",
            translation_placeholders={"error": str(err)},
        ) from err
    return {
        "text": _undone_text(undone),
        "removed": undone.removed,
        "kept": undone.kept,
    }


def _undone_text(undone: Undone) -> str:
    """Return what was taken away, as a sentence."""
    if not undone.removed and not undone.kept:
        return "No photo has a place that was added."
    photos = _number(undone.removed, "photo")
    text = f"{photos} lost the place and the tag “{PLACE_TAG}”."
    if undone.kept:
        keep = "keeps" if undone.kept == 1 else "keep"
        text += (
            f" {undone.kept} {keep} a place that was changed since, without the tag."
        )
    return text


def _text(done: Organised, *, dry_run: bool) -> str:
    """Return what was done, or would be, as a sentence."""
    parts = []
    if done.albums:
        files = _number(sum(done.albums.values()), "file")
        parts.append(f"{files} into {_number(len(done.albums), 'album')}")
    if done.tags:
        # One file may get several, so all of them together get no fewer.
        least = "" if len(done.tags) == 1 else "at least "
        files = _number(max(done.tags.values()), "file")
        parts.append(f"{_number(len(done.tags), 'tag')} to {least}{files}")
    parts += [
        f"{_number(count, what)}{more}"
        for count, what, more in (
            (done.favourites, "favourite", ""),
            (done.visibility, "file", " shown elsewhere"),
            (done.descriptions, "description", ""),
            (done.dates, "date", ""),
            (done.places, "place", ""),
            (done.ratings, "rating", ""),
            (done.live_photos, "live photo", " put together"),
            (done.stacks, "stack", ""),
        )
        if count
    ]
    looked_at = f"{_number(done.files, 'file')} looked at"
    if parts:
        text = f"{'Would do' if dry_run else 'Done'}: {', '.join(parts)}."
    elif done.problems:
        text = f"{looked_at}, and nothing else could be done."
    elif done.files:
        text = f"{looked_at}, and nothing is left to do."
    else:
        text = "There is nothing to organise."
    if done.problems:
        text += f" Problems: {'; '.join(done.problems)}."
    return text


def _number(count: int, what: str) -> str:
    """Return so many of something."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
