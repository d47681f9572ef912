"""What would happen in a folder now, without recording or sending anything."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
import os

from .detect.names import ignored_directory
from .detect.scan import ScanResult, list_files
from .evaluate import media_of, reason_of
from .ledger.scans import Entry
from .model import FileState, Folder, Reason

_BATCH = 100


@dataclass(slots=True, kw_only=True)
class Preview:
    """Numbers of files, bytes, and what is left out for which reason.

    Of the wanted files some may be known to be ``protected`` or ``declined`` already.
    ``left_out`` counts by rule name, or by reason where no rule of the user decided.
    Without ``complete`` all numbers mean "at least".
    """

    files: int = 0
    bytes: int = 0
    wanted: int = 0
    wanted_bytes: int = 0
    protected: int = 0
    declined: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    complete: bool = True


# What is known of the files of a directory (relative path), by name: the state, and
# whether the file was there before the folder was added.
type Known = Callable[[bytes, Sequence[Entry]], Mapping[bytes, tuple[FileState, bool]]]


def preview(
    folder: Folder,
    *,
    now: float,
    expired: Callable[[], bool],
    known: Known | None = None,
) -> Preview:
    """Walk a folder and decide for each file; blocking.

    ``now`` is epoch seconds; stops early, incomplete, once ``expired`` says so.
    """
    found = Preview()
    result = ScanResult()
    root = os.fsencode(os.path.realpath(folder.path))
    stack = [b""]
    seen: set[tuple[int, int]] = set()
    while stack and found.complete:
        path = stack.pop()
        full = os.path.join(root, path) if path else root
        try:
            status = os.lstat(full)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            for batch in batched(list_files(full, result), _BATCH, strict=False):
                if expired():
                    found.complete = False
                    break
                facts = known(path, batch) if known is not None else {}
                for entry in batch:
                    _count(found, folder, root, path, entry, facts, now)
            if folder.recursive:
                stack += _subdirectories(full, path)
        except OSError as err:
            result.add_error(err)
        if expired():
            found.complete = not stack
    found.errors = result.error_count
    return found


def _count(
    found: Preview,
    folder: Folder,
    root: bytes,
    path: bytes,
    entry: Entry,
    facts: Mapping[bytes, tuple[FileState, bool]],
    now: float,
) -> None:
    """Decide for one file and count it."""
    state, existing = facts.get(entry.name, (None, True))
    media = media_of(
        os.path.join(path, entry.name) if path else entry.name,
        entry.stamp,
        folder.rules,
        root=root,
        existing=existing,
    )
    found.files += 1
    found.bytes += media.size
    decision = folder.rules.decide(media, now)
    if not decision.wanted:
        found.left_out[decision.rule or reason_of(decision).value] += 1
    elif media.size == 0:
        found.left_out[Reason.EMPTY.value] += 1
    else:
        found.wanted += 1
        found.wanted_bytes += media.size
        found.protected += state is FileState.PROTECTED
        found.declined += state is FileState.DECLINED


def _subdirectories(full: bytes, path: bytes) -> list[bytes]:
    """Return the relative paths of the directories to walk below one."""
    with os.scandir(full) as entries:
        return [
            os.path.join(path, entry.name) if path else entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not ignored_directory(entry.name)
        ]
