"""The action upload: files, media and snapshots that someone wants on the server now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import glob
from itertools import islice
import os
from pathlib import Path
import stat
from typing import Any, Final

from homeassistant.components import media_source
from homeassistant.const import ATTR_ENTITY_ID, Platform
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    split_entity_id,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..account import spool_path
from ..const import DOMAIN
from ..engine import UploadItem, UploadOutcome, UploadState, Wish
from ..engine.ledger import LedgerError
from ..engine.texts import readable
from ..manager import BackupManager
from .common import ATTR_CONFIG_ENTRY_ID, ledger_failed, manager_of

ATTR_FILES: Final = "files"
ATTR_MEDIA: Final = "media"
ATTR_ALBUM: Final = "album"
ATTR_TAGS: Final = "tags"

# A pattern that matches more is a mistake, or a folder for the watch.
_MAX_FILES = 1000
_MAX_NAME = 200
# Failures that an error names; it counts the others.
_TOLD = 3
_WILDCARDS = frozenset("*?[")
# What cameras and image entities send, and the extension that the server knows it by.
_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/svg+xml": ".svg",
}


def _media_id(value: Any) -> str:
    """Return the media id of a media selector's value or of a text."""
    if isinstance(value, dict):
        value = value.get("media_content_id")
    return cv.string(value)


UPLOAD_SCHEMA = vol.All(
    vol.Schema(
        {
            vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
            vol.Optional(ATTR_FILES): vol.All(cv.ensure_list, [cv.path]),
            vol.Optional(ATTR_MEDIA): vol.All(cv.ensure_list, [_media_id]),
            vol.Optional(ATTR_ENTITY_ID): vol.All(
                cv.ensure_list, [cv.entity_domain([Platform.CAMERA, Platform.IMAGE])]
            ),
            vol.Optional(ATTR_ALBUM): vol.All(cv.string, vol.Length(min=1, max=300)),
            vol.Optional(ATTR_TAGS): vol.All(
                cv.ensure_list, [vol.All(cv.string, vol.Length(min=1, max=300))]
            ),
        }
    ),
    cv.has_at_least_one_key(ATTR_FILES, ATTR_MEDIA, ATTR_ENTITY_ID),
)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Something that can't be uploaded, and why."""

    what: str
    reason: str


async def upload(call: ServiceCall) -> ServiceResponse:
    """Upload single files, media and snapshots; one answer for each.

    One that can't be uploaded does not stop the others. While nothing can be uploaded
    they are queued and the answer is `waiting`.
    """
    manager = manager_of(call)
    hass, data = call.hass, call.data
    wish = Wish(album=data.get(ATTR_ALBUM), tags=tuple(data.get(ATTR_TAGS, ())))
    found: list[str | _Refused] = []
    if patterns := data.get(ATTR_FILES):
        found += await hass.async_add_executor_job(_find, hass, patterns)
    for media_id in data.get(ATTR_MEDIA, ()):
        found.append(await _resolve(hass, media_id))
    items = [
        UploadItem(path=path, wish=wish) for path in found if isinstance(path, str)
    ]
    refused = [thing for thing in found if isinstance(thing, _Refused)]
    spool = Path(spool_path(hass, manager.entry.entry_id))
    for entity_id in data.get(ATTR_ENTITY_ID, ()):
        path = await _snapshot(hass, spool, entity_id)
        if isinstance(path, _Refused):
            refused.append(path)
        else:
            items.append(UploadItem(path=path, wish=wish, spooled=True))
    try:
        outcomes = await manager.engine.upload(items) if items else []
    except LedgerError as err:
        raise ledger_failed(err) from err
    answers = [_outcome_response(manager, outcome) for outcome in outcomes]
    answers += map(_refused_response, refused)
    if not call.return_response:
        _raise_for(answers)
    files: list[JsonValueType] = [*answers]
    return {"files": files}


def _find(hass: HomeAssistant, patterns: Sequence[str]) -> list[str | _Refused]:
    """Return the files that paths and patterns mean; blocking."""
    found: list[str | _Refused] = []
    for pattern in patterns:
        if not _WILDCARDS & set(pattern):
            found.append(_check(hass, pattern))
            continue
        matches = list(
            islice(glob.iglob(pattern, recursive=True), _MAX_FILES + 1)  # noqa: PTH207
        )
        files = [match for match in matches if os.path.isfile(match)]  # noqa: PTH113
        if len(matches) > _MAX_FILES:
            found.append(_Refused(pattern, f"It matches more than {_MAX_FILES} files"))
        elif not files:
            found.append(_Refused(pattern, "It matches no file"))
        else:
            found += [_check(hass, file) for file in sorted(files)]
    return found


