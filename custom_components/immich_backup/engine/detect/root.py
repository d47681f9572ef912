"""Looking at a folder's root: is it there, allowed and readable, and where does it lie."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
import os
import stat

from ..context import Context
from ..model import Folder, FolderTrouble
from .mounts import Area, Location, areas, locate, read_mounts


@dataclass(frozen=True, slots=True)
class Root:
    """A folder's root as it is now: real path and place, or what is wrong with it.

    ``areas`` is all that a walk of the folder reads.
    """

    path: str
    location: Location | None
    trouble: FolderTrouble | None
    areas: Sequence[Area] = ()


async def look_at_root(folder: Folder, context: Context, pool: Executor) -> Root:
    """Look at a folder's root, and ask the home whether it may be read."""
    root = await asyncio.get_running_loop().run_in_executor(
        pool, lambda: examine(folder.path, recursive=folder.recursive)
    )
    if root.trouble is None:
        allowed = await context.allowed_paths([root.path])
        if not allowed.get(root.path, False):
            return unusable(root.path, FolderTrouble.NOT_ALLOWED)
    return root


def examine(path: str, *, recursive: bool = True) -> Root:
    """Look at a folder's root; blocking."""
    real = os.path.realpath(path)
    try:
        status = os.stat(real)
        if not stat.S_ISDIR(status.st_mode):
            return unusable(real, FolderTrouble.NOT_A_DIRECTORY)
        with os.scandir(real):
            pass
    except PermissionError:
        return unusable(real, FolderTrouble.UNREADABLE)
    except OSError:
        # Not there, or a network share that does not answer (ENOTCONN, ESTALE).
        return unusable(real, FolderTrouble.MISSING)
    mounts = read_mounts()
    return Root(
        real,
        locate(real, mounts),
        None,
        areas(real, recursive=recursive, mounts=mounts),
    )


def unusable(path: str, trouble: FolderTrouble) -> Root:
    """Return a root in which nothing can be read."""
    return Root(path, None, trouble)
