"""The actions run, stop and retry_failed."""

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.immich_backup.const import CONF_NEW_MEDIA, CONF_RULES, DOMAIN
from simulator import Action, Fault
from tests.support.actions import act
from tests.support.home import Home, folder_data, permission_lost, until


async def test_run_answers_with_its_outcome(home: Home) -> None:
    """Who asks for the answer waits for the end of the run."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    (folder / "same.jpg").write_bytes(b"one")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_bytes(b"no photo")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "completed"
    assert answer["folders"] == ["Camera"]
    assert (answer["uploaded"], answer["duplicates"]) == (1, 1)
    assert answer["uploaded_bytes"] == 3
    assert answer["error"] is None
    again = await act(home.hass, "run")
    assert (again["uploaded"], again["duplicates"]) == (0, 0)
    assert again["run_id"] != answer["run_id"]


async def test_run_without_an_answer_does_not_wait(home: Home) -> None:
    """The id is there at once, also with an answer when told not to wait."""
    await home.set_up(folder_data(home.folder(), **{CONF_NEW_MEDIA: False}))
    answer = await act(home.hass, "run", wait=False)
    assert answer["outcome"] is None
    joined = await act(home.hass, "run")
    assert joined["run_id"] == answer["run_id"]
    assert joined["outcome"] == "completed"


async def test_folders_by_name_and_by_device(home: Home) -> None:
    """Only the folders that are named are backed up."""
    paths = [home.folder(name) for name in ("camera", "phone", "nas")]
    for path in paths:
        (path / f"{path.name}.jpg").write_bytes(path.name.encode())
    await home.set_up(
        *(
            folder_data(
                path, title=path.name, subentry_id=path.name, **{CONF_NEW_MEDIA: False}
            )
            for path in paths
        )
    )
    device = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, "phone"), home.entry.entry_id
    )
    assert device is not None
    answer = await act(home.hass, "run", folders=["camera", device.id])
    assert sorted(answer["folders"]) == ["camera", "phone"]
    names = [asset.original_file_name for asset in home.immich.assets()]
    assert sorted(names) == ["camera.jpg", "phone.jpg"]


async def test_unknown_and_ambiguous_folders(home: Home) -> None:
    """The error names the folders that there are."""
    await home.set_up(
        folder_data(home.folder("one"), title="Twin", subentry_id="one"),
        folder_data(home.folder("two"), title="Twin", subentry_id="two"),
    )
    with pytest.raises(ServiceValidationError) as unknown:
        await act(home.hass, "run", folders=["Attic"])
    assert unknown.value.translation_key == "folder_unknown"
    assert unknown.value.translation_placeholders == {
        "folder": "Attic",
        "folders": "Twin, Twin",
        "accounts": "Anna Example",
    }
    with pytest.raises(ServiceValidationError) as ambiguous:
        await act(home.hass, "run", folders=["Twin"])
    assert ambiguous.value.translation_key == "folder_ambiguous"


async def test_dry_run_changes_nothing(home: Home) -> None:
    """It tells what would happen and sends nothing."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    await home.until_state("sensor", "protected_files", "1")
    (folder / "two.jpg").write_bytes(b"two")
    (folder / "film.mp4").write_bytes(b"film")
    (folder / "notes.txt").write_bytes(b"no photo")
    await home.engine.controls.set_automatic(False)
    before = home.immich.requests.count
    answer = await act(home.hass, "run", dry_run=True)
    assert home.immich.requests.count == before
    assert answer["dry_run"] is True
    assert answer["folders"] == [
        {
            "folder": "Camera",
            "complete": True,
            "found": 4,
            "wanted": 3,
            "wanted_bytes": 10,
            "protected": 1,
            "declined": 0,
            "to_back_up": 2,
            "to_back_up_bytes": 7,
            "left_out": {"extension": 1},
        }
    ]