def _check(hass: HomeAssistant, path: str) -> str | _Refused:
    """Return a file's real path, if it is one that may be read; blocking."""
    try:
        real = Path(path).resolve(strict=True)
        status = real.stat()
    except OSError, ValueError, RuntimeError:
        return _Refused(path, "There is no such file")
    if not hass.config.is_allowed_path(str(real)):
        return _Refused(
            path,
            "Home Assistant may not read it; add its folder to `allowlist_external_dirs`",
        )
    if not stat.S_ISREG(status.st_mode):
        return _Refused(path, "It is not a file")
    return str(real)


async def _resolve(hass: HomeAssistant, media_id: str) -> str | _Refused:
    """Return the local file of a media source item."""
    if not media_source.is_media_source_id(media_id):
        return _Refused(media_id, "It is not an item of a media source")
    try:
        media = await media_source.async_resolve_media(hass, media_id, None)
    except HomeAssistantError as err:
        return _Refused(media_id, str(err) or "It can't be resolved")
    if media.path is None:
        return _Refused(media_id, "Only media in local folders can be uploaded")
    return await hass.async_add_executor_job(_check, hass, str(media.path))


async def _snapshot(hass: HomeAssistant, spool: Path, entity_id: str) -> str | _Refused:
    """Take a picture and write it to the spool; it is ours until it is proven."""
    domain, name = split_entity_id(entity_id)
    if domain not in hass.config.components:
        return _Refused(entity_id, "There is no such entity")
    try:
        picture = await _take_picture(hass, domain, entity_id)
    except HomeAssistantError as err:
        return _Refused(entity_id, str(err) or "It gives no picture now")
    extension = _EXTENSIONS.get(picture.content_type.partition(";")[0].strip().lower())
    if extension is None or not picture.content:
        return _Refused(entity_id, "It gives no picture that the server takes")
    taken = dt_util.now().strftime("%Y-%m-%d_%H-%M-%S")
    return await hass.async_add_executor_job(
        _spool, spool, f"{name[:_MAX_NAME]}_{taken}", extension, picture.content
    )


async def _take_picture(hass: HomeAssistant, domain: str, entity_id: str) -> Any:
    """Return a picture with its content type; raises HomeAssistantError."""
    # They bring packages that a home without cameras need not have.
    if domain == Platform.CAMERA:
        from homeassistant.components import camera  # noqa: PLC0415

        return await camera.async_get_image(hass, entity_id)
    from homeassistant.components import image  # noqa: PLC0415

    return await image.async_get_image(hass, entity_id)


def _spool(spool: Path, stem: str, extension: str, content: bytes) -> str:
    """Write a picture under a name of its own, and onto the disk; blocking."""
    # Each in a folder of its own: the name is what the server will show.
    for number in range(_MAX_FILES):
        folder = spool / f"{stem}_{number}"
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        path = folder / f"{stem}{extension}"
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return str(path.resolve())
    raise HomeAssistantError(
        translation_domain=DOMAIN, translation_key="too_many_snapshots"
    )


def _outcome_response(
    manager: BackupManager, outcome: UploadOutcome
) -> dict[str, JsonValueType]:
    """Return one outcome, safe to be sent as JSON."""
    return {
        "path": readable(outcome.path),
        "state": outcome.state,
        "reason": outcome.reason,
        "text": manager.engine.upload_text(outcome),
        "asset_id": outcome.asset_id,
        "sha1": outcome.sha1,
        "problem": outcome.problem,
    }


def _refused_response(refused: _Refused) -> dict[str, JsonValueType]:
    """Return what could not even be queued, in the form of an outcome."""
    return {
        "path": readable(refused.what),
        "state": UploadState.FAILED,
        "reason": None,
        "text": refused.reason,
        "asset_id": None,
        "sha1": None,
        "problem": None,
    }


def _raise_for(answers: Sequence[Mapping[str, JsonValueType]]) -> None:
    """Tell what failed when nobody reads the answers."""

    def of(*states: UploadState) -> list[Mapping[str, JsonValueType]]:
        return [answer for answer in answers if answer["state"] in states]

    failures = [
        f"{answer['path']}: {answer['text']}" for answer in of(UploadState.FAILED)
    ]
    if not failures:
        return
    more = len(failures) - _TOLD
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="upload_failed",
        translation_placeholders={
            "count": str(len(failures)),
            "total": str(len(answers)),
            "files": "; ".join(failures[:_TOLD]) + (f"; … +{more}" if more > 0 else ""),
            "stored": str(len(of(UploadState.UPLOADED, UploadState.DUPLICATE))),
            "waiting": str(len(of(UploadState.WAITING))),
        },
    )
