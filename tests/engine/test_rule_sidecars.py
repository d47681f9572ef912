"""Rules see what lies beside a photo, whenever it comes."""

from contextlib import closing
import json
import os
from pathlib import Path
import sqlite3
import time
from typing import Any

import pytest

from custom_components.immich_backup.engine import (
    Detection,
    FileState,
    Folder,
    RuleSet,
    parse_rule,
)
from custom_components.immich_backup.engine.beside import Surroundings
from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.enquiry import Enquiry
from custom_components.immich_backup.engine.ledger import files, sidecars
from custom_components.immich_backup.engine.ledger.schema import STATEMENTS
from custom_components.immich_backup.engine.media_types import DEFAULT_EXTENSIONS
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from custom_components.immich_backup.engine.preview import preview
from simulator import Simulator
from tests.support.media import jpeg, place, tiff, xmp

from .support import folder_at, make, rig_on
from .test_enquiry import HOME, PARTY, FakeHome

AWAY = (10.0, 20.0)
DAY = {"captured_from": "2026-04-30", "captured_to": "2026-04-30"}
ZONE = {"zones": "zone.home"}
CALENDAR = {"calendars": "calendar.family"}


def folder_of(path: Path, *rules: dict[str, Any], **values: Any) -> Folder:
    """Return a folder with these rules, of which nothing else is wanted."""
    return folder_at(
        path,
        rules=RuleSet(
            kinds=frozenset(),
            rules=tuple(parse_rule(rule, n) for n, rule in enumerate(rules, 1)),
            extensions=DEFAULT_EXTENSIONS,
        ),
        **{"arrangement": parse_arrangement({"sidecars": True}), **values},
    )


def wanting(path: Path, rule: dict[str, Any], **values: Any) -> Folder:
    """Return a folder of which one rule wants files."""
    return folder_of(path, {"action": "back_up", **rule}, **values)


def photo(
    folder: Path,
    name: str,
    date: str | None = None,
    where: tuple[float, float] | None = None,
) -> Path:
    """Write a photo with bytes of its own that says these things itself."""
    exif = {} if date is None else {0x9003: date}
    gps = None if where is None else place(*where)
    return make(folder, name, jpeg(tiff({}, exif, gps), appended=name.encode()))


def sidecar(
    folder: Path, name: str, where: tuple[int, int], date: str = "2026-04-30T20:30:00Z"
) -> Path:
    """Write an XMP sidecar; it was taken in these degrees north and east."""
    text = f'exif:DateTimeOriginal="{date}" exif:GPSLatitude="{where[0]},0N"'
    return make(folder, name, xmp(f'{text} exif:GPSLongitude="{where[1]},0E"').encode())


def takeout(folder: Path, name: str, where: tuple[float, float]) -> Path:
    """Write a JSON file of Google Takeout, about a photo of the party."""
    told = {
        "photoTakenTime": {"timestamp": f"{PARTY.timestamp():.0f}"},
        "geoData": {"latitude": where[0], "longitude": where[1], "altitude": 0},
    }
    return make(folder, name, json.dumps(told).encode())


def scene(folder: Path) -> None:
    """Write photos whose sidecars, own words and Takeout's files tell what counts."""
    photo(folder, "plain.jpg")
    photo(folder, "xmp.jpg")
    sidecar(folder, "xmp.xmp", (52, 5))
    photo(folder, "json.jpg")
    takeout(folder, "json.jpg.json", HOME)
    # The sidecar counts before the photo,
    photo(folder, "corrected.jpg", "2020:01:01 00:00:00", AWAY)
    sidecar(folder, "corrected.jpg.xmp", (52, 5))
    photo(folder, "moved.jpg", "2026:04:30 20:30:00", HOME)
    sidecar(folder, "moved.xmp", (10, 20), "2020-01-01T00:00:00Z")
    # and the photo before Takeout's file.
    photo(folder, "itself.jpg", "2020:01:01 00:00:00", AWAY)
    takeout(folder, "itself.jpg.json", HOME)


