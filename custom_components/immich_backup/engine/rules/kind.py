"""Criterion: photo or video."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media, MediaKind


@dataclass(frozen=True)
class KindCriterion(Criterion):
    """The file is of one of these kinds."""

    name: ClassVar[str] = "type"
    kinds: frozenset[MediaKind]

    @override
    def ask(self, media: Media, now: float) -> Answer:
        return Answer(media.kind in self.kinds)
