"""Criterion: how long a video lasts."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media, MediaKind


@dataclass(frozen=True)
class DurationCriterion(Criterion):
    """The video lasts between these numbers of seconds, both included."""

    name: ClassVar[str] = "duration"
    reads_file: ClassVar[bool] = True
    shortest: float | None = None
    longest: float | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        # A GIF moves for some time too, and is a photo.
        is_photo = media.kind is MediaKind.PHOTO
        seconds = None if is_photo else media.facts.duration
        if seconds is None:
            return Answer(None)
        return Answer(
            (self.shortest is None or seconds >= self.shortest)
            and (self.longest is None or seconds <= self.longest)
        )
