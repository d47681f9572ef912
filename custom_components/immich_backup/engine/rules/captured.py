"""Criterion: the day on which the photo was taken."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, override

from ..media import DateSource
from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class CapturedCriterion(Criterion):
    """The photo was taken between these days, both included.

    By the clock where it was taken, else by the home's. When it was changed last says
    little.
    """

    name: ClassVar[str] = "captured"
    reads_file: ClassVar[bool] = True
    looks_beside: ClassVar[bool] = True
    first: date | None = None
    last: date | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        taken, source = media.moment
        if source is DateSource.MODIFIED:
            return Answer(None)
        day = taken.date()
        return Answer(
            (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
        )
