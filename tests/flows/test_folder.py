"""The form of a folder: what is stored, what is refused, and that nothing is disturbed."""

import asyncio
from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import sqlite3
import threading
from typing import Any

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_NAME, CONF_PATH
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.json import json_bytes
import pytest

from custom_components.immich_backup import const
from custom_components.immich_backup.const import (
    CONF_CONDITIONS,
    CONF_DETECTION,
    CONF_INCLUDE_EXISTING,
    CONF_NEW_MEDIA,
    CONF_OVERDUE_HOURS,
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
    CONF_SETTLE_SECONDS,
    CONF_TRIGGERS,
    CONF_TYPES,
    CONF_ZONE,
)
from custom_components.immich_backup.engine.ledger import reports
from custom_components.immich_backup.flows import folder as flow_module
from custom_components.immich_backup.flows.folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    shown_form,
)
from custom_components.immich_backup.flows.when_form import (
    SECTION_ADVANCED,
    SECTION_CONDITIONS,
    SECTION_PRESENCE,
)
from custom_components.immich_backup.folders import build_folder
from simulator import Action, Fault
from tests.support.flows import details, fields, folder_form, suggested, when_form
from tests.support.home import ENTRY_ID, Home, folder_data, until
from tests.support.mounting import mounted

from .support import RULES, SAVE, TEXTS, WHEN, begin, save, submit

SECTIONS = (SECTION_PRESENCE, SECTION_CONDITIONS, SECTION_ADVANCED)
# As the editors of the browser give them, with what Home Assistant makes objects of.
CONDITIONS = [
    {
        "condition": "state",
        "entity_id": "input_boolean.night",
        "state": "on",
        "for": {"hours": 0, "minutes": 5, "seconds": 0},
    },
    {"condition": "template", "value_template": "{{ is_state('sun.sun', 'set') }}"},
    {"condition": "time", "after": "22:00:00", "weekday": ["sat"]},
]
TRIGGERS = [
    {
        "trigger": "state",
        "entity_id": ["binary_sensor.card"],
        "to": "on",
        "for": {"hours": 0, "minutes": 0, "seconds": 10},
    },
    {"trigger": "template", "value_template": "{{ false }}", "for": "00:01:00"},
]


async def test_add(home: Home, set_ups: list[str]) -> None:
    """With only the path chosen a folder is added, and is backed up without a reload."""
    folder = home.folder("card")
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up()
    form = await begin(home)
    assert form["errors"] == {}
    shown = fields(form)
    assert str(folder) in shown[CONF_PATH]["selector"]["select"]["options"]
    assert [name for name, field in shown.items() if field["required"]] == [
        CONF_PATH,
        CONF_INCLUDE_EXISTING,
        SECTION_WHAT,
        SECTION_DETAILS,
    ]
    for name in (SECTION_WHAT, SECTION_DETAILS):
        assert shown[name]["expanded"] is False

    # The browser fills in the first option where nothing is suggested.
    assert suggested(form)[CONF_PATH] == ""
    data = await save(home, form, {**suggested(form), CONF_PATH: str(folder)})
    assert data == {
        CONF_PATH: str(folder),
        CONF_INCLUDE_EXISTING: True,
        CONF_TYPES: ["photo", "video"],
        CONF_NEW_MEDIA: True,
        CONF_RECURSIVE: True,
        CONF_DETECTION: "auto",
        CONF_SETTLE_SECONDS: 10,
    }
    (subentry,) = home.entry.subentries.values()
    assert subentry.title == "card"
    assert subentry.unique_id == str(folder)
    await until(lambda: subentry.subentry_id in home.engine.folders)
    assert set_ups == [ENTRY_ID]


