"""Criterion: what the home's calendars had when it was taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, override

from ..calendars import Calendars
from ..context import Context
from ..media import DateSource
from .criterion import Answer, HomeCriterion
from .media import Media


@dataclass(frozen=True)
class CalendarCriterion(HomeCriterion):
    """It was taken during an event of one of these calendars (entity ids).

    The event's title holds ``title``, in any case. What tells no time is unknown: when
    it was changed last says little.
    """

    name: ClassVar[str] = "calendar"
    calendars: tuple[str, ...]
    title: str = ""

    @override
    def prepare(self, media: Media) -> bool:
        return media.moment[1] is not DateSource.MODIFIED

    @override
    async def find_out(
        self, media: Sequence[Media], context: Context
    ) -> Sequence[Answer]:
        moments = [one.moment[0] for one in media]
        calendars = Calendars(self.calendars, context)
        await calendars.look(moments)
        problem = calendars.problem
        none = Answer(False) if problem is None else Answer(None, None, problem, True)
        title = self.title.casefold()
        return [
            Answer(True)
            if any(title in event.casefold() for event in calendars.events_at(moment))
            else none
            for moment in moments
        ]
