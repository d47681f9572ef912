"""Photos without a place get that of someone who had the camera."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
import time
from typing import override

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import Folder, OpenContext
from custom_components.immich_backup.engine.context import (
    Fix,
    Place,
    Rendered,
    UnknownToHomeError,
)
from custom_components.immich_backup.engine.geotags import GeotagRules, Whereabouts
from custom_components.immich_backup.engine.ledger import arranging
from custom_components.immich_backup.engine.model import RunOutcome
from custom_components.immich_backup.engine.organise import organiser
from custom_components.immich_backup.engine.organise.geotagger import PLACE_TAG, Undone
from custom_components.immich_backup.immich import ImmichClient
from simulator import Action, Fault, Simulator
from tests.support import media

from .library import Library
from .support import Rig, make, rig_on
from .test_organise import arranged

NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)
PARIS = (48.85, 2.35)
ANNA, BEN = "person.anna", "person.ben"
RULES = GeotagRules(entities=(ANNA, BEN))


class FakeHistory(OpenContext):
    """A home whose recorder knows these fixes, and counts how often it is asked."""

    def __init__(self, **fixes: Sequence[Fix]) -> None:
        """Know the fixes of persons by their names."""
        self.fixes_of = {f"person.{name}": list(found) for name, found in fixes.items()}
        self.asked = 0
        self.problem: str | None = None

    @override
    async def fixes(
        self, entity_id: str, start: datetime, end: datetime
    ) -> Sequence[Fix]:
        self.asked += 1
        if self.problem is not None:
            raise UnknownToHomeError(self.problem)
        known = self.fixes_of.get(entity_id, [])
        return [fix for fix in known if start <= fix.at <= end]


def fix(seconds: float, place: Place = PARIS, accuracy: float | None = 10) -> Fix:
    """Return where someone was so long after noon."""
    return Fix(NOON + timedelta(seconds=seconds), place, accuracy)


async def place_at_noon(
    *fixes: Fix, rules: GeotagRules = RULES, **others: Sequence[Fix]
) -> Place | None:
    """Return where a photo of noon was taken."""
    whereabouts = Whereabouts(rules, FakeHistory(anna=fixes, **others))
    await whereabouts.look([NOON])
    return whereabouts.place_at(NOON)


@pytest.mark.parametrize(
    ("fixes", "place"),
    [
        ((fix(-240, (48.0, 2.0)), fix(60, (49.0, 3.0))), (48.8, 2.8)),
        ((fix(-300, (48.0, 2.0)), fix(300, (49.0, 3.0))), (48.5, 2.5)),
        ((fix(-301, (48.0, 2.0)), fix(60, (49.0, 3.0))), (49.0, 3.0)),
        ((fix(-301), fix(121)), None),
        ((fix(-120),), PARIS),
        ((fix(-121),), None),
        ((fix(120),), PARIS),
        ((fix(121),), None),
        ((fix(0),), PARIS),
        ((fix(0), fix(60, (49.0, 3.0))), PARIS),
        ((fix(-60), fix(0, (49.0, 3.0)), fix(60)), (49.0, 3.0)),
        ((fix(-60, accuracy=100),), PARIS),
        ((fix(-60, accuracy=100.1),), None),
        ((fix(-60, accuracy=None),), PARIS),
        ((fix(-60, (0.0, 0.0)),), None),
        ((fix(-60, (91.0, 0.0)),), None),
        ((fix(-60, (float("nan"), 0.0)),), None),
        # A bad fix between hides no good ones.
        ((fix(-90), fix(-30, (10.0, 10.0), 5000)), PARIS),
        # The short way over the date line.
        ((fix(-60, (0.0, 179.0)), fix(60, (0.0, -179.0))), (0.0, -180.0)),
        ((fix(-90, (0.0, 179.0)), fix(30, (0.0, -179.0))), (0.0, -179.5)),
        ((), None),
    ],
)
async def test_place(fixes: Sequence[Fix], place: Place | None) -> None:
    """Between two fixes, or at one that is very near; never from further away."""
    assert await place_at_noon(*fixes) == place


async def test_first_person_counts() -> None:
    """Of several persons the first whose place is known."""
    there = (49.0, 3.0)
    assert await place_at_noon(fix(9), ben=[fix(0, there)]) == PARIS
    assert await place_at_noon(fix(500), ben=[fix(0, there)]) == there
    near = GeotagRules(entities=(ANNA,), minutes=1)
    assert await place_at_noon(fix(-90), rules=near) is None


@given(
    st.lists(
        st.builds(
            fix,
            st.floats(-900, 900),
            st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
            st.none() | st.floats(0, 200),
        ),
        max_size=8,
    ),
    st.lists(st.datetimes(timezones=st.just(UTC)), max_size=4),
)
async def test_any_fixes(fixes: list[Fix], moments: list[datetime]) -> None:
    """A place is one that exists, between good fixes that are near enough."""
    whereabouts = Whereabouts(RULES, FakeHistory(anna=fixes))
    await whereabouts.look([NOON, *moments])
    for moment in (NOON, *moments):
        found = whereabouts.place_at(moment)
        if found is None:
            continue
        near = [
            one.place[0]
            for one in fixes
            if abs(one.at - moment) <= timedelta(minutes=5)
            and (one.accuracy is None or one.accuracy <= 100)
        ]
        assert min(near) - 1e-5 <= found[0] <= max(near) + 1e-5
        assert -180 <= found[1] <= 180


async def test_many_photos_are_few_questions() -> None:
    """What is close together is asked for at once."""
    history = FakeHistory()
    whereabouts = Whereabouts(GeotagRules(entities=(ANNA,)), history)
    hours = [NOON + timedelta(hours=n) for n in (0, 1, 2, 3, 50, 51)]
    await whereabouts.look([h + timedelta(seconds=n) for h in hours for n in range(99)])
    assert history.asked == 2


@pytest.fixture
async def library(server: Simulator) -> AsyncIterator[Library]:
    """Return the server's library as its owner sees it."""
    async with aiohttp.ClientSession() as session:
        yield Library(session, server)


