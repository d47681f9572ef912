"""What the server does after its answers: metadata, thumbnails, deletion."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import json
import logging
import os
from pathlib import Path
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from .asset_rows import remove_asset
from .media import Findings, examine
from .tags import tag_asset, upsert_tag
from .thumbnails import make_thumbnails
from .times import SECOND, now

if TYPE_CHECKING:
    from .backend import Backend

_LOGGER = logging.getLogger(__name__)

METADATA: Final = "metadataExtraction"
THUMBNAILS: Final = "thumbnailGeneration"

# How many assets are taken from the database at once; the rest waits there, so that
# the queue needs no memory and outlives the process.
_BATCH = 32
_FOREVER = 2**62
# Seconds between two looks for new work.
_PATIENCE = 0.05
# The thumbnail of an asset comes after its metadata.
_READY = "(needs_thumbnail AND NOT needs_metadata)"
_PENDING = (
    f"((needs_metadata AND NOT :no_metadata) OR ({_READY} AND NOT :no_thumbnails))"
)


@dataclass(slots=True)
class Jobs:
    """Works through what the assets still need, one after the other."""

    backend: Backend
    processing_delay: float = 0.2  # seconds between an upload and its jobs
    deletion_delay: float = 1.0  # seconds that a deleted asset lives on
    paused: set[str] = field(default_factory=set)
    active: str | None = None
    _hurry: bool = False
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _worker: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(
            1, thread_name_prefix="simulator-jobs", initializer=_be_modest
        )
    )

    def start(self) -> None:
        """Begin to work in the background."""
        self._task = asyncio.create_task(self._run(), name="simulator-jobs")

    async def stop(self) -> None:
        """Finish the present step and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await asyncio.to_thread(self._worker.shutdown)

    def wake(self) -> None:
        """Say that there is something to do."""
        self._idle.clear()
        self._wanted.set()

    async def idle(self) -> None:
        """Do everything without delay; return when only paused queues are left."""
        self._hurry = True
        self.wake()
        await self._idle.wait()

    def waiting(self, queue: str) -> int:
        """Return how many assets wait in a queue."""
        wanted = {METADATA: "needs_metadata", THUMBNAILS: _READY}.get(queue)
        if wanted is None:
            return 0
        row = self.backend.store.one(
            f"SELECT count(*) AS waiting FROM assets WHERE {wanted}"  # noqa: S608
        )
        return 0 if row is None else int(row["waiting"])

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            delay = await self._work()
            if delay is None and not self._wanted.is_set():
                self._hurry = False
                self._idle.set()
            try:
                async with asyncio.timeout(delay):
                    await self._wanted.wait()
            except TimeoutError:
                continue
            # Many uploads wake the jobs more often than it is worth looking.
            await asyncio.sleep(_PATIENCE)

    async def _work(self) -> float | None:
        """Do what is due; return the seconds until something will be, None if never."""
        store = self.backend.store
        instant = now()
        delays = (self.deletion_delay, self.processing_delay)
        due_dead, due_new = (
            _FOREVER if self._hurry else instant - round(delay * SECOND)
            for delay in delays
        )
        for row in store.all(
            "SELECT * FROM assets WHERE dying AND deleted_at <= ?", due_dead
        ):
            await self.remove(row)
        if self.paused >= {METADATA, THUMBNAILS}:
            return self._next_due(instant, "0")
        rows = store.all(
            f"SELECT * FROM assets WHERE created_at <= :due AND {_PENDING} "  # noqa: S608
            "ORDER BY created_at LIMIT :count",
            due=due_new,
            count=_BATCH,
            **self._paused(),
        )
        for row in rows:
            await self._process(row)
        if rows:
            return 0
        return self._next_due(instant, _PENDING)

    def _paused(self) -> dict[str, bool]:
        return {
            "no_metadata": METADATA in self.paused,
            "no_thumbnails": THUMBNAILS in self.paused,
        }

    def _next_due(self, instant: int, pending: str) -> float | None:
        row = self.backend.store.one(
            "SELECT min(due) AS due FROM ("  # noqa: S608
            f"SELECT min(created_at) + :new AS due FROM assets WHERE {pending} "
            "UNION ALL SELECT min(deleted_at) + :dead FROM assets WHERE dying)",
            new=round(self.processing_delay * SECOND),
            dead=round(self.deletion_delay * SECOND),
            **self._paused(),
        )
        if row is None or row["due"] is None:
            return None
        due: int = row["due"]
        return max(0.001, (due - instant) / SECOND)

    async def remove(self, row: sqlite3.Row) -> None:
        """Remove an asset with its files and, if nobody else needs it, its film."""
        store, files = self.backend.store, self.backend.files
        paths = [files.locate(path) for path in remove_asset(store, row)]
        paths += [
            files.thumbnail(row["owner_id"], row["id"], kind)
            for kind in ("_thumbnail.webp", "_preview.jpeg")
        ]
        await asyncio.get_running_loop().run_in_executor(self._worker, _unlink, paths)
        film = store.one(
            "SELECT * FROM assets WHERE id = ? AND NOT EXISTS "
            "(SELECT 1 FROM assets WHERE live_photo_video_id = ?)",
            row["live_photo_video_id"],
            row["live_photo_video_id"],
        )
        if film is not None:
            await self.remove(film)

    async def _process(self, row: sqlite3.Row) -> None:
        """Run the jobs of one asset in the worker and write what they found."""
        loop = asyncio.get_running_loop()
        store = self.backend.store
        changes: dict[str, Any] = {}
        tags: list[str] = []
        try:
            if row["needs_metadata"]:
                self.active = METADATA
                changes["needs_metadata"] = False
                found = await loop.run_in_executor(self._worker, self._examine, row)
                changes |= _columns(found)
                tags = found.tags
            if row["needs_thumbnail"] and THUMBNAILS not in self.paused:
                self.active = THUMBNAILS
                changes["needs_thumbnail"] = False
                changes["thumbhash"] = await loop.run_in_executor(
                    self._worker, self._thumbnails, row
                )
        except Exception:
            _LOGGER.exception("The jobs of asset %s failed", row["id"])
        finally:
            self.active = None
        present = store.one("SELECT edits FROM assets WHERE id = ?", row["id"])
        if present is None or present["edits"] != row["edits"]:
            # Somebody removed or changed it meanwhile; in the latter case the next
            # round sees the change.
            return
        with store.transaction():
            store.update("assets", row["id"], {**changes, "updated_at": now()})
            for value in tags:
                if tag := upsert_tag(store, row["owner_id"], value):
                    tag_asset(store, tag["id"], row["id"])

    def _examine(self, row: sqlite3.Row) -> Findings:
        files, sidecar = self.backend.files, row["sidecar_path"]
        return examine(
            row,
            files.locate(row["path"]),
            None if sidecar is None else files.locate(sidecar),
        )

    def _thumbnails(self, row: sqlite3.Row) -> str | None:
        files = self.backend.files
        return make_thumbnails(
            files.locate(row["path"]),
            files.thumbnail(row["owner_id"], row["id"], "_thumbnail.webp"),
            files.thumbnail(row["owner_id"], row["id"], "_preview.jpeg"),
        )


def _be_modest() -> None:
    """Let uploads go first: on Linux a thread can have a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _columns(found: Findings) -> dict[str, Any]:
    return {
        "exif": json.dumps(found.exif),
        "file_created_at": found.file_created_at,
        "local_date_time": found.local_date_time,
        "width": found.width,
        "height": found.height,
        "duration": found.duration,
    }


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
