"""Triggers: automations that follow what becomes of backups."""

from dataclasses import replace
import json
import re
import shutil
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    condition,
    config_validation as cv,
    device_registry as dr,
    trigger,
)
from homeassistant.helpers.dispatcher import DATA_DISPATCHER
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
import probatio
import pytest

from custom_components.immich_backup.building_blocks import SIGNAL_EVENT
from custom_components.immich_backup.condition import CONDITIONS
from custom_components.immich_backup.const import CONF_NEW_MEDIA, DOMAIN
from custom_components.immich_backup.engine import runner
from custom_components.immich_backup.engine.events import FolderChanged, FolderOverdue
from custom_components.immich_backup.engine.model import (
    FolderTrouble,
    RunCounts,
    RunOutcome,
    RunPart,
    RunReport,
    RunTrigger,
)
from custom_components.immich_backup.run_part import limited
from custom_components.immich_backup.trigger import TRIGGERS
from simulator import Action, Fault

from .support.automations import automate
from .support.home import ENTRY_ID, Home, folder_data, permission_lost, until
from .test_repository import ROOT

ACCOUNT = {"account": "Anna Example", "config_entry_id": ENTRY_ID}
# What Home Assistant adds to the values of every trigger.
OF_EVERY_TRIGGER = {"alias", "description", "id", "idx", "platform"}


def on(key: str, **options: Any) -> dict[str, Any]:
    """Return one of our triggers."""
    return {"trigger": f"{DOMAIN}.{key}", "options": options}


def device_id(home: Home, identifier: str) -> str:
    """Return the id of the device of the account or of a folder."""
    device = dr.async_get(home.hass).async_get_device_by_identifier(
        (DOMAIN, identifier), ENTRY_ID
    )
    assert device is not None
    return device.id


def too_large(home: Home) -> Fault:
    """Let the server refuse large files."""
    return home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )


def listeners(hass: HomeAssistant) -> int:
    """Return how many triggers listen."""
    return len(hass.data[DATA_DISPATCHER].get(SIGNAL_EVENT, {}))


async def test_a_run(home: Home) -> None:
    """A run is told from its start to its end, to automations that were there before."""
    heard = await automate(
        home.hass, **{key: on(key) for key in ("started", "completed", "failed")}
    )
    folder = home.folder()
    await home.set_up(folder_data(folder))
    (folder / "one.jpg").write_bytes(b"one")
    values = await heard.until("completed")
    assert [name for name, _ in heard.told] == ["started", "completed"]
    assert values.items() >= ACCOUNT.items()
    assert values["folders"] == ["Camera"]
    assert values["trigger"] == "new_media"
    assert values["outcome"] == "completed"
    assert (values["uploaded"], values["uploaded_bytes"]) == (1, 3)
    assert values["examples"] == ["one.jpg"]
    assert (values["failed"], values["failing"], values["error"]) == (0, [], None)
    assert values["finished"] >= values["started"]
    assert json.loads(json_bytes(values)) == values
    (start,) = heard.of("started")
    assert start["run_id"] == values["run_id"]
    assert start.items() >= ACCOUNT.items()
    assert set(start) - OF_EVERY_TRIGGER == {
        *("account", "config_entry_id", "folders", "run_id", "started", "trigger")
    }


async def test_values_are_documented(home: Home) -> None:
    """The README names every value that a trigger tells."""
    folder = home.folder()
    too_large(home)
    await home.set_up(folder_data(folder))
    heard = await automate(home.hass, **{key: on(key) for key in TRIGGERS})
    (folder / "one.jpg").write_bytes(b"one")
    await heard.until("completed")
    await heard.until("media_backed_up")
    (folder / "large.mp4").write_bytes(bytes(200_000))
    await heard.until("failed")
    home.engine._emit(FolderChanged("folder1", FolderTrouble.MISSING))
    home.engine._emit(FolderOverdue("folder1", overdue=True))
    await heard.until("folder_unavailable")
    await heard.until("overdue")
    readme = (ROOT / "README.md").read_text()
    text = readme.partition("\n### Triggers\n")[2].partition("\n### Conditions\n")[0]
    rows = [
        [set(re.findall(r"`(\w+)`", cell)) for cell in line.split("|")[1:3]]
        for line in text.partition("| value |")[2].splitlines()
    ]
    of_backups = {"started", "completed", "failed", "media_backed_up"}
    for key in TRIGGERS:
        told = set(heard.of(key)[0]) - OF_EVERY_TRIGGER
        assert told == {
            value
            for row in rows
            if len(row) == 2
            for value in row[0]
            if key in row[1]
            or (not row[1] and (key in of_backups or "account" in row[0]))
        }


