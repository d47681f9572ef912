"""The trips of a folder's photos: found in the ledger, told from each other and named."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
import math
import sqlite3

from ...immich.errors import ImmichError, NotFoundError, RefusedError
from ..clock import Clock
from ..context import Context
from ..ledger import Ledger, trips as book
from ..ledger.rehearsal import Rehearsal
from ..ledger.trips import Sighting, TripRow
from .placement import AlbumRef, trip_key
from .trips import Moment, TripRules, assign, trip_name

# Minutes after which the server is asked again what a place is called: it finds out in
# seconds, or in hours while it has a whole library to read.
_PATIENCE = (1, 2, 5, 10, 15, 30, 60, 180, 360, 720)


class TripBook:
    """Says to which trip photos belong; all methods may raise LedgerError."""

    def __init__(
        self,
        ledger: Ledger | Rehearsal,
        context: Context,
        clock: Clock,
        city: Callable[[str], Awaitable[str | None]],
    ) -> None:
        """Remember in this ledger; ``city`` tells where an asset is, if the server knows."""
        self._ledger = ledger
        self._context = context
        self._clock = clock
        self._city = city
        # Trips that got a name since their albums were looked after; None for any.
        self._named: set[int] | None = None
        # When to ask again for places, by trip (monotonic seconds).
        self._again: dict[int, float] = {}

    async def note(self, folder: int, taken: Mapping[str, Sighting]) -> None:
        """Note when and where assets (by their ids) were taken."""
        await self._ledger.run(book.note, folder, taken.values())

    async def find(
        self, folder: int, rules: TripRules, first: float, last: float
    ) -> bool:
        """Find the trips of all that was taken between two times, and near them.

        Returns whether files are to be organised again because they belong to one now.
        """

        def find(con: sqlite3.Connection) -> bool:
            reopened = False
            moments = book.around(con, folder, first, last, rules.gap_seconds)
            for assignment in assign(moments, rules):
                asset_ids = [moment.asset_id for moment in assignment.found]
                if asset_ids:
                    book.begin(con, folder, asset_ids)
                book.join(con, folder, assignment.joined)
                reopened |= book.reopen(con, folder, (*asset_ids, *assignment.joined))
            return reopened

        return await self._ledger.run(find)

    async def albums(
        self, folder: int, asset_ids: Sequence[str]
    ) -> Mapping[str, AlbumRef]:
        """Return the albums of the trips that assets belong to."""

        def albums(con: sqlite3.Connection) -> dict[str, AlbumRef]:
            trips = book.of_assets(con, folder, asset_ids)
            rows = book.read(con, set(trips.values()))
            refs = {trip: _ref(row) for trip, row in rows.items()}
            return {asset_id: refs[trip] for asset_id, trip in trips.items()}

        return await self._ledger.ask(albums)

    async def name_places(self) -> None:
        """Find what the places of trips are called, as far as somebody knows by now."""
        now = self._clock.monotonic()
        before, self._again = self._again, {}
        server_answers = True
        for trip, asked in await self._ledger.ask(book.unplaced, len(_PATIENCE)):
            if (at := before.get(trip, now)) > now:
                self._again[trip] = at
                continue
            centre = await self._ledger.ask(book.centre, trip)
            place = "" if centre is None else await self._zone(centre)
            if place is None and centre is not None and server_answers:
                try:
                    place = await self._city(centre.asset_id)
                except NotFoundError, RefusedError:
                    # It was deleted there; the days alone must do.
                    place = None
                except ImmichError:
                    server_answers = False
            if place is None and not server_answers:
                continue
            await self._ledger.run(book.set_place, trip, place)
            if place and self._named is not None:
                self._named.add(trip)
            elif place is None and asked < len(_PATIENCE):
                self._again[trip] = now + _PATIENCE[asked] * 60

    @property
    def again_at(self) -> float:
        """Return when to look for names again (monotonic seconds, or infinity)."""
        return min(self._again.values(), default=math.inf)

    def ask_at_once(self) -> None:
        """Ask for all places when they are looked for next."""
        self._again.clear()

    async def renamed(self) -> Sequence[AlbumRef]:
        """Return the albums of trips that may have other names now.

        All of them, after a start: nobody knows which were done before.
        """
        named = self._named
        if named is None:
            named = await self._ledger.ask(book.placed)
        rows = await self._ledger.ask(book.read, named)
        return [_ref(row) for row in rows.values()]

    def note_renamed(self) -> None:
        """Take those albums as looked after."""
        self._named = set()

    async def _zone(self, moment: Moment) -> str | None:
        """Return the zone in which a photo was taken."""
        if moment.place is None:
            return None
        (zone,) = await self._context.zones([moment.place])
        return zone


def _ref(row: TripRow) -> AlbumRef:
    """Return the album of a trip."""
    return AlbumRef(trip_key(row.id), trip_name(row.first, row.last, row.place))
