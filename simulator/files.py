"""Where the bytes of assets lie, and how they get there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import errno
import hashlib
from pathlib import Path
from typing import BinaryIO

from .faults import Damage, Faults
from .store import new_id

# What the API tells of the folder that holds the uploads.
_TOLD_ROOT = "/data/upload"
# Files up to this size are written at once on the event loop: that takes less than
# a hop to a thread. Larger ones go in blocks of this size to a thread.
_BLOCK = 1024 * 1024
_SMALL = 128 * 1024


class Files:
    """The folder with originals and thumbnails."""

    def __init__(self, data_dir: Path, faults: Faults) -> None:
        """Keep everything below data_dir; faults say when the disk is full."""
        self._root = data_dir
        self._made: set[str] = set()
        self.faults = faults
        self.writers = ThreadPoolExecutor(2, thread_name_prefix="simulator-write")

    def close(self) -> None:
        """Wait for what is still being written."""
        self.writers.shutdown()

    def new_original(self, user_id: str, suffix: str) -> tuple[Path, str]:
        """Return a fresh path for an upload, and how the API tells it."""
        name = new_id()
        folder = f"upload/{user_id}/{name[:2]}"
        # The real server has another level of folders, which would only cost time.
        told = f"{_TOLD_ROOT}/{folder}/{name[2:4]}/{name}{suffix}"
        return self._folder(folder) / (name + suffix), told

    def remember(self, path: Path) -> str:
        """Return how the database keeps a path below our folder.

        It is relative, so that a copied or moved data folder is a server of its own.
        """
        return str(path.relative_to(self._root))

    def locate(self, remembered: str) -> Path:
        """Return where a file is; external files are kept with their whole path."""
        return self._root / remembered

    def thumbnail(self, user_id: str, asset_id: str, kind: str) -> Path:
        """Return the path of a thumbnail; kind is its suffix, like `_preview.jpeg`."""
        return self._folder(f"thumbs/{user_id}/{asset_id[:2]}") / (asset_id + kind)

    def _folder(self, name: str) -> Path:
        folder = self._root / name
        if name not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(name)
        return folder


class FileSink:
    """Takes the bytes of one file, hashes them and writes them."""

    def __init__(self, files: Files, path: Path) -> None:
        """Write to path; nothing is there before the first block is full."""
        self._files = files
        self._path = path
        self._hash = hashlib.sha1()
        self._parts: list[bytes] = []
        self._pending = 0
        self._handle: BinaryIO | None = None
        self._writing: asyncio.Future[None] | None = None
        self.size = 0

    async def write(self, data: bytes) -> None:
        """Take some bytes; memory stays bounded by two blocks."""
        self._parts.append(data)
        self._pending += len(data)
        self.size += len(data)
        if self._pending >= _BLOCK:
            await self._hand_over()

    async def finish(self) -> bytes:
        """Write the rest and return the SHA-1; OSError if the disk does not take it."""
        if self._handle is None and self._writing is None and self._pending <= _SMALL:
            self._write(self._parts)
        else:
            await self._hand_over()
            await self._settle()
        self._close()
        return self._hash.digest()

    async def abandon(self) -> None:
        """Stop and remove what was written."""
        with suppress(OSError):
            await self._settle()
        self._close()
        self._path.unlink(missing_ok=True)

    async def _hand_over(self) -> None:
        await self._settle()
        parts, self._parts, self._pending = self._parts, [], 0
        self._writing = asyncio.get_running_loop().run_in_executor(
            self._files.writers, self._write, parts
        )

    async def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing

    def _write(self, parts: list[bytes]) -> None:
        if self._handle is None:
            self._handle = self._path.open("wb", buffering=0)
        for part in parts:
            if self._files.faults.disk_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._hash.update(part)
            view = memoryview(part)
            while view:
                view = view[self._handle.write(view) :]

    def _close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def damage(path: Path, kind: Damage) -> tuple[int, bytes]:
    """Damage a stored file; return its new size and SHA-1."""
    data = bytearray(path.read_bytes())
    if kind is Damage.FLIP and data:
        data[len(data) // 2] ^= 1
    else:
        del data[-1:]
    path.write_bytes(data)
    return len(data), hashlib.sha1(data).digest()
