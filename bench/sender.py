"""Sending files as the engine's runner does, but neither hashed nor asked for first."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import hashlib
import os
from pathlib import Path
import time
from types import TracebackType
from typing import Self

import aiohttp

from custom_components.immich_backup.engine.access import stamp_of
from custom_components.immich_backup.engine.hashing import groups, read_whole
from custom_components.immich_backup.engine.ledger.rows import FileRow
from custom_components.immich_backup.engine.model import FileState
from custom_components.immich_backup.engine.pacing import Pacer
from custom_components.immich_backup.engine.upload import upload_file
from custom_components.immich_backup.immich import SMALL_BODY, ImmichClient

_POOL_THREADS = 4
# As many wait to be sent as with the runner.
_QUEUE = 32


def known(files: Sequence[Path]) -> list[FileRow]:
    """Return files of one folder with what the ledger would know of them."""
    rows: list[FileRow] = []
    for number, file in enumerate(files):
        with file.open("rb") as opened:
            sha1 = hashlib.file_digest(opened, "sha1").digest()
        rows.append(
            FileRow(
                id=number,
                folder=1,
                path=os.fsencode(file.name),
                stamp=stamp_of(file.stat()),
                sha1=sha1,
                state=FileState.WAITING,
                existing=True,
                attempts=0,
            )
        )
    return rows


class Sender:
    """The engine's upload step on a session, a client and a pool; `async with` it."""

    def __init__(self, port: int, folder: Path, limit: float = 0.0) -> None:
        """Prepare to send a folder's files to a receiver; needs a running event loop.

        At most ``limit`` bytes per second; 0 is no limit.
        """
        self.sent = 0
        self._root = os.fsencode(folder)
        self._session = aiohttp.ClientSession()
        self._client = ImmichClient(self._session, f"http://127.0.0.1:{port}", "bench")
        self._pacer = Pacer(time.monotonic)
        self._pacer.set_limit(limit)
        self._pool = ThreadPoolExecutor(_POOL_THREADS)
        self._queue: asyncio.Queue[tuple[FileRow, bytes | None]] = asyncio.Queue(_QUEUE)

    async def __aenter__(self) -> Self:
        """Use it."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session and the pool."""
        await self._session.close()
        self._pool.shutdown()

    async def send(self, files: Sequence[FileRow], concurrency: int) -> None:
        """Send files, so many at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(self._upload())
            loop = asyncio.get_running_loop()
            for part in groups(files):
                for item in await loop.run_in_executor(self._pool, self._read, part):
                    await self._queue.put(item)
            self._queue.shutdown()
        self._queue = asyncio.Queue(_QUEUE)

    def _read(self, group: Sequence[FileRow]) -> list[tuple[FileRow, bytes | None]]:
        """Read small files in one go, as the hash step does."""
        return [
            (
                file,
                read_whole(self._root, file.path, file.stamp)
                if file.stamp.size <= SMALL_BODY
                else None,
            )
            for file in group
        ]

    async def _upload(self) -> None:
        """Send one file after the other."""
        with suppress(asyncio.QueueShutDown):
            while True:
                file, content = await self._queue.get()
                assert file.sha1 is not None
                await upload_file(
                    self._client,
                    self._pool,
                    root=self._root,
                    path=file.path,
                    stamp=file.stamp,
                    sha1=file.sha1,
                    content=content,
                    pacer=self._pacer,
                    sent=self._count,
                )

    def _count(self, size: int) -> None:
        """Count what went out."""
        self.sent += size
