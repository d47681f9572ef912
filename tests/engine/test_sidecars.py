"""What lies beside a photo reaches the server with it, or later; and its date is right."""

from collections.abc import AsyncIterator
from datetime import datetime, tzinfo
import json
import os
from pathlib import Path
from typing import Any, override
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from custom_components.immich_backup.engine import (
    Detection,
    FileState,
    Folder,
    OpenContext,
)
from custom_components.immich_backup.engine.ledger import arranging
from custom_components.immich_backup.engine.model import Reason
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from custom_components.immich_backup.engine.texts import reason_text
from simulator import Action, Fault, Simulator
from tests.support.media import Video, bag, jpeg, place, tiff, xmp

from .library import Library
from .support import UPLOAD, Rig, folder_at, make, rig_on, until

ASSETS = "/api/assets"
EXIF_DATE = {0x9003: "2023:01:02 03:04:05"}
BERLIN = (52.52, 13.405)


class Home(OpenContext):
    """A home in Amsterdam."""

    @property
    @override
    def time_zone(self) -> tzinfo:
        return ZoneInfo("Europe/Amsterdam")


@pytest.fixture
async def library(server: Simulator) -> AsyncIterator[Library]:
    """Return the server's library as its owner sees it."""
    async with aiohttp.ClientSession() as session:
        yield Library(session, server)


def told(path: Path, key: str = "camera", **wishes: object) -> Folder:
    """Return a folder as one has it without choosing anything; runs are asked for."""
    defaults = {"sidecars": True, "correct_dates": "name"}
    return folder_at(
        path,
        key,
        arrangement=parse_arrangement({**defaults, **wishes}),
        new_media=False,
        detection=Detection.POLLING,
    )


def photo(
    folder: Path, name: str, mtime: str | None = None, exif: bytes | None = None
) -> Path:
    """Write a photo with bytes of its own, last changed at a moment (UTC)."""
    path = make(folder, name, jpeg(exif, appended=name.encode()))
    if mtime is not None:
        seconds = datetime.fromisoformat(f"{mtime}+00:00").timestamp()
        os.utime(path, (seconds, seconds))
    return path


def sidecar(
    folder: Path,
    name: str,
    *,
    rating: int = 4,
    text: str = "A walk",
    date: str = "2021-05-06T07:08:09+02:00",
    where: bool = True,
) -> Path:
    """Write an XMP sidecar."""
    attributes = f'xmp:Rating="{rating}" exif:DateTimeOriginal="{date}"'
    if where:
        attributes += ' exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24.3E"'
    elements = bag("dc:description", text, kind="Alt")
    elements += bag("lr:hierarchicalSubject", "Animals|Birds")
    return make(folder, name, xmp(attributes, elements).encode())


def takeout(folder: Path, name: str, **values: object) -> Path:
    """Write a JSON file of Google Takeout."""
    defaults: dict[str, object] = {
        "photoTakenTime": {"timestamp": "1620284889"},  # 2021-05-06 07:08:09 UTC
        "geoData": {"latitude": BERLIN[0], "longitude": BERLIN[1], "altitude": 0},
        "description": "A walk",
        "favorited": True,
    }
    return make(folder, name, json.dumps(defaults | values).encode())


async def shown(library: Library, server: Simulator, name: str) -> dict[str, Any]:
    """Return what the server shows of a file once its jobs are done."""
    await server.idle()
    asset = await library.asset(name)
    exif = asset["exifInfo"]
    return {
        "taken": asset["localDateTime"][:19],
        "place": exif["latitude"] and (exif["latitude"], exif["longitude"]),
        "rating": exif["rating"],
        "text": exif["description"],
        "favourite": asset["isFavorite"],
    }


FULL = {
    "taken": "2021-05-06T07:08:09",
    "place": pytest.approx((52.52, 13.405)),
    "rating": 4,
    "text": "A walk",
    "favourite": False,
}


def writes(server: Simulator) -> list[str]:
    """Return the paths of requests that changed assets or their tags."""
    return [
        record.path
        for record in server.requests
        if record.method == "PUT" and record.path.startswith((ASSETS, "/api/tags"))
    ]


