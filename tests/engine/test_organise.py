"""What is stored gets its album, its tags and the rest, once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
import os
from pathlib import Path
from typing import override

import aiohttp
import pytest

from custom_components.immich_backup.engine import (
    Detection,
    FileState,
    Folder,
    OpenContext,
    RuleSet,
    RunTrigger,
    parse_rule,
)
from custom_components.immich_backup.engine.context import Rendered
from custom_components.immich_backup.engine.model import RunOutcome
from custom_components.immich_backup.engine.organise import organiser
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from custom_components.immich_backup.engine.organise.placement import AlbumRef
from simulator import Action, Fault, Simulator

from .library import Library
from .support import folder_at, make, rig_on, until

ALBUMS = "/api/albums"


@pytest.fixture
async def library(server: Simulator) -> AsyncIterator[Library]:
    """Return the server's library as its owner sees it."""
    async with aiohttp.ClientSession() as session:
        yield Library(session, server)


def arranged(path: Path, key: str = "camera", **wishes: object) -> Folder:
    """Return a folder whose files are organised; runs are asked for."""
    return folder_at(
        path,
        key,
        arrangement=parse_arrangement(wishes),
        new_media=False,
        detection=Detection.POLLING,
    )


def take(folder: Path, name: str, moment: str) -> Path:
    """Write a file that was last changed at a moment (UTC)."""
    path = make(folder, name)
    seconds = datetime.fromisoformat(f"{moment}+00:00").timestamp()
    os.utime(path, (seconds, seconds))
    return path


def calls(server: Simulator, method: str | None = None) -> int:
    """Return how many requests were about albums, tags or changes of assets."""
    return sum(
        record.method != "GET" if method is None else record.method == method
        for record in server.requests
        if record.path.startswith((ALBUMS, "/api/tags"))
        or (record.method, record.path) == ("PUT", "/api/assets")
    )


