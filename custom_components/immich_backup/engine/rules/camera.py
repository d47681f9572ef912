"""Criterion: the camera that took it."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class CameraCriterion(Criterion):
    """Maker and model hold one of these words, in any case: canon, iPhone 15."""

    name: ClassVar[str] = "camera"
    reads_file: ClassVar[bool] = True
    words: tuple[str, ...]

    @override
    def ask(self, media: Media, now: float) -> Answer:
        camera = media.facts.camera
        if camera is None:
            return Answer(None)
        return Answer(any(word.casefold() in camera.casefold() for word in self.words))
