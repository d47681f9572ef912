"""The form of a folder: what is stored, what is refused, and that nothing is disturbed."""

import asyncio
from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import sqlite3
import threading
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, CONF_PATH
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.json import json_bytes
import probatio
import pytest

from custom_components.immich_backup import const
from custom_components.immich_backup.const import (
    CONF_CONDITIONS,
    CONF_DETECTION,
    CONF_INCLUDE_EXISTING,
    CONF_NEW_MEDIA,
    CONF_ORGANISE,
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
    SUBENTRY_FOLDER,
)
from custom_components.immich_backup.engine.ledger import reports
from custom_components.immich_backup.flows import folder as flow_module
from custom_components.immich_backup.flows.folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    shown_form,
)
from custom_components.immich_backup.flows.organise_form import (
    SECTION_MORE,
    SECTION_PLACE,
    SECTION_TOGETHER,
)
from custom_components.immich_backup.flows.when_form import (
    SECTION_ADVANCED,
    SECTION_CONDITIONS,
    SECTION_PRESENCE,
)
from custom_components.immich_backup.folders import build_folder
from custom_components.immich_backup.immich import Visibility
from simulator import Action, Fault
from tests.support.flows import (
    assert_readable,
    details,
    english,
    fields,
    folder_form,
    organise_form,
    suggested,
    when_form,
)
from tests.support.home import ENTRY_ID, Home, folder_data, until
from tests.support.mounting import mounted

TEXTS = english()["config_subentries"][SUBENTRY_FOLDER]
# What is chosen once the outlook was read.
SAVE = {"next_step_id": "save"}
WHEN = {"next_step_id": "when"}
ORGANISE = {"next_step_id": "organise"}
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
RULES = [
    {
        "name": "No screenshots",
        "action": "skip",
        "types": ["photo"],
        "extensions": ["png", ".JPG"],
        "paths": ["Screenshots/", "**/private/**"],
        "min_size_mb": 0.1,
        "max_size_mb": 2000,
        "older_than_days": 30,
        "newer_than_days": 365,
        "captured_from": "2026-07-01",
        "captured_to": "2026-07-31",
        "min_pixels": 800,
        "max_pixels": 12000,
        "min_seconds": 3,
        "max_seconds": 600,
        "cameras": ["Canon", "iPhone 15"],
        "screenshot": "yes",
        "location": "no",
    },
    {"name": "Cats", "action": "back_up", "paths": ["*cat*"]},
]


