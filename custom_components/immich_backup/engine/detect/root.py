"""Looking at a folder's root: is it there, allowed and readable, and where does it lie."""

import asyncio
from collections.abc import Callable, Sequence
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

    ``areas`` is all that a walk of the folder reads; ``place`` (device, inode) tells the
    directory from another one at the same path.
    """

    path: str
    location: Location | None
    trouble: FolderTrouble | None
    areas: Sequence[Area] = ()
    place: tuple[int, int] | None = None


async def look_at_root(folder: Folder, context: Context, pool: Executor) -> Root:
    """Look at a folder's root, and ask the home whether it may be read."""
    return await asyncio.get_running_loop().run_in_executor(
        pool,
        lambda: examine(
            folder.path, recursive=folder.recursive, is_allowed=context.is_allowed
        ),
    )


def examine(
    path: str,
    *,
    recursive: bool = True,
    is_allowed: Callable[[str], bool] = lambda _: True,
) -> Root:
    """Look at a folder's root; blocking. ``is_allowed`` is asked for its real path."""
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
    if not is_allowed(real):
        return unusable(real, FolderTrouble.NOT_ALLOWED)
    mounts = read_mounts()
    return Root(
        real,
        locate(real, mounts),
        None,
        areas(real, recursive=recursive, mounts=mounts),
        (status.st_dev, status.st_ino),
    )


def unusable(path: str, trouble: FolderTrouble) -> Root:
    """Return a root in which nothing can be read."""
    return Root(path, None, trouble)
