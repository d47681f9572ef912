"""Trips: the same from the same photos, growing only, and named after days and place."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import batched
import os
from pathlib import Path
from random import Random
import sqlite3
import time
from typing import override

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import Detection, Folder, OpenContext
from custom_components.immich_backup.engine.beside import Beside
from custom_components.immich_backup.engine.context import Place
from custom_components.immich_backup.engine.ledger import arranging, trips as book
from custom_components.immich_backup.engine.ledger.schema import STATEMENTS
from custom_components.immich_backup.engine.ledger.trips import Sighting
from custom_components.immich_backup.engine.link import HaltedError
from custom_components.immich_backup.engine.model import FileState, RunOutcome
from custom_components.immich_backup.engine.organise import organiser, planner, tripbook
from custom_components.immich_backup.engine.organise.arrangement import (
    Arrangement,
    parse_arrangement,
)
from custom_components.immich_backup.engine.organise.placement import AlbumRef
from custom_components.immich_backup.engine.organise.trips import (
    Moment,
    TripRules,
    assign,
    distance_km,
    order,
    trip_name,
)
from custom_components.immich_backup.immich import ImmichClient
from simulator import Simulator
from tests.support.media import Tags, jpeg, place, tiff

from .library import Library
from .support import folder_at, rig_on, until

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


def assigned(
    moments: Iterable[Moment], rules: TripRules = RULES
) -> tuple[dict[str, int], list[list[Moment]]]:
    """Return which trips photos join, and the photos of each new one."""
    joined: dict[str, int] = {}
    found: list[list[Moment]] = []
    for assignment in assign(sorted(moments, key=order), rules):
        joined |= assignment.joined
        found += [list(assignment.found)] if assignment.found else []
    return joined, found


def test_gaps_of_time_and_place() -> None:
    """More than 8 hours or 50 km end a trip; fewer than 5 photos make none."""
    near = [moment(i, i * 8) for i in range(5)]
    assert assigned(near) == ({}, [near])
    assert assigned(near[:4]) == ({}, [])
    apart = [*near, *(moment(9 + i, 40.1 + i * 0.1) for i in range(5))]
    assert [len(chain) for chain in assigned(apart)[1]] == [5, 5]
    moved = [moment(i, i * 0.1, PARIS if i < 5 else LONDON) for i in range(10)]
    assert [len(chain) for chain in assigned(moved)[1]] == [5, 5]
    # One without a place goes by the time; the place before it still counts.
    moved.insert(5, moment(90, 0.45))
    assert [len(chain) for chain in assigned(moved)[1]] == [6, 5]


def test_late_photos_join_what_is_nearer() -> None:
    """A photo between two trips joins the nearer one; they are never united."""
    first = [replace(moment(i, i), trip=1) for i in range(5)]
    second = [replace(moment(10 + i, 14 + i), trip=2) for i in range(5)]
    between = [moment(20, 8.9), moment(21, 9.1), moment(22, 30)]
    joined = {"0020": 1, "0021": 2}
    assert assigned([*second, *between, *first]) == (joined, [])
    # Of two that are as near the earlier one, of one moment the first.
    twin = replace(moment(3, 4), trip=3)
    assert assigned([*first, twin, *second, moment(20, 9)]) == ({"0020": 3}, [])


def test_nearest_of_many() -> None:
    """Thousands join a trip of thousands in no time."""
    trip = [replace(moment(i, i * 0.01), trip=1) for i in range(0, 20_000, 2)]
    late = [moment(i, i * 0.01) for i in range(1, 20_000, 2)]
    started = time.process_time()
    joined, _ = assigned([*trip, *late])
    assert len(joined) == len(late)
    # Each with each other it is a minute.
    assert time.process_time() - started < 5


PLACES = st.sampled_from([None, HOME, PARIS, LONDON])
MOMENTS = st.lists(st.tuples(st.integers(0, 200), PLACES), max_size=40).map(
    lambda items: [
        moment(i, hours / 2, where) for i, (hours, where) in enumerate(items)
    ]
)


@given(MOMENTS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(moments: list[Moment], random: Random) -> None:
    """The same photos give the same trips, each photo is in one at most.

    Also if they are noted in parts, and found in the ledger from any of them on.
    """
    _, found = assigned(moments)
    members = [one.asset_id for chain in found for one in chain]
    assert len(members) == len(set(members))
    assert all(len(chain) >= RULES.least for chain in found)
    shuffled = list(moments)
    random.shuffle(shuffled)
    with closing(sqlite3.connect(":memory:")) as con:
        con.executescript(STATEMENTS)
        con.execute("INSERT INTO folder (key) VALUES ('camera')")
        for part in batched(shuffled, 7):
            day = datetime(2024, 7, 12, tzinfo=UTC).date()
            book.note(con, 1, [Sighting(moment=one, day=day) for one in part])
        near = {
            one
            for start in shuffled[:1]
            for one in book.around(con, 1, start.at, start.at, RULES.gap_seconds)
        }
        times = [one.at for one in moments]
        everything = (
            list(book.around(con, 1, min(times), max(times), 0)) if times else []
        )
    assert everything == sorted(moments, key=order)
    assert assigned(everything)[1] == found
    # The whole trip of one is found from it.
    for chain in found:
        assert not near.intersection(chain) or near.issuperset(chain)


@given(MOMENTS, st.integers(0, 40))
def test_trips_only_grow(moments: list[Moment], split: int) -> None:
    """Whatever comes later, photos of one trip stay together."""
    early, late = moments[:split], moments[split:]
    trips: dict[str, int] = {}
    for number, chain in enumerate(assigned(early)[1]):
        trips |= dict.fromkeys((one.asset_id for one in chain), number)
    known = [replace(one, trip=trips.get(one.asset_id)) for one in early]
    joined, found = assigned([*known, *late])
    assert not joined.keys() & trips.keys()
    assert not trips.keys() & {one.asset_id for chain in found for one in chain}


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


@pytest.mark.parametrize("batch", [3, 20_000])
@pytest.mark.parametrize("seed", [1, 2])
async def test_any_order(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    batch: int,
) -> None:
    """One trip lies in several directories, and files come in any order and in parts.

    What is planned is what is done, and what a run does by itself.
    """
    monkeypatch.setattr(organiser, "_BATCH", batch)
    random = Random(seed)
    # Without those between, each day has two trips of five.
    taken = [
        (day, hour) for day in (12, 14, 16) for hour in (*range(5), *range(13, 18))
    ]
    taken += [(day, hour) for day in (12, 14) for hour in range(7, 10)]
    random.shuffle(taken)
    for day, hour in taken:
        part = camera / random.choice(["a", "b", "c"])
        part.mkdir(exist_ok=True)
        where = PARIS if hour == 8 else None
        photo(part, f"{day}-{hour}.jpg", f"2024-07-{day}T{hour:02}:00:00", where)
    expected = {
        "2024-07-12 Office": 13,
        "2024-07-14 Office": 13,
        "2024-07-16": 5,
        "2024-07-16 (2)": 5,
    }
    plain = replace(trips(camera), arrangement=Arrangement())
    async with rig_on(server, tmp_path / "ledger.db", [plain], context=Zones()) as rig:
        await rig.run()
        await rig.engine.apply(trips(camera))
        await rig.run()
        plan = await rig.engine.plan_organising()
        done = await rig.engine.organise()
        # Trips of one name count together until they have albums.
        assert plan.albums == {**dict(list(expected.items())[:2]), "2024-07-16": 10}
        assert (plan.albums, plan.files) == (done.albums, done.files)
        again = await rig.engine.plan_organising()
        assert (again.albums, again.files) == ({}, len(taken))
    async with rig_on(
        server, tmp_path / "other.db", [trips(camera)], context=Zones()
    ) as rig:
        await rig.run()
    found = await library.albums()
    assert {name: len(files) for name, files in found.items()} == expected


async def test_directories_are_listed_once(
    server: Simulator, tmp_path: Path, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for every few files: to list a hundred thousand names takes a while."""
    monkeypatch.setattr(organiser, "_BATCH", 20)
    monkeypatch.setattr(planner, "_PART", 2)
    listed: list[bytes] = []
    look = Beside._look

    def count(beside: Beside, directory: bytes) -> Mapping[str, str]:
        listed.append(directory)
        return look(beside, directory)

    for number in range(20):
        photo(camera, f"{number}.jpg", f"2024-07-12T10:{number:02}:00")
    folder = trips(camera, sidecars=True)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        monkeypatch.setattr(Beside, "_look", count)
        await rig.engine.organise()
    # For XMP and Takeout: when trips are looked for, and when files are placed.
    assert listed == [b""] * 4


