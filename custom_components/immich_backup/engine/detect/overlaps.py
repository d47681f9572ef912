"""Which folders have files in common, so that one file is not tended twice unnoticed."""

from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from typing import Protocol

from .mounts import Area, share_files
from .root import Root


class Watched(Protocol):
    """What is asked of a folder: its root, and the directories that a scan met."""

    @property
    def root(self) -> Root | None:
        """Return the root as it was last seen."""

    @property
    def directories(self) -> AbstractSet[int]:
        """Return the marks of its directories, as far as they are remembered."""


class Overlaps:
    """Tells each pair of folders that begin to overlap, once."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        """Begin with none."""
        self.pairs: frozenset[tuple[str, str]] = frozenset()
        self._tell = tell
        # What each folder was like when it was compared with the others.
        self._compared: dict[str, _Extent] = {}

    def look(self, folders: Mapping[str, Watched], changed: str) -> None:
        """Compare one folder, which was looked at or is gone, with all others.

        Nothing is compared while it is as it was: with many folders that is much work.
        """
        watched = folders.get(changed)
        extent = None if watched is None else _extent(watched)
        if extent == self._compared.get(changed):
            return
        found = {pair for pair in self.pairs if changed not in pair}
        if watched is None or extent is None:
            del self._compared[changed]
        else:
            self._compared[changed] = extent
            found.update(
                (min(changed, other), max(changed, other))
                for other in folders
                if other != changed and _have_files_in_common(watched, folders[other])
            )
        new, self.pairs = found - self.pairs, frozenset(found)
        for pair in sorted(new):
            self._tell(*pair)


type _Extent = tuple[Sequence[Area] | None, AbstractSet[int]]


def _extent(watched: Watched) -> _Extent:
    """Return what of a folder decides whether it overlaps with another one."""
    root = watched.root
    return None if root is None else root.areas, watched.directories


def _have_files_in_common(first: Watched, second: Watched) -> bool:
    """Return whether two folders overlap, by their mounts or by what scans met."""
    if not first.directories.isdisjoint(second.directories):
        return True
    return (
        first.root is not None
        and second.root is not None
        and share_files(first.root.areas, second.root.areas)
    )
