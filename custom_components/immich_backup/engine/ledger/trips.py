"""Ledger jobs about trips: when and where assets were taken, and which belong together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
import sqlite3

from ..organise.trips import Moment, middle

_PART = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRow:
    """One trip, from its first day to its last; ``place`` None is not known yet."""

    id: int
    first: date
    last: date
    place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An asset with when and where it was taken, and on which day there."""

    moment: Moment
    day: date


def note(con: sqlite3.Connection, folder: int, sightings: Iterable[Sighting]) -> None:
    """Remember when and where assets were taken; their trips stay.

    So does a place that is not known any more: the home forgets where somebody was.
    """
    con.executemany(
        "INSERT INTO moment (folder, asset_id, at, day, latitude, longitude)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at,"
        " day = excluded.day, latitude = coalesce(excluded.latitude, latitude),"
        " longitude = coalesce(excluded.longitude, longitude)",
        [
            (
                folder,
                sighting.moment.asset_id,
                sighting.moment.at,
                sighting.day.isoformat(),
                *(sighting.moment.place or (None, None)),
            )
            for sighting in sightings
        ],
    )


def around(
    con: sqlite3.Connection, folder: int, first: float, last: float, gap: float
) -> Iterator[Moment]:
    """Yield in order what was taken between two times (epoch seconds, both included).

    And what was taken before and after, until there is a gap of more than so many
    seconds: nothing beyond it can belong to the same trip.
    """
    begin = _edge(
        gap,
        first,
        con.execute(
            "SELECT at FROM moment WHERE folder = ? AND at < ? ORDER BY at DESC",
            (folder, first),
        ),
    )
    end = _edge(
        gap,
        last,
        con.execute(
            "SELECT at FROM moment WHERE folder = ? AND at > ? ORDER BY at",
            (folder, last),
        ),
    )
    yield from _moments(
        con.execute(
            f"SELECT {_COLUMNS} FROM moment WHERE folder = ? AND at BETWEEN ? AND ?"
            " ORDER BY at, asset_id",
            (folder, begin, end),
        )
    )


def _edge(gap: float, at: float, times: Iterable[tuple[float]]) -> float:
    """Return the last time before a gap, of those that follow a time one by one."""
    for (time,) in times:
        if abs(time - at) > gap:
            break
        at = time
    return at


def centre(con: sqlite3.Connection, trip: int) -> Moment | None:
    """Return what was taken in the middle of a trip, of all whose place is known."""
    return middle(
        _moments(con.execute(f"SELECT {_COLUMNS} FROM moment WHERE trip = ?", (trip,)))
    )


def begin(con: sqlite3.Connection, folder: int, asset_ids: Iterable[str]) -> int:
    """Begin a trip with these assets and return its number."""
    (trip,) = con.execute(
        "INSERT INTO trip (folder) VALUES (?) RETURNING id", (folder,)
    ).fetchone()
    join(con, folder, dict.fromkeys(asset_ids, trip))
    return int(trip)


def join(con: sqlite3.Connection, folder: int, joined: Mapping[str, int]) -> None:
    """Let assets belong to trips."""
    con.executemany(
        "UPDATE moment SET trip = ? WHERE folder = ? AND asset_id = ?",
        [(trip, folder, asset_id) for asset_id, trip in joined.items()],
    )
    # They may tell the place that nothing told before.
    con.executemany(
        "UPDATE trip SET place = NULL, asked = 0 WHERE id = ? AND place = ''",
        [(trip,) for trip in set(joined.values())],
    )


def reopen(con: sqlite3.Connection, folder: int, asset_ids: Iterable[str]) -> bool:
    """Let the files of assets be organised again: they belong to a trip now.

    Returns whether any of them were not to be organised now anyway.
    """
    changed = con.executemany(
        "INSERT INTO unarranged (file) SELECT f.id FROM content c"
        " JOIN file f ON f.sha1 = c.sha1 WHERE c.asset_id = ? AND f.folder = ?"
        " AND f.state = 'protected'"
        " ON CONFLICT DO UPDATE SET attempts = 0, next_try = NULL"
        " WHERE next_try IS NOT NULL",
        [(asset_id, folder) for asset_id in asset_ids],
    )
    return changed.rowcount > 0


def of_assets(
    con: sqlite3.Connection, folder: int, asset_ids: Sequence[str]
) -> dict[str, int]:
    """Return the trips (numbers) of assets of a folder, as far as they belong to one."""
    trips: dict[str, int] = {}
    for start in range(0, len(asset_ids), _PART):
        part = asset_ids[start : start + _PART]
        trips |= con.execute(
            "SELECT asset_id, trip FROM moment WHERE folder = ? AND trip IS NOT NULL"
            f" AND asset_id IN ({','.join('?' * len(part))})",
            (folder, *part),
        ).fetchall()
    return trips


def read(con: sqlite3.Connection, numbers: Collection[int]) -> dict[int, TripRow]:
    """Return trips by their numbers."""
    found: dict[int, TripRow] = {}
    for number in numbers:
        for trip, first, last, place in con.execute(
            "SELECT t.id, min(m.day), max(m.day), t.place FROM trip t"
            " JOIN moment m ON m.trip = t.id WHERE t.id = ? GROUP BY t.id",
            (number,),
        ):
            found[trip] = TripRow(
                id=trip,
                first=date.fromisoformat(first),
                last=date.fromisoformat(last),
                place=place,
            )
    return found


def unplaced(con: sqlite3.Connection, asked: int) -> list[tuple[int, int]]:
    """Return trips without a name of their place, the newest first.

    With each comes how often it was asked for: not more often than this.
    """
    return con.execute(
        "SELECT id, asked FROM trip WHERE place IS NULL AND asked <= ? ORDER BY id DESC",
        (asked,),
    ).fetchall()


def placed(con: sqlite3.Connection) -> set[int]:
    """Return trips whose place has a name."""
    return {trip for (trip,) in con.execute("SELECT id FROM trip WHERE place <> ''")}


def set_place(con: sqlite3.Connection, trip: int, place: str | None) -> None:
    """Record what a trip's place is called, or that nobody could say."""
    con.execute(
        "UPDATE trip SET place = ?, asked = asked + 1 WHERE id = ?", (place, trip)
    )


_COLUMNS = "asset_id, at, latitude, longitude, trip"


def _moments(
    rows: Iterable[tuple[str, float, float | None, float | None, int | None]],
) -> Iterator[Moment]:
    """Yield moments of rows of these columns."""
    for asset_id, at, latitude, longitude, trip in rows:
        yield Moment(
            asset_id=asset_id,
            at=at,
            place=None
            if latitude is None or longitude is None
            else (latitude, longitude),
            trip=trip,
        )
