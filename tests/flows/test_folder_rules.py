"""The form of a folder: its rules, and what they say of their files."""

from typing import Any

import probatio
import pytest

from custom_components.immich_backup.const import CONF_RULES, CONF_TYPES
from custom_components.immich_backup.flows.folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    shown_form,
)
from custom_components.immich_backup.folders import build_folder
from custom_components.immich_backup.immich import Visibility
from tests.support.flows import details, fields, folder_form, organise_form, suggested
from tests.support.home import Home, folder_data

from .support import ORGANISE, RULES, SAVE, begin, save, submit


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
