"""Files that belong together are put together on the server, once both are proven."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from custom_components.immich_backup.engine import Detection, Folder
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from simulator import Simulator
from tests.support.media import Video, apple_note, jpeg, tiff

from .library import Library
from .support import folder_at, rig_on

TAKEN = {0x9003: "2024:07:12 10:00:00", 0x9011: "+00:00"}


@pytest.fixture
async def library(server: Simulator) -> AsyncIterator[Library]:
    """Return the server's library as its owner sees it."""
    async with aiohttp.ClientSession() as session:
        yield Library(session, server)


def paired(path: Path, **wishes: object) -> Folder:
    """Return a folder in which files belong together; runs are asked for."""
    return folder_at(
        path,
        arrangement=parse_arrangement({"live_photos": True, **wishes}),
        new_media=False,
        detection=Detection.POLLING,
    )


def still(folder: Path, name: str, identifier: str | None) -> None:
    """Write the still of a live photo."""
    exif = {**TAKEN, 0x927C: apple_note(identifier)}
    (folder / name).write_bytes(jpeg(tiff(exif=exif), appended=name.encode()))


def video(folder: Path, name: str, identifier: str) -> None:
    """Write the video of a live photo."""
    data = Video(keys={"content.identifier": identifier}, seconds=2).data()
    (folder / name).write_bytes(data + name.encode())


def picture(folder: Path, name: str) -> None:
    """Write a picture that was taken at the same moment as all others."""
    (folder / name).write_bytes(jpeg(tiff(exif=TAKEN), appended=name.encode()))


async def linked(library: Library, still_name: str, video_name: str) -> bool:
    """Return whether a still has a video, which is hidden then."""
    still_asset = await library.asset(still_name)
    video_asset = await library.asset(video_name)
    has_it = bool(still_asset["livePhotoVideoId"] == video_asset["id"])
    assert (video_asset["visibility"] == "hidden") is has_it
    return has_it


async def test_live_photos(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Both halves at once, either half first, and what belongs to nothing."""
    still(camera, "IMG_1.JPG", "A")
    video(camera, "IMG_1.MOV", "A")
    still(camera, "IMG_2.JPG", "B")
    video(camera, "IMG_3.MOV", "C")
    still(camera, "IMG_4.JPG", "D")
    video(camera, "IMG_4.MOV", "another")
    folder = paired(camera, album="Card", tags=["Card"])
    async with rig_on(server, tmp_path / "ledger.db", [folder]) as rig:
        await rig.run()
        assert await linked(library, "IMG_1.JPG", "IMG_1.MOV")
        assert not await linked(library, "IMG_4.JPG", "IMG_4.MOV")
        assert (await library.asset("IMG_3.MOV"))["visibility"] == "timeline"
        # The other halves come later.
        video(camera, "IMG_2.MOV", "B")
        still(camera, "IMG_3.JPG", "C")
        await rig.run()
        assert await linked(library, "IMG_2.JPG", "IMG_2.MOV")
        assert await linked(library, "IMG_3.JPG", "IMG_3.MOV")
        assert "IMG_1.MOV" not in (await library.albums())["Card"]
        assert "IMG_1.JPG" in (await library.albums())["Card"]
        # Also one that was there before its still.
        explained = await rig.engine.explain_placement(
            await rig.file(camera / "IMG_3.MOV")
        )
        assert explained is not None
        assert "shown with its photo" in explained.text
        server.requests.clear()
        done = await rig.engine.organise()
        assert done.live_photos == done.stacks == 0
        assert not [r for r in server.requests if r.method in ("PUT", "POST")]


async def test_a_still_that_was_there_before(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """A still that the server had is linked too: no video stays hidden alone."""
    still(camera, "IMG_1.JPG", "A")
    async with rig_on(server, tmp_path / "first.db", [folder_at(camera)]) as rig:
        await rig.run()
    video(camera, "IMG_1.MOV", "A")
    async with rig_on(server, tmp_path / "second.db", [paired(camera)]) as rig:
        await rig.run()
        assert await linked(library, "IMG_1.JPG", "IMG_1.MOV")


async def test_a_library_from_before(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Live photos that were stored as two are put together when asked for."""
    still(camera, "IMG_1.JPG", "A")
    video(camera, "IMG_1.MOV", "A")
    plain = folder_at(camera, new_media=False, detection=Detection.POLLING)
    async with rig_on(server, tmp_path / "ledger.db", [plain]) as rig:
        await rig.run()
        assert not await linked(library, "IMG_1.JPG", "IMG_1.MOV")
        await rig.engine.apply(paired(camera))
        assert (await rig.engine.plan_organising()).live_photos == 1
        assert not await linked(library, "IMG_1.JPG", "IMG_1.MOV")
        assert (await rig.engine.organise()).live_photos == 1
        assert await linked(library, "IMG_1.JPG", "IMG_1.MOV")


@pytest.mark.parametrize(
    ("stacks", "shown"),
    [
        ({}, {}),
        ({"raw_and_jpeg": "both", "burst": "all"}, {}),
        ({"raw_and_jpeg": "stack_jpeg"}, {"DSC_1.JPG": 2}),
        ({"raw_and_jpeg": "stack_raw"}, {"DSC_1.DNG": 2}),
        ({"heic_and_jpeg": "stack_heic"}, {"IMG_1.HEIC": 2}),
        ({"heic_and_jpeg": "stack_jpeg"}, {"IMG_1.JPG": 2}),
        (
            {"heic_and_jpeg": "stack_heic", "burst": "stack"},
            {"IMG_1.HEIC": 2, "20240712_100000_001.jpg": 3},
        ),
    ],
)
async def test_stacks(
    server: Simulator,
    library: Library,
    tmp_path: Path,
    camera: Path,
    stacks: dict[str, str],
    shown: dict[str, int],
) -> None:
    """What belongs together is shown as one, if that is chosen; all of it is kept."""
    names = [
        "DSC_1.JPG",
        "DSC_1.DNG",
        "IMG_1.HEIC",
        "IMG_1.JPG",
        *(f"20240712_100000_00{number}.jpg" for number in (1, 2, 3)),
        "single.jpg",
    ]
    for name in names:
        picture(camera, name)
    (camera / "DSC_1.DNG").write_bytes(tiff(exif=TAKEN) + b"raw")
    async with rig_on(
        server, tmp_path / "ledger.db", [paired(camera, **stacks)]
    ) as rig:
        await rig.run()
        assert rig.names() == sorted(names)
        found = {}
        for stack in await library.call("GET", "/stacks"):
            assets = {asset["id"]: asset for asset in stack["assets"]}
            cover = assets[stack["primaryAssetId"]]["originalFileName"]
            found[cover] = len(assets)
        assert found == shown
        server.requests.clear()
        await rig.engine.organise()
        assert not server.requests.matching("POST", "/api/stacks")


async def test_a_burst_that_grows(
    server: Simulator, library: Library, tmp_path: Path, camera: Path
) -> None:
    """Pictures that come later join the stack."""
    for number in (1, 2):
        picture(camera, f"20240712_100000_00{number}.jpg")
    async with rig_on(
        server, tmp_path / "ledger.db", [paired(camera, burst="stack")]
    ) as rig:
        await rig.run()
        picture(camera, "20240712_100000_003.jpg")
        await rig.run()
        (stack,) = await library.call("GET", "/stacks")
        assert len(stack["assets"]) == 3