def shot(folder: Path, name: str, moment: datetime, gps: Place | None = None) -> Path:
    """Write a photo that was taken at a moment (UTC)."""
    exif = {0x9003: f"{moment:%Y:%m:%d %H:%M:%S}"}
    data = media.tiff(exif=exif, gps=media.place(*gps) if gps else None)
    return make(folder, name, media.jpeg(data, appended=name.encode()))


def tagged(path: Path, **wishes: object) -> Folder:
    """Return a folder whose photos get the places of two persons."""
    return arranged(path, place_from=[ANNA, BEN], **wishes)


async def places(library: Library, *names: str) -> list[Place | None]:
    """Return where the server says that photos were taken."""
    found = [(await library.asset(name))["exifInfo"] for name in names]
    return [
        None if one["latitude"] is None else (one["latitude"], one["longitude"])
        for one in found
    ]


async def organised(rig: Rig) -> None:
    """Do a run; at its end all is organised."""
    assert (await rig.run()).outcome is RunOutcome.COMPLETED


async def test_given_once_and_undone(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Only what tells no place gets one, and a tag; all of it can be taken back."""
    history = FakeHistory(anna=[fix(-60), fix(60)])
    one = shot(camera, "one.jpg", NOON)
    shot(camera, "two.jpg", NOON)
    shot(camera, "changed.jpg", NOON)
    shot(camera, "gps.jpg", NOON, (52.0, 5.0))
    shot(camera, "late.jpg", NOON + timedelta(hours=5))
    make(camera, "IMG_20260430_120000.jpg")
    shot(camera, "Screenshot_1.jpg", NOON)
    ledger = tmp_path / "ledger.db"
    async with rig_on(server, ledger, [tagged(camera)], context=history) as rig:
        await organised(rig)
        given = ["changed.jpg", "one.jpg", "two.jpg"]
        assert await places(library, *given) == [PARIS] * 3
        assert (
            await places(library, "late.jpg", "IMG_20260430_120000.jpg") == [None] * 2
        )
        assert await places(library, "Screenshot_1.jpg") == [None]
        assert await library.tags() == {PLACE_TAG: given}
        explained = await rig.engine.explain_placement(await rig.file(one))
        assert explained is not None
        assert explained.placement.place == PARIS
        assert explained.done
        # Again there is nothing to do.
        assert (await rig.engine.organise()).places == 0
        # A person knows better.
        asset = await library.asset("changed.jpg")
        await library.call(
            "PUT", f"/assets/{asset['id']}", {"latitude": 1.5, "longitude": 2.5}
        )
        assert await rig.engine.undo_geotags() == Undone(removed=2, kept=1)
        assert await places(library, "changed.jpg") == [(1.5, 2.5)]
        assert await library.tags() == {}
        for name in ("one.jpg", "two.jpg"):
            assert (await places(library, name))[0] in (None, (0, 0))
        # What was undone stays so.
        assert (await rig.engine.organise()).places == 0
        assert await rig.engine.undo_geotags() == Undone()


async def test_templates_see_it(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """The position and the zone of a place that the home knew, else the file's own."""

    class Seeing(FakeHistory):
        @override
        async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
            return ["Paris" if place == PARIS else "Farm" for place in places]

        @override
        async def render(
            self, template: str, media: Sequence[Mapping[str, object]]
        ) -> Sequence[Rendered]:
            keys = ("zone", "latitude", "longitude")
            return [Rendered(" ".join(str(one[key]) for key in keys)) for one in media]

    shot(camera, "given.jpg", NOON)
    shot(camera, "own.jpg", NOON, (52.0, 5.0))
    shot(camera, "unknown.jpg", NOON + timedelta(hours=5))
    history = Seeing(anna=[fix(-60), fix(60)])
    folder = tagged(camera, tags=["{{ media.zone }}"])
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=history) as rig:
        await organised(rig)
    assert await library.tags() == {
        "Paris 48.85 2.35": ["given.jpg"],
        "Farm 52.0 5.0": ["own.jpg"],
        "None None None": ["unknown.jpg"],
        PLACE_TAG: ["given.jpg"],
    }


