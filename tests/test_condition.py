"""Conditions: automations that ask how backups stand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
import shutil
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, config_validation as cv
from homeassistant.helpers.dispatcher import DATA_DISPATCHER
import probatio
import pytest

from custom_components.immich_backup.building_blocks import SIGNAL_NUMBERS
from custom_components.immich_backup.condition import CONDITIONS
from custom_components.immich_backup.const import CONF_NEW_MEDIA, DOMAIN
from custom_components.immich_backup.engine import RunTrigger
from custom_components.immich_backup.engine.ledger import LedgerError
from custom_components.immich_backup.engine.model import FolderStatus, Halt
from simulator import Action, Fault

from .actions.test_accounts import device
from .support.automations import automate
from .support.home import ENTRY_ID, OTHER, Home, folder_data, until
from .test_trigger import device_id, on


def asks(key: str, **options: Any) -> dict[str, Any]:
    """Return one of our conditions."""
    return {"condition": f"{DOMAIN}.{key}", "options": options}


@dataclass
class Watched:
    """A condition that is looked at again only when it says that it changed."""

    checker: condition.ConditionChecker
    answers: list[bool | None] = field(default_factory=list)

    def look(self) -> None:
        """Note the answer, if it is another one."""
        answer = self.checker.async_check()
        if not self.answers or self.answers[-1] is not answer:
            self.answers.append(answer)

    @property
    def now(self) -> bool | None:
        """Return the answer as it was when a change was told last."""
        return self.answers[-1]


async def watch(hass: HomeAssistant, config: Mapping[str, Any]) -> Watched:
    """Look at a condition whenever it says that it changed."""
    (valid,) = await condition.async_validate_conditions_config(
        hass, cv.CONDITIONS_SCHEMA([deepcopy(dict(config))])
    )
    checker = await condition.async_from_config(hass, valid)
    assert not checker.needs_polling
    watched = Watched(checker)
    watched.look()
    await checker.async_track_changes(watched.look)
    return watched


@contextmanager
def numbers(home: Home, change: Callable[[Any], Any]) -> Iterator[None]:
    """Let the account have other numbers for a moment."""
    relay = home.manager.relay
    data = relay.numbers
    relay._numbers = change(data)
    try:
        yield
    finally:
        relay._numbers = data


async def test_is_running(home: Home) -> None:
    """A run goes on in all of its folders; an account that is not loaded runs nothing."""
    folder = home.folder()
    any_, camera, other, unknown = [
        await watch(home.hass, asks("is_running", **options))
        for options in (
            {},
            {"folders": ["Camera"]},
            {"folders": ["Other"]},
            {"folders": ["None"]},
        )
    ]
    assert any_.now is False
    entry = await home.set_up(
        folder_data(folder),
        folder_data(home.folder("other"), title="Other", subentry_id="other"),
    )
    fault = home.immich.faults.add(
        Fault(action=Action.THROTTLE, rate=50_000, method="POST")
    )
    (folder / "large.mp4").write_bytes(bytes(1_000_000))
    await until(lambda: fault.struck)
    await until(lambda: any_.now and camera.now)
    assert other.now is unknown.now is False
    await home.hass.config_entries.async_unload(entry.entry_id)
    assert any_.now is camera.now is False
    assert any_.answers == camera.answers == [False, True, False]
    assert other.answers == unknown.answers == [False]


async def test_is_paused(home: Home) -> None:
    """A pause and a switched off automatic both keep backups from starting."""
    await home.set_up(folder_data(home.folder()))
    any_ = await watch(home.hass, asks("is_paused"))
    this = await watch(home.hass, asks("is_paused", config_entry_id=ENTRY_ID))
    another = await watch(home.hass, asks("is_paused", config_entry_id="another"))
    assert any_.now is False
    await home.engine.controls.pause()
    await until(lambda: any_.now and this.now)
    await home.engine.controls.resume()
    await until(lambda: not any_.now)
    await home.hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": home.entity_id("switch", "automatic")},
        blocking=True,
    )
    await until(lambda: any_.now and this.now)
    assert another.answers == [False]


@pytest.mark.usefixtures("quick_checks")
async def test_is_protected(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is protected once it is proven, and only as long as that is certain."""
    folder, other = home.folder(), home.folder("other")
    await home.set_up(
        folder_data(folder, **{CONF_NEW_MEDIA: False}),
        folder_data(other, title="Other", subentry_id="other"),
    )
    every, camera, empty, unknown = [
        await watch(home.hass, asks("is_protected", **options))
        for options in (
            {},
            {"folders": [device_id(home, "folder1")]},
            {"folders": ["Other"]},
            {"folders": ["None"]},
        )
    ]
    # There is nothing that could be protected.
    assert every.now is False
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1")
    assert every.now is camera.now is False
    await home.press("back_up_now")
    await until(lambda: every.now and camera.now)
    # An empty folder takes nothing away.
    assert empty.answers == unknown.answers == [False]

    (other / "two.jpg").write_bytes(b"two")
    await home.until_stored(2)
    await until(lambda: empty.now and every.now)
    assert every.answers[:2] == [False, True]
    assert camera.answers == [False, True]

    shutil.rmtree(other)
    await until(lambda: not empty.now and not every.now)
    assert camera.now is True

    def look_at_first(data: Any) -> Any:
        changed = replace(
            data.folders["folder1"],
            status=FolderStatus.SCANNING,
            tally=replace(data.tally, files={}),
        )
        return replace(data, folders={**data.folders, "folder1": changed})

    # What nobody has looked at yet, and what the ledger does not tell, may be unsafe.
    assert camera.checker.async_check() is True
    for change in (look_at_first, lambda data: replace(data, halt=Halt.LEDGER)):
        with numbers(home, change):
            assert camera.checker.async_check() is False
    assert camera.checker.async_check() is True
    await home.engine.suspend("folder1")
    await until(lambda: camera.now is False)