async def test_another_load_of_the_account(home: Home) -> None:
    """An account that is loaded again is heard once; nothing is left of automations."""
    heard = await automate(home.hass, completed=on("completed"))
    folder = home.folder()
    entry = await home.set_up(folder_data(folder))
    assert listeners(home.hass) == 1
    await home.hass.config_entries.async_reload(entry.entry_id)
    await home.hass.async_block_till_done()
    assert listeners(home.hass) == 1
    (folder / "one.jpg").write_bytes(b"one")
    await heard.until("completed")
    await home.press("back_up_now")
    await heard.until("completed", 2)
    await home.hass.services.async_call("automation", "turn_off", {"entity_id": "all"})
    await home.hass.async_block_till_done()
    assert listeners(home.hass) == 0
    assert len(heard.told) == 2


async def test_chosen_folders(home: Home) -> None:
    """Folders are chosen by device or name, those of an account by its device.

    What is told is their part of the run.
    """
    first, second, third = (home.folder(name) for name in ("first", "second", "third"))
    await home.set_up(
        folder_data(first, title="First", subentry_id="first"),
        folder_data(second, title="Second", subentry_id="second"),
        folder_data(third, title="Third", subentry_id="third"),
    )
    chosen: dict[str, Any] = {
        "all": {},
        "by_name": {"folders": "First"},
        "by_device": {"folders": [device_id(home, "second")]},
        "both": {"folders": ["First", device_id(home, "second")]},
        "account": {"folders": [device_id(home, ENTRY_ID)]},
        "unknown": {"folders": ["Fourth"]},
        "stored_by_device": {"folders": ["Second"], "only_if_stored": True},
    }
    heard = await automate(
        home.hass, **{key: on("completed", **value) for key, value in chosen.items()}
    )
    (first / "one.jpg").write_bytes(b"one")
    (first / "two.jpg").write_bytes(b"two")
    await until(lambda: sum(v["uploaded"] for v in heard.of("all")) == 2)
    heard.told.clear()
    (third / "three.jpg").write_bytes(b"three")
    await home.press("back_up_now")
    # Only this run is one of the second folder.
    run_id = (await heard.until("by_device"))["run_id"]
    await home.hass.async_block_till_done()
    runs = {name: told for name, told in heard.told if told["run_id"] == run_id}
    assert set(runs) == {"all", "by_name", "by_device", "both", "account"}
    assert runs["all"]["folders"] == ["First", "Second", "Third"]
    assert runs["account"]["folders"] == ["First", "Second", "Third"]
    assert runs["both"]["folders"] == ["First", "Second"]
    assert runs["by_name"]["folders"] == ["First"]
    assert runs["by_device"]["folders"] == ["Second"]
    assert runs["by_device"]["uploaded"] == 0
    assert runs["by_device"]["examples"] == []


async def test_only_if_stored(home: Home) -> None:
    """A run that found nothing new is complete, but stored nothing."""
    await home.set_up(folder_data(home.folder()))
    heard = await automate(
        home.hass,
        completed=on("completed"),
        stored=on("completed", only_if_stored=True),
    )
    await home.press("back_up_now")
    await heard.until("completed")
    assert heard.of("stored") == []
    (home.folder() / "one.jpg").write_bytes(b"one")
    assert (await heard.until("stored"))["uploaded"] == 1


