"""POST /assets and the check before it: how files come in."""

from asyncio import to_thread
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import sqlite3
from typing import Any, Final

from .asset_rows import insert_asset
from .auth import Auth
from .checksums import from_text
from .errors import ApiError, bad_request, internal_error
from .faults import Action
from .files import FileSink, damage
from .formats import extension, is_asset, is_sidecar
from .multipart import FormReader, MultipartError, PartHeader, boundary_of
from .replies import Answer, to_json
from .routing import Call, Routes
from .store import new_id, select_in
from .validation import (
    MAX_SAFE_INTEGER,
    array,
    fields,
    iso_datetime,
    json_text,
    number,
    one_of,
    optional,
    record,
    string,
    string_boolean,
    uuid,
)

routes = Routes()

VISIBILITIES: Final = ("archive", "timeline", "hidden", "locked")
METADATA_ITEMS: Final = array(fields(key=string(), value=record()))
_FIELD_LIMIT = 1024 * 1024
# PostgreSQL takes 65,535 parameters, two are used otherwise (measured on 3.0.3).
_MAX_CHECKSUMS = 65_533
# A check whose JSON is smaller takes less time than a hop to a thread is worth.
_SMALL_CHECK = 16 * 1024

_UPLOAD = fields(
    duration=optional(
        number(integer=True, minimum=0, maximum=MAX_SAFE_INTEGER, coerce=True)
    ),
    fileCreatedAt=iso_datetime(),
    fileModifiedAt=iso_datetime(),
    filename=optional(string()),
    isFavorite=optional(string_boolean()),
    livePhotoVideoId=optional(uuid()),
    metadata=optional(json_text(METADATA_ITEMS)),
    visibility=optional(one_of(VISIBILITIES)),
)
_BULK_CHECK = fields(assets=array(fields(id=string(), checksum=string())))


@dataclass(slots=True, kw_only=True)
class ReceivedFile:
    """A file part that lies on the disk."""

    path: Path
    told_path: str
    name: str
    size: int
    sha1: bytes


@dataclass(slots=True)
class Form:
    """What a multipart body brought."""

    fields: dict[str, Any]
    files: dict[str, ReceivedFile]

    def discard(self) -> None:
        """Remove the files."""
        for file in self.files.values():
            file.path.unlink(missing_ok=True)


@routes.add("POST", "/assets", need="asset.upload")
async def upload(call: Call) -> Answer:
    """Store a picture or a video, or tell which asset it already is."""
    store, auth = call.backend.store, call.auth
    for fault in call.lies:
        if fault.action is Action.DUPLICATE:
            return _duplicate(fault.asset_id or new_id())
    if checksum := call.request.headers.get("x-immich-checksum"):
        row = store.one(
            "SELECT id FROM assets "
            "WHERE owner_id = ? AND checksum = ? AND library_id IS NULL",
            auth.user_id,
            from_text(checksum),
        )
        if row is not None:
            return _duplicate(row["id"])
    content_type = call.request.headers.get("Content-Type", "")
    if not content_type.lower().startswith("multipart/"):
        call.dto(_UPLOAD)
        raise bad_request("File is required")
    form = await _receive(call, auth, content_type)
    call.json = form.fields
    # From here on an invalid field leaves the received files behind, as the real
    # server does (measured on 3.0.3).
    dto = call.dto(_UPLOAD)
    if "assetData" not in form.files:
        form.discard()
        raise bad_request("File is required")
    if any(file.size == 0 for file in form.files.values()):
        form.discard()
        raise bad_request("File is empty")
    return await _create(call, auth, form, dto)


def _duplicate(asset_id: str) -> Answer:
    return Answer(200, {"status": "duplicate", "id": asset_id})


async def _create(call: Call, auth: Auth, form: Form, dto: dict[str, Any]) -> Answer:
    """Make the asset, committed before the answer, or find its duplicate."""
    backend = call.backend
    file, sidecar = form.files["assetData"], form.files.get("sidecarData")
    for fault in call.lies:
        if fault.action is Action.FORGET:
            form.discard()
            return Answer(201, {"id": new_id(), "status": "created"})
        if fault.action is Action.ALTER:
            size, sha1 = await to_thread(damage, file.path, fault.damage)
            if not fault.on_disk:
                file.size, file.sha1 = size, sha1
    try:
        _require_quota(call, auth, file.size)
        if video_id := dto.get("livePhotoVideoId"):
            hide_live_video(call, auth, video_id)
        asset_id = insert_asset(
            backend.store,
            owner_id=auth.user_id,
            path=backend.files.remember(file.path),
            told_path=file.told_path,
            name=dto.get("filename") or file.name,
            size=file.size,
            checksum=file.sha1,
            dto=dto,
            sidecar=backend.files.remember(sidecar.path) if sidecar else None,
        )
    except sqlite3.IntegrityError:
        form.discard()
        row = backend.store.one(
            "SELECT id FROM assets "
            "WHERE owner_id = ? AND checksum = ? AND library_id IS NULL",
            auth.user_id,
            file.sha1,
        )
        if row is None:
            raise internal_error("Failed to upload asset") from None
        return _duplicate(row["id"])
    except ApiError:
        form.discard()
        raise
    backend.jobs.wake()
    return Answer(201, {"id": asset_id, "status": "created"})


