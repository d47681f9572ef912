"""What notifications say: the integration's own words, and a person's templates."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.immich_backup import wording
from custom_components.immich_backup.const import (
    CONF_LANGUAGE,
    CONF_MESSAGE,
    CONF_TITLE,
    SUBENTRY_NOTIFICATION,
)
from custom_components.immich_backup.notifications import (
    Notification,
    Occasion,
    notification_of,
)
from custom_components.immich_backup.wording import (
    LONGEST,
    VARIABLES,
    WordingError,
    example_values,
    filled_in,
    render,
    render_all,
    variables,
)

CARD = {"folders": ["Camera card"], "account": "Anna"}
BOTH = {"folders": ["Camera card", "Phone"], "account": "Anna"}
ALL = {"folders": ["Camera card", "Phone", "Scans"], "account": "Anna"}
ACCOUNT = {"account": "Anna"}


def notification(**data: Any) -> Notification:
    """Return a notification that says this."""
    return notification_of(
        ConfigSubentry(
            data=MappingProxyType(data),
            subentry_type=SUBENTRY_NOTIFICATION,
            title="Anna's phone",
            unique_id=None,
        )
    )


async def text_of(hass: HomeAssistant, values: dict[str, Any], **data: Any) -> str:
    """Return the text that is told."""
    return (await render(hass, notification(**data), values))[1]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {**CARD, "uploaded": 12},
            "12 photos and videos from Camera card are in Immich.",
        ),
        ({**CARD, "uploaded": 1}, "1 file from Camera card is in Immich."),
        (
            {**CARD, "uploaded": 1, "photos": 1},
            "1 photo from Camera card is in Immich.",
        ),
        (
            {**CARD, "uploaded": 1, "videos": 1},
            "1 video from Camera card is in Immich.",
        ),
        (
            {**CARD, "uploaded": 22, "photos": 22},
            "22 photos from Camera card are in Immich.",
        ),
        (
            {**CARD, "uploaded": 3, "photos": 1, "videos": 2},
            "1 photo and 2 videos from Camera card are in Immich.",
        ),
        (
            {**BOTH, "uploaded": 2, "duplicates": 1},
            (
                "2 photos and videos from Camera card and Phone are in Immich."
                " 1 other file was there already."
            ),
        ),
        (
            {**ALL, "uploaded": 1, "duplicates": 2, "declined": 1},
            (
                "1 file from Camera card, Phone and Scans is in Immich."
                " 2 other files were there already."
                " 1 file was not sent again, as it was deleted in Immich."
            ),
        ),
        (
            {**CARD, "duplicates": 1},
            "1 file from Camera card was in Immich already.",
        ),
        (
            {**CARD, "duplicates": 7, "declined": 2},
            (
                "7 photos and videos from Camera card were in Immich already."
                " 2 files were not sent again, as they were deleted in Immich."
            ),
        ),
        (CARD, "There was nothing new in Camera card."),
        (ACCOUNT, "There was nothing new in Anna."),
        (
            {"folders": list("ABCDE"), "uploaded": 2},
            "2 photos and videos from A, B, C, D and E are in Immich.",
        ),
        (
            {"folders": list("ABCDEFG"), "uploaded": 2},
            "2 photos and videos from A, B, C, D and 3 more are in Immich.",
        ),
    ],
)
async def test_completed(
    hass: HomeAssistant, values: dict[str, Any], text: str
) -> None:
    """A backup that left nothing undone says what is in Immich now."""
    title, told = await render(
        hass, notification(), {"event": Occasion.COMPLETED, **values}
    )
    names = values.get("folders", [])
    name = names[0] if len(names) == 1 else values.get("account")
    wanted = f"Backup completed: {name}" if name else "Backup completed"
    assert (title, told) == (wanted, text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"uploaded": 12, "failed": 2, "failing": ["2026/a.jpg", "b.jpg"]},
            (
                "12 photos and videos from Camera card are in Immich."
                " 2 files could not be backed up: a.jpg, b.jpg. Nothing is lost."
            ),
        ),
        (
            {"failed": 1, "failing": ["a.jpg"]},
            ("1 file from Camera card could not be backed up: a.jpg. Nothing is lost."),
        ),
        (
            {"failed": 5, "failing": [f"{name}.jpg" for name in "abcde"]},
            (
                "5 files from Camera card could not be backed up:"
                " a.jpg, b.jpg, c.jpg and 2 more. Nothing is lost."
            ),
        ),
        (
            {"failed": 2},
            "2 files from Camera card could not be backed up. Nothing is lost.",
        ),
        (
            {"uploaded": 1, "failed": 1, "failing": ["a.jpg"]},
            (
                "1 file from Camera card is in Immich."
                " 1 file could not be backed up: a.jpg. Nothing is lost."
            ),
        ),
        (
            {"unavailable": ["Phone"]},
            "The folder Phone could not be read. Nothing is lost.",
        ),
        (
            {"uploaded": 1, "unavailable": ["Phone", "Scans"]},
            (
                "1 file from Camera card is in Immich."
                " The folders Phone and Scans could not be read. Nothing is lost."
            ),
        ),
        (
            {"uploaded": 1},
            (
                "1 file from Camera card is in Immich."
                " The backup of Camera card is not complete."
            ),
        ),
        (
            {"error": "The disk is gone. "},
            "The backup of Camera card is not complete. The disk is gone.",
        ),
    ],
)
async def test_completed_with_errors(
    hass: HomeAssistant, values: dict[str, Any], text: str
) -> None:
    """What failed is counted, and the first three files are named."""
    title, told = await render(
        hass, notification(), {"event": "completed_with_errors", **CARD, **values}
    )
    assert (title, told) == ("Backup completed with errors: Camera card", text)


@pytest.mark.parametrize(
    ("event", "values", "title", "text"),
    [
        (
            "failed",
            CARD,
            "Backup failed: Camera card",
            "The backup of Camera card failed. Nothing is lost; the files wait.",
        ),
        (
            "failed",
            {**CARD, "error": "Immich can't be reached."},
            "Backup failed: Camera card",
            (
                "The backup of Camera card failed: Immich can't be reached."
                " Nothing is lost; the files wait."
            ),
        ),
        (
            "folder_unavailable",
            {**CARD, "error": None},
            "Folder not available: Camera card",
            (
                "The folder Camera card is not available. What is in Immich stays"
                " there; the backup goes on once the folder is back."
            ),
        ),
        (
            "folder_unavailable",
            BOTH,
            "Folder not available: Anna",
            (
                "The folders Camera card and Phone are not available. What is in"
                " Immich stays there; the backup goes on once they are back."
            ),
        ),
        (
            "overdue",
            CARD,
            "Backup overdue: Camera card",
            "There has been no complete backup of Camera card for too long.",
        ),
    ],
)
async def test_trouble(
    hass: HomeAssistant, event: str, values: dict[str, Any], title: str, text: str
) -> None:
    """Each kind of trouble says what happened and that nothing is lost."""
    told = await render(hass, notification(), {"event": event, **values})
    assert told == (title, text)


async def test_progress(hass: HomeAssistant) -> None:
    """How far a backup is, is said in files."""
    told = await render(
        hass,
        notification(),
        {"event": "progress", **CARD, "uploaded": 10, "duplicates": 2, "remaining": 48},
    )
    assert told == (
        "Backup in progress: Camera card",
        "12 of 60 photos and videos from Camera card are in Immich.",
    )


async def test_several_news(hass: HomeAssistant) -> None:
    """Several news are one message, which is no longer than one."""
    news = [
        {"event": "failed", "folders": ["Phone"], "error": "Immich can't be reached"},
        {"event": "completed", **CARD, "uploaded": 2},
    ]
    told = await render_all(hass, notification(), news)
    assert told == (
        "Backup failed: Phone",
        (
            "The backup of Phone failed: Immich can't be reached. Nothing is lost; the"
            " files wait. 2 photos and videos from Camera card are in Immich."
        ),
    )
    _, text = await render_all(
        hass, notification(**{CONF_MESSAGE: "{{ 'x' * 900 }}"}), news
    )
    assert len(text) == LONGEST[CONF_MESSAGE]


async def test_language(hass: HomeAssistant) -> None:
    """The notification's language decides, else the home's; English if there is none."""
    values = {"event": "completed", **BOTH, "uploaded": 3}
    german = "3 Fotos und Videos aus Camera card und Phone sind in Immich."
    assert await text_of(hass, values, **{CONF_LANGUAGE: "de"}) == german
    english = await text_of(hass, values)
    assert english == "3 photos and videos from Camera card and Phone are in Immich."
    assert await text_of(hass, values, **{CONF_LANGUAGE: "cy"}) == english
    hass.config.language = "de"
    assert await text_of(hass, values) == german
    assert await text_of(hass, values, **{CONF_LANGUAGE: "en"}) == english


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("occasion", Occasion)
async def test_examples(hass: HomeAssistant, occasion: Occasion, language: str) -> None:
    """Every occasion has an example that says all it can in each language."""
    values = await example_values(
        hass, occasion, folders=["Card"], account="Anna", language=language
    )
    assert set(values) == set(VARIABLES)
    title, text = await render(hass, notification(**{CONF_LANGUAGE: language}), values)
    assert title
    assert "Card" in text
    assert "{" not in text
    assert ("IMG_0003.jpg" in text) == (occasion is Occasion.COMPLETED_WITH_ERRORS)


async def test_own_words(hass: HomeAssistant) -> None:
    """Templates may use all values, and the states of the home."""
    hass.states.async_set("sensor.nas", "87")
    values = {
        "event": Occasion.COMPLETED_WITH_ERRORS,
        **BOTH,
        "uploaded": 12,
        "failed": 4,
        "failing": list("abcd"),
        "duration": 90.4,
    }
    title, text = await render(
        hass,
        notification(
            **{
                CONF_TITLE: "{{ account }}: {{ event }}",
                CONF_MESSAGE: "{% if not error %}{{ uploaded + duplicates }} of"
                " {{ folders | join(', ') }}, not {{ failing | join('+') }}, in"
                " {{ duration | round }} s; {{ states('sensor.nas') }} %{% endif %}\n",
            }
        ),
        values,
    )
    assert title == "Anna: completed_with_errors"
    assert text == "12 of Camera card, Phone, not a+b+c, in 90 s; 87 %"
    assert values["failing"] == list("abcd")


async def test_result_is_text(hass: HomeAssistant) -> None:
    """What looks like a number, a list or a constant is told as it was written."""
    for written in ("42", "[1, 2]", "None", "007", "{{ uploaded }}"):
        told = await text_of(
            hass,
            {"event": "completed", "uploaded": 42},
            **{CONF_MESSAGE: written},
        )
        assert told == written.replace("{{ uploaded }}", "42")


@pytest.mark.parametrize(
    ("template", "reason", "said"),
    [
        ("{{ uploaded", "template_broken", "unexpected end of template"),
        ("{{ uplaoded }}", "template_broken", "'uplaoded' is undefined"),
        ("{{ 1 / 0 }}", "template_broken", "division by zero"),
        ("{{ states.__class__ }}", "template_broken", "unsafe"),
        ("{{ error }} ", "template_empty", "It says nothing"),
    ],
)
async def test_unusable_template(
    hass: HomeAssistant, template: str, reason: str, said: str
) -> None:
    """In its place come the integration's own words, and the problem is told."""
    values = {"event": "completed", **CARD, "uploaded": 2}
    with pytest.raises(WordingError) as caught:
        await filled_in(hass, template, variables(values))
    assert caught.value.reason == reason
    problems: dict[str, str] = {}
    told = await render(
        hass,
        notification(**{CONF_TITLE: "Mine", CONF_MESSAGE: template}),
        values,
        tell_problem=problems.__setitem__,
    )
    assert told == ("Mine", "2 photos and videos from Camera card are in Immich.")
    assert list(problems) == [CONF_MESSAGE]
    assert said in problems[CONF_MESSAGE]
    # Without anyone to tell it to, it fails no more.
    title, _ = await render(hass, notification(**{CONF_TITLE: template}), values)
    assert title == "Backup completed: Camera card"


async def test_slow_template(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template that does not come to an end is stopped."""
    monkeypatch.setattr(wording, "_PATIENCE", 0.05)
    endless = (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    )
    with pytest.raises(WordingError, match="longer than a second") as caught:
        await filled_in(hass, endless, variables({}))
    assert caught.value.reason == "template_slow"


async def test_long_name_in_a_title(hass: HomeAssistant) -> None:
    """A title stays short, and says first what happened."""
    values = {
        "event": "failed",
        "folders": ["All the pictures of Grandmother's cameras"],
    }
    title, _ = await render(hass, notification(), values)
    assert title == "Backup failed: All the pictures of Grandmoth…"


async def test_length(hass: HomeAssistant) -> None:
    """What is too long for a phone is cut."""
    title, text = await render(
        hass,
        notification(
            **{CONF_TITLE: "{{ 'x' * 300 }}", CONF_MESSAGE: "{{ 'word ' * 1000 }}"}
        ),
        {"event": "completed"},
    )
    assert title == "x" * (LONGEST[CONF_TITLE] - 1) + "…"
    assert len(text) <= LONGEST[CONF_MESSAGE]
    assert text.endswith("word…")
