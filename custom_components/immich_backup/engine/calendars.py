"""What was in the home's calendars when photos were taken."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from .context import CalendarEvent, Context, UnknownToHomeError
from .spans import is_sane, spans

# Photos less far apart are asked for together; a calendar takes long for many years.
_TOGETHER = timedelta(days=31)
# So much earlier and later is asked: zones of the world, and events that go on.
_MARGIN = timedelta(days=1)


class Calendars:
    """Some calendars, asked for the times around photos."""

    def __init__(self, names: Sequence[str], context: Context) -> None:
        """Ask these calendars (entity ids)."""
        self._names = names
        self._context = context
        self._events: list[CalendarEvent] = []
        self._starts: list[datetime] = []
        self._longest = timedelta()
        # Why not all is known, as a sentence.
        self.problem: str | None = None

    async def look(self, moments: Collection[datetime]) -> None:
        """See what was around these moments (aware)."""
        events: set[CalendarEvent] = set()
        asked = list(spans(moments, _TOGETHER))
        for name in self._names:
            try:
                for first, last in asked:
                    events.update(
                        await self._context.calendar_events(
                            name, first - _MARGIN, last + _MARGIN
                        )
                    )
            except UnknownToHomeError as err:
                # What the others have counts all the same.
                self.problem = self.problem or str(err)
        self._events = sorted(events, key=lambda event: (event.start, event.summary))
        self._starts = [event.start for event in self._events]
        self._longest = max(
            (e.end - e.start for e in self._events), default=timedelta()
        )

    def event_at(self, moment: datetime) -> str | None:
        """Return what was on at a moment: of several the shortest, then the first."""
        return next(iter(self.events_at(moment)), None)

    def events_at(self, moment: datetime) -> list[str]:
        """Return all that was on at a moment, the shortest first, then the first."""
        if not self._events or not is_sane(moment):
            return []
        # In one zone times would be compared by their clocks.
        moment = moment.astimezone(UTC)
        last = bisect_right(self._starts, moment)
        first = bisect_right(
            self._starts, moment - self._longest - timedelta(seconds=1)
        )
        on = [event for event in self._events[first:last] if event.end > moment]
        on.sort(key=lambda event: (event.end - event.start, event.start, event.summary))
        return [event.summary for event in on]