async def test_everything_is_stored(home: Home) -> None:
    """All that can be entered is stored as it was entered, and fits into JSON."""
    folder = home.folder()
    await home.set_up()
    values = folder_form(
        f"{folder}/",
        **{
            CONF_NAME: " Camera card ",
            CONF_INCLUDE_EXISTING: False,
            SECTION_WHAT: {CONF_TYPES: ["video"], CONF_RULES: RULES},
            SECTION_DETAILS: {
                CONF_RECURSIVE: False,
                CONF_DETECTION: "polling",
                CONF_SETTLE_SECONDS: 60,
            },
        },
    )
    when = when_form(
        **{
            CONF_NEW_MEDIA: False,
            CONF_SCHEDULE_TIME: "03:30:00",
            CONF_SCHEDULE_WEEKDAYS: ["sat", "sun"],
            SECTION_PRESENCE: {
                CONF_PERSONS: ["person.anna"],
                CONF_PRESENCE: "leaves",
                CONF_ZONE: "zone.office",
            },
            SECTION_CONDITIONS: {CONF_CONDITIONS: CONDITIONS},
            SECTION_ADVANCED: {CONF_TRIGGERS: TRIGGERS, CONF_OVERDUE_HOURS: 12},
        }
    )
    data = await save(home, await begin(home), values, when)
    assert data == {
        CONF_PATH: str(folder),
        CONF_INCLUDE_EXISTING: False,
        CONF_TYPES: ["video"],
        CONF_RULES: RULES,
        CONF_NEW_MEDIA: False,
        CONF_SCHEDULE_TIME: "03:30:00",
        CONF_SCHEDULE_WEEKDAYS: ["sat", "sun"],
        CONF_PERSONS: ["person.anna"],
        CONF_PRESENCE: "leaves",
        CONF_ZONE: "zone.office",
        CONF_CONDITIONS: CONDITIONS,
        CONF_TRIGGERS: TRIGGERS,
        CONF_OVERDUE_HOURS: 12,
        CONF_RECURSIVE: False,
        CONF_DETECTION: "polling",
        CONF_SETTLE_SECONDS: 60,
    }
    (subentry,) = home.entry.subentries.values()
    assert subentry.title == "Camera card"
    assert json.loads(json_bytes(data)) == data == json.loads(json.dumps(data))
    assert set(data) <= {
        value for name, value in vars(const).items() if name.startswith("CONF_")
    } | {CONF_PATH}
    assert len(build_folder("", "", data).rules.rules[0].criteria) == 11


async def test_empty_fields_are_not_stored(home: Home) -> None:
    """What was filled in and emptied again leaves nothing behind."""
    await home.set_up()
    emptied = {"name": "Old", "action": "skip", "older_than_days": 5}
    values = folder_form(
        home.folder(),
        **{
            CONF_NAME: "  ",
            SECTION_WHAT: {
                CONF_RULES: [
                    {
                        **emptied,
                        "types": [],
                        "extensions": None,
                        "captured_from": "",
                        "unknown": 1,
                    }
                ]
            },
        },
    )
    when = when_form(
        **{
            CONF_SCHEDULE_WEEKDAYS: [],
            SECTION_PRESENCE: {CONF_PERSONS: [], CONF_ZONE: "zone.home"},
            SECTION_CONDITIONS: {CONF_CONDITIONS: []},
            SECTION_ADVANCED: {CONF_TRIGGERS: []},
        }
    )
    data = await save(home, await begin(home), values, when)
    assert data[CONF_RULES] == [emptied]
    assert CONF_SCHEDULE_WEEKDAYS not in data
    assert not data.keys() & {
        CONF_SCHEDULE_TIME,
        CONF_PERSONS,
        CONF_PRESENCE,
        CONF_ZONE,
        CONF_CONDITIONS,
        CONF_TRIGGERS,
    }


