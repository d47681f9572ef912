"""The job queues: how much waits, pausing, starting again."""

from typing import Any, Final

from .errors import ApiError
from .jobs import METADATA, THUMBNAILS
from .routing import Call, Routes
from .validation import boolean, fields, one_of, optional, validate

routes = Routes()

_NAMES: Final = (
    "thumbnailGeneration", "metadataExtraction", "videoConversion", "faceDetection",
    "facialRecognition", "smartSearch", "duplicateDetection", "backgroundTask",
    "storageTemplateMigration", "migration", "search", "sidecar", "library",
    "notifications", "backupDatabase", "ocr", "workflow", "integrityCheck", "editor",
)  # fmt: skip
_COMMANDS = ("start", "pause", "resume", "empty", "clear-failed")
_MANUAL = (
    "person-cleanup", "tag-cleanup", "user-cleanup", "memory-cleanup",
    "memory-create", "backup-database", "integrity-missing-files",
    "integrity-untracked-files", "integrity-checksum-mismatch",
    "integrity-missing-files-refresh", "integrity-untracked-files-refresh",
    "integrity-checksum-mismatch-refresh", "integrity-missing-files-delete-all",
    "integrity-untracked-files-delete-all", "integrity-checksum-mismatch-delete-all",
)  # fmt: skip
_COLUMNS: Final = {METADATA: "needs_metadata", THUMBNAILS: "needs_thumbnail"}


def _statistics(call: Call, name: str) -> dict[str, int]:
    jobs = call.backend.jobs
    active = int(jobs.active == name)
    rest = max(0, jobs.waiting(name) - active)
    paused = name in jobs.paused
    return {
        "active": active,
        "completed": 0,
        "failed": 0,
        "delayed": 0,
        "waiting": 0 if paused else rest,
        "paused": rest if paused else 0,
    }


def _queue_dto(call: Call, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "isPaused": name in call.backend.jobs.paused,
        "statistics": _statistics(call, name),
    }


def _job_dto(call: Call, name: str) -> dict[str, Any]:
    counts = _statistics(call, name)
    paused = name in call.backend.jobs.paused
    return {
        "queueStatus": {"isPaused": paused, "isActive": counts["active"] > 0},
        "jobCounts": counts,
    }


def _name(call: Call) -> str:
    checked: dict[str, str] = validate(call.params, fields(name=one_of(_NAMES)))
    return checked["name"]


def _pause(call: Call, name: str, *, paused: bool) -> None:
    jobs = call.backend.jobs
    if paused:
        jobs.paused.add(name)
    else:
        jobs.paused.discard(name)
        jobs.wake()


@routes.add("GET", "/queues", need="queue.read", admin=True)
async def list_queues(call: Call) -> list[dict[str, Any]]:
    """List all queues."""
    return [_queue_dto(call, name) for name in _NAMES]


@routes.add("GET", "/queues/{name}", need="queue.read", admin=True)
async def get_queue(call: Call) -> dict[str, Any]:
    """Tell of one queue."""
    return _queue_dto(call, _name(call))


@routes.add("PUT", "/queues/{name}", need="queue.update", admin=True)
async def update_queue(call: Call) -> dict[str, Any]:
    """Pause a queue or let it go on."""
    name = _name(call)
    dto = call.dto(fields(isPaused=optional(boolean())))
    if "isPaused" in dto:
        _pause(call, name, paused=dto["isPaused"])
    return _queue_dto(call, name)


@routes.add("GET", "/queues/{name}/jobs", need="queueJob.read", admin=True)
async def list_queue_jobs(call: Call) -> list[dict[str, Any]]:
    """List single jobs; they are not kept one by one here."""
    _name(call)
    return []


@routes.add("GET", "/jobs", need="job.read", admin=True)
async def list_jobs(call: Call) -> dict[str, Any]:
    """List all queues as older clients know them."""
    return {name: _job_dto(call, name) for name in _NAMES}


@routes.add("PUT", "/jobs/{name}", need="job.create", admin=True)
async def command_job(call: Call) -> dict[str, Any]:
    """Start, pause or resume a queue as older clients do."""
    name = _name(call)
    dto = call.dto(fields(command=one_of(_COMMANDS), force=optional(boolean())))
    match dto["command"]:
        case "pause" | "resume":
            _pause(call, name, paused=dto["command"] == "pause")
        case "start" if column := _COLUMNS.get(name):
            missing = "1" if dto.get("force") else "thumbhash IS NULL"
            call.backend.store.db.execute(
                f"UPDATE assets SET {column} = 1 WHERE {missing}"  # noqa: S608
            )
            call.backend.jobs.wake()
    return _job_dto(call, name)


@routes.add("POST", "/jobs", need="job.create", admin=True, status=204)
async def create_job(call: Call) -> None:
    """Start a cleaning job; there is nothing to clean here."""
    call.dto(fields(name=one_of(_MANUAL)))


@routes.add("POST", "/sync/stream", need="sync.stream", status=200)
@routes.add("GET", "/sync/ack", need="syncCheckpoint.read")
@routes.add("POST", "/sync/ack", need="syncCheckpoint.update", status=204)
@routes.add("DELETE", "/sync/ack", need="syncCheckpoint.delete", status=204)
async def sync(call: Call) -> None:
    """Refuse: API keys cannot synchronise, and nobody else does here."""
    raise ApiError(403, "Sync endpoints cannot be used with API keys")