async def test_trips_wait_for_what_waits(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """As long as more is to be stored two halves of a trip do not become two."""
    for hour in (*range(5), *range(13, 18)):
        photo(camera, f"{hour}.jpg", f"2024-07-12T{hour:02}:00:00")
    folder = trips(camera)
    plain = replace(folder, arrangement=Arrangement())
    async with rig_on(server, tmp_path / "ledger.db", [plain]) as rig:
        await rig.run()
        await rig.engine.apply(folder)
        await rig.run()
        rig.engine.set_waiting_for("camera", ["nobody is home"])
        between = [camera / f"{hour}.jpg" for hour in range(7, 10)]
        for path in between:
            photo(camera, path.name, f"2024-07-12T{int(path.stem):02}:00:00")
        await rig.run()
        await rig.wait_for(FileState.WAITING, *between)
        plan = await rig.engine.plan_organising()
        done = await rig.engine.organise()
        assert plan.problems == done.problems == {organiser._TRIPS_WAIT: 10}
        assert (plan.files, done.files, await library.albums()) == (0, 0, {})
        explained = await rig.engine.explain_placement(await rig.file(camera / "1.jpg"))
        assert explained is not None
        assert not explained.done
        assert explained.problem == organiser._TRIPS_WAIT
        assert explained.text.startswith("Its album is not decided yet: Trips")
        rig.engine.set_waiting_for("camera", [])
        await rig.run()
        albums = await library.albums()
        assert {name: len(files) for name, files in albums.items()} == {
            "2024-07-12": 13
        }


async def test_names_come_soon(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A city that Immich finds later gives its name by itself, unless somebody has."""
    monkeypatch.setattr(tripbook, "_PATIENCE", (0.01,) * 1000)
    cities: dict[str, str] = {}

    async def city(_client: ImmichClient, asset_id: str) -> str | None:
        return cities.get(asset_id)

    monkeypatch.setattr(ImmichClient, "city", city)
    for day in (12, 20):
        for hour in range(5):
            photo(camera, f"{day}-{hour}.jpg", f"2024-07-{day}T1{hour}:00:00", LONDON)
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        await rig.run()
        album = await library.album_id("2024-07-20")
        await library.call("PATCH", f"/albums/{album}", {"albumName": "Party"})
        for asset in server.assets():
            cities[asset.id] = "London"

        async def named() -> bool:
            return set(await library.albums()) == {"2024-07-12 London", "Party"}

        await until(named)
        # Later photos change nothing of that.
        photo(camera, "20-9.jpg", "2024-07-20T19:00:00", LONDON)
        photo(camera, "12-9.jpg", "2024-07-12T19:00:00", LONDON)
        await rig.run()
        albums = await library.albums()
        assert {name: len(files) for name, files in albums.items()} == {
            "2024-07-12 London": 6,
            "Party": 6,
        }


async def test_names_wait_while_nothing_is_sent(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a pause or a halt it is not looked for names again and again, but after it."""
    cities: dict[str, str] = {}
    passes = 0

    async def city(_client: ImmichClient, asset_id: str) -> str | None:
        return cities.get(asset_id)

    monkeypatch.setattr(ImmichClient, "city", city)
    for hour in range(5):
        photo(camera, f"{hour}.jpg", f"2024-07-12T1{hour}:00:00", LONDON)
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        await rig.run()
        engine = rig.engine
        work = engine._organiser.work

        async def count() -> organiser.Organised:
            nonlocal passes
            passes += 1
            return await work()

        async def few_passes() -> None:
            """Wait until a pass ended, and long enough for many more."""
            before = passes
            engine._organiser.wake()
            for _ in range(100):
                await engine.ledger.ask(arranging.count)
            assert 1 <= passes - before <= 3
            assert list(await library.albums()) == ["2024-07-12"]

        monkeypatch.setattr(engine._organiser, "work", count)
        for asset in server.assets():
            cities[asset.id] = "London"
        # There is something to do, so that a halt ends each pass early.
        await engine.ledger.run(arranging.arrange_again, [1])
        with suppress(HaltedError):
            engine.link.quota_exceeded(1, "full")
        rig.clock.passed += 61
        await few_passes()
        await engine.controls.pause()
        engine.resume()
        await few_passes()
        await engine.controls.resume()

        async def named() -> bool:
            return list(await library.albums()) == ["2024-07-12 London"]

        await until(named)


async def test_a_bug_in_renaming_fails_no_run(
    server: Simulator, tmp_path: Path, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored is stored, whatever becomes of the name of an album."""

    async def fail(_book: tripbook.TripBook) -> Sequence[AlbumRef]:
        raise ValueError

    monkeypatch.setattr(tripbook.TripBook, "renamed", fail)
    photo(camera, "1.jpg", "2024-07-12T10:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [trips(camera)]) as rig:
        report = await rig.run()
        assert report.outcome is RunOutcome.COMPLETED
        assert (await rig.engine.organise()).problems == {organiser._UNEXPECTED: 1}


async def test_name_after_a_restart(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that was found, but not given to the album before the end, is given."""
    for hour in range(5):
        photo(camera, f"{hour}.jpg", f"2024-07-12T1{hour}:00:00", LONDON)
    ledger = tmp_path / "ledger.db"
    async with rig_on(server, ledger, [trips(camera)]) as rig:
        await rig.run()
        await rig.engine.ledger.run(book.set_place, 1, "London")
    async with rig_on(server, ledger, [trips(camera)]):

        async def named() -> bool:
            return list(await library.albums()) == ["2024-07-12 London"]

        await until(named)


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
        # What comes later changes no name to that of the other.
        photo(camera, "b9.jpg", "2024-07-12T21:00:00")
        await rig.run()
        expected["2024-07-12 (2)"].append("b9.jpg")
        assert await library.albums() == expected
    async with rig_on(server, tmp_path / "other.db", [trips(camera)]) as rig:
        await rig.run()
        assert await library.albums() == expected
