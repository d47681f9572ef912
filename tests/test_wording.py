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
        ({**CARD, "uploaded": 1}, "1 photo or video from Camera card is in Immich."),
        (
            {**BOTH, "uploaded": 2, "duplicates": 1},
            (
                "2 photos and videos from Camera card and Phone are in Immich."
                " 1 more was there already."
            ),
        ),
        (
            {**ALL, "uploaded": 1, "duplicates": 2, "declined": 1},
            (
                "1 photo or video from Camera card, Phone and Scans is in Immich."
                " 2 more were there already."
                " 1 that was deleted in Immich was not sent again."
            ),
        ),
        (
            {**CARD, "duplicates": 1},
            "1 photo or video from Camera card was in Immich already.",
        ),
        (
            {**CARD, "duplicates": 7, "declined": 2},
            (
                "7 photos and videos from Camera card were in Immich already."
                " 2 that were deleted in Immich were not sent again."
            ),
        ),
        (CARD, "There was nothing new in Camera card."),
        (ACCOUNT, "There was nothing new in Anna."),
    ],
)
async def test_completed(
    hass: HomeAssistant, values: dict[str, Any], text: str
) -> None:
    """A backup that left nothing undone says what is in Immich now."""
    title, told = await render(
        hass, notification(), {"event": Occasion.COMPLETED, **values}
    )
    assert (title, told) == ("Backup completed", text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"uploaded": 12, "failed": 2, "failing": ["2026/a.jpg", "b.jpg"]},
            "Backup of Camera card: 12 stored, 2 failed: a.jpg, b.jpg.",
        ),
        (
            {"failed": 1, "failing": ["a.jpg"]},
            "Backup of Camera card: 0 stored, 1 failed: a.jpg.",
        ),
        (
            {"failed": 5, "failing": [f"{name}.jpg" for name in "abcde"]},
            "Backup of Camera card: 0 stored, 5 failed: a.jpg, b.jpg, c.jpg and 2 more.",
        ),
        ({"failed": 2}, "Backup of Camera card: 0 stored, 2 failed."),
        (
            {"uploaded": 1},
            "Backup of Camera card: 1 stored, but something is left undone.",
        ),
        (
            {"uploaded": 1, "error": "The disk is gone. "},
            (
                "Backup of Camera card: 1 stored, but something is left undone."
                " The disk is gone."
            ),
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
    assert (title, told) == ("Backup completed with errors", text)


@pytest.mark.parametrize(
    ("event", "values", "title", "text"),
    [
        (
            "failed",
            CARD,
            "Backup failed",
            "The backup of Camera card failed. Nothing is lost; the files wait.",
        ),
        (
            "failed",
            {**CARD, "error": "Immich can't be reached."},
            "Backup failed",
            (
                "The backup of Camera card failed: Immich can't be reached."
                " Nothing is lost; the files wait."
            ),
        ),
        (
            "folder_unavailable",
            {**CARD, "error": None},
            "Folder not available",
            (
                "The folder Camera card can't be used at the moment."
                " Nothing counts as deleted."
            ),
        ),
        (
            "folder_unavailable",
            {**BOTH, "error": "They are not there"},
            "Folder not available",
            (
                "The folders Camera card and Phone can't be used at the moment."
                " Nothing counts as deleted. They are not there."
            ),
        ),
        (
            "overdue",
            CARD,
            "Backup overdue",
            "The backup of Camera card is overdue: it did not succeed for too long.",
        ),
    ],
)
async def test_trouble(
    hass: HomeAssistant, event: str, values: dict[str, Any], title: str, text: str
) -> None:
    """Each kind of trouble says what happened and that nothing is lost."""
    told = await render(hass, notification(), {"event": event, **values})
    assert told == (title, text)


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
    assert title == "Backup completed"


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
