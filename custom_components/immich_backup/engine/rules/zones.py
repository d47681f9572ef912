"""Criterion: the zone of the home in which it was taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, override

from ..context import Context, UnknownToHomeError
from .criterion import Answer, HomeCriterion
from .media import Media


@dataclass(frozen=True)
class ZonesCriterion(HomeCriterion):
    """It was taken in one of these zones (entity ids or names).

    Where no place is told that is unknown.
    """

    name: ClassVar[str] = "zones"
    zones: tuple[str, ...]

    @override
    def prepare(self, media: Media) -> bool:
        return media.place is not None

    @override
    async def find_out(
        self, media: Sequence[Media], context: Context
    ) -> Sequence[Answer]:
        places = [place for one in media if (place := one.place) is not None]
        inside = [False] * len(places)
        problem: str | None = None
        for zone in self.zones:
            try:
                found = await context.within(zone, places)
            except UnknownToHomeError as err:
                problem = problem or str(err)
                continue
            inside = [a or b for a, b in zip(inside, found, strict=True)]
        outside = (
            Answer(False) if problem is None else Answer(None, None, problem, True)
        )
        return [Answer(True) if one else outside for one in inside]
