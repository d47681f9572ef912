"""What the engine may ask the home around it; answers come in batches."""

from collections.abc import Collection, Mapping
from typing import Protocol, override


class Context(Protocol):
    """Implemented by the home; every question is for many things at once."""

    async def allowed_paths(self, paths: Collection[str]) -> Mapping[str, bool]:
        """Return for each path whether the home lets us read below it."""


class OpenContext(Context):
    """A home that allows everything: for the engine driven alone."""

    @override
    async def allowed_paths(self, paths: Collection[str]) -> Mapping[str, bool]:
        return dict.fromkeys(paths, True)
