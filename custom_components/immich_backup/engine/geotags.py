"""Where photos without a place were taken, by where someone was at that time."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import math

from .context import Context, Fix, Place, UnknownToHomeError
from .spans import is_sane, spans

# A fix that is less exact than so many metres says too little.
_EXACT = 100.0
# With a fix on one side only the other might be anywhere; so near it is the place itself.
_NEAR = timedelta(minutes=2)
# Photos less far apart are asked for together.
_TOGETHER = timedelta(hours=6)
# Digits after the point: a tenth of a metre.
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GeotagRules:
    """Who had the camera (entity ids, the first that is known counts), and how near.

    A fix counts up to so many ``minutes`` before and after a photo.
    """

    entities: tuple[str, ...]
    minutes: float = 5


class Whereabouts:
    """Where some persons or devices were, asked for the times around photos."""

    def __init__(self, rules: GeotagRules, context: Context) -> None:
        """Ask for these."""
        self._rules = rules
        self._context = context
        self._margin = timedelta(minutes=rules.minutes)
        self._fixes: list[list[Fix]] = []
        # Why not all is known, as a sentence.
        self.problem: str | None = None

    async def look(self, moments: Collection[datetime]) -> None:
        """See where they were around these moments (aware)."""
        asked = list(spans(moments, _TOGETHER))
        for entity_id in self._rules.entities:
            fixes: dict[datetime, Fix] = {}
            try:
                for first, last in asked:
                    for fix in await self._context.fixes(
                        entity_id, first - self._margin, last + self._margin
                    ):
                        if _is_good(fix):
                            fixes[fix.at.astimezone(UTC)] = fix
            except UnknownToHomeError as err:
                self.problem = self.problem or str(err)
            self._fixes.append([fix for _, fix in sorted(fixes.items())])

    def place_at(self, moment: datetime) -> Place | None:
        """Return where the first of them was of whom that is known."""
        if not is_sane(moment):
            return None
        moment = moment.astimezone(UTC)
        places = (_place(fixes, moment, self._margin) for fixes in self._fixes)
        return next((place for place in places if place is not None), None)


def _place(fixes: Sequence[Fix], moment: datetime, margin: timedelta) -> Place | None:
    """Return a place between the fixes before and after a moment, or near to one."""
    after = bisect_left(fixes, moment, key=lambda fix: fix.at)
    near = [
        fix
        for fix in (*fixes[max(0, after - 1) : after], *fixes[after : after + 1])
        if abs(fix.at - moment) <= margin
    ]
    if len(near) == 2:
        return _between(near[0], near[1], moment)
    if near and abs(near[0].at - moment) <= min(_NEAR, margin):
        return _rounded(*near[0].place)
    return None


def _between(first: Fix, second: Fix, moment: datetime) -> Place:
    """Return the place on the straight way from one fix to the next."""
    share = (moment - first.at) / (second.at - first.at)
    (latitude, longitude), (north, east) = first.place, second.place
    # The short way round the world.
    turn = (east - longitude + 180) % 360 - 180
    longitude += share * turn
    return _rounded(
        latitude + share * (north - latitude), (longitude + 180) % 360 - 180
    )


def _rounded(latitude: float, longitude: float) -> Place:
    """Return a place without digits that mean nothing."""
    return round(latitude, _DIGITS), round(longitude, _DIGITS)


def _is_good(fix: Fix) -> bool:
    """Return whether a fix is exact enough, and a place at all."""
    latitude, longitude = fix.place
    return (
        (fix.accuracy is None or fix.accuracy <= _EXACT)
        and math.isfinite(latitude)
        and math.isfinite(longitude)
        and abs(latitude) <= 90
        and abs(longitude) <= 180
        and fix.place != (0, 0)
        and is_sane(fix.at)
    )