async def again(rig: Rig, server: Simulator) -> None:
    """Check that neither another run nor organising all has anything to write."""
    server.requests.clear()
    await rig.run()
    await rig.engine.organise()
    assert writes(server) == []


@pytest.mark.parametrize("name", ["a.xmp", "a.jpg.xmp", "A.JPG.XMP"])
async def test_it_goes_up_with_its_photo(
    server: Simulator, library: Library, tmp_path: Path, camera: Path, name: str
) -> None:
    """By either name; nothing is left to be written, and it is no photo that failed."""
    photo(camera, "a.jpg", exif=tiff(exif=EXIF_DATE))
    beside = sidecar(camera, name)
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        report = await rig.run()
        assert report.counts.failed == 0
        assert writes(server) == []
        assert await shown(library, server, "a.jpg") == FULL
        assert await library.tags() == {"Animals/Birds": ["a.jpg"]}
        file = await rig.file(beside)
        assert (file.state, file.reason) == (FileState.UNWANTED, Reason.SIDECAR)
        assert "is used" in reason_text(file, "")
        await again(rig, server)


async def test_beside_a_large_file(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What is streamed takes its sidecar along too; the length stays exact."""
    make(camera, "a.jpg", jpeg(appended=bytes(3_000_000)))
    sidecar(camera, "a.xmp")
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        assert rig.bodies() == 1
        assert await shown(library, server, "a.jpg") == FULL


async def test_it_comes_later_and_changes(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Then the API tells what it says: what changed, and nothing twice."""
    photo(camera, "a.jpg", exif=tiff(exif=EXIF_DATE))
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        beside = sidecar(camera, "a.xmp")
        await rig.run()
        assert await shown(library, server, "a.jpg") == FULL
        await again(rig, server)
        # Its owner writes something else in Immich; the sidecar changes elsewhere.
        asset = await library.asset("a.jpg")
        await library.call("PUT", f"/assets/{asset['id']}", {"description": "Mine"})
        for rating in (5, 4, 0):
            sidecar(camera, "a.xmp", rating=rating)
            await rig.run()
            assert await shown(library, server, "a.jpg") == {
                **FULL,
                "rating": rating or None,
                "text": "Mine",
            }
        beside.unlink()
        await again(rig, server)


async def test_it_changes_after_it_went_up(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What the server found in the first one counts as told; going back counts too."""
    photo(camera, "a.jpg")
    sidecar(camera, "a.xmp")
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        for rating in (2, 4):
            server.requests.clear()
            sidecar(camera, "a.xmp", rating=rating)
            await rig.run()
            assert writes(server) == [ASSETS]
            assert (await shown(library, server, "a.jpg"))["rating"] == rating


async def test_it_comes_by_itself(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Nobody has to ask for a run: that there is something to tell is seen."""
    photo(camera, "a.jpg")
    folder = folder_at(camera, arrangement=told(camera).arrangement)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.wait_for(FileState.PROTECTED, camera / "a.jpg")
        await rig.quiet()
        sidecar(camera, "a.xmp")

        async def rated() -> bool:
            return bool((await library.asset("a.jpg"))["exifInfo"]["rating"] == 4)

        await until(rated)


async def test_a_duplicate(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What was in Immich before gets what nobody wrote there; a person's words stay."""
    exif = tiff(exif=EXIF_DATE)
    photo(camera, "a.jpg", exif=exif)
    photo(camera, "b.jpg", exif=exif)
    async with rig_on(server, tmp_path / "first.db", [folder_at(camera)]) as rig:
        await rig.run()
    await server.idle()
    theirs = {
        "rating": 1,
        "description": "Mine",
        "dateTimeOriginal": "2020-01-01T00:00:00+01:00",
    }
    asset = await library.asset("b.jpg")
    await library.call("PUT", f"/assets/{asset['id']}", theirs)
    await server.idle()
    for name in ("a", "b"):
        sidecar(camera, f"{name}.xmp")
    async with rig_on(server, tmp_path / "second.db", [told(camera)]) as rig:
        await rig.run()
        assert await shown(library, server, "a.jpg") == FULL
        mine = {"rating": 1, "text": "Mine", "taken": "2020-01-01T00:00:00"}
        assert await shown(library, server, "b.jpg") == FULL | mine
        await again(rig, server)
        # A later change is a word of its own.
        sidecar(camera, "b.xmp", rating=5)
        await rig.run()
        assert await shown(library, server, "b.jpg") == FULL | mine | {"rating": 5}


async def test_what_the_file_says_itself(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A sidecar that only repeats it changes nothing, whenever it comes."""
    root = {0x010E: "A walk"}
    exif = {0x9003: "2021:05:06 07:08:09", 0x9011: "+02:00"}
    photo(camera, "a.jpg", exif=tiff(root, exif, place(*BERLIN)))
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        sidecar(camera, "a.xmp", rating=0)
        await rig.run()
        assert writes(server) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(range(256)) * 10,
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF",
        b"<!DOCTYPE x [<!ENTITY e 'eeee'>]>" + xmp('xmp:Rating="5"').encode(),
        b" " * 5_000_000,
    ],
)
async def test_malformed(
    server: Simulator, library: Library, tmp_path: Path, camera: Path, content: bytes
) -> None:
    """What is no XMP stays at home, and the photo is stored all the same."""
    photo(camera, "a.jpg")
    make(camera, "a.xmp", content)
    make(camera, "a.jpg.json", content)
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        report = await rig.run()
        assert (report.counts.uploaded, report.counts.failed) == (1, 0)
        await rig.wait_for(FileState.PROTECTED, camera / "a.jpg")
        (record,) = server.requests.matching("POST", UPLOAD)
        assert record.received < 10_000
        assert writes(server) == []
        # Once it is right it counts.
        sidecar(camera, "a.xmp")
        await rig.run()
        assert await shown(library, server, "a.jpg") == FULL


async def test_a_very_large_one(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """It does not go up; what stands at its beginning is told."""
    photo(camera, "a.jpg")
    path = sidecar(camera, "a.xmp")
    path.write_bytes(path.read_bytes().ljust(5_000_000))
    photo(camera, "b.jpg")
    with sidecar(camera, "b.xmp").open("ab") as file:
        file.truncate(100_000_000)
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        for record in server.requests.matching("POST", UPLOAD):
            assert record.received < 10_000
        assert await shown(library, server, "a.jpg") == FULL
        await rig.wait_for(FileState.PROTECTED, camera / "b.jpg")
        await again(rig, server)


async def test_links_are_not_followed(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A sidecar that leads out of the folder is none."""
    photo(camera, "a.jpg")
    photo(camera, "b.jpg")
    (camera / "a.xmp").symlink_to(sidecar(tmp_path, "secret.xmp"))
    (camera / "b.xmp").mkdir()
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        assert rig.names() == ["a.jpg", "b.jpg"]
        assert (await shown(library, server, "a.jpg"))["rating"] is None


async def test_refused_with_its_sidecar(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A server that wants no sidecar gets the photo, and what it says later."""
    photo(camera, "a.jpg", exif=tiff(exif=EXIF_DATE))
    sidecar(camera, "a.xmp")
    server.faults.add(
        Fault(
            action=Action.RESPOND,
            method="POST",
            path=UPLOAD,
            times=1,
            status=400,
            body='{"message": "Unsupported file type a.jpg.xmp"}',
        )
    )
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        report = await rig.run()
        assert (report.counts.uploaded, report.counts.failed) == (1, 0)
        assert await shown(library, server, "a.jpg") == FULL


async def test_killed_before_it_was_recorded(
    server: Simulator, tmp_path: Path, library: Library, camera: Path
) -> None:
    """What was told and not recorded is told again, which changes nothing."""
    photo(camera, "a.jpg")
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        sidecar(camera, "a.xmp")
        await rig.run()
        before = await shown(library, server, "a.jpg")
        await rig.engine.ledger.run(
            lambda con: con.execute("DELETE FROM applied WHERE what LIKE 'told:%'")
        )
        await rig.engine.organise()
        assert await shown(library, server, "a.jpg") == before
        await again(rig, server)


async def test_the_server_is_away(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What can't be told now is told after the next start."""
    photo(camera, "a.jpg")
    fault = server.faults.add(
        Fault(action=Action.RESPOND, canned="bad-gateway", method="PUT", path=ASSETS)
    )
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        sidecar(camera, "a.xmp")
        await rig.run()
        assert (await shown(library, server, "a.jpg"))["rating"] is None
    server.faults.remove(fault)

    async def rated() -> bool:
        return bool((await library.asset("a.jpg"))["exifInfo"]["rating"] == 4)

    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]):
        await until(rated)


LONG = "A photo with a very long name that Google cuts somewhere"


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("a(1).jpg", "a.jpg.supplemental-metadata(1).json"),
        ("a(1).jpg", "a.jpg(1).json"),
        (f"{LONG}.jpg", f"{LONG[:46]}.json"),
    ],
)
async def test_takeout(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    name: str,
    beside: str,
) -> None:
    """Date, place, description and heart of a file that has none, by any name."""
    photo(camera, name, "2024-01-01T00:00:00")
    takeout(camera, beside)
    folder = told(camera)
    expected = FULL | {
        "rating": None,
        "favourite": True,
        "taken": "2021-05-06T09:08:09",
    }
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=Home()) as rig:
        await rig.run()
        assert await shown(library, server, name) == expected
        explained = await rig.engine.explain_placement(await rig.file(camera / name))
        assert explained is not None
        assert explained.subject.taken_by == "takeout"
        await again(rig, server)