async def begin(home: Home, subentry_id: str | None = None) -> SubentryFlowResult:
    """Return the form of a new folder, or of one that is there."""
    context = SubentryFlowContext(source=SOURCE_USER)
    if subentry_id is not None:
        context = SubentryFlowContext(
            source=SOURCE_RECONFIGURE, subentry_id=subentry_id
        )
    result = await home.hass.config_entries.subentries.async_init(
        (home.entry.entry_id, SUBENTRY_FOLDER), context=context
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == ("folder" if subentry_id is None else "change")
    assert_readable(result, TEXTS)
    return result


async def submit(
    home: Home, form: SubentryFlowResult, values: dict[str, Any]
) -> SubentryFlowResult:
    """Return what comes after a form was submitted."""
    result = await home.hass.config_entries.subentries.async_configure(
        form["flow_id"], values
    )
    await home.hass.async_block_till_done()
    assert_readable(result, TEXTS)
    return result


async def save(
    home: Home,
    form: SubentryFlowResult,
    values: dict[str, Any],
    when: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Fill in the forms, confirm them, and return what is stored of the folder."""
    before = set(home.entry.subentries)
    confirm = await submit(home, form, values)
    if when is not None:
        confirm = await submit(home, await submit(home, confirm, WHEN), when)
    assert confirm["type"] is FlowResultType.MENU, confirm
    assert confirm["step_id"] == "confirm"
    assert set(home.entry.subentries) == before
    result = await submit(home, confirm, SAVE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry_id,) = set(home.entry.subentries) - before
    return dict(home.entry.subentries[subentry_id].data)


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


async def test_organise(home: Home) -> None:
    """How files are organised is asked for, told, stored, and shown as it was entered."""
    folder = home.folder()
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(folder))
    assert details(confirm)["organised"] == ""
    form = await submit(home, confirm, ORGANISE)
    shown = fields(form)
    sections = (SECTION_TOGETHER, SECTION_MORE)
    assert not any(shown[section]["expanded"] for section in sections)
    assert suggested(form) == organise_form()
    entered = organise_form(
        album="folders",
        tags=["Home/Doorbell", "{{ media.type }}"],
        **{
            SECTION_TOGETHER: {"live_photos": False, "stacks": ["raw", "burst"]},
            SECTION_MORE: {
                "favourite": True,
                "visibility": "archive",
                "description": "{{ media.name }}",
                "keywords": True,
                "correct_dates": "never",
            },
            SECTION_PLACE: {
                "place_from": ["person.anna", "device_tracker.phone"],
                "place_minutes": 3,
            },
        },
    )
    form = await submit(home, form, entered)
    # Only what this way to find an album needs.
    assert list(fields(form)) == ["album_levels", "album_joiner"]
    assert details(form)["choice"] == "One for each sub-folder"
    album = {"album_levels": 2, "album_joiner": " / "}
    confirm = await submit(home, form, album)
    assert details(confirm)["organised"] == (
        "In Immich they go to an album for each sub-folder. They get these tags:"
        " Home/Doorbell, {{ media.type }}. They become favourites. They are shown in"
        " the archive, not in the timeline. They get a description. Those that do not"
        " say where they were taken get the place from the history of Home Assistant."
        " What belongs together is shown as one."
    )
    await submit(home, confirm, SAVE)
    (subentry,) = home.entry.subentries.values()
    stored = {
        "tags": ["Home/Doorbell", "{{ media.type }}"],
        "favourite": True,
        "visibility": "archive",
        "description": "{{ media.name }}",
        "keywords": True,
        "correct_dates": "never",
        "live_photos": False,
        "stacks": ["raw", "burst"],
        "place_from": ["person.anna", "device_tracker.phone"],
        "place_minutes": 3,
    }
    assert subentry.data[CONF_ORGANISE] == {"album": "folders", **album, **stored}
    form = await begin(home, subentry.subentry_id)
    confirm = await submit(home, form, suggested(form))
    form = await submit(home, confirm, ORGANISE)
    assert suggested(form) == entered
    shown = fields(form)
    assert all(shown[section]["expanded"] for section in sections)
    form = await submit(home, form, entered)
    assert suggested(form) == album
    # Back, and without an album: what belonged to it is not kept.
    confirm = await submit(home, form, album)
    form = await submit(home, confirm, ORGANISE)
    confirm = await submit(home, form, {**entered, "album": "none"})
    assert "album" not in details(confirm)["organised"]
    await submit(home, confirm, SAVE)
    assert subentry.data[CONF_ORGANISE] == stored


@pytest.mark.parametrize(
    ("album", "asked", "told"),
    [
        ({"album": "none"}, [], ""),
        ({"album": "month"}, [], "an album for each month."),
        ({"album": "name", "album_name": "Card"}, ["album_name"], "the album “Card”."),
        (
            {"album": "name", "album_name": "{{ media.type }}"},
            ["album_name"],
            "albums whose names your template makes.",
        ),
        (
            {"album": "calendar", "album_calendars": ["calendar.a"]},
            ["album_calendars", "album_otherwise"],
            "in your calendars. What belongs to none gets no album.",
        ),
        (
            {"album": "trip", "trip_hours": 36, "album_otherwise": "month"},
            ["trip_hours", "trip_km", "trip_photos", "album_otherwise"],
            "or gathering. What belongs to none goes to an album for each month.",
        ),
        ({"album": "zone"}, ["album_otherwise"], "an album for each zone."),
    ],
)
async def test_ways_to_find_an_album(
    home: Home, album: dict[str, Any], asked: list[str], told: str
) -> None:
    """Each way asks only for what it needs, and is stored without what says nothing."""
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(home.folder()))
    form = await submit(home, confirm, ORGANISE)
    by = {"album": album["album"]}
    result = await submit(home, form, organise_form(**by))
    if asked:
        assert list(fields(result)) == asked
        details_of_album = {k: v for k, v in album.items() if k != "album"}
        result = await submit(home, result, {**suggested(result), **details_of_album})
    assert (
        details(result)["organised"].endswith(told)
        or told in (details(result)["organised"])
    )
    await submit(home, result, SAVE)
    (subentry,) = home.entry.subentries.values()
    stored = subentry.data.get(CONF_ORGANISE, {})
    if album["album"] == "trip":
        album = {"trip_km": 50, "trip_photos": 5, **album}
    assert stored == ({} if album["album"] == "none" else album)
    build_folder("", "", subentry.data)


async def test_share(home: Home) -> None:
    """Albums can be shared with the other users of the server, by their names."""
    anna = await home.immich.add_user("anna@example.com", "Anna")
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(home.folder()))
    form = await submit(home, confirm, ORGANISE)
    form = await submit(home, form, organise_form(album="year"))
    options = fields(form)["album_share"]["selector"]["select"]["options"]
    assert {"value": anna.id, "label": "Anna"} in options
    assert home.entry.unique_id not in {option["value"] for option in options}
    entered = {"album_share": [anna.id], "album_role": "viewer"}
    confirm = await submit(home, form, entered)
    await submit(home, confirm, SAVE)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data[CONF_ORGANISE] == {"album": "year", **entered}
    # While the server is away what was chosen is still offered.
    await home.immich.stop()
    form = await begin(home, subentry.subentry_id)
    confirm = await submit(home, form, suggested(form))
    form = await submit(home, confirm, ORGANISE)
    form = await submit(home, form, suggested(form))
    assert suggested(form) == entered


@pytest.mark.parametrize(
    ("entered", "error"),
    [
        ({"tags": ["/ /"]}, {"tags": "not_a_tag"}),
        ({"tags": ["{{ 1 / 0 }}"]}, {"tags": "template_unusable"}),
        (
            {"album": "name", "tags": ["{{ 1 / 0 }}"]},
            {"tags": "template_unusable"},
        ),
        (
            {"album": "name", SECTION_MORE: {"visibility": "locked"}},
            {SECTION_MORE: "locked_album"},
        ),
        ({SECTION_MORE: {"visibility": "locked"}}, {SECTION_MORE: "locked_rule"}),
        (
            {SECTION_MORE: {"description": "{{ media.x.y }}"}},
            {SECTION_MORE: "template_unusable"},
        ),
    ],
)
async def test_organise_refused(
    home: Home, entered: dict[str, Any], error: dict[str, str]
) -> None:
    """What Immich would refuse and what can't work is refused, by its field."""
    await home.set_up()
    rule = {"name": "Bell", "action": "back_up", "paths": ["x"], "album": "Door"}
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: [rule]}})
    confirm = await submit(home, await begin(home), values)
    assert "“Bell”" in details(confirm)["organised"]
    form = await submit(home, confirm, ORGANISE)
    form = await submit(home, form, organise_form(**entered))
    assert form["step_id"] == "organise"
    assert form["errors"] == error


