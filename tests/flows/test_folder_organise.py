"""The form of a folder: where its files go in Immich."""

from typing import Any

import pytest

from custom_components.immich_backup.const import CONF_ORGANISE, CONF_RULES
from custom_components.immich_backup.flows.folder_form import SECTION_WHAT
from custom_components.immich_backup.flows.organise_form import (
    SECTION_MORE,
    SECTION_PLACE,
    SECTION_TOGETHER,
)
from custom_components.immich_backup.folders import build_folder
from tests.support.flows import details, fields, folder_form, organise_form, suggested
from tests.support.home import Home

from .support import ORGANISE, SAVE, begin, submit


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
            SECTION_TOGETHER: {
                "live_photos": False,
                "raw_and_jpeg": "stack_raw",
                "heic_and_jpeg": "both",
                "burst": "stack",
            },
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
        "raw_and_jpeg": "stack_raw",
        "burst": "stack",
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
        (
            {"album": "name", "album_name": "Card"},
            ["album_name", "album_calendars"],
            "the album “Card”.",
        ),
        (
            {
                "album": "name",
                "album_name": "{{ media.event or media.type }}",
                "album_calendars": ["calendar.a"],
            },
            ["album_name", "album_calendars"],
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