async def test_takeout_comes_later_and_counts_less(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What the file says itself stays; an edited picture shares what is said."""
    exif = tiff({0x010E: "Mine"}, EXIF_DATE, place(1.5, 2.5))
    photo(camera, "a.jpg", exif=exif)
    photo(camera, "b.jpg", "2024-01-01T00:00:00")
    photo(camera, "b-edited.jpg", "2024-01-01T00:00:00")
    async with rig_on(server, tmp_path / "ledger.db", [told(camera)]) as rig:
        await rig.run()
        before = await shown(library, server, "a.jpg")
        takeout(camera, "a.jpg.json")
        takeout(camera, "b.jpg.json")
        await rig.run()
        assert await shown(library, server, "a.jpg") == before | {"favourite": True}
        for name in ("b.jpg", "b-edited.jpg"):
            # The clock there, as the place is known.
            assert (await shown(library, server, name))[
                "taken"
            ] == "2021-05-06T09:08:09"
        await again(rig, server)


async def test_takeout_of_what_was_there_before(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """It fills what is empty, and a date that nobody set."""
    for name in ("a.jpg", "b.jpg"):
        photo(camera, name, "2024-01-01T00:00:00")
    async with rig_on(server, tmp_path / "first.db", [folder_at(camera)]) as rig:
        await rig.run()
    theirs = {"dateTimeOriginal": "2020-01-01T00:00:00+01:00", "description": "Mine"}
    asset = await library.asset("b.jpg")
    await library.call("PUT", f"/assets/{asset['id']}", theirs)
    await server.idle()
    for name in ("a.jpg", "b.jpg"):
        takeout(camera, f"{name}.json")
    async with rig_on(server, tmp_path / "second.db", [told(camera)]) as rig:
        await rig.run()
        expected = FULL | {"rating": None, "favourite": True}
        expected["taken"] = "2021-05-06T09:08:09"
        assert await shown(library, server, "a.jpg") == expected
        mine = {"taken": "2020-01-01T00:00:00", "text": "Mine"}
        assert await shown(library, server, "b.jpg") == expected | mine


@pytest.mark.parametrize(
    ("name", "dates", "taken"),
    [
        # The day alone; the file was changed on another one.
        ("IMG-20230715-WA0001.jpg", "name", "2023-07-15T12:00:00"),
        ("IMG-20230715-WA0001.jpg", "never", "2023-08-01T22:30:00"),
        # Changed on that day in the home, which was the day before in UTC.
        ("IMG-20230802-WA0001.jpg", "name", "2023-08-02T00:30:00"),
        ("PXL_20230715_101112000.jpg", "name", "2023-07-15T12:11:12"),
        ("Screenshot_20230715-101112.jpg", "always", "2023-07-15T10:11:12"),
        # When it was changed is what the server makes of it anyway.
        ("photo.jpg", "always", "2023-08-01T22:30:00"),
    ],
)
async def test_dates_of_names(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    name: str,
    dates: str,
    taken: str,
) -> None:
    """A name that tells a date corrects what the server shows, once."""
    photo(camera, name, "2023-08-01T22:30:00")
    folder = told(camera, correct_dates=dates)
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=Home()) as rig:
        await rig.run()
        assert (await shown(library, server, name))["taken"] == taken
        # A person's own date stays.
        asset = await library.asset(name)
        theirs = {"dateTimeOriginal": "2020-01-01T00:00:00+01:00"}
        await library.call("PUT", f"/assets/{asset['id']}", theirs)
        await again(rig, server)
        assert (await shown(library, server, name))["taken"] == "2020-01-01T00:00:00"


async def test_names_count_less_and_only_of_ours(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A date inside the file wins; what was in Immich before is not guessed at."""
    photo(camera, "IMG_20230715_101112.jpg", exif=tiff(exif=EXIF_DATE))
    photo(camera, "IMG-20230715-WA0001.jpg", "2023-08-01T22:30:00")
    async with rig_on(server, tmp_path / "first.db", [folder_at(camera)]) as rig:
        await rig.run()
    async with rig_on(server, tmp_path / "second.db", [told(camera)]) as rig:
        await rig.run()
        assert writes(server) == []
    photo(camera, "IMG_20230715_111213.jpg", exif=tiff(exif=EXIF_DATE))
    async with rig_on(server, tmp_path / "third.db", [told(camera)]) as rig:
        await rig.run()
        assert writes(server) == []


@pytest.mark.parametrize(("dates", "hour"), [("name", 10), ("always", 12)])
async def test_videos_tell_utc(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    dates: str,
    hour: int,
) -> None:
    """Only who asks for it gets their videos in the home's time."""
    made = datetime(2023, 7, 15, 10, 11, 12) - datetime(1904, 1, 1)
    make(camera, "a.mp4", Video(created=int(made.total_seconds())).data())
    folder = told(camera, correct_dates=dates)
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=Home()) as rig:
        await rig.run()
        taken = (await shown(library, server, "a.mp4"))["taken"]
        assert taken == f"2023-07-15T{hour}:11:12"
        await again(rig, server)