async def test_reconfigure(home: Home, set_ups: list[str]) -> None:
    """A folder is shown as it was entered; a change reaches the engine, no reload."""
    folder, other = home.folder(), home.folder("other")
    values = folder_form(
        folder,
        **{
            CONF_NAME: "Camera",
            SECTION_WHAT: {CONF_RULES: RULES},
        },
    )
    when = when_form(
        **{
            CONF_SCHEDULE_TIME: "03:30:00",
            CONF_SCHEDULE_WEEKDAYS: ["mon"],
            SECTION_CONDITIONS: {CONF_CONDITIONS: CONDITIONS},
            SECTION_ADVANCED: {CONF_TRIGGERS: TRIGGERS},
        }
    )
    await home.set_up()
    stored = await save(home, await begin(home), values, when)
    (subentry,) = home.entry.subentries.values()

    form = await begin(home, subentry.subentry_id)
    assert suggested(form) == shown_form(values)
    assert details(form)["name"] == "Camera"
    confirm = await submit(home, form, suggested(form))
    # When it runs is shown as it was entered, too.
    form = await submit(home, confirm, WHEN)
    assert suggested(form) == when
    shown = fields(form)
    assert [shown[name]["expanded"] for name in SECTIONS] == [False, True, True]
    confirm = await submit(home, form, suggested(form))
    result = await submit(home, confirm, SAVE)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert dict(subentry.data) == stored

    form = await begin(home, subentry.subentry_id)
    changed = folder_form(other, **{CONF_NAME: "Other", SECTION_WHAT: {CONF_RULES: []}})
    result = await submit(home, await submit(home, form, changed), SAVE)
    assert result["reason"] == "reconfigure_successful"
    assert subentry.title == "Other"
    assert subentry.unique_id == str(other)
    assert subentry.data[CONF_PATH] == str(other)
    assert CONF_RULES not in subentry.data
    assert subentry.data[CONF_SCHEDULE_TIME] == "03:30:00"
    await until(lambda: home.engine.folders[subentry.subentry_id].path == str(other))
    assert set_ups == [ENTRY_ID]


async def test_running_upload_goes_on(home: Home, set_ups: list[str]) -> None:
    """Adding, changing and removing folders does not disturb an upload."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    hang = home.immich.faults.add(
        Fault(action=Action.HANG, method="POST", path_regex="/assets$", times=1)
    )
    await home.set_up(folder_data(folder))
    await until(lambda: hang.struck)
    uploads = home.immich.requests.matching("POST", "/api/assets")

    await save(home, await begin(home), folder_form(home.folder("second")))
    (second,) = set(home.entry.subentries) - {"folder1"}
    form = await begin(home, second)
    changed = folder_form(home.folder("third"))
    await submit(home, await submit(home, form, changed), SAVE)
    home.hass.config_entries.async_remove_subentry(home.entry, second)
    await home.hass.async_block_till_done()
    await until(lambda: set(home.engine.folders) == {"folder1"})

    assert home.immich.requests.matching("POST", "/api/assets") == uploads
    assert uploads[0].status is None
    assert set_ups == [ENTRY_ID]
    home.immich.faults.clear()


@pytest.fixture
def private_root(home: Home) -> Path:
    """Return the folder above all, which Home Assistant may use here."""
    top = home.root.parent
    home.hass.config.allowlist_external_dirs.add(str(top))
    (top / "config" / ".storage").mkdir(parents=True, exist_ok=True)
    return top


def unreadable(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a folder that may not be read."""
    path = home.folder("secret")
    scandir = os.scandir

    def refuse(name: str) -> Any:
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(name)

    monkeypatch.setattr(os, "scandir", refuse)
    return str(path)


def file(home: Home, _: pytest.MonkeyPatch) -> str:
    """Return something that is not a folder."""
    path = home.root / "one.jpg"
    path.write_bytes(b"one")
    return str(path)


def foreign(home: Home, _: pytest.MonkeyPatch) -> str:
    """Return a folder that Home Assistant may not use, by an innocent name."""
    path = home.root.parent / "elsewhere"
    path.mkdir()
    (home.root / "link").symlink_to(path)
    return str(home.root / "link")


