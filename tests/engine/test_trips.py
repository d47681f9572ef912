"""Trips: the same from the same photos, growing only, and named after days and place."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path
from typing import override

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import Detection, Folder, OpenContext
from custom_components.immich_backup.engine.context import Place
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from custom_components.immich_backup.engine.organise.trips import (
    Moment,
    TripRules,
    assign,
    distance_km,
    trip_name,
)
from simulator import Simulator
from tests.support.media import Tags, jpeg, place, tiff

from .library import Library
from .support import folder_at, rig_on

RULES = TripRules()
HOUR = 3600.0
HOME, PARIS, LONDON = (52.37, 4.89), (48.857, 2.352), (51.507, -0.128)


def moment(number: int, hours: float, where: Place | None = None) -> Moment:
    """Return a photo that was taken so many hours after the beginning."""
    return Moment(asset_id=f"{number:04}", at=hours * HOUR, place=where)


def test_distance() -> None:
    """As known from maps; places beyond the date line are near."""
    assert distance_km(PARIS, LONDON) == pytest.approx(343, abs=2)
    assert distance_km((0, 179.9), (0, -179.9)) == pytest.approx(22, abs=1)
    assert distance_km((90, 0), (-90, 0)) == pytest.approx(20015, abs=1)
    assert distance_km(HOME, HOME) == 0


def test_gaps_of_time_and_place() -> None:
    """More than 8 hours or 50 km end a trip; fewer than 5 photos make none."""
    near = [moment(i, i * 8) for i in range(5)]
    assert assign(near, RULES).found == [near]
    assert assign(near[:4], RULES).found == []
    apart = [*near, *(moment(9 + i, 40.1 + i * 0.1) for i in range(5))]
    assert [len(chain) for chain in assign(apart, RULES).found] == [5, 5]
    moved = [moment(i, i * 0.1, PARIS if i < 5 else LONDON) for i in range(10)]
    assert [len(chain) for chain in assign(moved, RULES).found] == [5, 5]
    # One without a place goes by the time; the place before it still counts.
    moved.insert(5, moment(90, 0.45))
    assert [len(chain) for chain in assign(moved, RULES).found] == [6, 5]


def test_late_photos_join_what_is_nearer() -> None:
    """A photo between two trips joins the nearer one; they are never united."""
    first = [replace(moment(i, i), trip=1) for i in range(5)]
    second = [replace(moment(10 + i, 14 + i), trip=2) for i in range(5)]
    between = [moment(20, 8.9), moment(21, 9.1), moment(22, 30)]
    assignment = assign([*second, *between, *first], RULES)
    assert assignment.joined == {"0020": 1, "0021": 2}
    assert assignment.found == []


PLACES = st.sampled_from([None, HOME, PARIS, LONDON])
MOMENTS = st.lists(st.tuples(st.integers(0, 200), PLACES), max_size=40).map(
    lambda items: [
        moment(i, hours / 2, where) for i, (hours, where) in enumerate(items)
    ]
)


@given(MOMENTS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(moments: list[Moment], random: object) -> None:
    """The same photos give the same trips, each photo is in one at most."""
    shuffled = list(moments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = assign(moments, RULES).found
    assert assign(shuffled, RULES).found == found
    members = [one.asset_id for chain in found for one in chain]
    assert len(members) == len(set(members))
    assert all(len(chain) >= RULES.least for chain in found)


@given(MOMENTS, st.integers(0, 40))
def test_trips_only_grow(moments: list[Moment], split: int) -> None:
    """Whatever comes later, photos of one trip stay together."""
    early, late = moments[:split], moments[split:]
    trips: dict[str, int] = {}
    for number, chain in enumerate(assign(early, RULES).found):
        trips |= dict.fromkeys((one.asset_id for one in chain), number)
    known = [replace(one, trip=trips.get(one.asset_id)) for one in early]
    assignment = assign([*known, *late], RULES)
    assert not assignment.joined.keys() & trips.keys()
    assert not trips.keys() & {
        one.asset_id for chain in assignment.found for one in chain
    }


def test_names() -> None:
    """The days in order as text, and the place if it is known."""
    first = datetime(2024, 7, 12, tzinfo=UTC).date()
    assert trip_name(first, first, "Paris") == "2024-07-12 Paris"
    last = first + timedelta(days=3)
    assert trip_name(first, last, None) == "2024-07-12 – 2024-07-15"


class Zones(OpenContext):
    """A home with a zone around Paris."""

    @override
    async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
        return ["Office" if distance_km(PARIS, one) < 1 else None for one in places]


@pytest.fixture
async def library(server: Simulator) -> AsyncIterator[Library]:
    """Return the server's library as its owner sees it."""
    async with aiohttp.ClientSession() as session:
        yield Library(session, server)


