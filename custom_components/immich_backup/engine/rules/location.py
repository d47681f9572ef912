"""Criterion: whether the file tells where it was taken."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class LocationCriterion(Criterion):
    """The place stands in the file, or does not; what can't be read is unknown."""

    name: ClassVar[str] = "location"
    reads_file: ClassVar[bool] = True
    wanted: bool

    @override
    def ask(self, media: Media, now: float) -> Answer:
        facts = media.facts
        if not facts.has_location and facts.trouble is not None:
            return Answer(None)
        return Answer(facts.has_location is self.wanted)
