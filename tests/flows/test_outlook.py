"""What a folder's confirmation tells of its runs, and of what was found."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.immich_backup.const import CONF_DETECTION, CONF_NEW_MEDIA
from custom_components.immich_backup.engine.detect.mounts import Mount
from custom_components.immich_backup.engine.preview import Preview
from custom_components.immich_backup.flows.outlook import (
    begins_text,
    found_text,
    starts_text,
)
from custom_components.immich_backup.flows.texts import load_texts
from custom_components.immich_backup.folders import build_folder

LOCAL = Mount(
    id="1", parent="0", device="8:1", root="/", point="/", kind="ext4", source="sda1"
)
SHARE = replace(LOCAL, kind="cifs", source="//nas/photos")
BLIND = "The folder is on a file system (cifs) that does not tell of changes made elsewhere."
ASKED = "Nothing is sent until you press *Back up now* or an automation asks for it."
OFF = (
    "Automatic backup of Anna is off: nothing is sent until you switch it on or press"
    " *Back up now*."
)
REGULARLY = "New files are looked for every minute, less often in a very large folder."


@pytest.mark.parametrize(
    ("data", "mount", "lines"),
    [
        ({}, LOCAL, ["New files are noticed at once."]),
        ({CONF_DETECTION: "polling"}, LOCAL, [REGULARLY]),
        ({CONF_DETECTION: "events"}, SHARE, ["New files are noticed at once."]),
        (
            {},
            SHARE,
            [f"{BLIND} {REGULARLY}"],
        ),
        (
            {"schedule_time": "03:30:00"},
            LOCAL,
            [
                "New files are noticed at once.",
                "Every day at 03:30 the whole folder is checked.",
            ],
        ),
        (
            {
                CONF_NEW_MEDIA: False,
                "schedule_time": "03:30:00",
                "schedule_weekdays": ["sat", "sun"],
            },
            LOCAL,
            ["At 03:30 the whole folder is checked: Saturday, Sunday."],
        ),
        (
            {CONF_NEW_MEDIA: False},
            LOCAL,
            [],
        ),
        (
            {
                CONF_NEW_MEDIA: False,
                "persons": ["person.anna", "person.gone"],
                "presence": "leaves",
                "presence_zone": "zone.office",
                "triggers": [{}],
                "conditions": [{}, {}],
            },
            LOCAL,
            [
                (
                    "When one of these leaves zone.office, the whole folder is"
                    " checked: Anna, person.gone."
                ),
                "Triggers of your own that start a check of the whole folder: 1.",
                "Conditions that must all be true before anything is sent: 2.",
            ],
        ),
    ],
)
async def test_starts(
    hass: HomeAssistant, data: dict[str, Any], mount: Mount, lines: list[str]
) -> None:
    """It is told how new files are noticed and when all is checked."""
    hass.states.async_set("person.anna", "home", {"friendly_name": "Anna"})
    stored = {"path": "/media", CONF_NEW_MEDIA: True, **data}
    folder = build_folder("", "", stored)
    texts = await load_texts(hass)
    assert starts_text(hass, texts, folder, stored, mount).splitlines() == lines


NEW = {CONF_NEW_MEDIA: True}
SATURDAY = {
    CONF_NEW_MEDIA: False,
    "schedule_time": "15:00:00",
    "schedule_weekdays": ["sat"],
}
WORK = Preview(wanted=3, to_upload=3)


@pytest.mark.parametrize(
    ("data", "preview", "obstacle", "text"),
    [
        (NEW, WORK, None, "The backup begins as soon as you save."),
        (NEW, None, None, "The backup begins as soon as you save."),
        (
            NEW,
            Preview(wanted=3, protected=2, declined=1),
            None,
            "There is nothing to send now.",
        ),
        (
            NEW,
            Preview(complete=False),
            None,
            "The backup begins as soon as you save.",
        ),
        (SATURDAY | NEW, WORK, None, "The backup begins as soon as you save."),
        (SATURDAY, WORK, None, "The next backup is on Saturday at 15:00."),
        (
            SATURDAY | {"schedule_weekdays": ["sat", "thu"]},
            WORK,
            None,
            "The next backup is today at 15:00.",
        ),
        (
            SATURDAY | {"schedule_weekdays": [], "schedule_time": "08:59:00"},
            WORK,
            None,
            "The next backup is on Friday at 08:59.",
        ),
        ({CONF_NEW_MEDIA: False}, WORK, None, ASKED),
        (
            {CONF_NEW_MEDIA: False, "persons": ["person.anna"]},
            WORK,
            None,
            "The next backup begins when that happens.",
        ),
        (
            {CONF_NEW_MEDIA: False, "triggers": [{}]},
            WORK,
            None,
            "The next backup begins when that happens.",
        ),
        (
            NEW | {"conditions": [{}]},
            WORK,
            None,
            "Whatever waits is sent while all conditions are true.",
        ),
        ({CONF_NEW_MEDIA: False}, WORK, "begins_off", ASKED),
        (NEW, WORK, "begins_off", OFF),
        (SATURDAY, WORK, "begins_off", OFF),
        (
            SATURDAY,
            WORK,
            "begins_later",
            "Anna does not work at present: the backup begins once it does.",
        ),
    ],
)
async def test_begins(
    hass: HomeAssistant,
    data: dict[str, Any],
    preview: Preview | None,
    obstacle: str | None,
    text: str,
) -> None:
    """It is told what has to happen until the first file goes up."""
    # 09:00 of a Thursday in Vienna.
    await hass.config.async_set_time_zone("Europe/Vienna")
    now = datetime(2026, 10, 1, 7, 0, tzinfo=UTC)
    texts = await load_texts(hass)
    told = begins_text(texts, data, preview, now, account="Anna", obstacle=obstacle)
    assert told == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_500, "1.5 kB"),
        (2_345_678, "2.3 MB"),
        (999_949, "999.9 kB"),
        (999_950_000, "1 GB"),
        (123_000_000_000, "123 GB"),
        (5_000_000_000_000, "5 TB"),
        (1_234_000_000_000_000, "1234 TB"),
    ],
)
async def test_sizes(hass: HomeAssistant, count: int, text: str) -> None:
    """Sizes and numbers are easy to read."""
    folder = build_folder("", "", {"path": "/media"})
    preview = Preview(files=1_234_567, bytes=count)
    first = found_text(await load_texts(hass), folder, preview).splitlines()[0]
    assert first == f"- Files in it: 1\u202f234\u202f567 ({text})"


async def test_reasons(hass: HomeAssistant) -> None:
    """The frequent reasons come first, errors last; a rule may be called anything."""
    rules = [{"name": "empty", "action": "skip", "extensions": ["jpg"]}]
    folder = build_folder("", "", {"path": "/media", "rules": rules})
    preview = Preview(
        files=20,
        left_out=Counter({"kind": 5, "empty": 7}),
        skipped_by=Counter({"empty": 3}),
        errors=2,
    )
    lines = found_text(await load_texts(hass), folder, preview).splitlines()[2:]
    assert lines == [
        "- Left out by the rule “empty”: 3",
        "- Left out because they are empty: 7",
        "- Left out because their type is not chosen: 5",
        "- Places that could not be read: 2",
    ]


@pytest.mark.parametrize("complete", [True, False])
async def test_every_rule_is_told(hass: HomeAssistant, complete: bool) -> None:
    """Each rule has a line, in their order; of one that fits nothing it is said."""
    rules = [
        {"name": "A", "action": "skip", "extensions": ["gif"]},
        {"name": "B", "action": "back_up", "extensions": ["jpg"]},
        {"name": "B", "action": "skip", "extensions": ["png"]},
        {"name": "C", "action": "back_up", "extensions": ["mp4"]},
        {"name": "B", "action": "skip", "extensions": ["dng"]},
    ]
    folder = build_folder("", "", {"path": "/media", "rules": rules})
    preview = Preview(
        skipped_by=Counter({"B": 2}), chosen_by=Counter({"B": 1}), complete=complete
    )
    none = "none now. Check the rule if you expected some." if complete else "0"
    lines = found_text(await load_texts(hass), folder, preview).splitlines()[2:]
    assert lines == [
        f"- Left out by the rule “A”: {none}",
        "- Wanted by the rule “B”: 1",
        "- Left out by the rule “B”: 2",
        f"- Wanted by the rule “C”: {none}",
    ]


async def test_language_without_texts(hass: HomeAssistant) -> None:
    """A language that nobody translated to gets the English texts."""
    hass.config.language = "tlh"
    assert (await load_texts(hass)).weekday("mon") == "Monday"