AT_HOME = ["corrected.jpg", "json.jpg", "xmp.jpg"]
ALL = ["corrected.jpg", "itself.jpg", "json.jpg", "moved.jpg", "plain.jpg", "xmp.jpg"]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (DAY, AT_HOME),
        (ZONE, AT_HOME),
        (CALENDAR, AT_HOME),
        ({"location": "yes"}, [name for name in ALL if name != "plain.jpg"]),
        ({"location": "no"}, ["plain.jpg"]),
    ],
)
async def test_what_counts(
    server: Simulator,
    tmp_path: Path,
    camera: Path,
    rule: dict[str, Any],
    wanted: list[str],
) -> None:
    """Sidecar, photo, Takeout, in this order; what would happen is told the same."""
    scene(camera)
    os.utime(camera / "plain.jpg", (PARTY.timestamp(),) * 2)
    folder = wanting(camera, rule)
    home = FakeHome()
    seen = await preview(folder, None, SystemClock(), Enquiry(home, SystemClock()))
    assert seen.wanted == len(wanted)
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.run()
        await rig.quiet()
        assert rig.names() == wanted
        assert (await rig.engine.plan())["camera"].protected == len(wanted)


async def test_templates(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """They see the place and the time of the sidecar, and who told it."""
    scene(camera)
    seen: dict[str, Any] = {}

    class Looking(FakeHome):
        async def render(self, template: str, media: Any) -> Any:
            for one in media:
                taken = one["captured_at"].isoformat()
                place = one["latitude"], one["longitude"]
                seen[one["name"]] = one["captured_by"], taken, place
            return await super().render(template, media)

    folder = wanting(camera, {"template": "x"})
    async with rig_on(
        server, tmp_path / "ledger.db", [folder], context=Looking()
    ) as rig:
        await rig.run()
        await rig.quiet()
    assert seen["xmp.jpg"] == ("sidecar", "2026-04-30T20:30:00+00:00", HOME)
    assert seen["json.jpg"] == ("takeout", "2026-04-30T20:00:00+00:00", HOME)
    assert seen["itself.jpg"][0] == "exif"
    assert seen["plain.jpg"][0] == "modified"


async def test_not_passed_on(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """Where a folder leaves out sidecars, its rules do so too."""
    scene(camera)
    folder = wanting(camera, DAY, arrangement=parse_arrangement({}))
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        await rig.quiet()
        assert rig.names() == ["moved.jpg"]


async def test_not_asked_for(
    server: Simulator,
    tmp_path: Path,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a rule about time and place nothing beside a file is looked at for it."""

    def forbidden(*_: object) -> None:
        raise AssertionError

    scene(camera)
    monkeypatch.setattr(Surroundings, "__init__", forbidden)
    folder = wanting(
        camera, {"min_pixels": 1}, arrangement=parse_arrangement({"sidecars": True})
    )
    clock = SystemClock()
    seen = await preview(folder, None, clock, Enquiry(FakeHome(), clock))
    assert (seen.files, seen.errors) == (11, 0)


@pytest.mark.parametrize("write", [sidecar, takeout])
async def test_it_comes_later(
    server: Simulator, tmp_path: Path, camera: Path, write: Any
) -> None:
    """The photo that was left out is decided again, and stored by itself."""
    one = photo(camera, "a.jpg")
    other = photo(camera, "b.jpg")
    folder = wanting(camera, ZONE)
    async with rig_on(
        server, tmp_path / "ledger.db", [folder], context=FakeHome()
    ) as rig:
        await rig.wait_for(FileState.UNWANTED, one, other)
        name = "a.xmp" if write is sidecar else "a.jpg.json"
        write(camera, name, (10, 20))
        await rig.wait_for(FileState.UNWANTED, camera / name)
        assert (await rig.file(one)).state is FileState.UNWANTED
        write(camera, name, (52, 5))
        assert (await rig.wait_for(FileState.PROTECTED, one)).criterion == "zones"
        assert (await rig.file(other)).state is FileState.UNWANTED
        assert rig.names() == ["a.jpg"]


async def test_a_run_waits_for_it(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A run that meets the sidecar stores the photo that it makes wanted."""
    one = photo(camera, "a.jpg")
    folder = wanting(camera, DAY, new_media=False, detection=Detection.POLLING)
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        assert (await rig.file(one)).state is FileState.UNWANTED
        sidecar(camera, "a.xmp", (52, 5))
        assert (await rig.run()).counts.uploaded == 1


async def test_it_keeps_a_photo_back(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """What waits is left out once its sidecar says so; what is proven stays proven."""
    stored = photo(camera, "stored.jpg")
    folder = folder_of(
        camera,
        {"name": "Private", "action": "skip", **ZONE},
        {"action": "back_up", "types": "photo"},
    )
    async with rig_on(
        server, tmp_path / "ledger.db", [folder], context=FakeHome()
    ) as rig:
        await rig.run()
        await rig.wait_for(FileState.PROTECTED, stored)
        await rig.engine.controls.pause()
        waiting = photo(camera, "waiting.jpg")
        await rig.wait_for(FileState.WAITING, waiting)
        for name in ("stored.xmp", "waiting.xmp"):
            sidecar(camera, name, (52, 5))
        assert (await rig.wait_for(FileState.UNWANTED, waiting)).rule == "Private"
        await rig.engine.controls.resume()
        await rig.run()
        assert (await rig.file(stored)).state is FileState.PROTECTED
        assert rig.names() == ["stored.jpg"]


async def test_together_they_are_decided_once(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """A photo that settles with its sidecar is decided by it, and not again."""
    for number in range(20):
        photo(camera, f"{number}.jpg")
        sidecar(camera, f"{number}.xmp", (52, 5))
    home = FakeHome()
    folder = wanting(camera, ZONE, detection=Detection.POLLING, new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.run()
        assert len(rig.names()) == 20
        assert sum(count for _, count in home.asked) == 20


def test_names_that_begin_alike() -> None:
    """What lies beside sidecars is looked at once where their names begin alike."""
    names = [f"Holiday ({number}).jpg".encode() for number in range(4000)]
    with closing(sqlite3.connect(":memory:")) as con:
        con.executescript(STATEMENTS)
        con.execute("INSERT INTO folder (key) VALUES ('camera')")
        con.execute("INSERT INTO directory (folder, path) VALUES (1, x'')")
        con.executemany(
            "INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns,"
            " state, reason) VALUES (1, 1, ?, 1, 1, 1, 'unwanted', 'rule')",
            [(name,) for own in names for name in (own, own + b".xmp")],
        )
        settled = [
            file
            for file in files.decided_by_other_rules(con, 1, "", 8000)
            if file.path.endswith(b".xmp")
        ][:500]
        started = time.process_time()
        assert not sidecars.told_anew(con, 1, settled, decide=True)
        # One by one it is many seconds.
        assert time.process_time() - started < 1
        again = {file.path + b".xmp" for file in files.due_again(con, 1, 0, 8000)}
        assert again == {file.path for file in settled}


async def test_it_comes_later_in_another_case(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """Names that differ in their case only belong together, then as well."""
    paths = [photo(camera, name) for name in ("IMG_1.JPG", "img_2.jpg")]
    home = FakeHome()
    folder = wanting(camera, ZONE, detection=Detection.POLLING, new_media=False)
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.run()
        assert rig.names() == []
        sidecar(camera, "img_1.xmp", (52, 5))
        sidecar(camera, "IMG_2.XMP", (52, 5))
        await rig.run()
        await rig.wait_for(FileState.PROTECTED, *paths)
