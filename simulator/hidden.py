"""The endpoints below /_sim: misbehaviour by HTTP, the request log, a dump.

| request | does |
|---|---|
| GET, PUT /_sim/state | maintenance, databaseDown, diskFull, version |
| POST /_sim/faults | adds a fault; its fields are those of faults.Fault |
| DELETE /_sim/faults | switches all misbehaviour off |
| GET, DELETE /_sim/requests | count, bytes and statuses per method and path |
| GET /_sim/assets | all assets of all users, trashed ones too |
| PUT /_sim/quota | {"userId", "quotaSizeInBytes"} |
| POST /_sim/external-assets | {"ownerId", "path", "offline"?} |
"""

from pathlib import Path
import sqlite3
from typing import Any

from aiohttp import web

from .backend import Backend
from .faults import fault_from_json
from .inventory import all_assets
from .replies import json_response, to_json

PREFIX = "/_sim/"


async def answer(backend: Backend, request: web.BaseRequest) -> web.Response:
    """Answer a request to a hidden endpoint; a mistake in it is told with 400."""
    try:
        status, data = await _act(backend, request)
    except (ValueError, KeyError, TypeError, OSError, sqlite3.Error) as err:
        status, data = 400, {"message": f"{type(err).__name__}: {err}"}
    return await json_response(request, status, to_json(data))


async def _act(backend: Backend, request: web.BaseRequest) -> tuple[int, Any]:
    faults = backend.faults
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "state":
            return 200, faults.state()
        case "PUT", "state":
            _switch(backend, await request.json())
            return 200, faults.state()
        case "POST", "faults":
            return 201, faults.add(fault_from_json(await request.json())).as_json()
        case "DELETE", "faults":
            faults.clear()
            return 200, faults.state()
        case "GET", "requests":
            log = backend.requests
            return 200, {"count": log.count, "requests": log.summary()}
        case "DELETE", "requests":
            backend.requests.clear()
            return 200, {"count": 0, "requests": []}
        case "GET", "assets":
            return 200, [
                asset.as_json() for asset in all_assets(backend.store, backend.files)
            ]
        case "PUT", "quota":
            asked = await request.json()
            backend.set_quota(str(asked["userId"]), asked["quotaSizeInBytes"])
            return 200, asked
        case "POST", "external-assets":
            asked = await request.json()
            asset_id = backend.import_file(
                str(asked["ownerId"]),
                Path(str(asked["path"])),
                offline=bool(asked.get("offline")),
            )
            return 201, {"id": asset_id}
    return 404, {"message": f"Cannot {request.method} {request.path}"}


def _switch(backend: Backend, wanted: dict[str, Any]) -> None:
    """Set the states that are named; the others stay."""
    faults = backend.faults
    for name, value in wanted.items():
        match name:
            case "maintenance":
                faults.maintenance = bool(value)
            case "databaseDown":
                faults.database_down = bool(value)
            case "diskFull":
                faults.disk_full = bool(value)
            case "version":
                faults.version = str(value)
            case _:
                raise ValueError(f"unknown state: {name}")
