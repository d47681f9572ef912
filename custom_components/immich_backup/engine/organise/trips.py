"""Trips and gatherings: photos that were taken close together in time and place.

Pure: the same moments give the same trips, in whatever order they come.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import asin, cos, radians, sin, sqrt

from ..context import Place

_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TripRules:
    """What ends a trip, and how many photos make one."""

    gap_hours: float = 8.0
    gap_km: float = 50.0
    least: int = 5

    @property
    def gap_seconds(self) -> float:
        """Return after how many seconds without a photo a trip has ended."""
        return self.gap_hours * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When (epoch seconds) and where a photo was taken; ``trip`` is its trip so far."""

    asset_id: str
    at: float
    place: Place | None
    trip: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Photos (their assets' ids) that join trips there are, or those of a new one."""

    joined: Mapping[str, int]
    found: Sequence[Moment]


def assign(moments: Iterable[Moment], rules: TripRules) -> Iterator[Assignment]:
    """Yield which trips photos without one belong to; they come ordered (see `order`).

    A trip that exists keeps its photos and is never united with another one: where
    photos connect two, each joins the one that is nearer in time. Of all photos only
    those that follow each other within the gaps are in memory together.
    """
    for chain in _chains(moments, rules):
        settled = [moment for moment in chain if moment.trip is not None]
        if not settled:
            if len(chain) >= rules.least:
                yield Assignment({}, chain)
        elif len(settled) < len(chain):
            yield Assignment(dict(_joined(chain, settled)), ())


def order(moment: Moment) -> tuple[float, str]:
    """Return by what photos are ordered."""
    return moment.at, moment.asset_id


def _joined(
    chain: Sequence[Moment], settled: Sequence[Moment]
) -> Iterator[tuple[str, int]]:
    """Yield for the photos of a chain that have no trip the nearest one."""
    times = [moment.at for moment in settled]
    for moment in chain:
        if moment.trip is not None:
            continue
        after = bisect_left(times, moment.at)
        near = [*settled[after : after + 1]]
        if after > 0:
            # Of several of one time the first.
            near.append(settled[bisect_left(times, times[after - 1])])
        nearest = min(near, key=lambda m: (abs(m.at - moment.at), m.at))
        assert nearest.trip is not None
        yield moment.asset_id, nearest.trip


def _chains(moments: Iterable[Moment], rules: TripRules) -> Iterator[list[Moment]]:
    """Yield photos in a row of which each follows the one before within the gaps."""
    chain: list[Moment] = []
    here: Place | None = None
    for moment in moments:
        apart = chain and (
            moment.at - chain[-1].at > rules.gap_seconds
            or (
                here is not None
                and moment.place is not None
                and distance_km(here, moment.place) > rules.gap_km
            )
        )
        if apart:
            yield chain
            chain, here = [], None
        chain.append(moment)
        here = moment.place or here
    if chain:
        yield chain


def distance_km(one: Place, other: Place) -> float:
    """Return how far two places are apart, on a globe."""
    (lat, lon), (other_lat, other_lon) = (
        (radians(place[0]), radians(place[1])) for place in (one, other)
    )
    half = (
        sin((other_lat - lat) / 2) ** 2
        + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    )
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(half)))


def trip_name(first: date, last: date, place: str | None) -> str:
    """Return what a trip is called: its days, in order as text, and its place."""
    days = str(first) if first == last else f"{first} – {last}"
    return f"{days} {place}" if place else days


def middle(moments: Iterable[Moment]) -> Moment | None:
    """Return the photo in the middle of those whose place is known."""
    placed = sorted(
        (moment for moment in moments if moment.place is not None),
        key=order,
    )
    return placed[len(placed) // 2] if placed else None
