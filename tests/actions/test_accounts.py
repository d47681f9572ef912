"""Which account an action means when there are several."""

from pathlib import Path
from types import MappingProxyType

from homeassistant.const import CONF_PATH
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.immich_backup.const import DOMAIN
from tests.support.flows import english
from tests.support.home import ENTRY_ID, OTHER, Home

from .test_runs import act


def device(home: Home, identifier: str, entry_id: str) -> str:
    """Return the id of the device of an account or a folder."""
    found = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, identifier), entry_id
    )
    assert found is not None
    return found.id


def message(error: ServiceValidationError) -> str:
    """Return an error as people read it."""
    text: str = english()["exceptions"][error.translation_key]["message"]
    return text.format(**error.translation_placeholders or {})


async def test_no_account_is_told(two: Home) -> None:
    """Without a word on the account the accounts are named."""
    for name, data in (
        ("run", {}),
        ("stop", {}),
        ("retry_failed", {}),
        ("list_files", {}),
        ("upload", {"files": "/media/one.jpg"}),
    ):
        with pytest.raises(ServiceValidationError) as ambiguous:
            await act(two.hass, name, **data)
        assert message(ambiguous.value) == (
            "There are several accounts: Anna Example, Ben. Choose one in the field"
            " “Account” (config_entry_id)."
        )
    assert (await act(two.hass, "list_files", config_entry_id=OTHER))["total"] == 2


async def test_folders_tell_the_account(two: Home) -> None:
    """A folder's device or its name says which account is meant."""
    camera = device(two, "folder1", ENTRY_ID)
    phone = device(two, "phone", OTHER)
    assert (await act(two.hass, "run", folders=[camera]))["folders"] == ["Camera"]
    assert (await act(two.hass, "run", folders=["Phone"]))["folders"] == ["Phone"]
    both = await act(two.hass, "run", folders=[phone, "Tablet", "Phone"])
    assert sorted(both["folders"]) == ["Phone", "Tablet"]
    listed = await act(two.hass, "list_files", folder=phone)
    assert [file["folder"] for file in listed["files"]] == ["Phone"]
    assert (await act(two.hass, "retry_failed", folders="Tablet"))["files"] == 0


async def test_an_accounts_device(two: Home) -> None:
    """The device of an account means all its folders."""
    ben = device(two, OTHER, OTHER)
    assert (await act(two.hass, "list_files", folder=ben))["total"] == 2
    answer = await act(two.hass, "run", folders=[ben, "Phone"])
    assert sorted(answer["folders"]) == ["Phone", "Tablet"]


async def test_folders_of_several_accounts(two: Home) -> None:
    """One run is one account's."""
    with pytest.raises(ServiceValidationError) as several:
        await act(two.hass, "run", folders=["Camera", "Phone"])
    assert several.value.translation_key == "folders_of_several_accounts"
    assert "Anna Example, Ben" in message(several.value)


async def test_folder_of_another_account(two: Home) -> None:
    """An error names a device as people do."""
    phone = device(two, "phone", OTHER)
    with pytest.raises(ServiceValidationError) as other:
        await act(two.hass, "run", folders=[phone], config_entry_id=ENTRY_ID)
    assert message(other.value) == (
        "There is no folder “Phone” in Anna Example. The folders are: Camera."
    )
    dr.async_get(two.hass).async_update_device(phone, name_by_user="Ben's phone")
    with pytest.raises(ServiceValidationError) as renamed:
        await act(two.hass, "run", folders=[phone], config_entry_id=ENTRY_ID)
    assert "“Ben's phone”" in message(renamed.value)


async def test_same_name_in_both_accounts(two: Home) -> None:
    """A name that both accounts know tells nothing; with the account it does."""
    await two.add_folder(two.folder("b"), title="Phone", subentry_id="phone2")
    with pytest.raises(ServiceValidationError) as ambiguous:
        await act(two.hass, "run", folders=["Phone"])
    assert ambiguous.value.translation_key == "folder_ambiguous"
    answer = await act(two.hass, "run", folders=["Phone"], config_entry_id=OTHER)
    assert answer["folders"] == ["Phone"]


async def test_path_tells_the_account(two: Home) -> None:
    """A file is explained by the account that knows it."""
    for name, folder in (("camera", "Camera"), ("tablet", "Tablet")):
        path = str(two.folder(name) / f"{name}.jpg")
        answer = await act(two.hass, "explain", path=path)
        assert (answer["folder"], answer["state"]) == (folder, "protected")
    unseen = await act(two.hass, "explain", path=str(two.folder("phone") / "x.jpg"))
    assert (unseen["folder"], unseen["state"]) == ("Phone", "unknown")
    outside = await act(two.hass, "explain", path="/etc/passwd")
    assert outside["state"] == "outside"
    # With the account of another it is in none of its folders.
    path = str(two.folder("camera") / "camera.jpg")
    other = await act(two.hass, "explain", path=path, config_entry_id=OTHER)
    assert other["state"] == "outside"


async def test_path_that_both_accounts_know(two: Home) -> None:
    """A file of two accounts is explained by the one that is named."""
    camera: Path = two.folder("camera")
    subentry = two.hass.config_entries.async_get_known_entry(OTHER).subentries["phone"]
    two.hass.config_entries.async_update_subentry(
        two.hass.config_entries.async_get_known_entry(OTHER),
        subentry,
        data=MappingProxyType({**subentry.data, CONF_PATH: str(camera)}),
    )
    await two.hass.async_block_till_done()
    await act(two.hass, "run", folders=["Phone"])
    path = str(camera / "camera.jpg")
    with pytest.raises(ServiceValidationError) as ambiguous:
        await act(two.hass, "explain", path=path)
    assert ambiguous.value.translation_key == "account_ambiguous"
    answer = await act(two.hass, "explain", path=path, config_entry_id=OTHER)
    assert answer["folder"] == "Phone"


async def test_account_that_is_not_loaded(two: Home) -> None:
    """The other account is still there to be meant; the loaded one explains."""
    await two.hass.config_entries.async_unload(OTHER)
    with pytest.raises(ServiceValidationError) as ambiguous:
        await act(two.hass, "run")
    assert ambiguous.value.translation_key == "account_ambiguous"
    with pytest.raises(ServiceValidationError) as not_loaded:
        await act(two.hass, "run", folders=["Phone"])
    assert not_loaded.value.translation_key == "service_config_entry_not_loaded"
    path = str(two.folder("camera") / "camera.jpg")
    assert (await act(two.hass, "explain", path=path))["state"] == "protected"


async def test_devices_are_told_apart(two: Home) -> None:
    """The field for folders offers folders, not the devices of accounts."""
    devices = dr.async_get(two.hass)
    models = {
        found.name: found.model
        for identifier, entry_id in (("phone", OTHER), (OTHER, OTHER))
        if (found := devices.async_get(device(two, identifier, entry_id)))
    }
    assert models == {"Phone": "Folder", "Ben": "Account"}
