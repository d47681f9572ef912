"""Criterion: the picture's size in pixels."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class PixelsCriterion(Criterion):
    """The longer side has between these numbers of pixels, both included."""

    name: ClassVar[str] = "pixels"
    reads_file: ClassVar[bool] = True
    fewest: int | None = None
    most: int | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        size = media.facts.pixels
        if size is None:
            return Answer(None)
        longer = max(size)
        return Answer(
            (self.fewest is None or longer >= self.fewest)
            and (self.most is None or longer <= self.most)
        )
