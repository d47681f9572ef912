"""The whole demonstration for real: Home Assistant, a server, files, kill -9."""

import asyncio
from asyncio.subprocess import PIPE, Process
import hashlib
import json
from pathlib import Path
import re
import sys
import time
from typing import Any

import pytest

from custom_components.immich_backup.const import PERMISSIONS
from demo import samples
from demo.camera import content
from simulator import Simulator

from .conftest import ROOT

# On a fresh machine the first test waits for the environment.
pytestmark = [pytest.mark.usefixtures("demo_environment"), pytest.mark.timeout(480)]

SETTLE = 10
SKIPPED = set(samples.NOT_MEDIA)
WANTED = {sample.path for sample in samples.SAMPLES} | set(samples.COPIES)
ORGANISED = ("albums", "tags", "stacks", "live_photos", "favourites", "places")
# What says nothing itself, was unpacked a year later, and is described beside it.
DESCRIBED = "Takeout/Foto von Tante Änne.jpg"


def organised(result: dict[str, Any]) -> dict[str, Any]:
    """Return how the files are organised, as the server told."""
    return {key: result[key] for key in ORGANISED}


async def start(home: Path, *arguments: str | Path) -> Process:
    """Start a demonstration."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo", "--home", home, *arguments, cwd=ROOT, stdout=PIPE
    )


async def once(home: Path, *arguments: str | Path) -> dict[str, Any]:
    """Run a demonstration to its end and return the object on its last line."""
    process = await start(home, "--once", "--json", *arguments)
    output, _ = await process.communicate()
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert process.returncode == 0, output.decode()
    return result


async def read_until(process: Process, text: str) -> str:
    """Return the line that holds a text."""
    assert process.stdout is not None
    async for line in process.stdout:
        if text in line.decode():
            return line.decode()
    raise AssertionError(f"it ended without {text}")


def kinds_told(result: dict[str, Any]) -> list[str]:
    """Return the kinds of receivers that got a message as it should be."""
    return [one["kind"] for one in result["deliveries"] if one["ok"]]


def bytes_in(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the SHA-1 and the time of change of each file."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha1(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_once_and_again(tmp_path: Path) -> None:
    """The samples are uploaded and proven; the second time nothing is left to do."""
    first = await once(tmp_path)
    assert first["error"] is None
    assert first["log"] == []
    assert first["server"]["simulated"] is True
    assert first["found"] == len(WANTED) + len(SKIPPED)
    assert first["wanted"] == first["verified"] == len(WANTED)
    assert first["uploaded"] == len(WANTED) - len(samples.COPIES)
    assert first["duplicates"] == len(samples.COPIES)
    assert first["skipped"] == len(SKIPPED)
    assert first["failed"] == 0

    files = {file["path"]: file for file in first["files"]}
    assert set(files) == WANTED | SKIPPED
    on_disk = bytes_in(Path(first["folder"]))
    for path in WANTED:
        assert files[path]["state"] == "protected"
        assert files[path]["sha1"] == on_disk[path][0]
        assert files[path]["asset_id"]
    for path in SKIPPED:
        assert files[path]["state"] == "unwanted"
        tells = path.endswith(".json")
        assert files[path]["reason"] == ("sidecar" if tells else "extension")
    for copy, original in samples.COPIES.items():
        assert files[copy]["asset_id"] == files[original]["asset_id"]
    states = first["entities"]
    assert states["sensor.samples_protected_files"] == str(len(WANTED))
    assert states["sensor.samples_protected_share"] == "100.0"
    assert not {"unavailable", "unknown"} & {
        states[f"sensor.samples_{name}"]
        for name in ("status", "last_successful_backup")
    }
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600

    (run,) = first["runs"]
    assert run["trigger"] == "trigger"
    assert run["started_by"] == "Demo came home"
    assert run["outcome"] == "completed"
    told = first["deliveries"]
    assert [(one["kind"], one["target"], one["event"], one["ok"]) for one in told] == [
        ("notify", "notify.mobile_app_demo_phone", "completed", True),
        ("speaker", "media_player.kitchen_speaker", "completed", True),
        ("tv", "media_player.living_room_tv", "completed", True),
    ]
    on_phone, on_speaker, on_tv = told
    assert on_phone["message"] == on_speaker["message"]
    stored = WANTED - samples.COPIES.keys()
    videos = sum(path.lower().endswith((".mp4", ".mov")) for path in stored)
    assert f"{len(stored) - videos} photos and {videos} videos" in on_phone["message"]
    assert on_tv["message"] in on_phone["detail"]
    assert "audio/mpeg" in on_speaker["detail"]
    assert "video/mp4" in on_tv["detail"]

    sea = [path for path in WANTED if path.startswith("Ostsee 2025/")]
    albums = {album["name"]: album["count"] for album in first["albums"]}
    # The video of the live photo is in no album: its still stands for it.
    assert albums["A weekend at the sea"] == len(sea) - 1
    assert albums["Front door"] == 2
    # By the clocks of the place: at home it was 2025 still.
    assert albums["2026-01"] == 1
    assert albums["2025-08"] == 3
    assert albums["2025-06"] == 1
    assert "2026-06" not in albums
    assert sum(albums.values()) == first["uploaded"] - 1
    assert first["tags"] == {"Home/Camera": first["uploaded"] - 1, "Home/Doorbell": 2}
    assert first["stacks"] == [
        {"cover": "20250713_152010_001.jpg", "count": 3},
        {"cover": "DSC_0500.JPG", "count": 2},
        {"cover": "IMG_0702.HEIC", "count": 2},
    ]
    assert (first["live_photos"], first["favourites"]) == (1, 1)
    # The simulated server reads no place of a video.
    placed = [one for one in samples.SAMPLES if one.place and one.suffix != ".mov"]
    assert first["places"] == len(placed) + 1

    second = await once(tmp_path)
    assert organised(second) == organised(first)
    assert second["uploaded"] == second["duplicates"] == second["failed"] == 0
    assert second["verified"] == second["wanted"] == len(WANTED)
    assert second["log"] == []
    # Who comes home starts a backup again; it has nothing to tell.
    assert [run["started_by"] for run in second["runs"]] == ["Demo came home"]
    assert second["deliveries"] == []
    assert "on" in {
        state for name, state in second["entities"].items() if "connected" in name
    }
    same = {"folder", "found", "skipped", "url", "server"}
    assert {key: second[key] for key in same} == {key: first[key] for key in same}
    assert {file["path"]: file for file in second["files"]} == files
    # The server itself says so, too.
    state = json.loads((tmp_path / "demo.json").read_text())
    async with Simulator(tmp_path / "immich", api_key=state["server_key"]) as server:
        assets = {asset.sha1: asset for asset in server.assets()}
    assert assets.keys() == {on_disk[path][0] for path in WANTED}
    described = assets[on_disk[DESCRIBED][0]]
    assert described.local_date_time == "2025-06-01T14:30:00.000Z"


async def test_keeps_running_and_survives_kill(tmp_path: Path) -> None:
    """A new file is backed up; after kill -9 of the demonstration it starts again."""
    process = await start(tmp_path)
    await read_until(process, "Everything runs")
    dropped = time.monotonic()
    (tmp_path / "media/Samples/dropped.jpg").write_bytes(b"a photo")
    line = await read_until(process, "dropped.jpg")
    assert time.monotonic() - dropped < SETTLE + 5
    assert re.search(r"uploaded 1, failed 0: dropped\.jpg", line)
    # The TV may still show what it was told before.
    await read_until(process, "Speaker  “1 ")

    # Nobody is left to end Home Assistant, and no time to wait for it.
    process.kill()
    result = await once(tmp_path)
    assert result["uploaded"] == 0
    assert result["verified"] == result["wanted"] == len(WANTED) + 1
    assert result["log"] == []


async def test_own_photos_on_a_real_server(tmp_path: Path) -> None:
    """Another folder goes to another server, which may move; the photos stay as are."""
    home, photos = tmp_path / "home", tmp_path / "My photos"
    (photos / "2025").mkdir(parents=True)
    for number in range(3):
        (photos / f"2025/{number}.jpg").write_bytes(bytes([number]) * 1000)
    pairs = ("IMG_0701.HEIC", "IMG_0701.MOV", "DSC_0500.DNG", "DSC_0500.JPG")
    for sample in samples.SAMPLES:
        if (name := Path(sample.path).name) in pairs:
            (photos / "2025" / name).write_bytes(content(sample))
    count = 3 + len(pairs)
    before = bytes_in(photos)
    result = await once(home, "--photos", photos)
    assert result["server"]["simulated"] is True
    assert result["uploaded"] == result["verified"] == count
    assert (result["live_photos"], len(result["stacks"])) == (1, 1)
    assert sum(album["count"] for album in result["albums"]) == count - 1
    assert kinds_told(result) == ["notify", "speaker", "tv"]
    assert result["folder"] == str(photos)
    states = result["entities"]

    data = tmp_path / "server"
    here = organised(result)
    async with Simulator(data) as server:
        # No more than the README asks for, and a picture for the phone.
        may = [*PERMISSIONS, "asset.view"]
        key = await server.add_api_key(server.admin(), may)
        named = ("--immich-url", f"{server.url}/api/", "--immich-key", key)
        result = await once(home, "--photos", photos, *named)
        assert result["uploaded"] == result["verified"] == count
        assert kinds_told(result) == ["notify", "speaker", "tv"]
        assert result["server"]["url"] == server.url
        assert result["server"]["simulated"] is False
        # The account on the simulated server is switched off.
        assert not states.keys() & result["entities"].keys()
        assert result["log"] == []
        assert len(server.assets()) == count
        there = organised(result)
        assert _nameless(there) == _nameless(here)
    async with Simulator(data) as server:
        named = ("--immich-url", server.url, "--immich-key", key)
        result = await once(home, "--photos", photos, *named)
        assert (result["uploaded"], result["verified"]) == (0, count)
        assert organised(result) == there
        assert result["server"]["url"] == server.url
        # Until the form was filled in, Home Assistant asked at the old address.
        assert all("Can't connect to the server" in line for line in result["log"])
    assert bytes_in(photos) == before


def _nameless(told: dict[str, Any]) -> dict[str, Any]:
    """Return how files are organised without the ids that a server gave."""
    albums = [{**album, "id": None} for album in told["albums"]]
    return {**told, "albums": albums}


async def test_failure_is_told(tmp_path: Path) -> None:
    """Without the server that was named there is an error to read, and exit code 1."""
    async with Simulator() as server:
        url = server.url
    process = await start(
        tmp_path, "--once", "--json", "--immich-url", url, "--immich-key", "any"
    )
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert url in json.loads(output.splitlines()[-1])["error"]
