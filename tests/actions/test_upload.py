"""The action upload: files, patterns, media and snapshots."""

from pathlib import Path
from typing import override

from homeassistant.components.camera import Camera
from homeassistant.components.image import ImageEntity
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from custom_components.immich_backup.account import spool_path
from custom_components.immich_backup.const import DOMAIN
from tests.support.home import API_KEY, ENTRY_ID, Home, permission_lost, until

from .test_runs import act

PICTURE = b"\xff\xd8\xff a picture"


class Doorbell(Camera):
    """A camera that gives one picture, or none."""

    _attr_name = "Front door"

    def __init__(self, picture: bytes | None) -> None:
        """Give this picture."""
        super().__init__()
        self._picture = picture

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """Return the picture."""
        return self._picture


class Map(ImageEntity):
    """An image entity with a PNG."""

    _attr_name = "Robot map"
    _attr_content_type = "image/png"

    @override
    async def async_image(self) -> bytes | None:
        """Return the image."""
        return b"\x89PNG"


async def add_camera(hass: HomeAssistant, picture: bytes | None) -> None:
    """Add the doorbell to the home."""
    setup_test_component_platform(hass, "camera", [Doorbell(picture)])
    assert await async_setup_component(hass, "camera", {"camera": {"platform": "test"}})
    await hass.async_block_till_done()


async def test_files_and_patterns(home: Home, tmp_path: Path) -> None:
    """Each file is answered for; what may not be read is refused with the reason."""
    folder = home.folder("export")
    for name in ("one.jpg", "two.jpg", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    (folder / "link.jpg").symlink_to("/etc/hostname")
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"outside")
    await home.set_up()
    answer = await act(
        home.hass,
        "upload",
        files=[
            f"{folder}/t*.jpg",
            str(folder / "one.jpg"),
            str(folder / "notes.txt"),
            str(folder / "none.jpg"),
            f"{folder}/*.png",
            str(folder / "link.jpg"),
            str(outside),
            str(folder),
        ],
    )
    states = {file["path"]: file["state"] for file in answer["files"]}
    assert states == {
        str(folder / "two.jpg"): "uploaded",
        str(folder / "one.jpg"): "uploaded",
        str(folder / "notes.txt"): "failed",
        str(folder / "none.jpg"): "failed",
        f"{folder}/*.png": "failed",
        str(folder / "link.jpg"): "failed",
        str(outside): "failed",
        str(folder): "failed",
    }
    assert all(file["text"] for file in answer["files"])
    assert {frozenset(file) for file in answer["files"]} == {
        frozenset(
            ("path", "state", "reason", "text", "asset_id", "sha1", "problem"),
        )
    }
    names = sorted(asset.original_file_name for asset in home.immich.assets())
    assert names == ["one.jpg", "two.jpg"]


async def test_failures_raise_when_nobody_reads_the_answer(home: Home) -> None:
    """The others are uploaded all the same."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up()
    with pytest.raises(ServiceValidationError) as failed:
        await home.hass.services.async_call(
            DOMAIN,
            "upload",
            {
                "files": [
                    str(folder / name)
                    for name in ("one.jpg", "none.jpg", "a", "b", "c")
                ]
            },
            blocking=True,
        )
    assert failed.value.translation_key == "upload_failed"
    assert failed.value.translation_placeholders == {
        "count": "4",
        "total": "5",
        "files": (
            f"{folder}/none.jpg: There is no such file;"
            f" {folder}/a: There is no such file;"
            f" {folder}/b: There is no such file; … +1"
        ),
        "stored": "1",
        "waiting": "0",
    }
    assert len(home.immich.assets()) == 1


async def test_empty_file(home: Home) -> None:
    """Nobody watches it until something is in it, and the answer promises no such thing."""
    folder = home.folder()
    (folder / "empty.jpg").touch()
    await home.set_up()
    (file,) = (await act(home.hass, "upload", files=str(folder / "empty.jpg")))["files"]
    assert (file["state"], file["reason"]) == ("failed", "empty")
    assert file["text"] == "It is empty, and the server takes no empty files"


async def test_waiting_says_what_for(home: Home) -> None:
    """A permission that is missing is told as what it is, not as a server that is away."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.immich.faults.add(permission_lost())
    await home.set_up()
    # What the server says of the key would let uploads be tried again.
    await until(lambda: home.manager.server.data is not None)
    (file,) = (await act(home.hass, "upload", files=str(folder / "one.jpg")))["files"]
    assert file["state"] == "waiting"
    assert file["text"] == "It waits. The API key lacks the permission asset.upload"


