"""Criterion: the file's size."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class SizeCriterion(Criterion):
    """The size in bytes lies between these bounds, both included."""

    name: ClassVar[str] = "size"
    smallest: int | None = None
    largest: int | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        return Answer(
            (self.smallest is None or media.size >= self.smallest)
            and (self.largest is None or media.size <= self.largest)
        )