def photo(folder: Path, name: str, at: str, where: Place | None = None) -> None:
    """Write a photo that was taken at a moment and a place."""
    moment = datetime.fromisoformat(at)
    exif: Tags = {0x9003: f"{moment:%Y:%m:%d %H:%M:%S}", 0x9011: "+00:00"}
    gps = None if where is None else place(*where)
    (folder / name).write_bytes(jpeg(tiff(exif=exif, gps=gps), appended=name.encode()))
    os.utime(folder / name, (1.7e9, 1.7e9))


def trips(path: Path, **wishes: object) -> Folder:
    """Return a folder whose photos go to albums of trips."""
    return folder_at(
        path,
        arrangement=parse_arrangement({"album": "trip", **wishes}),
        new_media=False,
        detection=Detection.POLLING,
    )


async def test_trips_become_albums(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Named after zone or city, growing with late photos and renamed with them."""
    for i in range(5):
        photo(camera, f"paris{i}.jpg", f"2024-07-12T1{i}:00:00", PARIS)
        photo(camera, f"home{i}.jpg", f"2024-07-20T1{i}:00:00")
    for i in range(4):
        photo(camera, f"few{i}.jpg", f"2024-08-01T1{i}:00:00")
    folder = trips(camera, album_otherwise="year")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=Zones()) as rig:
        plan_before = await rig.engine.plan_organising()
        assert plan_before.albums == {}
        await rig.run()
        paris = [f"paris{i}.jpg" for i in range(5)]
        home = [f"home{i}.jpg" for i in range(5)]
        few = [f"few{i}.jpg" for i in range(4)]
        assert await library.albums() == {
            "2024-07-12 Office": paris,
            "2024-07-20": home,
            "2024": few,
        }
        # The next day at 00:30: it joins the trip, whose name follows.
        photo(camera, "paris9.jpg", "2024-07-12T22:00:00", PARIS)
        photo(camera, "night.jpg", "2024-07-13T00:30:00", PARIS)
        # The fifth photo of a gathering takes the others along.
        photo(camera, "few4.jpg", "2024-08-01T09:00:00")
        await rig.run()
        assert await library.albums() == {
            "2024-07-12 – 2024-07-13 Office": sorted(
                [*paris, "paris9.jpg", "night.jpg"]
            ),
            "2024-07-20": home,
            "2024-08-01": sorted([*few, "few4.jpg"]),
            "2024": few,
        }
        # A name that its owner gave stays.
        trip = await library.album_id("2024-07-20")
        await library.call("PATCH", f"/albums/{trip}", {"albumName": "Party"})
        photo(camera, "home9.jpg", "2024-07-20T18:00:00")
        photo(camera, "later.jpg", "2024-07-21T01:00:00")
        await rig.run()
        assert "later.jpg" in (await library.albums())["Party"]
        explained = await rig.engine.explain_placement(
            await rig.file(camera / "later.jpg")
        )
        assert explained is not None
        assert explained.placement.album is not None
        assert explained.placement.album.name == "2024-07-20 – 2024-07-21"
        assert explained.done


async def test_city_of_the_server(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Without a zone the city that Immich found gives the name, also when it comes late."""
    for i in range(5):
        photo(camera, f"{i}.jpg", f"2024-07-12T1{i}:00:00", LONDON)
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        await rig.run()
        await server.idle()
        asset = await library.asset("2.jpg")
        city = asset["exifInfo"]["city"]
        assert city
        await rig.engine.organise()
        assert list(await library.albums()) == [f"2024-07-12 {city}"]


@pytest.mark.parametrize("reverse", [False, True])
async def test_any_order(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    reverse: bool,
) -> None:
    """Photos that arrive in another order, in one run, end in the same albums."""
    photos = [
        (f"{day}-{i}.jpg", f"2024-07-{day}T{10 + i}:00:00")
        for day in (12, 13, 15)
        for i in range(6)
    ]
    for name, at in reversed(photos) if reverse else photos:
        photo(camera, name, at)
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        plan = await rig.engine.plan_organising()
        await rig.run()
        assert plan.files == 0
    assert {name: len(files) for name, files in (await library.albums()).items()} == {
        "2024-07-12": 6,
        "2024-07-13": 6,
        "2024-07-15": 6,
    }


async def test_two_trips_of_one_name(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Two trips on one day have two albums; an empty ledger finds both again."""
    for i in range(5):
        photo(camera, f"a{i}.jpg", f"2024-07-12T01:0{i}:00")
        photo(camera, f"b{i}.jpg", f"2024-07-12T20:0{i}:00")
    expected = {
        "2024-07-12": [f"a{i}.jpg" for i in range(5)],
        "2024-07-12 (2)": [f"b{i}.jpg" for i in range(5)],
    }
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        await rig.run()
        assert await library.albums() == expected
    async with rig_on(server, tmp_path / "other.db", [trips(camera)]) as rig:
        await rig.run()
        assert await library.albums() == expected
