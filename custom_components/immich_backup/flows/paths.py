"""Folders of the home: which to offer, and whether one may be watched; all blocking."""

from collections.abc import Iterable, Iterator, Sequence
import os
from pathlib import Path
import time

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_PATH
from homeassistant.core_config import Config

from ..const import CONF_RECURSIVE
from ..engine.detect.mounts import Area, Location, areas, read_mounts, share_files
from ..engine.detect.names import ignored_directory
from ..engine.detect.root import Root, examine
from ..engine.model import FolderTrouble

# How many folders are offered, and how many seconds it may take to find them.
_MAX_OFFERED = 200
_OFFER_SECONDS = 2.0
# How far below the media folders.
_OFFER_DEPTH = 2


class PathError(Exception):
    """A folder that can't be watched: ``reason`` is the key of the text about it."""

    def __init__(self, reason: str, **details: str) -> None:
        """Keep the reason and the placeholders of its text."""
        super().__init__(reason)
        self.reason = reason
        self.details = details


def offered_folders(config: Config, others: Iterable[ConfigSubentry] = ()) -> list[str]:
    """Return folders to choose from that none of the account's others has to do with."""
    watched = [
        (other.data[CONF_PATH], other.data.get(CONF_RECURSIVE, True))
        for other in others
    ]

    def is_free(path: str) -> bool:
        real = os.path.realpath(path)
        return not any(
            _below(other, real) or (deep and _below(real, other))
            for other, deep in watched
        )

    return [path for path in _media_folders(config) if is_free(path)]


def _media_folders(config: Config) -> list[str]:
    """Return the media folders and others that are allowed, and what is below them.

    At most two levels below and 200 in all, the upper ones first; then sorted. Links
    and hidden folders are left out, and folders of the junk that devices leave behind.
    """
    end = time.monotonic() + _OFFER_SECONDS
    found: set[str] = set()
    # What Home Assistant shows to the world is no place for photos.
    level = [*config.media_dirs.values(), *config.allowlist_external_dirs]
    level = [path for path in level if path != config.path("www")]
    for depth in range(_OFFER_DEPTH + 1):
        below: list[str] = []
        for path in level:
            if len(found) == _MAX_OFFERED or time.monotonic() > end:
                return sorted(found)
            if path in found or not _storable(path) or not Path(path).is_dir():
                continue
            found.add(path)
            if depth < _OFFER_DEPTH:
                below += sorted(_folders_in(path))
        level = below
    return sorted(found)


def check_folder(
    text: str, config: Config, others: Iterable[ConfigSubentry], *, recursive: bool
) -> Root:
    """Return the root of a folder that may be watched; raises PathError if it may not.

    ``others`` are the account's other folders.
    """
    text = text.strip()
    if not Path(text).is_absolute() or "\0" in text:
        raise PathError("not_absolute")
    if not _storable(text):
        raise PathError("not_storable")
    root = examine(text, recursive=recursive)
    if root.trouble in (FolderTrouble.MISSING, FolderTrouble.NOT_A_DIRECTORY):
        raise PathError(root.trouble.value)
    if not _storable(root.path):
        raise PathError("not_storable")
    mounts = read_mounts()

    def reach(path: str, *, recursive: bool = True) -> Sequence[Area]:
        return areas(os.path.realpath(path), recursive=recursive, mounts=mounts)

    # Before anybody is told how to allow it.
    if share_files(reach(root.path), reach(config.path(".storage"))):
        raise PathError("private")
    if not config.is_allowed_path(root.path):
        raise PathError(FolderTrouble.NOT_ALLOWED.value, allow=root.path)
    if root.trouble is not None:
        raise PathError(root.trouble.value)
    for other in others:
        path = other.data[CONF_PATH]
        deep = other.data.get(CONF_RECURSIVE, True)
        theirs = reach(path, recursive=deep)
        if share_files(root.areas, theirs):
            reason = _relation(root.areas[0].top, theirs[0].top)
            raise PathError(reason, other=other.title, other_path=path)
    return root


def _relation(folder: Location, other: Location) -> str:
    """Return how a folder lies to another one that has files in common with it."""
    if folder.contains(other):
        return "overlap_same" if other.contains(folder) else "overlap_contains"
    # Else something that is mounted in one of them lies in the other.
    return "overlap_inside" if other.contains(folder) else "overlap_mounted"


def _folders_in(path: str) -> Iterator[str]:
    """Yield the folders in a folder that a person would look for; none on an error."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if (
                    not entry.name.startswith(".")
                    and not ignored_directory(os.fsencode(entry.name))
                    and entry.is_dir(follow_symlinks=False)
                ):
                    yield entry.path
    except OSError:
        return


def _below(path: str, top: str) -> bool:
    """Return whether a path is the top or lies below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def _storable(path: str) -> bool:
    """Return whether a path is valid text; Home Assistant's storage takes no other."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