async def test_is_overdue(home: Home) -> None:
    """A folder is overdue from the moment that this is told."""
    folder = home.folder()
    await home.set_up(
        folder_data(folder),
        folder_data(home.folder("other"), title="Other", subentry_id="other"),
    )
    any_, camera, other = [
        await watch(home.hass, asks("is_overdue", **options))
        for options in ({}, {"folders": ["Camera"]}, {"folders": ["Other"]})
    ]
    assert any_.now is False
    configured = home.engine.folders["folder1"]
    await home.engine.apply(replace(configured, overdue_seconds=-1.0))
    await home.engine._overdue.look()
    await until(lambda: any_.now and camera.now)
    await home.engine.apply(configured)
    await home.engine._overdue.look()
    await until(lambda: not any_.now)
    assert other.answers == [False]


async def test_what_triggers_is_known_to_conditions(home: Home) -> None:
    """An automation that a backup triggers finds the numbers of its end."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    heard = await automate(
        home.hass,
        completed={
            "triggers": on("completed"),
            "conditions": [
                asks("is_protected", folders="Camera"),
                {"condition": "not", "conditions": [asks("is_running")]},
            ],
        },
        overdue={"triggers": on("overdue"), "conditions": asks("is_overdue")},
    )
    for count in range(1, 4):
        (folder / f"{count}.jpg").write_bytes(b"photo %d" % count)
        await home.until_stored(count)
        await heard.until("completed", count)
    configured = home.engine.folders["folder1"]
    await home.engine.apply(replace(configured, overdue_seconds=-1.0))
    await home.engine._overdue.look()
    await heard.until("overdue")


async def test_a_ledger_that_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens is told all the same when the numbers can't be read."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    heard = await automate(home.hass, overdue=on("overdue"))

    async def fails() -> None:
        raise LedgerError("no space")

    monkeypatch.setattr(home.engine, "overview", fails)
    configured = home.engine.folders["folder1"]
    await home.engine.apply(replace(configured, overdue_seconds=-1.0))
    await home.engine._overdue.look()
    assert (await heard.until("overdue"))["folder"] == "Camera"


async def test_two_accounts(two: Home) -> None:
    """Each account is heard, or one by its device; one that is away counts no more."""
    hass = two.hass
    ben = device(two, OTHER, OTHER)
    every, of_ben = [
        await watch(hass, asks("is_protected", **options))
        for options in ({}, {"folders": ben})
    ]
    assert every.now is of_ben.now is True
    heard = await automate(
        hass, any=on("completed"), ben=on("completed", folders=[ben])
    )
    managers = {
        entry.title: entry.runtime_data
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    }
    for title in ("Anna Example", "Ben"):
        managers[title].engine.start_run(trigger=RunTrigger.MANUAL)
        await until(
            lambda title=title: (
                heard.of("any")[-1:] and heard.of("any")[-1]["account"] == title
            )
        )
    assert (await heard.until("ben"))["folders"] == ["Phone", "Tablet"]
    assert {values["account"] for values in heard.of("ben")} == {"Ben"}

    paused = [
        await watch(hass, asks("is_paused", **options))
        for options in ({}, {"config_entry_id": ENTRY_ID}, {"config_entry_id": OTHER})
    ]
    await managers["Ben"].engine.controls.pause()
    await until(lambda: [one.now for one in paused] == [True, False, True])
    await hass.config_entries.async_unload(OTHER)
    assert [one.now for one in paused] == [False, False, False]
    assert (every.now, of_ben.now) == (True, False)


async def test_nothing_is_left(home: Home) -> None:
    """A condition that is not followed any more is forgotten."""
    await home.set_up(folder_data(home.folder()))
    (valid,) = await condition.async_validate_conditions_config(
        home.hass, cv.CONDITIONS_SCHEMA([asks("is_running")])
    )
    checker = await condition.async_from_config(home.hass, valid)
    end = await checker.async_track_changes(lambda: None)
    assert len(home.hass.data[DATA_DISPATCHER][SIGNAL_NUMBERS]) == 1
    end()
    assert SIGNAL_NUMBERS not in home.hass.data[DATA_DISPATCHER]
    checker.async_unload()


@pytest.mark.parametrize("key", CONDITIONS)
async def test_options(hass: HomeAssistant, key: str) -> None:
    """Every condition may go without options; what it does not know is refused."""
    valid: dict[str, Any] = {"condition": f"{DOMAIN}.{key}"}
    watched = await watch(hass, valid)
    # Without an account nothing is true.
    assert watched.now is False
    for wrong in ({"options": {"colour": "red"}}, {"target": {"entity_id": "a.b"}}):
        with pytest.raises(probatio.Invalid):
            await watch(hass, {**valid, **wrong})
