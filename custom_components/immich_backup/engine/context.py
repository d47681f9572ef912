"""What the engine may ask the home around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol, override

# Latitude and longitude in degrees, north and east positive.
type Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made: a text, or None and the sentence that says why not."""

    text: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """Something in a calendar, from a moment (aware) until before another."""

    summary: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a person or a device was at a moment (aware); the accuracy is in metres."""

    at: datetime
    place: Place
    accuracy: float | None = None


class UnknownToHomeError(Exception):
    """The home can't say at present; the text is for people. Ask again later."""


class Context(Protocol):
    """Implemented by the home; a question is for many things at once where it matters."""

    @property
    def time_zone(self) -> tzinfo:
        """Return the home's time zone."""

    def is_allowed(self, path: str) -> bool:
        """Return whether the home lets us read below a path.

        Blocking: asked in a thread, right after the engine looked at the path itself.
        """

    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        """Return what a template makes of each of these files, seen as `media`."""

    async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
        """Return for each place the name of the smallest zone around it, or None."""

    async def within(self, zone: str, places: Sequence[Place]) -> Sequence[bool]:
        """Return for each place whether it lies in a zone (its entity id or name).

        Raises UnknownToHomeError.
        """

    async def calendar_events(
        self, calendar: str, start: datetime, end: datetime
    ) -> Sequence[CalendarEvent]:
        """Return what a calendar (its entity id) has between two moments (aware).

        What lasts whole days lasts from midnight to midnight in the home's time zone.
        Raises UnknownToHomeError.
        """

    async def fixes(
        self, entity_id: str, start: datetime, end: datetime
    ) -> Sequence[Fix]:
        """Return where a person or a device was from one moment to another (aware).

        Empty if nothing is known of that time. Raises UnknownToHomeError.
        """


class OpenContext(Context):
    """A home that allows everything and knows no templates: the engine driven alone."""

    @property
    @override
    def time_zone(self) -> tzinfo:
        return UTC

    @override
    def is_allowed(self, path: str) -> bool:
        return True

    @override
    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        return [Rendered(None, "There are no templates here")] * len(media)

    @override
    async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
        return [None] * len(places)

    @override
    async def within(self, zone: str, places: Sequence[Place]) -> Sequence[bool]:
        raise UnknownToHomeError("There are no zones here")

    @override
    async def calendar_events(
        self, calendar: str, start: datetime, end: datetime
    ) -> Sequence[CalendarEvent]:
        raise UnknownToHomeError("There are no calendars here")

    @override
    async def fixes(
        self, entity_id: str, start: datetime, end: datetime
    ) -> Sequence[Fix]:
        raise UnknownToHomeError("There is no history here")