def _require_quota(call: Call, auth: Auth, size: int) -> None:
    row = call.backend.store.one(
        "SELECT quota_size, quota_usage FROM users WHERE id = ?", auth.user_id
    )
    if row is None or row["quota_size"] is None:
        return
    if row["quota_size"] < row["quota_usage"] + size:
        raise bad_request("Quota has been exceeded!")


def hide_live_video(call: Call, auth: Auth, video_id: str) -> None:
    """Check the video of a live photo and hide it from the timeline."""
    store = call.backend.store
    row = store.one(
        "SELECT type, owner_id, visibility FROM assets WHERE id = ?", video_id
    )
    if row is None:
        raise bad_request("Live photo video not found")
    if row["type"] != "VIDEO":
        raise bad_request("Live photo video must be a video")
    if row["owner_id"] != auth.user_id:
        raise bad_request("Live photo video does not belong to the user")
    if row["visibility"] == "timeline":
        store.db.execute(
            "UPDATE assets SET visibility = 'hidden' WHERE id = ?", (video_id,)
        )


async def _receive(call: Call, auth: Auth, content_type: str) -> Form:
    """Read the form; what is refused is refused after the whole body was read."""
    form = Form({}, {})
    try:
        try:
            reader = FormReader(boundary_of(content_type), call.body.chunk)
            while (part := await reader.next_part()) is not None:
                await _receive_part(call, auth, form, reader, part)
        except MultipartError as err:
            raise bad_request(f"Multipart: {err}") from err
        except OSError as err:
            # The part that did not fit stays on the disk, as with the real server.
            raise internal_error("Failed to upload asset") from err
        _refuse_nul(form)
    except ApiError:
        form.discard()
        await call.body.drain()
        raise
    except BaseException:
        form.discard()
        raise
    await call.body.drain()
    return form


def _refuse_nul(form: Form) -> None:
    """Refuse what PostgreSQL cannot store in a text."""
    if "\0" in str(form.fields.get("filename", "")):
        raise internal_error("Failed to upload asset")


async def _receive_part(
    call: Call, auth: Auth, form: Form, reader: FormReader, part: PartHeader
) -> None:
    if part.name is None:
        raise bad_request("Field name missing")
    if part.filename is None:
        _add_field(form, part.name, await _read_field(reader, part.name))
        return
    if part.name not in ("assetData", "sidecarData") or part.name in form.files:
        raise bad_request(f"Unexpected field - {part.name}")
    if not part.filename:
        return
    checked = str(form.fields.get("filename") or part.filename)
    is_side = part.name == "sidecarData"
    if not (is_sidecar(checked) if is_side else is_asset(checked)):
        raise bad_request(f"Unsupported file type {checked}")
    files = call.backend.files
    path, told_path = files.new_original(
        auth.user_id, ".xmp" if is_side else extension(checked)
    )
    sink = FileSink(files, path)
    try:
        while (data := await reader.read()) is not None:
            await sink.write(data)
        sha1 = await sink.finish()
    except OSError:
        raise
    except BaseException:
        await sink.abandon()
        raise
    form.files[part.name] = ReceivedFile(
        path=path, told_path=told_path, name=part.filename, size=sink.size, sha1=sha1
    )


async def _read_field(reader: FormReader, name: str) -> str:
    parts: list[bytes] = []
    size = 0
    while (data := await reader.read()) is not None:
        size += len(data)
        if size > _FIELD_LIMIT:
            raise bad_request(f"Field value too long - {name}")
        parts.append(data)
    return b"".join(parts).decode("utf-8", "replace")


def _add_field(form: Form, name: str, value: str) -> None:
    """Keep a field; one that is repeated becomes a list."""
    if name not in form.fields:
        form.fields[name] = value
    elif isinstance(form.fields[name], list):
        form.fields[name].append(value)
    else:
        form.fields[name] = [form.fields[name], value]


@routes.add("POST", "/assets/bulk-upload-check", need="asset.upload", status=200)
async def bulk_upload_check(call: Call) -> Answer:
    """Tell for many checksums at once which of them this user already has."""
    small = (call.request.content_length or 0) < _SMALL_CHECK
    dto = call.dto(_BULK_CHECK) if small else await to_thread(call.dto, _BULK_CHECK)
    asked: list[dict[str, str]] = dto["assets"]
    if not 0 < len(asked) <= _MAX_CHECKSUMS:
        raise internal_error("Failed to check bulk upload")
    user_id, store = call.auth.user_id, call.backend.store
    if small:
        return Answer(200, raw=_check(store.db, user_id, asked))
    return Answer(200, raw=await store.read(lambda db: _check(db, user_id, asked)))


def _check(db: sqlite3.Connection, user_id: str, asked: list[dict[str, str]]) -> bytes:
    sums = [from_text(entry["checksum"]) for entry in asked]
    known = {
        row["checksum"]: row
        for row in select_in(
            db,
            "SELECT checksum, id, deleted_at FROM assets "
            "WHERE owner_id = ? AND checksum IN {in}",
            set(sums),
            user_id,
        )
    }

    def results() -> Iterator[dict[str, Any]]:
        for entry, checksum in zip(asked, sums, strict=True):
            row = known.get(checksum)
            if row is None:
                yield {"id": entry["id"], "action": "accept"}
            else:
                yield {
                    "id": entry["id"],
                    "action": "reject",
                    "reason": "duplicate",
                    "assetId": row["id"],
                    "isTrashed": row["deleted_at"] is not None,
                }

    return to_json({"results": list(results())})
