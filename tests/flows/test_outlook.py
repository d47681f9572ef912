"""What a folder's confirmation tells of its runs, and of what was found."""

from collections import Counter
from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.immich_backup.const import CONF_DETECTION, CONF_NEW_MEDIA
from custom_components.immich_backup.engine.detect.mounts import Mount
from custom_components.immich_backup.engine.preview import Preview
from custom_components.immich_backup.flows.outlook import found_text, starts_text
from custom_components.immich_backup.flows.texts import load_texts
from custom_components.immich_backup.folders import build_folder

LOCAL = Mount(
    id="1", parent="0", device="8:1", root="/", point="/", kind="ext4", source="sda1"
)
SHARE = replace(LOCAL, kind="cifs", source="//nas/photos")
BLIND = "The folder is on a file system (cifs) that does not tell of changes made elsewhere."
ASKED = (
    "Nothing starts by itself: a backup begins when you press the button or an"
    " automation asks for it."
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
            [ASKED],
        ),
    ],
)
async def test_starts(
    hass: HomeAssistant, data: dict[str, Any], mount: Mount, lines: list[str]
) -> None:
    """It is told how new files are noticed and when all is checked."""
    stored = {"path": "/media", CONF_NEW_MEDIA: True, **data}
    folder = build_folder("", "", stored)
    texts = await load_texts(hass)
    assert starts_text(texts, folder, stored, mount).splitlines() == lines


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
    left_out = Counter({"kind": 5, "empty": 7})
    preview = Preview(files=20, left_out=left_out, errors=2)
    lines = found_text(await load_texts(hass), folder, preview).splitlines()[2:]
    assert lines == [
        "- Left out by the rule “empty”: 7",
        "- Left out because their type is not chosen: 5",
        "- Places that could not be read: 2",
    ]


async def test_language_without_texts(hass: HomeAssistant) -> None:
    """A language that nobody translated to gets the English texts."""
    hass.config.language = "tlh"
    assert (await load_texts(hass)).weekday("mon") == "Monday"
