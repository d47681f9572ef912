"""The actions explain and list_files."""

import hashlib
import os
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.immich_backup.const import CONF_RULES, DOMAIN
from tests.support.home import Home, folder_data

from .test_runs import act


async def test_explain_a_protected_file(home: Home) -> None:
    """State, decision, asset and proof of one file."""
    folder = home.folder()
    (folder / "sub").mkdir()
    path = folder / "sub" / "Größe 1.jpg"
    path.write_bytes(b"photo")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    answer = await act(home.hass, "explain", path=str(path))
    (asset,) = home.immich.assets()
    assert answer["path"] == "sub/Größe 1.jpg"
    assert answer["folder"] == "Camera"
    assert answer["state"] == "protected"
    assert answer["reason"] == "uploaded"
    assert answer["asset_id"] == asset.id
    assert answer["sha1"] == asset.sha1 == hashlib.sha1(b"photo").hexdigest()
    assert answer["proof"] == "confirmed"
    assert answer["proof_at"] is not None
    assert answer["superseded"] == []


async def test_explain_a_refusal(home: Home) -> None:
    """The rule and the criterion that decided are named."""
    folder = home.folder()
    (folder / "shot.png").write_bytes(b"screen")
    rule = {"name": "Screenshots", "action": "skip", "paths": ["*.png"]}
    await home.set_up(folder_data(folder, **{CONF_RULES: [rule]}))
    await act(home.hass, "run")
    answer = await act(home.hass, "explain", path=str(folder / "shot.png"))
    assert answer["state"] == "unwanted"
    assert answer["rule"] == "Screenshots"
    assert answer["criterion"] == "path"
    assert "Screenshots" in answer["reason_text"]


async def test_explain_what_is_not_known(home: Home) -> None:
    """A path outside of every folder is an error of the caller."""
    await home.set_up(folder_data(home.folder()))
    with pytest.raises(ServiceValidationError) as unknown:
        await act(home.hass, "explain", path="/etc/passwd")
    assert unknown.value.translation_key == "file_unknown"


async def test_list_files(home: Home) -> None:
    """States, folders and pages; names that are not UTF-8 do no harm."""
    camera, phone = home.folder("camera"), home.folder("phone")
    for number in range(5):
        (camera / f"{number}.jpg").write_bytes(str(number).encode())
    (camera / "notes.txt").write_bytes(b"no photo")
    (phone / os.fsdecode(b"\xff.jpg")).write_bytes(b"odd name")
    await home.set_up(
        folder_data(camera, title="Camera", subentry_id="camera"),
        folder_data(phone, title="Phone", subentry_id="phone"),
    )
    await home.until_state("sensor", "protected_files", "6")
    everything = await act(home.hass, "list_files")
    assert everything["total"] == len(everything["files"]) == 7
    protected = await act(
        home.hass, "list_files", state=["protected"], folder="Camera", limit=2, offset=4
    )
    assert protected["total"] == 5
    assert len(protected["files"]) == 1
    odd = await act(home.hass, "list_files", folder="Phone")
    assert odd["files"][0]["path"] == "\N{REPLACEMENT CHARACTER}.jpg"
    refused = await act(home.hass, "list_files", state="unwanted")
    assert [file["path"] for file in refused["files"]] == ["notes.txt"]
    assert refused["files"][0]["reason"] == "extension"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("explain", {"path": "/media/one.jpg"}),
        ("list_files", {}),
        ("upload", {"files": ["/media/one.jpg"]}),
    ],
)
async def test_paths_are_for_administrators(
    home: Home,
    hass: HomeAssistant,
    hass_read_only_user: MockUser,
    action: str,
    data: dict[str, Any],
) -> None:
    """A guest neither learns nor names a path."""
    await home.set_up()
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )
