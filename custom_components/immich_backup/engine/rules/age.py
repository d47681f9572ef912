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
        return Answer(
            (self.at_least is None or _has_reached(self.at_least, media, now))
            and (
                self.less_than is None or not _has_reached(self.less_than, media, now)
            ),
            min((change for change in changes if change > now), default=None),
        )


def _has_reached(days: float, media: Media, now: float) -> bool:
    """Return whether a file is so old; one from the future is as young as can be.

    Changes exactly at the time that is told as ``until``.
    """
    return days == 0 or now >= media.modified + days * _DAY