def odd(home: Home, _: pytest.MonkeyPatch) -> str:
    """Return a folder whose real name is not valid text."""
    path = os.fsencode(home.root) + b"/\xff"
    os.mkdir(path)  # noqa: PTH102
    (home.root / "link").symlink_to(os.fsdecode(path))
    return str(home.root / "link")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("media/camera", "not_absolute"),
        ("", "not_absolute"),
        ("/media/a\0b", "not_absolute"),
        ("/media/\udcff", "not_storable"),
        (odd, "not_storable"),
        ("{root}/nowhere", "missing"),
        (file, "not_a_directory"),
        (foreign, "not_allowed"),
        ("/proc", "not_allowed"),
        (unreadable, "unreadable"),
    ],
)
async def test_unusable_path(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    place: str | Callable[[Home, pytest.MonkeyPatch], str],
    reason: str,
) -> None:
    """A folder that can't be watched is refused; nothing that was entered is lost."""
    await home.set_up()
    path = (
        place.format(root=home.root)
        if isinstance(place, str)
        else place(home, monkeypatch)
    )
    values = folder_form(path, **{CONF_NAME: "X", SECTION_WHAT: {CONF_RULES: RULES}})
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {CONF_PATH: reason}
    assert suggested(form) == shown_form(values)
    assert home.entry.subentries == {}

    data = await save(home, form, {**values, CONF_PATH: str(home.folder())})
    assert data[CONF_RULES] == RULES


async def test_not_allowed_says_what_to_add(home: Home) -> None:
    """The text names the folder to allow, which is not what was entered."""
    await home.set_up()
    path = home.root.parent / "elsewhere"
    path.mkdir()
    (home.root / "link").symlink_to(path)
    form = await submit(home, await begin(home), folder_form(home.root / "link"))
    assert details(form)["allow"] == str(path)


async def test_link_is_resolved(home: Home) -> None:
    """A folder is stored by its real path."""
    await home.set_up()
    (home.root / "link").symlink_to(home.folder())
    data = await save(home, await begin(home), folder_form(home.root / "link"))
    assert data[CONF_PATH] == str(home.folder())


@pytest.mark.parametrize("place", [".", "config", "config/.storage"])
@pytest.mark.parametrize("recursive", [True, False])
async def test_private(
    home: Home, private_root: Path, place: str, recursive: bool
) -> None:
    """Home Assistant's own data are not backed up, nor is what holds them."""
    await home.set_up()
    values = folder_form(
        private_root / place, **{SECTION_DETAILS: {CONF_RECURSIVE: recursive}}
    )
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {CONF_PATH: "private"}
    # Beside them is a usual place.
    media = private_root / "config" / "media"
    media.mkdir()
    await save(home, form, folder_form(media))


async def test_top_is_never_allowed(home: Home) -> None:
    """Nobody is told to let Home Assistant use everything, or its own folder."""
    await home.set_up()
    for place in ("/", home.hass.config.config_dir):
        form = await submit(home, await begin(home), folder_form(place))
        assert form["errors"] == {CONF_PATH: "private"}
        assert "allow" not in details(form)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (".", "overlap_same"),
        ("below", "overlap_inside"),
        ("../link", "overlap_inside"),
        ("..", "overlap_contains"),
    ],
)
async def test_overlap(home: Home, place: str, reason: str) -> None:
    """A folder in, around or the same as another one is refused."""
    folder = home.folder()
    (folder / "below").mkdir()
    (home.root / "link").symlink_to(folder / "below")
    await home.set_up(folder_data(folder))
    form = await submit(home, await begin(home), folder_form(folder / place))
    assert form["errors"] == {CONF_PATH: reason}
    assert details(form)["other"] == "Camera"
    assert details(form)["other_path"] == str(folder)
    await save(home, form, folder_form(home.folder("second")))