@pytest.mark.parametrize(
    ("by", "album", "error"),
    [
        ("name", {"album_name": "  "}, {"album_name": "name_missing"}),
        ("name", {"album_name": "a" * 201}, {"album_name": "too_long"}),
        ("name", {"album_name": "{{ media. }}"}, {"album_name": "template_unusable"}),
        ("name", {"album_name": "{{ 1 / 0 }}"}, {"album_name": "template_unusable"}),
        ("calendar", {"album_calendars": []}, {"album_calendars": "calendars_missing"}),
    ],
)
async def test_album_refused(
    home: Home, by: str, album: dict[str, Any], error: dict[str, str]
) -> None:
    """What is not enough for an album is refused where it was entered."""
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(home.folder()))
    form = await submit(home, confirm, ORGANISE)
    form = await submit(home, form, organise_form(album=by))
    form = await submit(home, form, {**suggested(form), **album})
    assert form["step_id"] == "album"
    assert form["errors"] == error


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ({"album": "a" * 201}, "rule_too_long"),
        ({"album": "name"}, "unknown"),
        ({"tags": ["//"]}, "rule_not_a_tag"),
        ({"album": "Door", "visibility": "locked"}, "rule_locked_album"),
        ({"visibility": "attic"}, "unknown"),
        ({"description": "a" * 2001}, "rule_too_long"),
        ({"description": "{{ media.x.y }}"}, "rule_template"),
        ({"album": "{{ media.x.y }}"}, "rule_template"),
        ({"template": "{{ media.x.y }}"}, "rule_template"),
        ({"template": "{{ media.name }}"}, "rule_template"),
        ({"event": "Party"}, "no_calendar"),
    ],
)
async def test_rule_that_can_not_be_organised(
    home: Home, wishes: dict[str, Any], error: str
) -> None:
    """What a rule says of its files is checked like the rule itself."""
    await home.set_up()
    rule = {"name": "Bell", "action": "back_up", "paths": ["x"], **wishes}
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: [rule]}})
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {SECTION_WHAT: error}
    assert details(form)["rule"] == "Bell"


