"""Criterion: the file name's extension."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class ExtensionCriterion(Criterion):
    """The name ends in one of these extensions (lower case, with the dot)."""

    name: ClassVar[str] = "extension"
    extensions: frozenset[str]

    @override
    def ask(self, media: Media, now: float) -> Answer:
        return Answer(media.extension in self.extensions)