async def test_places_that_are_there_stay(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What a person gave a place, and what was in Immich before, is left alone."""
    history = FakeHistory(anna=[fix(0)])
    shot(camera, "theirs.jpg", NOON)
    async with rig_on(server, tmp_path / "first.db", [arranged(camera)]) as rig:
        await organised(rig)
    async with rig_on(
        server, tmp_path / "ledger.db", [tagged(camera)], context=history
    ) as rig:
        await organised(rig)
        assert await places(library, "theirs.jpg") == [None]
        await rig.engine.apply(arranged(camera))
        shot(camera, "moved.jpg", NOON)
        await organised(rig)
        asset = await library.asset("moved.jpg")
        await library.call(
            "PUT", f"/assets/{asset['id']}", {"latitude": 1.5, "longitude": 2.5}
        )
        await rig.engine.apply(tagged(camera))
        await rig.engine.organise()
        assert await places(library, "moved.jpg") == [(1.5, 2.5)]
        assert await library.tags() == {}
        assert await rig.engine.undo_geotags() == Undone()


async def test_interrupted_before_it_was_recorded(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What was written when the power went is recognised, and can be undone."""
    history = FakeHistory(anna=[fix(0)])
    shot(camera, "one.jpg", NOON)
    async with rig_on(
        server, tmp_path / "ledger.db", [tagged(camera)], context=history
    ) as rig:
        await organised(rig)
        given = await rig.engine.ledger.ask(arranging.applied_in, None, "place:")
        for word, assets in given.items():
            await rig.engine.ledger.run(arranging.forget_applied, word, assets)
        await rig.engine.organise()
        assert await rig.engine.undo_geotags(["camera"]) == Undone(removed=1)


async def test_server_that_refuses(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """The backup is done all the same; the place follows when the server lets."""
    history = FakeHistory(anna=[fix(0)])
    one = shot(camera, "one.jpg", NOON)
    fault = server.faults.add(
        Fault(action=Action.RESPOND, status=500, method="PUT", path_regex="/assets$")
    )
    async with rig_on(
        server, tmp_path / "ledger.db", [tagged(camera)], context=history
    ) as rig:
        await organised(rig)
        explained = await rig.engine.explain_placement(await rig.file(one))
        assert explained is not None
        assert not explained.done
        server.faults.remove(fault)
        await rig.engine.organise()
        assert await places(library, "one.jpg") == [PARIS]


async def test_history_that_is_not_there(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Without a recorder there is no place, which is said; nothing waits for it."""
    history = FakeHistory()
    history.problem = "Home Assistant records no history"
    one = shot(camera, "one.jpg", NOON)
    folder = tagged(camera, album="year")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=history) as rig:
        await organised(rig)
        assert await library.albums() == {"2026": ["one.jpg"]}
        explained = await rig.engine.explain_placement(await rig.file(one))
        assert explained is not None
        assert explained.done
        assert explained.placement.problems == (history.problem,)


async def test_a_photo_of_a_moment_ago(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Where the phone goes next is not known yet: the album is made, the place waits."""
    taken = datetime.fromtimestamp(int(time.time()) - 200, UTC)
    history = FakeHistory(anna=[Fix(taken - timedelta(minutes=4), PARIS)])
    one = shot(camera, "one.jpg", taken)
    folder = tagged(camera, album="name", album_name="New")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=history) as rig:
        await organised(rig)
        assert await library.albums() == {"New": ["one.jpg"]}
        explained = await rig.engine.explain_placement(await rig.file(one))
        assert explained is not None
        assert not explained.done
        history.fixes_of[ANNA].append(Fix(taken + timedelta(minutes=4), PARIS))
        await rig.engine.organise()
        assert await places(library, "one.jpg") == [PARIS]


async def test_albums_by_zone_know_the_place(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A zone is found by the place that the home knows."""

    class Zoned(FakeHistory):
        @override
        async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
            return ["Paris" if place == PARIS else None for place in places]

    shot(camera, "one.jpg", NOON)
    async with rig_on(
        server,
        tmp_path / "ledger.db",
        [tagged(camera, album="zone")],
        context=Zoned(ben=[fix(0)]),
    ) as rig:
        await organised(rig)
    assert await library.albums() == {"Paris": ["one.jpg"]}


async def test_a_copy_with_a_sidecar(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What a sidecar says counts, and a photo that lies there twice counts once."""
    there = (52.5, 13.25)
    one = shot(camera, "one.jpg", NOON)
    make(camera, "copy.jpg", one.read_bytes())
    where = 'exif:GPSLatitude="52,30.0N" exif:GPSLongitude="13,15.0E"'
    ledger, history = tmp_path / "ledger.db", FakeHistory(anna=[fix(0)])
    folder = tagged(camera, sidecars=True)
    async with rig_on(server, ledger, [arranged(camera)], context=history) as rig:
        await organised(rig)
        make(camera, "copy.xmp", media.xmp(where).encode())
        await rig.engine.apply(folder)
        assert (await rig.engine.plan_organising()).places == 1
        assert (await rig.engine.organise()).places == 1
        (asset,) = server.assets()
        (place,) = await places(library, asset.original_file_name)
        assert place == pytest.approx(there)
        assert await library.tags() == {}


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no server know what a place is called."""

    async def city(_client: ImmichClient, _asset_id: str) -> str | None:
        return None

    monkeypatch.setattr(ImmichClient, "city", city)


@pytest.mark.usefixtures("nameless")
@pytest.mark.parametrize("batch", [2, 20_000])
async def test_trips_know_the_place(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    """A trip ends where a person went far away, though no photo tells it."""
    monkeypatch.setattr(organiser, "_BATCH", batch)
    london = (51.5, -0.13)
    minutes = [*range(0, 50, 10), *range(120, 170, 10)]
    history = FakeHistory(
        anna=[fix(m * 60, PARIS if m < 100 else london) for m in minutes]
    )
    for m in reversed(minutes):
        shot(camera, f"{m:03}.jpg", NOON + timedelta(minutes=m))
    folder = tagged(camera, album="trip")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=history) as rig:
        await organised(rig)
        expected = {
            "2026-04-30": [f"{m:03}.jpg" for m in minutes[:5]],
            "2026-04-30 (2)": [f"{m:03}.jpg" for m in minutes[5:]],
        }
        assert await library.albums() == expected
        # What the home has forgotten by then is not forgotten here.
        history.fixes_of.clear()
        shot(camera, "100.jpg", NOON + timedelta(minutes=100))
        await rig.engine.organise()
        await organised(rig)
        expected["2026-04-30"].append("100.jpg")
        assert await library.albums() == expected


@pytest.mark.usefixtures("nameless")
async def test_trips_wait_for_the_place(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A photo whose place may be known soon is in no trip before, and in no other album."""
    taken = datetime.fromtimestamp(int(time.time()) - 200, UTC)
    history = FakeHistory(anna=[Fix(taken - timedelta(minutes=4), PARIS)])
    for n in range(5):
        shot(camera, f"{n}.jpg", taken)
    folder = tagged(camera, album="trip", album_otherwise="year")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=history) as rig:
        await organised(rig)
        assert await library.albums() == {}
        plan = await rig.engine.plan_organising()
        assert plan.albums == {}
        history.fixes_of[ANNA].append(Fix(taken + timedelta(minutes=4), PARIS))
        await rig.engine.organise()
        assert await library.albums() == {
            f"{taken:%Y-%m-%d}": [f"{n}.jpg" for n in range(5)]
        }