async def test_rule_for_the_locked_folder(home: Home) -> None:
    """Its files get no album: it may name none, but the folder may."""
    await home.set_up()
    rule = {"name": "Private", "action": "back_up", "paths": ["x"]}
    rule |= {"visibility": "locked", "description": "{{ media.name }}"}
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: [rule]}})
    confirm = await submit(home, await begin(home), values)
    form = await submit(home, confirm, ORGANISE)
    confirm = await submit(home, form, organise_form(album="year"))
    await submit(home, confirm, SAVE)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data[CONF_RULES] == [rule]
    folder = build_folder("", "", subentry.data)
    refined = folder.arrangement.refined(folder.rule_arrangements["Private"])
    assert refined.album is None
    assert refined.visibility is Visibility.LOCKED
    assert refined.description == "{{ media.name }}"


async def test_rule_of_a_locked_folder(home: Home) -> None:
    """It may name an album only if it shows its files elsewhere, whichever came first."""
    folder = home.folder()
    locked = {"visibility": "locked"}
    await home.set_up(folder_data(folder, organise=locked))
    rule = {"name": "Bell", "action": "back_up", "paths": ["x"], "album": "Door"}
    elsewhere = {**rule, "visibility": "archive"}
    for wrong in (rule, rule | locked):
        values = folder_form(folder, **{SECTION_WHAT: {CONF_RULES: [wrong]}})
        form = await submit(home, await begin(home, "folder1"), values)
        assert form["errors"] == {
            SECTION_WHAT: "rule_locked_album" if wrong != rule else "folder_locked"
        }
        assert details(form)["rule"] == "Bell"
    values = folder_form(folder, **{SECTION_WHAT: {CONF_RULES: [elsewhere]}})
    confirm = await submit(home, form, values)
    form = await submit(home, confirm, ORGANISE)
    confirm = await submit(home, form, suggested(form))
    await submit(home, confirm, SAVE)
    assert home.entry.subentries["folder1"].data[CONF_RULES] == [elsewhere]


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


@pytest.mark.parametrize(
    ("rule", "reason", "field"),
    [
        ({"action": "delete"}, "unknown", "What to do"),
        ({"types": ["sound"]}, "unknown", "Types"),
        ({"types": 5}, "not_a_list", "Types"),
        ({"extensions": ["*"]}, "not_an_extension", "Extensions"),
        ({"extensions": [", ;"]}, "not_an_extension", "Extensions"),
        ({"paths": ["../x"]}, "not_a_pattern", "Paths"),
        ({"min_size_mb": "much"}, "not_a_number", "Smallest size"),
        ({"min_size_mb": 5, "max_size_mb": 4}, "below_minimum", "Largest size"),
        (
            {"older_than_days": 9, "newer_than_days": 9},
            "never_both",
            "Age less than",
        ),
        ({"captured_from": "summer"}, "not_a_date", "Taken from"),
        (
            {"captured_from": "2026-07-02", "captured_to": "2026-07-01"},
            "before_start",
            "Taken to",
        ),
    ],
)
async def test_broken_rule(
    home: Home, rule: dict[str, Any], reason: str, field: str
) -> None:
    """A rule that can't be used is named with its field; the other values stay."""
    await home.set_up()
    folder = home.folder()
    rules = [*RULES, {"name": "Broken", "action": "skip", **rule}]
    values = folder_form(folder, **{SECTION_WHAT: {CONF_RULES: rules}})
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {SECTION_WHAT: reason}
    assert details(form)["rule"] == "Broken"
    assert details(form)["field"] == field
    assert fields(form)[SECTION_WHAT]["expanded"] is True
    assert fields(form)[SECTION_DETAILS]["expanded"] is False
    assert suggested(form) == shown_form(values)

    rules[-1] = {"name": "Sound", "action": "skip", "extensions": ["jpg"]}
    values = folder_form(folder, **{SECTION_WHAT: {CONF_RULES: rules}})
    assert (await save(home, form, values))[CONF_RULES] == rules


