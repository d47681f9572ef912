"""The upload step: sends the bytes of one file, exactly those that were hashed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
import hashlib
import os
from threading import Lock

from ..immich import SMALL_BODY, AssetUpload, ImmichClient, UploadResult
from ..immich.errors import RefusedError, TooLargeError, UnsupportedError
from .access import ChangedError, check_unchanged, open_file, read_part
from .beside import load_sidecar
from .hashing import read_whole, sha1_of
from .ledger.rows import Stamp
from .pacing import Pacer


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What the server said, and the digest of the sidecar that it stored as well."""

    result: UploadResult
    sidecar: str | None = None


async def upload_file(
    client: ImmichClient,
    pool: Executor,
    *,
    root: bytes,
    path: bytes,
    stamp: Stamp,
    sha1: bytes,
    content: bytes | None = None,
    sidecar: bytes | None = None,
    pacer: Pacer,
    sent: Callable[[int], None],
) -> Uploaded:
    """Send one file, as fast as ``pacer`` lets; ``sent`` is told what went out.

    ``content`` is what was hashed, if it was kept. What is read here is hashed again on
    its way: what is not what the ledger knows is never completed, so the server keeps
    nothing of it. ``sidecar`` is the relative path of an XMP file that goes with it; if
    it can't, the file goes without. Raises AccessError, ImmichError.
    """
    beside = None
    if sidecar is not None:
        beside = await asyncio.get_running_loop().run_in_executor(
            pool, partial(load_sidecar, root, sidecar, keep=True)
        )

    async def send(xmp: bytes | None) -> UploadResult:
        return await _send(
            client,
            pool,
            root=root,
            path=path,
            stamp=stamp,
            sha1=sha1,
            content=content,
            sidecar=xmp,
            pacer=pacer,
            sent=sent,
        )

    if beside is None or beside.content is None:
        return Uploaded(await send(None))
    await pacer.wait(len(beside.content))
    try:
        result = await send(beside.content)
    except RefusedError, TooLargeError, UnsupportedError:
        # Is it about the photo? Alone it tells.
        return Uploaded(await send(None))
    # The server drops the sidecar of what it has already.
    return Uploaded(result, None if result.duplicate else beside.digest)


async def _send(
    client: ImmichClient,
    pool: Executor,
    *,
    root: bytes,
    path: bytes,
    stamp: Stamp,
    sha1: bytes,
    content: bytes | None,
    sidecar: bytes | None,
    pacer: Pacer,
    sent: Callable[[int], None],
) -> UploadResult:
    """Send one file with the bytes of its sidecar; the rest is as in upload_file."""
    moment = _moment(stamp.mtime_ns)

    async def send(content: bytes | Callable[[], AsyncIterator[bytes]]) -> UploadResult:
        return await client.upload_asset(
            AssetUpload(
                name=os.path.basename(path),
                size=stamp.size,
                checksum=sha1,
                created_at=moment,
                modified_at=moment,
                content=content,
                sidecar=sidecar,
            )
        )

    if content is None and stamp.size <= SMALL_BODY:
        content = await asyncio.get_running_loop().run_in_executor(
            pool, _read_again, root, path, stamp, sha1
        )
    if content is not None:
        if pacer.limit:
            return await send(partial(_in_pieces, content, pacer, sent))
        result = await send(content)
        sent(len(content))
        return result
    opening = pool.submit(_Source, root, path, stamp, sha1)
    try:
        source = await asyncio.wrap_future(opening)
        return await send(lambda: source.stream(pool, pacer, sent))
    finally:
        # In the pool, as it may still be opened or read there when this is cancelled.
        if not opening.cancelled():
            pool.submit(_close, opening)


def _read_again(root: bytes, path: bytes, stamp: Stamp, sha1: bytes) -> bytes:
    """Return a small file's bytes, which must be those of the checksum; blocking."""
    content = read_whole(root, path, stamp)
    if sha1_of(content) != sha1:
        raise ChangedError(stamp)
    return content


async def _in_pieces(
    content: bytes, pacer: Pacer, sent: Callable[[int], None]
) -> AsyncIterator[bytes]:
    """Yield bytes that are in memory, each piece when it may go out."""
    start = 0
    while piece := content[start : start + pacer.piece]:
        await pacer.wait(len(piece))
        yield piece
        sent(len(piece))
        start += len(piece)


class _Source:
    """A large file while it is sent: read in the pool, hashed on the way."""

    def __init__(self, root: bytes, path: bytes, stamp: Stamp, sha1: bytes) -> None:
        """Open it; blocking. Raises AccessError."""
        self._stamp = stamp
        self._sha1 = sha1
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._lock = Lock()
        self._left = stamp.size
        self._file = open_file(root, path, stamp)

    async def stream(
        self, pool: Executor, pacer: Pacer, sent: Callable[[int], None]
    ) -> AsyncIterator[bytes]:
        """Yield the bytes; the last piece only if the whole is what was hashed.

        A piece is read and hashed while the one before it is sent.
        """
        loop = asyncio.get_running_loop()
        ahead = loop.run_in_executor(pool, self._read, pacer.piece)
        try:
            while data := await ahead:
                ahead = loop.run_in_executor(pool, self._read, pacer.piece)
                await pacer.wait(len(data))
                yield data
                sent(len(data))
        finally:
            # What it would say comes too late to matter.
            if not ahead.cancel() and not ahead.cancelled():
                ahead.exception()

    def _read(self, count: int) -> bytes:
        """Return the next piece as bytes of its own, none at the end; blocking."""
        with self._lock:
            if not self._left:
                return b""
            data = read_part(self._file, min(count, self._left))
            if not data:
                raise ChangedError(self._stamp)
            self._digest.update(data)
            self._left -= len(data)
            if not self._left:
                check_unchanged(self._file, self._stamp)
                if self._digest.digest() != self._sha1:
                    raise ChangedError(self._stamp)
            return data

    def close(self) -> None:
        """Close the file, after a read that is under way."""
        with self._lock:
            self._file.close()


def _close(opening: Future[_Source]) -> None:
    """Close a file that was opened, if it was."""
    if opening.exception() is None:
        opening.result().close()


def _moment(mtime_ns: int) -> datetime:
    """Return a modification time that the server takes (years 1 to 9999)."""
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC)
    except OverflowError, ValueError, OSError:
        return datetime(1970, 1, 1, tzinfo=UTC)