async def test_keywords(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """If asked they become tags, also of a sidecar that comes later, and of the file."""
    make(camera, "a.jpg", jpeg(xmp=xmp(elements=bag("dc:subject", "Sea"))))
    photo(camera, "b.jpg")
    async with rig_on(
        server, tmp_path / "ledger.db", [told(camera, keywords=True)]
    ) as rig:
        await rig.run()
        assert await library.tags() == {"Sea": ["a.jpg"]}
        sidecar(camera, "b.xmp")
        await rig.run()
        assert await library.tags() == {"Sea": ["a.jpg"], "Animals/Birds": ["b.jpg"]}
        await again(rig, server)
        await rig.engine.apply(told(camera))
        photo(camera, "c.jpg")
        await rig.run()
        sidecar(camera, "c.xmp")
        await rig.run()
        assert "c.jpg" not in (await library.tags())["Animals/Birds"]


async def test_albums_by_what_lies_beside(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """The date of a sidecar counts for albums, its description less than the folder's."""
    photo(camera, "a.jpg", exif=tiff(exif=EXIF_DATE))
    photo(camera, "b.jpg", "2024-01-01T00:00:00")
    sidecar(camera, "a.xmp")
    takeout(camera, "b.jpg.json")
    folder = told(camera, album="month", description="From the card")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        assert await library.albums() == {"2021-05": ["a.jpg", "b.jpg"]}
        for name in ("a.jpg", "b.jpg"):
            assert (await shown(library, server, name))["text"] == "From the card"


async def test_a_folder_that_is_away(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """What is to be told waits until its files are there again."""
    photo(camera, "a.jpg")
    folder = told(camera)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        sidecar(camera, "a.xmp")
        (number,) = rig.engine._organiser._numbers(["camera"])
        await rig.engine.ledger.run(arranging.arrange_again, [number])
    away = camera.rename(tmp_path / "away")
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        assert writes(server) == []
        away.rename(camera)
        rig.clock.passed = 60

        async def rated() -> bool:
            return bool((await library.asset("a.jpg"))["exifInfo"]["rating"] == 4)

        await rig.run()
        await until(rated)
