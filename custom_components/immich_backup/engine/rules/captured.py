"""Criterion: the day on which the photo was taken."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class CapturedCriterion(Criterion):
    """The photo was taken between these days, both included, by its own clock."""

    name: ClassVar[str] = "captured"
    reads_file: ClassVar[bool] = True
    first: date | None = None
    last: date | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        captured = media.taken_at
        if captured is None:
            return Answer(None)
        day = captured.date()
        return Answer(
            (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
        )