async def test_media(home: Home) -> None:
    """An item of a media source with local files; others are refused."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    assert await async_setup_component(home.hass, "media_source", {})
    await home.set_up()
    answer = await act(
        home.hass,
        "upload",
        media=[
            {
                "media_content_id": "media-source://media_source/local/camera/one.jpg",
                "media_content_type": "image/jpeg",
            },
            "media-source://media_source/local/camera/none.jpg",
            "media-source://media_source/local/../../etc/passwd",
            "http://example.com/one.jpg",
        ],
    )
    assert [file["state"] for file in answer["files"]] == ["uploaded", *["failed"] * 3]


async def test_snapshot(home: Home) -> None:
    """It is named after the entity and the time, dated now, and put into the album."""
    await add_camera(home.hass, PICTURE)
    await home.set_up()
    before = dt_util.utcnow()
    answer = await act(
        home.hass,
        "upload",
        entity_id="camera.front_door",
        album="Doorbell",
        tags=["Home/Doorbell"],
    )
    (file,) = answer["files"]
    assert (file["state"], file["problem"]) == ("uploaded", None)
    (asset,) = home.immich.assets()
    day = dt_util.as_local(before).strftime("%Y-%m-%d")
    assert asset.original_file_name.startswith(f"front_door_{day}_")
    assert asset.original_file_name.endswith(".jpg")
    assert home.immich.asset_bytes(asset.id) == PICTURE
    async with async_get_clientsession(home.hass).get(
        f"{home.immich.url}/api/albums", headers={"x-api-key": API_KEY}
    ) as response:
        (album,) = await response.json()
    assert (album["albumName"], album["assetCount"]) == ("Doorbell", 1)
    # The copy is gone once it is proven.
    assert list(Path(spool_path(home.hass, ENTRY_ID)).iterdir()) == []


async def test_snapshots_wait_for_the_server(home: Home) -> None:
    """They are on the disk before the answer says that they wait."""
    await add_camera(home.hass, PICTURE)
    await home.set_up()
    await home.immich.stop()
    answer = await act(home.hass, "upload", entity_id="camera.front_door")
    (file,) = answer["files"]
    assert file["state"] == "waiting"
    assert Path(file["path"]).read_bytes() == PICTURE
    await home.immich.start()
    await home.until_stored(1)
    await until(lambda: not Path(file["path"]).exists())


async def test_image_entity(home: Home) -> None:
    """Its extension follows what it is."""
    setup_test_component_platform(home.hass, "image", [Map(home.hass)])
    assert await async_setup_component(
        home.hass, "image", {"image": {"platform": "test"}}
    )
    await home.hass.async_block_till_done()
    await home.set_up()
    answer = await act(home.hass, "upload", entity_id="image.robot_map")
    assert answer["files"][0]["state"] == "uploaded"
    (asset,) = home.immich.assets()
    assert asset.original_file_name.endswith(".png")


async def test_camera_without_a_picture(home: Home) -> None:
    """A camera that is off, and one that does not exist, are failures with a reason."""
    await add_camera(home.hass, None)
    await home.set_up()
    answer = await act(
        home.hass,
        "upload",
        entity_id=["camera.front_door", "camera.none", "image.none"],
    )
    assert [file["state"] for file in answer["files"]] == ["failed"] * 3
    assert all(file["text"] for file in answer["files"])
    assert home.immich.assets() == []
