"""Looking at a folder's root: is it there and readable, and where does it lie."""

from dataclasses import dataclass
import os
import stat

from ..model import FolderTrouble
from .mounts import Location, locate


@dataclass(frozen=True, slots=True)
class Root:
    """A folder's root as it is now: real path and place, or what is wrong with it."""

    path: str
    location: Location | None
    trouble: FolderTrouble | None


def examine(path: str) -> Root:
    """Look at a folder's root; blocking."""
    real = os.path.realpath(path)
    try:
        status = os.stat(real)
        if not stat.S_ISDIR(status.st_mode):
            return Root(real, None, FolderTrouble.NOT_A_DIRECTORY)
        with os.scandir(real):
            pass
    except PermissionError:
        return Root(real, None, FolderTrouble.UNREADABLE)
    except OSError:
        # Not there, or a network share that does not answer (ENOTCONN, ESTALE).
        return Root(real, None, FolderTrouble.MISSING)
    return Root(real, locate(real), None)
