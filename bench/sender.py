"""Sending files as the engine's runner does, but neither hashed nor asked for first."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from custom_components.immich_backup.engine.access import stamp_of
from custom_components.immich_backup.engine.ledger.rows import Stamp
from custom_components.immich_backup.engine.upload import upload_file
from custom_components.immich_backup.immich import ImmichClient

# A file with what the ledger would know of it.
type Known = tuple[Path, Stamp, bytes]

_POOL_THREADS = 4


def known(files: Sequence[Path]) -> list[Known]:
    """Return files with their stamps and checksums."""
    result: list[Known] = []
    for file in files:
        with file.open("rb") as opened:
            sha1 = hashlib.file_digest(opened, "sha1").digest()
        result.append((file, stamp_of(file.stat()), sha1))
    return result


class Sender:
    """The engine's upload step on a session, a client and a pool; `async with` it."""

    def __init__(self, port: int) -> None:
        """Prepare to send to a receiver; needs a running event loop."""
        self.sent = 0
        self._session = aiohttp.ClientSession()
        self._client = ImmichClient(self._session, f"http://127.0.0.1:{port}", "bench")
        self._pool = ThreadPoolExecutor(_POOL_THREADS)

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

    async def send(self, files: Sequence[Known], concurrency: int) -> None:
        """Send files, so many at once."""
        queue = iter(files)
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(self._work(queue))

    async def _work(self, queue: Iterator[Known]) -> None:
        """Send one file after the other."""
        for file, stamp, sha1 in queue:
            await upload_file(
                self._client,
                self._pool,
                root=os.fsencode(file.parent),
                path=os.fsencode(file.name),
                stamp=stamp,
                sha1=sha1,
                sent=self._count,
            )

    def _count(self, size: int) -> None:
        """Count what went out."""
        self.sent += size
