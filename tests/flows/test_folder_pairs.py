"""The form of a folder asks what happens with pictures that belong together."""

from itertools import product

import pytest

from custom_components.immich_backup.const import CONF_ORGANISE
from custom_components.immich_backup.engine.organise.arrangement import Arrangement
from custom_components.immich_backup.engine.organise.together import CHOICES
from custom_components.immich_backup.flows.organise_form import SECTION_TOGETHER
from custom_components.immich_backup.folders import build_folder
from tests.support.flows import (
    details,
    english,
    fields,
    folder_form,
    organise_form,
    suggested,
)
from tests.support.home import Home
from tests.support.media import jpeg, tiff

from .support import ORGANISE, SAVE, begin, submit

TAKEN = tiff(exif={0x9003: "2024:07:12 10:00:00"})
STACKED = "What belongs together is shown as one."
ONLY = "Of one shot in several files only the one that you chose goes up."


def test_all_can_be_read() -> None:
    """Each choice has a sentence, and none is named that there is not."""
    texts = english()["selector"]
    for kind, choices in CHOICES.items():
        assert list(texts[kind]["options"]) == list(choices)


@pytest.mark.parametrize(
    "chosen",
    [
        {kind.value: word}
        for kind, choices in CHOICES.items()
        for word in list(choices)[1:]
    ]
    + [{"raw_and_jpeg": "only_raw", "heic_and_jpeg": "stack_heic", "burst": "stack"}],
)
async def test_choices(home: Home, chosen: dict[str, str]) -> None:
    """What is chosen is told, stored without what says nothing, and shown again."""
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(home.folder()))
    form = await submit(home, confirm, ORGANISE)
    shown = {
        field["name"]: field
        for field in fields(form)[SECTION_TOGETHER]["schema"]
        if field["name"] in CHOICES
    }
    for kind, choices in CHOICES.items():
        assert shown[kind]["selector"]["select"]["options"] == list(choices)
        assert shown[kind]["default"] == next(iter(choices))
    entered = organise_form(**{SECTION_TOGETHER: chosen})
    confirm = await submit(home, form, entered)
    told = details(confirm)["organised"]
    assert (STACKED in told) is any("stack" in word for word in chosen.values())
    assert (ONLY in told) is any("only" in word for word in chosen.values())
    await submit(home, confirm, SAVE)
    (subentry,) = home.entry.subentries.values()
    assert subentry.data[CONF_ORGANISE] == chosen
    together = build_folder("", "", subentry.data).arrangement.together
    assert together == {
        kind: choices[chosen[kind]]
        for kind, choices in CHOICES.items()
        if kind in chosen
    }
    form = await begin(home, subentry.subentry_id)
    form = await submit(home, await submit(home, form, suggested(form)), ORGANISE)
    assert suggested(form) == entered
    assert fields(form)[SECTION_TOGETHER]["expanded"]
    confirm = await submit(home, form, organise_form())
    await submit(home, confirm, SAVE)
    assert CONF_ORGANISE not in subentry.data


async def test_what_would_be_left_out(home: Home) -> None:
    """The form says how many files are left out before anything is saved."""
    folder = home.folder()
    (folder / "1.JPG").write_bytes(jpeg(TAKEN))
    (folder / "1.DNG").write_bytes(TAKEN)
    (folder / "2.DNG").write_bytes(TAKEN + b"2")
    await home.set_up()
    confirm = await submit(home, await begin(home), folder_form(folder))
    line = "Left out because another picture of the same shot is kept: 1"
    assert line not in details(confirm)["found"]
    form = await submit(home, confirm, ORGANISE)
    chosen = {"raw_and_jpeg": "only_jpeg"}
    confirm = await submit(home, form, organise_form(**{SECTION_TOGETHER: chosen}))
    assert line in details(confirm)["found"]
    assert "Would be backed up: 2" in details(confirm)["found"]


def test_rules_keep_the_choice() -> None:
    """What a rule says of its files changes nothing about those that belong together."""
    for words in product(*CHOICES.values()):
        chosen = {kind.value: word for kind, word in zip(CHOICES, words, strict=True)}
        folder = build_folder("", "", {"path": "/", CONF_ORGANISE: chosen})
        refined = folder.arrangement.refined(Arrangement(favourite=True))
        assert refined.together == folder.arrangement.together