async def test_errors(home: Home) -> None:
    """What a run leaves undone is a failure for its folder, and may be overlooked."""
    good, bad = home.folder("good"), home.folder("bad")
    too_large(home)
    await home.set_up(
        folder_data(good, title="Good", subentry_id="good", **{CONF_NEW_MEDIA: False}),
        folder_data(bad, title="Bad", subentry_id="bad", **{CONF_NEW_MEDIA: False}),
    )
    (good / "fine.jpg").write_bytes(b"fine")
    (bad / "large.mp4").write_bytes(bytes(200_000))
    heard = await automate(
        home.hass,
        completed=on("completed"),
        completed_or_nearly=on("completed", with_errors=True),
        failed=on("failed"),
        broken=on("failed", with_errors=False),
        good=on("completed", folders=["Good"]),
        good_failed=on("failed", folders=["Good"]),
        bad_failed=on("failed", folders=["Bad"]),
    )
    await home.press("back_up_now")
    values = await heard.until("failed")
    await heard.until("bad_failed")
    assert {name for name, _ in heard.told} == {
        *("completed_or_nearly", "failed", "good", "bad_failed")
    }
    assert (values["outcome"], values["error"]) == ("completed_with_errors", None)
    assert (values["failed"], values["failing"]) == (1, ["large.mp4"])
    assert (values["uploaded"], values["unavailable_folders"]) == (1, [])
    assert heard.of("good")[0]["outcome"] == "completed"
    assert heard.of("bad_failed")[0]["folders"] == ["Bad"]


async def test_failed(home: Home) -> None:
    """A run that the server does not let happen failed, for each of its folders."""
    folder = home.folder()
    await home.set_up(
        folder_data(folder),
        folder_data(home.folder("idle"), title="Idle", subentry_id="idle"),
    )
    await home.until_state("binary_sensor", "connected", "on")
    home.immich.faults.add(permission_lost())
    heard = await automate(
        home.hass,
        failed=on("failed", with_errors=False),
        camera=on("failed", folders="Camera"),
        idle=on("failed", folders="Idle"),
        completed=on("completed", with_errors=True),
    )
    (folder / "one.jpg").write_bytes(b"one")
    values = await heard.until("camera")
    assert values["outcome"] == "failed"
    assert values["error"]
    assert (await heard.until("failed"))["error"] == values["error"]
    assert {name for name, _ in heard.told} == {"failed", "camera"}


async def test_stopped(home: Home) -> None:
    """A run that a person ends neither completed nor failed."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    heard = await automate(
        home.hass,
        started=on("started"),
        ended=[on("completed", with_errors=True), on("failed")],
    )
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=50_000, method="POST")
    )
    (folder / "large.mp4").write_bytes(bytes(1_000_000))
    await until(lambda: fault.struck)
    await home.engine.stop_run()
    await home.until_state("binary_sensor", "running", "off")
    await home.hass.async_block_till_done()
    assert [name for name, _ in heard.told] == ["started"]


async def test_media_backed_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """New files are told once, together, by folder and type."""
    monkeypatch.setattr(runner, "_PROGRESS_SECONDS", 0.0)
    first, second = home.folder("first"), home.folder("second")
    await home.set_up(
        folder_data(first, title="First", subentry_id="first"),
        folder_data(second, title="Second", subentry_id="second"),
    )
    heard = await automate(
        home.hass,
        any=on("media_backed_up"),
        videos=on("media_backed_up", types="video"),
        second=on("media_backed_up", folders=["Second"], types=["photo", "video"]),
        completed=on("completed"),
    )
    for number in range(30):
        (first / f"{number}.jpg").write_bytes(b"photo %d" % number)
    await home.until_stored(30)
    await home.until_state("binary_sensor", "running", "off")
    (first / "again.jpg").write_bytes(b"photo 1")
    (second / "clip.mp4").write_bytes(b"a video")
    video = await heard.until("videos")
    await home.until_state("binary_sensor", "running", "off")
    await home.hass.async_block_till_done()
    told = heard.of("any")
    assert sum(values["photos"] for values in told) == 30
    assert sum(values["videos"] for values in told) == 1
    assert sum(values["uploaded"] for values in told) == 31
    assert sum(values["uploaded_bytes"] for values in told) == sum(
        record.size for record in home.immich.assets()
    )
    for values in told:
        assert 0 < len(values["examples"]) <= 3
        assert len(values["examples"]) <= values["uploaded"]
    # What was told as an example is not told as one again.
    examples = [path for values in told for path in values["examples"]]
    assert len(examples) == len(set(examples))
    assert "again.jpg" not in examples
    for name in ("videos", "second"):
        (values,) = heard.of(name)
        assert values["folders"] == ["Second"]
        assert (values["photos"], values["videos"]) == (0, 1)
        assert values["examples"] == ["clip.mp4"]
    assert video["uploaded_bytes"] == 7


async def test_single_uploads_are_no_runs(home: Home) -> None:
    """What an action uploads is told by its answer."""
    await home.set_up(folder_data(home.folder()))
    heard = await automate(home.hass, any=[on(key) for key in TRIGGERS])
    snapshot = home.root / "snapshot.jpg"
    snapshot.write_bytes(b"snapshot")
    await home.hass.services.async_call(
        DOMAIN, "upload", {"files": [str(snapshot)]}, blocking=True
    )
    await home.until_stored(1)
    await home.hass.async_block_till_done()
    assert heard.told == []


async def test_folder_that_joins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of a run is told to a folder when it joins, and only once."""
    monkeypatch.setattr(runner, "_PROGRESS_SECONDS", 0.0)
    first, second = home.folder("first"), home.folder("second")
    await home.set_up(
        folder_data(first, title="First", subentry_id="first"),
        folder_data(second, title="Second", subentry_id="second"),
    )
    heard = await automate(
        home.hass,
        all=on("started"),
        second=on("started", folders="Second"),
        completed=on("completed", folders="Second"),
    )
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=200_000, method="POST", body_over=100_000)
    )
    (first / "large.mp4").write_bytes(bytes(600_000))
    await until(lambda: fault.struck)
    (second / "one.jpg").write_bytes(b"one")
    start = await heard.until("second")
    assert start["folders"] == ["Second"]
    ended = await heard.until("completed")
    await home.hass.async_block_till_done()
    assert ended["run_id"] == start["run_id"] == heard.of("all")[0]["run_id"]
    assert len(heard.of("second")) == len(heard.of("all")) == 1