async def test_no_overlap_without_sub_folders(home: Home) -> None:
    """What a folder does not reach into may be a folder of its own, until it does."""
    folder = home.folder()
    (folder / "below").mkdir()
    await home.set_up(folder_data(folder, recursive=False))
    await save(home, await begin(home), folder_form(folder / "below"))
    form = await begin(home, "folder1")
    form = await submit(home, form, folder_form(folder))
    assert form["errors"] == {CONF_PATH: "overlap_contains"}
    values = folder_form(folder, **{SECTION_DETAILS: {CONF_RECURSIVE: False}})
    confirm = await submit(home, form, values)
    assert (await submit(home, confirm, SAVE))["reason"] == "reconfigure_successful"


@pytest.fixture
def bind_mount(home: Home) -> Iterator[Path]:
    """Return a second name of a folder in `camera`, by a mount."""
    inside = home.folder() / "inside"
    inside.mkdir()
    point = home.folder("around") / "mounted"
    point.mkdir()
    with mounted(point, "--bind", str(inside)):
        yield point


async def test_overlap_by_mount(home: Home, bind_mount: Path) -> None:
    """A folder that is reached by another name is still the same."""
    await home.set_up(folder_data(home.folder()))
    form = await submit(home, await begin(home), folder_form(bind_mount))
    assert form["errors"] == {CONF_PATH: "overlap_inside"}
    # Neither lies in the other, but what is mounted in this one does.
    around = folder_form(bind_mount.parent)
    form = await submit(home, form, around)
    assert form["errors"] == {CONF_PATH: "overlap_mounted"}
    await save(home, form, folder_form(home.folder("second")))
    await home.hass.config_entries.async_unload(home.entry.entry_id)


async def test_same_folder_in_two_windows(home: Home) -> None:
    """Of two forms about one folder the second ends without a second folder."""
    await home.set_up()
    values = folder_form(home.folder())
    first = await submit(home, await begin(home), values)
    second = await submit(home, await begin(home), values)
    await submit(home, first, SAVE)
    result = await submit(home, second, SAVE)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(home.entry.subentries) == 1


async def test_back_to_the_form(home: Home) -> None:
    """Who reads the outlook and wants something else finds all that was entered."""
    await home.set_up()
    folder = home.folder()
    values = folder_form(
        folder, **{CONF_NAME: "Camera", SECTION_WHAT: {CONF_RULES: RULES}}
    )
    menu = await submit(home, await begin(home), values)
    form = await submit(home, menu, {"next_step_id": "folder"})
    assert form["step_id"] == "folder"
    assert form["errors"] == {}
    assert suggested(form) == shown_form(values)
    await save(home, form, {**values, CONF_NAME: "Other"})
    (subentry,) = home.entry.subentries.values()
    assert subentry.title == "Other"

    menu = await submit(home, await begin(home, subentry.subentry_id), values)
    assert menu["step_id"] == "confirm_change"
    form = await submit(home, menu, {"next_step_id": "change"})
    assert form["step_id"] == "change"
    assert suggested(form) == shown_form(values)
    result = await submit(home, await submit(home, form, values), SAVE)
    assert result["reason"] == "reconfigure_successful"


async def test_watched_folders_are_not_offered(home: Home) -> None:
    """What is watched already is offered only to the folder that watches it."""
    watched, free = home.folder(), home.folder("free")
    await home.set_up(folder_data(watched))

    def offered(form: SubentryFlowResult) -> list[str]:
        options: list[str] = fields(form)[CONF_PATH]["selector"]["select"]["options"]
        return options

    assert offered(await begin(home)) == [str(free)]
    assert str(watched) in offered(await begin(home, "folder1"))