async def test_everything_at_once(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Album by month, tags with levels, favourite, archive and a description."""
    folder = arranged(
        camera,
        album="month",
        tags=["Home/Doorbell", " Camera "],
        favourite=True,
        visibility="archive",
        description="From the card",
    )
    take(camera, "a.jpg", "2024-05-31T23:59:59")
    take(camera, "sub/b.jpg", "2024-06-01T00:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        report = await rig.run()
        assert report.outcome is RunOutcome.COMPLETED
        assert await library.albums() == {"2024-05": ["a.jpg"], "2024-06": ["b.jpg"]}
        assert await library.tags() == {
            "Home/Doorbell": ["a.jpg", "b.jpg"],
            "Camera": ["a.jpg", "b.jpg"],
        }
        asset = await library.asset("b.jpg")
        assert asset["isFavorite"] is True
        assert asset["visibility"] == "archive"
        assert asset["exifInfo"]["description"] == "From the card"
        explained = await rig.engine.explain_placement(await rig.file(camera / "a.jpg"))
        assert explained is not None
        assert explained.done
        assert explained.placement.album == AlbumRef("2024-05", "2024-05")
        # Again there is nothing to do.
        server.requests.clear()
        await rig.run()
        assert calls(server) == 0


@pytest.mark.parametrize(
    ("wishes", "albums"),
    [
        ({"album": "name", "album_name": " My  photos "}, {"My photos"}),
        (
            {"album": "name", "album_name": "👨\u200d👩\u200d👧 می\u200cروم\x1f!"},
            {"👨\u200d👩\u200d👧 می\u200cروم !"},
        ),
        ({"album": "year"}, {"2024"}),
        ({"album": "day"}, {"2024-05-17"}),
        ({"album": "folders"}, {"Trips"}),
        ({"album": "folders", "album_levels": 2}, {"Trips - Paris"}),
        (
            {"album": "folders", "album_levels": 9, "album_joiner": "/"},
            {"Trips/Paris/Louvre"},
        ),
        ({"album": "none"}, set()),
    ],
)
async def test_albums(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    wishes: dict[str, object],
    albums: set[str],
) -> None:
    """Each way to find an album's name; a file at the top has no sub-folder."""
    take(camera, "Trips/Paris/Louvre/a.jpg", "2024-05-17T12:00:00")
    take(camera, "top.jpg", "2024-05-17T12:00:00")
    folder = arranged(camera, **wishes)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
    assert set(await library.albums()) == albums


async def test_rules_refine(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What a rule says replaces what the folder says; tags are added."""
    rule = parse_rule({"name": "Bell", "action": "back_up", "paths": ["bell/"]}, 1)
    folder = replace(
        arranged(camera, album="year", tags=["All"]),
        rules=RuleSet(rules=(rule,)),
        rule_arrangements={
            "Bell": parse_arrangement({"album": "Doorbell", "tags": "Bell, Door"})
        },
    )
    take(camera, "bell/a.jpg", "2024-05-17T12:00:00")
    take(camera, "b.jpg", "2024-05-17T12:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
    assert await library.albums() == {"Doorbell": ["a.jpg"], "2024": ["b.jpg"]}
    assert await library.tags() == {
        "All": ["a.jpg", "b.jpg"],
        "Bell": ["a.jpg"],
        "Door": ["a.jpg"],
    }


async def test_rules_that_came_later(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Stored files are organised by the rules of today, dry or not, and only once."""
    plain = arranged(camera, tags=["All"])
    bell = parse_rule({"name": "Bell", "action": "back_up", "paths": ["bell/"]}, 1)
    skip = parse_rule({"name": "No B", "action": "skip", "paths": ["b.jpg"]}, 2)
    folder = replace(
        plain,
        rules=RuleSet(rules=(bell, skip)),
        rule_arrangements={"Bell": parse_arrangement({"album": "Doorbell"})},
    )
    path = take(camera, "bell/a.jpg", "2024-05-17T12:00:00")
    other = take(camera, "b.jpg", "2024-05-17T12:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [plain]) as rig:
        await rig.run()
        await rig.engine.apply(folder)
        plan = await rig.engine.plan_organising()
        assert plan.albums == {"Doorbell": 1}
        assert (await rig.file(path)).rule is None
        assert await library.albums() == {}
        done = await rig.engine.organise()
        assert done.albums == plan.albums
        assert await library.albums() == {"Doorbell": ["a.jpg"]}
        file = await rig.file(path)
        assert (file.rule, file.criterion) == ("Bell", "path")
        # What is stored stays stored, whatever a rule says of it now.
        assert (await rig.file(other)).state is FileState.PROTECTED
        server.requests.clear()
        assert (await rig.engine.organise()).albums == {}
        assert calls(server) == 0
        # Without the rule it belongs to the folder again, and stays where it is.
        await rig.engine.apply(replace(folder, rules=RuleSet(rules=(skip,))))
        assert (await rig.engine.organise()).albums == {}
        assert (await rig.file(path)).rule is None


async def test_a_rule_for_the_locked_folder(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Its files are shown there, described by it, and in no album of the folder."""
    rule = parse_rule({"name": "Private", "action": "back_up", "paths": ["own/"]}, 1)
    wishes = {"visibility": "locked", "description": "Mine"}
    folder = replace(
        arranged(camera, album="year", visibility="archive", description="Card"),
        rules=RuleSet(rules=(rule,)),
        rule_arrangements={"Private": parse_arrangement(wishes)},
    )
    take(camera, "own/a.jpg", "2024-05-17T12:00:00")
    take(camera, "b.jpg", "2024-05-17T12:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        assert (await rig.run()).outcome is RunOutcome.COMPLETED
        assert await library.albums() == {"2024": ["b.jpg"]}
        assert {one.original_file_name: one.visibility for one in server.assets()} == {
            "a.jpg": "locked",
            "b.jpg": "archive",
        }
        asset = await library.asset("b.jpg")
        assert asset["exifInfo"]["description"] == "Card"
        # What is locked can't be looked at with a key.
        explained = await rig.engine.explain_placement(
            await rig.file(camera / "own/a.jpg")
        )
        assert explained is not None
        assert explained.done
        assert explained.placement.description == "Mine"


async def test_a_library_from_before(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What was stored before is organised when asked for, and then never again.

    An album that its owner renamed stays so and is still found, a photo that they took
    out stays out, and one that they deleted is not made again unless they say so.
    """
    plain = arranged(camera)
    for number in range(3):
        take(camera, f"{number}.jpg", f"2024-0{number + 1}-15T12:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [plain]) as rig:
        await rig.run()
        assert await library.albums() == {}
        await rig.engine.apply(arranged(camera, album="month", tags=["Card"]))
        plan = await rig.engine.plan_organising()
        assert plan.albums == {"2024-01": 1, "2024-02": 1, "2024-03": 1}
        assert plan.tags == {"Card": 3}
        assert calls(server) == 0
        done = await rig.engine.organise()
        assert (done.albums, done.tags) == (plan.albums, plan.tags)
        first = {"2024-01": ["0.jpg"], "2024-02": ["1.jpg"], "2024-03": ["2.jpg"]}
        assert await library.albums() == first
        # Renamed, emptied and deleted by their owner.
        january, february, march = [await library.album_id(name) for name in first]
        await library.call("PATCH", f"/albums/{january}", {"albumName": "Snow"})
        asset = await library.asset("1.jpg")
        await library.call(
            "DELETE", f"/albums/{february}/assets", {"ids": [asset["id"]]}
        )
        await library.call("DELETE", f"/albums/{march}")
        server.requests.clear()
        again = await rig.engine.organise()
        assert calls(server) == 0
        assert again.albums == again.tags == {}
        for number in range(3):
            take(camera, f"new{number}.jpg", f"2024-0{number + 1}-16T12:00:00")
        await rig.run()
        assert await library.albums() == {
            "Snow": ["0.jpg", "new0.jpg"],
            "2024-02": ["new1.jpg"],
        }
        assert (await rig.engine.overview()).deleted_albums == ("2024-03",)
        explained = await rig.engine.explain_placement(
            await rig.file(camera / "new2.jpg")
        )
        assert explained is not None
        assert not explained.done
        assert "deleted" in (explained.problem or "")
        # The tag does not wait for the album.
        assert len((await library.tags())["Card"]) == 6
        await rig.engine.answer_deleted_albums(make_again=True)

        async def made() -> bool:
            return "2024-03" in await library.albums()

        await until(made)
        await rig.engine.organise()
        assert (await library.albums())["2024-03"] == ["2.jpg", "new2.jpg"]
        assert (await rig.engine.overview()).deleted_albums == ()


async def test_a_deleted_album_stays_away(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """An album that shall not be made again is not, unless its owner makes it."""
    folder = arranged(camera, album="Card")
    make(camera, "a.jpg")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        await library.call("DELETE", f"/albums/{await library.album_id('Card')}")
        make(camera, "b.jpg")
        await rig.run()
        assert (await rig.engine.overview()).deleted_albums == ("Card",)
        plan = await rig.engine.plan_organising()
        assert plan.albums == {}
        assert plan.problems == {"The album “Card” was deleted in Immich": 1}
        await rig.engine.answer_deleted_albums(make_again=False)

        async def answered() -> bool:
            return not (await rig.engine.overview()).deleted_albums

        await until(answered)
        make(camera, "c.jpg")
        await rig.run()
        assert await library.albums() == {}
        await library.call("POST", "/albums", {"albumName": "Card"})
        make(camera, "d.jpg")
        await rig.run()
        assert await library.albums() == {"Card": ["d.jpg"]}


async def test_what_was_there_before(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Of a photo that was on the server before, only albums and tags change."""
    make(camera, "a.jpg")
    async with rig_on(server, tmp_path / "first.db", [arranged(camera)]) as rig:
        await rig.run()
    wishes = {"album": "Card", "tags": ["Card"], "favourite": True}
    folder = arranged(camera, visibility="archive", description="x", **wishes)
    async with rig_on(server, tmp_path / "second.db", [folder]) as rig:
        await rig.run()
    asset = await library.asset("a.jpg")
    assert asset["isFavorite"] is False
    assert asset["visibility"] == "timeline"
    assert not asset["exifInfo"]["description"]
    assert await library.albums() == {"Card": ["a.jpg"]}
    assert await library.tags() == {"Card": ["a.jpg"]}


async def test_two_homes_at_once(
    server: Simulator, library: Library, tmp_path: Path
) -> None:
    """Two that make the same album at the same moment end with one."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for path in folders:
        path.mkdir()
        make(path, f"{path.name}.jpg")
    # Both see that there is none before either makes one.
    server.faults.add(
        Fault(action=Action.LATENCY, method="POST", path=ALBUMS, seconds=1)
    )
    async with (
        rig_on(server, tmp_path / "1.db", [arranged(folders[0], album="x")]) as one,
        rig_on(server, tmp_path / "2.db", [arranged(folders[1], album="x")]) as two,
    ):
        ids = [rig.engine.start_run(trigger=RunTrigger.MANUAL) for rig in (one, two)]
        for rig, run_id in zip((one, two), ids, strict=True):
            await rig.engine.wait_run(run_id)
    assert len(server.requests.matching("POST", ALBUMS)) == 2
    assert await library.albums() == {"x": ["one.jpg", "two.jpg"]}


async def test_shared(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A new album is shared; who is not there any more keeps it from nobody."""
    anna = await server.add_user("anna@example.com", "Anna")
    make(camera, "a.jpg")
    folder = arranged(camera, album="Card", album_share=[anna.id], album_role="editor")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        (album,) = await library.call("GET", "/albums")
        roles = {one["user"]["id"]: one["role"] for one in album["albumUsers"]}
        assert roles == {anna.id: "editor", server.admin().id: "owner"}
        gone = "00000000-0000-4000-8000-000000000000"
        await rig.engine.apply(arranged(camera, album="New", album_share=[gone]))
        await rig.engine.organise()
        assert (await library.albums())["New"] == ["a.jpg"]


async def test_few_calls(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """The calls grow with the albums, not with the photos."""
    for number in range(200):
        take(camera, f"{number:03}.jpg", f"2024-01-{number % 20 + 1:02}T12:00:00")
    folder = arranged(camera, album="day")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
    assert calls(server) + calls(server, "GET") == 20 + 2


async def test_a_server_that_is_away(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What can't be organised now is organised later, also after an end in between."""
    fault = server.faults.add(
        Fault(action=Action.RESPOND, canned="bad-gateway", method="POST", path=ALBUMS)
    )
    make(camera, "a.jpg")
    folder = arranged(camera, album="Card")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        await rig.wait_for(FileState.PROTECTED, camera / "a.jpg")
        assert await library.albums() == {}
    server.faults.remove(fault)

    async def made() -> bool:
        return await library.albums() == {"Card": ["a.jpg"]}

    async with rig_on(server, tmp_path / "ledger.db", [folder]):
        await until(made)


async def test_a_permission_that_is_missing(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """One refused permission costs one thing; the backup and the rest go on."""
    key = await server.add_api_key(
        server.admin(), ["asset.upload", "user.read", "tag.create", "tag.asset"]
    )
    make(camera, "a.jpg")
    folder = arranged(camera, album="Card", tags=["Card"])
    async with rig_on(server, tmp_path / "ledger.db", [folder], api_key=key) as rig:
        report = await rig.run()
        assert report.outcome is RunOutcome.COMPLETED
        assert await library.tags() == {"Card": ["a.jpg"]}
        explained = await rig.engine.explain_placement(await rig.file(camera / "a.jpg"))
        assert explained is not None
        assert "album.read" in (explained.problem or "")


async def test_photos_that_vanish(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A photo that someone deletes on the server in between keeps nothing from others."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        make(camera, name)
    async with rig_on(server, tmp_path / "ledger.db", [arranged(camera)]) as rig:
        await rig.run()
        await server.delete((await library.asset("b.jpg"))["id"])
        await rig.engine.apply(
            arranged(camera, album="Card", tags=["Card"], favourite=True)
        )
        await rig.engine.organise()
        left = ["a.jpg", "c.jpg"]
        assert await library.albums() == {"Card": left}
        assert await library.tags() == {"Card": left}
        assert (await library.asset("c.jpg"))["isFavorite"] is True


class Fragile(OpenContext):
    """A home whose answer about some photos is an error that nobody expected."""

    def __init__(self, *broken: str) -> None:
        """Fail for photos of these names."""
        self.broken = set(broken)
        self.renderings = 0

    @override
    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        self.renderings += 1
        if self.broken & {one["name"] for one in media}:
            raise RuntimeError("Broken")
        return [Rendered("Fine") for _ in media]


async def test_one_broken_file(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unexpected error about some files stops them alone, and is logged once."""
    names = [f"{number:02}.jpg" for number in range(23)]
    for name in names:
        make(camera, name)
    home = Fragile("07.jpg", "20.jpg")
    folder = arranged(camera, album="{{ media.type }}", tags=["Card"])
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        assert (await rig.run()).outcome is RunOutcome.COMPLETED
        fine = [name for name in names if name not in home.broken]
        assert await library.albums() == {"Fine": fine}
        assert await library.tags() == {"Card": fine}
        assert caplog.text.count("Unexpected error while organising") == 1
        # They are not forgotten.
        home.broken.clear()
        for name in ("07.jpg", "20.jpg"):
            explained = await rig.engine.explain_placement(
                await rig.file(camera / name)
            )
            assert explained is not None
            assert not explained.done
            assert explained.problem == "Unexpected error, see the log"
        rig.clock.wall += 16 * 60
        await rig.run()
        assert await library.albums() == {"Fine": names}


async def test_one_broken_file_of_a_trip(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """The others make their trip although they are looked at in parts; it joins later."""
    names = [f"{number:02}.jpg" for number in range(9)]
    for number, name in enumerate(names):
        take(camera, name, f"2024-05-17T12:{number:02}:00")
    home = Fragile("04.jpg")
    folder = arranged(camera, album="trip", tags=["{{ media.type }}"])
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.run()
        assert list((await library.albums()).values()) == [
            [name for name in names if name not in home.broken]
        ]
        home.broken.clear()
        rig.clock.wall += 16 * 60
        await rig.run()
        assert list((await library.albums()).values()) == [names]


async def test_everything_broken(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every file fails it is not tried with each of them; later all is done."""
    monkeypatch.setattr(organiser, "_MOST_FAILURES", 5)
    names = [f"{number:02}.jpg" for number in range(40)]
    for name in names:
        make(camera, name)
    home = Fragile(*names)
    folder = arranged(camera, album="{{ media.type }}")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        assert (await rig.run()).outcome is RunOutcome.COMPLETED
        # 40, 20, 10, 5, 2 are halved; what is left of each is tried once.
        assert home.renderings == 11
        assert await library.albums() == {}
        home.broken.clear()
        await rig.engine.organise()
        assert await library.albums() == {"Fine": names}