@pytest.mark.usefixtures("quick_checks")
async def test_folder_unavailable(home: Home) -> None:
    """A folder that goes away is told with the reason, one that comes back is not."""
    folder = home.folder()
    await home.set_up(
        folder_data(folder),
        folder_data(home.folder("other"), title="Other", subentry_id="other"),
    )
    heard = await automate(
        home.hass,
        any=on("folder_unavailable"),
        camera=on("folder_unavailable", folders=["Camera"]),
        other=on("folder_unavailable", folders=["Other"]),
    )
    await home.until_state("sensor", "status", "idle", "folder1")
    shutil.rmtree(folder)
    values = await heard.until("camera")
    assert values.items() >= {**ACCOUNT, "folder": "Camera"}.items()
    assert values["reason"] == "missing"
    folder.mkdir()
    await home.until_state("sensor", "status", "idle", "folder1")
    assert len(heard.of("any")) == 1
    assert heard.of("other") == []


async def test_overdue(home: Home) -> None:
    """A folder that becomes overdue is told with what is known of it."""
    folder = home.folder()
    await home.set_up(
        folder_data(folder, **{CONF_NEW_MEDIA: False}),
        folder_data(home.folder("other"), title="Other", subentry_id="other"),
    )
    heard = await automate(
        home.hass,
        completed=on("completed"),
        any=on("overdue"),
        camera=on("overdue", folders=[device_id(home, "folder1")]),
        other=on("overdue", folders=["Other"]),
    )
    await home.press("back_up_now")
    await heard.until("completed")
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1", "folder1")
    configured = home.engine.folders["folder1"]
    await home.engine.apply(replace(configured, overdue_seconds=-1.0))
    await home.engine._overdue.look()
    values = await heard.until("camera")
    assert values.items() >= {**ACCOUNT, "folder": "Camera", "waiting": 1}.items()
    assert values["last_success"]
    await home.engine.apply(configured)
    await home.engine._overdue.look()
    await home.hass.async_block_till_done()
    assert len(heard.of("any")) == 1
    assert heard.of("other") == []