def test_both_forms_have_the_same_texts() -> None:
    """A folder is changed by the words with which it was added."""
    new, change = TEXTS["step"]["folder"], TEXTS["step"]["change"]
    for part in ("data", "data_description", "sections"):
        assert new[part] == change[part]
    for section in new["sections"].values():
        # The browser shows them as they are, without Markdown.
        assert "`" not in section.get("description", "")


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({CONF_SCHEDULE_WEEKDAYS: ["mon"]}, {CONF_SCHEDULE_TIME: "time_missing"}),
        (
            {
                SECTION_CONDITIONS: {
                    CONF_CONDITIONS: [*CONDITIONS, {"condition": "no_such_thing"}]
                }
            },
            {SECTION_CONDITIONS: "condition_unusable"},
        ),
        (
            {SECTION_ADVANCED: {CONF_TRIGGERS: [{"trigger": "no_such_thing"}]}},
            {SECTION_ADVANCED: "trigger_unusable"},
        ),
    ],
)
async def test_when_that_makes_no_sense(
    home: Home, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    """What can't be used is named, and what was entered stays."""
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(home.folder()))
    form = await submit(home, confirm, WHEN)
    wrong = when_form(**changes)
    form = await submit(home, form, wrong)
    assert form["errors"] == errors
    assert suggested(form) == wrong
    for name in errors.keys() & SECTIONS:
        assert fields(form)[name]["expanded"] is True
        assert "no_such_thing" in details(form)["problems"]
    confirm = await submit(home, form, when_form(**{CONF_SCHEDULE_TIME: "03:30:00"}))
    assert "03:30" in details(confirm)["starts"]
    assert (await submit(home, confirm, SAVE))["type"] is FlowResultType.CREATE_ENTRY


async def test_several_errors_at_once(home: Home) -> None:
    """All that is wrong is told at the same time."""
    await home.set_up()
    values = folder_form(
        home.root / "nowhere",
        **{
            SECTION_WHAT: {CONF_RULES: [{"name": "A", "action": "x"}]},
        },
    )
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {
        CONF_PATH: "missing",
        SECTION_WHAT: "unknown",
    }


@pytest.mark.parametrize("loaded", [True, False])
async def test_outlook(home: Home, loaded: bool) -> None:
    """Before it is saved the form tells what would happen, also without the account."""
    folder = home.folder()
    (folder / "Screenshots").mkdir()
    (folder / "one.jpg").write_bytes(b"1" * 1_500_000)
    (folder / "two.jpg").write_bytes(b"2" * 500_000)
    (folder / "Screenshots" / "three.jpg").write_bytes(b"3")
    (folder / "four.mp4").write_bytes(b"4")
    (folder / "five.txt").write_bytes(b"5")
    (folder / "six.jpg").write_bytes(b"")
    home.new_entry()
    if loaded:
        await home.hass.config_entries.async_setup(home.entry.entry_id)
    values = folder_form(
        folder,
        **{
            CONF_NAME: "Camera",
            SECTION_WHAT: {
                CONF_TYPES: ["photo"],
                CONF_RULES: [
                    {"name": "Shots", "action": "skip", "paths": ["Screenshots/"]}
                ],
            },
        },
    )
    confirm = await submit(home, await begin(home), values)
    assert confirm["step_id"] == "confirm"
    told = details(confirm)
    assert told["name"] == "Camera"
    assert told["path"] == str(folder)
    assert told["account"] == home.entry.title
    lines = told["found"].splitlines()
    assert lines[:3] == [
        "- Files in it: 6 (2 MB)",
        "- Would be backed up: 2 (2 MB)",
        "- Left out by the rule “Shots”: 1",
    ]
    assert set(lines[3:]) == {
        "- Left out because their type is not chosen: 1",
        "- Left out because Immich takes no such files: 1",
        "- Left out because they are empty: 1",
    }
    assert told["starts"] == "New files are noticed at once."
    assert told["begins"] == (
        "The backup begins as soon as you save."
        if loaded
        else "Anna Example does not work at present: the backup begins once it does."
    )
    assert (await submit(home, confirm, SAVE))["type"] is FlowResultType.CREATE_ENTRY
    assert (home.entry.state is ConfigEntryState.LOADED) is loaded