async def test_nameless_rule_is_counted(home: Home) -> None:
    """A broken rule without a name is told by its number."""
    await home.set_up()
    rules = [*RULES, {"min_pixels": -1}]
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: rules}})
    form = await submit(home, await begin(home), values)
    assert details(form)["rule"] == "3"
    assert details(form)["field"] == "Fewest pixels"


async def test_rule_that_skips_everything(home: Home) -> None:
    """A rule without a criterion fits every file, which may only mean to back it up."""
    await home.set_up()
    rules = [{"name": "All", "action": "skip", "types": [], "older_than_days": None}]
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: rules}})
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {SECTION_WHAT: "fits_everything"}
    assert details(form)["rule"] == "All"
    rules[0]["action"] = "back_up"
    await save(home, form, values)


@pytest.mark.parametrize(
    ("pattern", "better"),
    [
        ("{folder}/Screenshots/", "Screenshots/"),
        ("{folder}/Screenshots", "Screenshots/"),
        ("{folder}/a/b.jpg", "a/b.jpg"),
        ("{folder}/*.png", "*.png"),
        ("{folder}/a.b/", "a.b/"),
        ("{folder}/", "*"),
        ("{folder}", "*"),
        ("{link}/Screenshots/", "Screenshots/"),
    ],
)
async def test_full_path_as_pattern(home: Home, pattern: str, better: str) -> None:
    """A pattern with the folder's own path fits nothing; the right one is told."""
    await home.set_up()
    folder, link = home.folder(), home.root / "link"
    link.symlink_to(folder)
    rule = {"name": "Shots", "action": "skip", "types": ["photo"]}
    rule["paths"] = ["x", pattern.format(folder=folder, link=link)]
    values = folder_form(link, **{SECTION_WHAT: {CONF_RULES: [rule]}})
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {SECTION_WHAT: "full_path"}
    told = details(form)
    assert (told["rule"], told["field"]) == ("Shots", "Paths")
    assert told["better"] == better
    rule["paths"] = ["/Screenshots/", f"{folder}s/", better]
    await save(home, form, values)


async def test_rules_are_shown_in_words(home: Home) -> None:
    """The list shows the value of what a rule does, so that is what a person reads."""
    await home.set_up()
    values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: RULES}})
    await save(home, await begin(home), values)
    (subentry_id,) = home.entry.subentries
    form = await begin(home, subentry_id)
    rules = suggested(form)[SECTION_WHAT][CONF_RULES]
    assert [rule["action"] for rule in rules] == ["Skip", "Back up"]
    (field,) = (
        field
        for field in fields(form)[SECTION_WHAT]["schema"]
        if field["name"] == CONF_RULES
    )
    options = field["selector"]["object"]["fields"]["action"]
    assert options["default"] == "Skip"
    assert [option["value"] for option in options["selector"]["select"]["options"]] == [
        "Skip",
        "Back up",
    ]
    result = await submit(home, await submit(home, form, suggested(form)), SAVE)
    assert result["reason"] == "reconfigure_successful"
    assert home.entry.subentries[subentry_id].data[CONF_RULES] == RULES


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


async def test_rules_are_a_list(home: Home) -> None:
    """What is no list of rules is refused before it gets anywhere."""
    await home.set_up()
    form = await begin(home)
    for rules in ("skip", {"action": "skip"}, ["skip"]):
        values = folder_form(home.folder(), **{SECTION_WHAT: {CONF_RULES: rules}})
        values[SECTION_WHAT][CONF_RULES] = rules
        with pytest.raises(probatio.Invalid):
            await submit(home, form, values)


async def test_nothing_wanted(home: Home) -> None:
    """A folder of which nothing would be backed up is refused."""
    await home.set_up()
    folder = home.folder()
    values = folder_form(
        folder, **{SECTION_WHAT: {CONF_TYPES: [], CONF_RULES: RULES[:1]}}
    )
    form = await submit(home, await begin(home), values)
    assert form["errors"] == {SECTION_WHAT: "nothing_wanted"}
    values = folder_form(folder, **{SECTION_WHAT: {CONF_TYPES: [], CONF_RULES: RULES}})
    assert (await save(home, form, values))[CONF_TYPES] == []


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
