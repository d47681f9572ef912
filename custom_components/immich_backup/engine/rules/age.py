"""Criterion: how long ago the file was last changed."""

from dataclasses import dataclass
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media

_DAY = 86400.0


@dataclass(frozen=True)
class AgeCriterion(Criterion):
    """The file was changed at least, or less than, this many days ago."""

    name: ClassVar[str] = "age"
    at_least: float | None = None
    less_than: float | None = None

    @override
    def ask(self, media: Media, now: float) -> Answer:
        changes = [
            media.modified + days * _DAY
            for days in (self.at_least, self.less_than)
            if days is not None
        ]
        # A file from the future has no age yet; it is as young as can be.
        age = max(0.0, now - media.modified) / _DAY
        return Answer(
            (self.at_least is None or age >= self.at_least)
            and (self.less_than is None or age < self.less_than),
            min((change for change in changes if change > now), default=None),
        )