async def test_descriptions(home: Home) -> None:
    """The automation editor is told of all triggers and conditions and their options."""
    await home.set_up()
    assert await async_setup_component(home.hass, "automation", {})
    for helper, keys in ((trigger, TRIGGERS), (condition, CONDITIONS)):
        descriptions = await helper.async_get_all_descriptions(home.hass)
        for key in keys:
            description = descriptions[f"{DOMAIN}.{key}"]
            assert description is not None
            assert description["fields"]


@pytest.mark.parametrize("key", TRIGGERS)
async def test_options(hass: HomeAssistant, key: str) -> None:
    """Every trigger may go without options; what it does not know is refused."""
    valid: dict[str, Any] = {"trigger": f"{DOMAIN}.{key}"}
    (config,) = await trigger.async_validate_trigger_config(
        hass, cv.TRIGGER_SCHEMA(valid)
    )
    assert config["options"]["folders"] == []
    for wrong in (
        {"options": {"colour": "red"}},
        {"options": {"types": "sound"}},
        {"options": {"only_if_stored": "perhaps"}},
        {"target": {"entity_id": "sensor.one"}},
    ):
        with pytest.raises(probatio.Invalid):
            await trigger.async_validate_trigger_config(
                hass, cv.TRIGGER_SCHEMA({**valid, **wrong})
            )


def report(outcome: RunOutcome, **parts: RunPart) -> RunReport:
    """Return a run over three folders."""
    counts = RunCounts()
    for part in parts.values():
        counts.add(part.counts)
    return RunReport(
        id="run",
        trigger=RunTrigger.MANUAL,
        folders=("a", "b", "c"),
        started=0.0,
        finished=1.0,
        outcome=outcome,
        counts=counts,
        parts=parts,
    )


FINE = RunPart(counts=RunCounts(uploaded=1), examples=["fine.jpg"])
WAITING = RunPart(waiting_for=("The end of the night",))
GONE = RunPart(trouble=FolderTrouble.MISSING)
BAD = RunPart(counts=RunCounts(failed=2), failing=["bad.jpg"])


@pytest.mark.parametrize(
    ("run", "folders", "outcome"),
    [
        (report(RunOutcome.WITH_ERRORS, a=FINE, b=BAD, c=FINE), "abc", "as_it_was"),
        (report(RunOutcome.WITH_ERRORS, a=FINE, b=BAD, c=FINE), "ac", "completed"),
        (report(RunOutcome.WITH_ERRORS, a=FINE, b=BAD, c=FINE), "ab", "as_it_was"),
        (report(RunOutcome.WITH_ERRORS, a=FINE, b=GONE, c=FINE), "b", "as_it_was"),
        (report(RunOutcome.WITH_ERRORS, a=FINE, c=FINE), "b", "as_it_was"),
        (report(RunOutcome.WITH_ERRORS, a=FINE, b=BAD, c=WAITING), "c", "waiting"),
        (report(RunOutcome.WAITING, a=FINE, b=WAITING, c=FINE), "ac", "completed"),
        (report(RunOutcome.WAITING, a=FINE, b=WAITING, c=FINE), "ab", "waiting"),
        (report(RunOutcome.WAITING, a=FINE), "a", "waiting"),
        (report(RunOutcome.COMPLETED, a=FINE, b=FINE, c=FINE), "a", "completed"),
        (report(RunOutcome.STOPPED, a=FINE), "a", "stopped"),
        (report(RunOutcome.FAILED, a=FINE), "a", "failed"),
    ],
)
def test_parts_of_runs(run: RunReport, folders: str, outcome: str) -> None:
    """A run is told for some of its folders as if it had no others."""
    part = limited(run, folders)
    assert part.outcome is not None
    assert run.outcome is not None
    assert part.outcome.value == (
        run.outcome.value if outcome == "as_it_was" else outcome
    )
    assert part.folders == tuple(folders)
    mine = [run.parts[key] for key in folders if key in run.parts]
    assert part.counts.uploaded == sum(one.counts.uploaded for one in mine)
    if len(folders) < 3:
        assert len(part.examples) == sum(len(one.examples) for one in mine)
        assert len(part.failing) == sum(len(one.failing) for one in mine)
