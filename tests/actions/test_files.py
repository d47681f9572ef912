"""The actions explain and list_files."""

import hashlib
import os
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.immich_backup.const import (
    CONF_NEW_MEDIA,
    CONF_RECURSIVE,
    CONF_RULES,
    DOMAIN,
)
from simulator import Action, Fault
from tests.support.home import Home, folder_data, permission_lost, until

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
    assert answer["path"] == str(path)
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
    assert answer["reason_text"] == "Left out by the rule “Screenshots” (its path)"


async def test_explain_what_is_not_known(home: Home) -> None:
    """The answer says why nothing is known, in the form of what is known of others."""
    folder, flat, broken = (home.folder(name) for name in ("camera", "flat", "broken"))
    (folder / "one.jpg").write_bytes(b"one")
    (folder / "x.jpg.part").write_bytes(b"half")
    (flat / "sub").mkdir()
    (flat / "sub" / "two.jpg").write_bytes(b"two")
    await home.set_up(
        folder_data(folder),
        folder_data(flat, title="Flat", subentry_id="flat", **{CONF_RECURSIVE: False}),
        folder_data(
            broken,
            title="Broken",
            subentry_id="broken",
            **{CONF_RULES: [{"action": 1}]},
        ),
    )
    await home.until_state("sensor", "protected_files", "1")
    known = await act(home.hass, "explain", path=str(folder / "one.jpg"))
    for path, state, title, word in (
        ("/etc/passwd", "outside", None, "in none of the folders"),
        (str(folder / "x.jpg.part"), "ignored", "Camera", "temporary"),
        (str(folder / "@eaDir" / "x.jpg"), "ignored", "Camera", "never looked at"),
        (str(flat / "sub" / "two.jpg"), "ignored", "Flat", "sub-folder"),
        (str(folder / "none.jpg"), "unknown", "Camera", "not seen"),
        (str(broken / "none.jpg"), "unknown", "Broken", "rules"),
    ):
        answer = await act(home.hass, "explain", path=path)
        assert answer.keys() == known.keys()
        assert (answer["path"], answer["state"]) == (path, state)
        assert answer["folder"] == title
        assert word in answer["reason_text"]


async def test_explain_fits_list_files(home: Home) -> None:
    """Every path that is listed can be explained, those of queued uploads as well."""
    folder, export = home.folder(), home.folder("export")
    (folder / "one.jpg").write_bytes(b"one")
    (export / "two.jpg").write_bytes(b"two")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    await home.immich.stop()
    await act(home.hass, "upload", files=str(export / "two.jpg"))
    listed = await act(home.hass, "list_files")
    assert [(file["path"], file["folder"]) for file in listed["files"]] == [
        (str(folder / "one.jpg"), "Camera"),
        (str(export / "two.jpg"), None),
    ]
    for file in listed["files"]:
        answer = await act(home.hass, "explain", path=file["path"])
        assert file.items() <= answer.items()


async def test_declined_files_have_no_proof(home: Home) -> None:
    """What someone put into the trash is no longer proven."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    (asset,) = home.immich.assets()
    await home.delete(asset)
    await home.engine.reconfirm()
    answer = await act(home.hass, "explain", path=str(folder / "one.jpg"))
    assert (answer["state"], answer["reason"]) == ("declined", "trashed")
    assert (answer["proof"], answer["proof_at"]) == (None, None)
    assert answer["asset_id"] == asset.id


async def test_what_files_wait_for(home: Home) -> None:
    """A file that waits says what for, as far as that is known."""
    folder = home.folder()
    path = folder / "one.jpg"
    path.write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    await home.until_state("sensor", "waiting_files", "1")
    await home.until_state("binary_sensor", "connected", "on")

    async def why() -> str:
        text: str = (await act(home.hass, "explain", path=str(path)))["reason_text"]
        return text

    assert "the folder's time" in await why()
    await home.engine.controls.set_automatic(False)
    assert "automatic backup is switched off" in await why()
    home.engine.set_waiting_for("folder1", ["it is night"])
    assert await why() == "It waits for this: it is night"
    home.engine.set_waiting_for("folder1", [])
    await home.engine.controls.pause()
    assert await why() == "It waits. The backup is paused"
    await home.engine.controls.resume()
    home.immich.faults.maintenance = True
    await home.manager.server.async_refresh()
    assert await why() == "It waits. The server is in maintenance mode"
    home.immich.faults.maintenance = False
    await home.until_state("binary_sensor", "connected", "on")
    # What the server says of the key would let uploads be tried again.
    await until(lambda: home.manager.server.data is not None)
    await home.hass.async_block_till_done(wait_background_tasks=True)
    fault = home.immich.faults.add(permission_lost())
    await act(home.hass, "run")
    assert await why() == "It waits. The API key lacks the permission asset.upload"
    home.immich.faults.remove(fault)
    home.engine.resume()
    fault = home.immich.faults.add(
        Fault(action=Action.HANG, path_regex="bulk-upload-check")
    )
    await act(home.hass, "run", wait=False)
    await until(lambda: fault.struck)
    assert await why() == "It waits for its turn"


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
    assert odd["files"][0]["path"] == f"{phone}/\N{REPLACEMENT CHARACTER}.jpg"
    refused = await act(home.hass, "list_files", state="unwanted")
    assert [file["path"] for file in refused["files"]] == [str(camera / "notes.txt")]
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
