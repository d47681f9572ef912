"""Criterion: whether it is a picture of a screen."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media, MediaKind


@dataclass(frozen=True)
class ScreenshotCriterion(Criterion):
    """The picture shows a screen, or does not; no video does.

    What can't be read is unknown.
    """

    name: ClassVar[str] = "screenshot"
    reads_file: ClassVar[bool] = True
    wanted: bool

    @override
    def ask(self, media: Media, now: float) -> Answer:
        if media.kind is not MediaKind.PHOTO:
            return Answer(not self.wanted)
        facts = media.facts
        if not facts.is_screenshot and facts.trouble is not None:
            return Answer(None)
        return Answer(facts.is_screenshot is self.wanted)