async def test_dry_run_names_rules_and_reasons(home: Home) -> None:
    """A rule and a reason of one name are counted together, others apart."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    (folder / "two.png").write_bytes(b"two")
    (folder / "notes.txt").write_bytes(b"no photo")
    rules = [
        {"name": "extension", "action": "skip", "extensions": ["jpg"]},
        {"name": "No PNG", "action": "skip", "extensions": ["png"]},
    ]
    await home.set_up(folder_data(folder, **{CONF_RULES: rules}))
    answer = await act(home.hass, "run", dry_run=True)
    (plan,) = answer["folders"]
    assert plan["left_out"] == {"extension": 2, "No PNG": 1}
    assert plan["to_back_up"] == 0


async def test_conditions(home: Home) -> None:
    """Files wait for what is not true yet, unless that is not to matter."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    home.engine.set_waiting_for("folder1", ["Only at night"])
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "waiting"
    assert answer["waiting_for"] == ["Only at night"]
    assert home.immich.assets() == []
    answer = await act(home.hass, "run", ignore_conditions=True)
    assert answer["outcome"] == "completed"
    assert answer["waiting_for"] == []
    assert len(home.immich.assets()) == 1


async def test_failed_run(home: Home) -> None:
    """A server that stays away fails the run; the files wait and nothing is lost."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    home.immich.faults.database_down = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custom_components.immich_backup.engine.link.PATIENCE", 0.0)
        answer = await act(home.hass, "run")
        assert answer["outcome"] == "failed"
        assert answer["error"]
        with pytest.raises(HomeAssistantError) as failed:
            await home.hass.services.async_call(
                DOMAIN, "run", {"wait": True}, blocking=True
            )
        assert failed.value.translation_key == "run_failed"
    assert home.immich.assets() == []
    home.immich.faults.database_down = False
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "completed"
    assert len(home.immich.assets()) == 1


async def test_stop(home: Home) -> None:
    """What is on its way is abandoned and waits for the next run."""
    folder = home.folder()
    (folder / "film.mp4").write_bytes(bytes(3_000_000))
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    assert (await act(home.hass, "stop"))["stopped"] is False
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, method="POST", path="/api/assets", rate=100_000)
    )
    run = await act(home.hass, "run", wait=False)
    await until(lambda: fault.struck)
    stopped = await act(home.hass, "stop")
    assert stopped == {"run_id": run["run_id"], "stopped": True}
    assert home.immich.assets() == []
    home.immich.faults.clear()
    assert (await act(home.hass, "run"))["uploaded"] == 1


async def test_retry_failed(home: Home) -> None:
    """A parked file is tried again when asked for, and only then."""
    folder = home.folder()
    (folder / "film.mp4").write_bytes(bytes(1000))
    fault = home.immich.faults.add(
        Fault(action=Action.RESPOND, path_regex="/api/assets$", canned="too-large")
    )
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "completed_with_errors"
    assert answer["failing"] == ["film.mp4"]
    # Not tried again, but not stored either.
    again = await act(home.hass, "run")
    assert (again["outcome"], again["failed"]) == ("completed_with_errors", 1)
    assert again["failing"] == ["film.mp4"]
    assert fault.struck == 1
    home.immich.faults.clear()
    assert await act(home.hass, "retry_failed") == {
        "files": 1,
        "text": "1 file is tried again",
    }
    await home.until_stored(1)
    assert await act(home.hass, "retry_failed", folders=["Camera"]) == {
        "files": 0,
        "text": "No file has failed",
    }


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ("3.0.3", "The API key lacks the permission asset.upload"),
        ("2.7.0", "The server runs Immich 2.7.0; 3.0 or later is needed"),
    ],
)
async def test_errors_are_sentences(home: Home, version: str, error: str) -> None:
    """What stops a run is told as a sentence, in the answer and by the event."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.immich.faults.version = version
    home.immich.faults.add(permission_lost())
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    changes = async_capture_events(home.hass, EVENT_STATE_CHANGED)
    answer = await act(home.hass, "run")
    assert (answer["outcome"], answer["error"]) == ("failed", error)
    event_id = home.entity_id("event", "backup")
    assert error in {
        change.data["new_state"].attributes.get("error")
        for change in changes
        if change.data["entity_id"] == event_id
    }


async def test_a_refused_question_fails_the_run(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that refuses even the smallest question is told as what it is."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.immich.faults.add(
        Fault(action=Action.RESPOND, path_regex="bulk-upload-check", canned="too-large")
    )
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "failed"
    assert "Unexpected error" not in caplog.text
