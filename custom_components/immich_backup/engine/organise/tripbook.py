"""The trips of a folder's photos: found in the ledger, told from each other and named."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
import sqlite3

from ...immich.errors import ImmichError
from ..context import Context
from ..ledger import Ledger, trips as book
from ..ledger.trips import Sighting, TripRow
from .placement import AlbumRef, trip_key
from .trips import Moment, TripRules, assign, middle, trip_name

# How often the server is asked what a place is called, which it finds out in time,
_ASKED = 5
# and of how many trips in one go.
_AT_ONCE = 20


class TripBook:
    """Says to which trip photos belong; all methods may raise LedgerError."""

    def __init__(
        self,
        ledger: Ledger,
        context: Context,
        city: Callable[[str], Awaitable[str | None]],
    ) -> None:
        """Remember in this ledger; ``city`` tells where an asset is, if the server knows."""
        self._ledger = ledger
        self._context = context
        self._city = city
        # Trips that got a name since their albums were looked after.
        self._named: set[int] = set()

    async def sort(
        self, folder: int, rules: TripRules, taken: Mapping[str, Sighting]
    ) -> bool:
        """Note when and where assets (by their ids) were taken, and find their trips.

        Returns whether others, which were noted before, now belong to a new trip: they
        are to be organised again.
        """
        times = [sighting.moment.at for sighting in taken.values()]

        def sort(con: sqlite3.Connection) -> bool:
            book.note(con, folder, taken.values())
            moments = book.around(
                con, folder, min(times) - rules.reach, max(times) + rules.reach
            )
            assignment = assign(moments, rules)
            book.join(con, folder, assignment.joined)
            changed = set(assignment.joined)
            for chain in assignment.found:
                asset_ids = [moment.asset_id for moment in chain]
                book.begin(con, folder, asset_ids)
                changed.update(asset_ids)
            others = changed - taken.keys()
            book.reopen(con, folder, others)
            return bool(others)

        return await self._ledger.run(sort)

    async def albums(
        self, folder: int, asset_ids: Sequence[str]
    ) -> Mapping[str, AlbumRef]:
        """Return the albums of the trips that assets belong to."""
        rows = await self._ledger.ask(book.of_assets, folder, asset_ids)
        return {asset_id: _ref(row) for asset_id, row in rows.items()}

    async def plan(
        self, folder: int, rules: TripRules, taken: Mapping[str, Sighting]
    ) -> Mapping[str, AlbumRef]:
        """Return the same as ``sort`` and ``albums`` would, and record nothing."""
        moments = {key: sighting.moment for key, sighting in taken.items()}
        times = [moment.at for moment in moments.values()]
        known = await self._ledger.ask(
            book.around, folder, min(times) - rules.reach, max(times) + rules.reach
        )
        moments |= {moment.asset_id: moment for moment in known}
        assignment = assign(moments.values(), rules)
        numbers = {m.asset_id: m.trip for m in known if m.trip is not None}
        numbers |= assignment.joined
        rows = await self._ledger.ask(book.read, set(numbers.values()))
        refs = {asset_id: _ref(rows[trip]) for asset_id, trip in numbers.items()}
        for i, chain in enumerate(assignment.found):
            days = [taken[m.asset_id].day for m in chain if m.asset_id in taken]
            name = trip_name(min(days), max(days), await self._zone(chain))
            refs |= {m.asset_id: AlbumRef(trip_key(-1 - i), name) for m in chain}
        return refs

    async def name_places(self) -> None:
        """Find what the places of trips are called, as far as somebody knows by now."""
        for trip in await self._ledger.ask(book.unplaced, _ASKED, _AT_ONCE):
            moments = await self._ledger.ask(book.of_trip, trip)
            centre = middle(moments)
            place = await self._zone(moments)
            if place is None and centre is not None:
                # Without it the days alone must do.
                with suppress(ImmichError):
                    place = await self._city(centre.asset_id)
            # Without a place it will never have one.
            await self._ledger.run(
                book.set_place, trip, place if centre is not None else ""
            )
            if place:
                self._named.add(trip)

    async def renamed(self) -> Sequence[AlbumRef]:
        """Return the albums of trips that got another name since this was asked."""
        named, self._named = self._named, set()
        rows = await self._ledger.ask(book.read, named)
        return [_ref(row) for row in rows.values()]

    async def _zone(self, moments: Sequence[Moment]) -> str | None:
        """Return the zone in which the photo in the middle was taken."""
        centre = middle(moments)
        if centre is None or centre.place is None:
            return None
        (zone,) = await self._context.zones([centre.place])
        return zone


def _ref(row: TripRow) -> AlbumRef:
    """Return the album of a trip."""
    return AlbumRef(trip_key(row.id), trip_name(row.first, row.last, row.place))
