"""What the engine may ask the home around it; answers come in batches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol, override


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made: a text, or None and the sentence that says why not."""

    text: str | None
    problem: str = ""


class Context(Protocol):
    """Implemented by the home; every question is for many things at once."""

    @property
    def time_zone(self) -> tzinfo:
        """Return the home's time zone."""

    async def allowed_paths(self, paths: Collection[str]) -> Mapping[str, bool]:
        """Return for each path whether the home lets us read below it."""

    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        """Return what a template makes of each of these files, seen as `media`."""


class OpenContext(Context):
    """A home that allows everything and knows no templates: the engine driven alone."""

    @property
    @override
    def time_zone(self) -> tzinfo:
        return UTC

    @override
    async def allowed_paths(self, paths: Collection[str]) -> Mapping[str, bool]:
        return dict.fromkeys(paths, True)

    @override
    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        return [Rendered(None, "There are no templates here")] * len(media)
