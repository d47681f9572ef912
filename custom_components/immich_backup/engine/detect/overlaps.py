"""Which folders have files in common, so that one file is not tended twice unnoticed."""

from collections.abc import Callable, Mapping, Set as AbstractSet
from itertools import combinations
from typing import Protocol

from .mounts import share_files
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

    def look(self, folders: Mapping[str, Watched]) -> None:
        """Compare all folders with each other."""
        found = frozenset(
            (first, second)
            for first, second in combinations(sorted(folders), 2)
            if _have_files_in_common(folders[first], folders[second])
        )
        new, self.pairs = found - self.pairs, found
        for pair in sorted(new):
            self._tell(*pair)


def _have_files_in_common(first: Watched, second: Watched) -> bool:
    """Return whether two folders overlap, by their mounts or by what scans met."""
    if not first.directories.isdisjoint(second.directories):
        return True
    return (
        first.root is not None
        and second.root is not None
        and share_files(first.root.areas, second.root.areas)
    )
