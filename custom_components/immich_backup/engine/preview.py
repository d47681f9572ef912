"""What would happen in a folder now, without recording or sending anything."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
import os

from .detect.names import ignored_directory
from .detect.scan import ScanResult, list_files
from .evaluate import media_of, reason_of
from .model import Folder, Reason


@dataclass(slots=True, kw_only=True)
class Preview:
    """Numbers of files, bytes, and what is left out for which reason.

    ``left_out`` counts by rule name, or by reason where no rule of the user decided.
    Without ``complete`` all numbers mean "at least".
    """

    files: int = 0
    bytes: int = 0
    wanted: int = 0
    wanted_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    complete: bool = True


def preview(folder: Folder, *, now: float, expired: Callable[[], bool]) -> Preview:
    """Walk a folder and decide for each file; blocking.

    ``now`` is epoch seconds; stops early, incomplete, once ``expired`` says so.
    """
    found = Preview()
    result = ScanResult()
    root = os.fsencode(os.path.realpath(folder.path))
    stack = [b""]
    seen: set[tuple[int, int]] = set()
    while stack:
        path = stack.pop()
        full = os.path.join(root, path) if path else root
        try:
            status = os.lstat(full)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            for number, entry in enumerate(list_files(full, result)):
                if number % 100 == 0 and expired():
                    found.complete = False
                    break
                name = os.path.join(path, entry.name) if path else entry.name
                media = media_of(
                    name, entry.stamp, folder.rules, root=root, existing=True
                )
                decision = folder.rules.decide(media, now)
                found.files += 1
                found.bytes += media.size
                if not decision.wanted:
                    found.left_out[decision.rule or reason_of(decision).value] += 1
                elif media.size == 0:
                    found.left_out[Reason.EMPTY.value] += 1
                else:
                    found.wanted += 1
                    found.wanted_bytes += media.size
            if expired():
                found.complete = False
            if not found.complete:
                break
            if folder.recursive:
                stack += _subdirectories(full, path)
        except OSError as err:
            result.add_error(err)
    found.errors = result.error_count
    return found


def _subdirectories(full: bytes, path: bytes) -> list[bytes]:
    """Return the relative paths of the directories to walk below one."""
    with os.scandir(full) as entries:
        return [
            os.path.join(path, entry.name) if path else entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not ignored_directory(entry.name)
        ]