async def test_outlook_of_a_change(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored already is no work, and what was deleted stays deleted."""
    folder = home.folder()
    for name in ("kept", "declined"):
        (folder / f"{name}.jpg").write_bytes(name.encode())
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "2")
    for asset in home.immich.assets():
        if asset.original_file_name == "declined.jpg":
            await home.delete(asset)
    await home.engine.reconfirm()
    values = folder_form(folder)
    confirm = await submit(home, await begin(home, "folder1"), values)
    assert confirm["step_id"] == "confirm_change"
    assert details(confirm)["found"].splitlines() == [
        "- Files in it: 2 (12 B)",
        "- Would be backed up: 0 (0 B)",
        "- Already in Immich: 1",
        "- Deleted in Immich, not sent again: 1",
    ]

    def broken(*args: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    # Without the ledger the files alone are told of.
    monkeypatch.setattr(reports, "known_files", broken)
    confirm = await submit(home, await begin(home, "folder1"), values)
    assert details(confirm)["found"].splitlines() == [
        "- Files in it: 2 (12 B)",
        "- Would be backed up: 2 (12 B)",
    ]


async def test_outlook_without_automatic_backup(home: Home) -> None:
    """Where nothing starts by itself, nobody is promised that it does."""
    (home.folder() / "one.jpg").write_bytes(b"1")
    await home.set_up()
    await home.engine.controls.pause()
    form = await begin(home)
    menu = await submit(home, form, folder_form(home.folder()))
    assert details(menu)["begins"] == (
        "Anna Example is paused: the backup begins once that is over."
    )
    await home.engine.controls.set_automatic(False)
    form = await submit(home, menu, {"next_step_id": "folder"})
    confirm = await submit(home, form, folder_form(home.folder()))
    assert details(confirm)["begins"] == (
        "Automatic backup of Anna Example is off: nothing is sent until you switch it"
        " on or press *Back up now*."
    )


async def test_outlook_only_new(home: Home) -> None:
    """What is there already is told to be left out when only new files are wanted."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"1")
    await home.set_up()
    values = folder_form(folder, **{CONF_INCLUDE_EXISTING: False})
    confirm = await submit(home, await begin(home), values)
    assert details(confirm)["begins"] == "There is nothing to send now."
    assert details(confirm)["found"].splitlines() == [
        "- Files in it: 1 (1 B)",
        "- Would be backed up: 0 (0 B)",
        "- Left out because they are there already: 1",
    ]


@pytest.mark.parametrize("loaded", [True, False])
async def test_outlook_of_many_files(
    home: Home, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    """What could not be counted in time is told as a lower bound."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"1")
    monkeypatch.setattr(flow_module, "_PREVIEW_SECONDS", -1.0)
    home.new_entry()
    if loaded:
        await home.hass.config_entries.async_setup(home.entry.entry_id)
    confirm = await submit(home, await begin(home), folder_form(folder))
    first, second = details(confirm)["found"].splitlines()
    assert first.startswith("- Files in it: at least ")
    assert second.startswith("- Would be backed up: at least ")


async def test_share_that_hangs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that never answers holds up no form."""
    released = threading.Event()
    folder = home.folder()
    await home.set_up()
    monkeypatch.setattr(flow_module, "_PATIENCE", 0.05)
    monkeypatch.setattr(flow_module, "_PREVIEW_SECONDS", 0.0)

    def hang(*args: object, **options: object) -> None:
        released.wait()

    try:
        with monkeypatch.context() as patch:
            patch.setattr(flow_module, "offered_folders", hang)
            patch.setattr(flow_module, "check_folder", hang)
            form = await begin(home)
            assert fields(form)[CONF_PATH]["selector"]["select"]["options"] == []
            form = await home.hass.config_entries.subentries.async_configure(
                form["flow_id"], folder_form(folder)
            )
            assert form["errors"] == {CONF_PATH: "not_answering"}
        with monkeypatch.context() as patch:
            never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            patch.setattr(home.engine, "preview", lambda *args: never)
            monkeypatch.setattr(flow_module, "_PATIENCE", 1.0)
            confirm = await submit(home, form, folder_form(folder))
            assert details(confirm)["found"] == (
                "The folder answers too slowly to be looked through now."
            )
    finally:
        released.set()
    result = await submit(home, confirm, SAVE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
