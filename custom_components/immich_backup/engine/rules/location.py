"""Criterion: whether it is told where it was taken."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class LocationCriterion(Criterion):
    """The place is told, or is not; what can't be read is unknown."""

    name: ClassVar[str] = "location"
    reads_file: ClassVar[bool] = True
    looks_beside: ClassVar[bool] = True
    wanted: bool

    @override
    def ask(self, media: Media, now: float) -> Answer:
        is_known = media.place is not None
        if not is_known and media.facts.trouble is not None:
            return Answer(None)
        return Answer(is_known is self.wanted)
