"""The form of a notification: what is stored, what is refused, and what it tells."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from typing import Any

from homeassistant.components.demo.tts import DemoProvider
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigSubentry,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
import probatio
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.immich_backup import const, wording
from custom_components.immich_backup.const import (
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_INTERRUPT,
    CONF_INTERRUPT_TVS,
    CONF_LANGUAGE,
    CONF_LEAST_COUNT,
    CONF_MESSAGE,
    CONF_NOTIFY_ACTIONS,
    CONF_NOTIFY_ENTITIES,
    CONF_ONLY_STORED,
    CONF_PICTURE,
    CONF_QUIET_FAILURES,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    CONF_SPEAKERS,
    CONF_TITLE,
    CONF_TTS,
    CONF_TVS,
    CONF_VOLUME,
    SUBENTRY_NOTIFICATION,
)
from custom_components.immich_backup.flows.notification_form import (
    SECTION_OFTEN,
    SECTION_SPEECH,
    SECTION_WORDS,
)
from custom_components.immich_backup.flows.raw_selectors import RawTemplateSelector
from custom_components.immich_backup.notifications import notification_of
from tests.support.flows import (
    assert_readable,
    details,
    english,
    fields,
    notification_form,
    suggested,
)
from tests.support.home import ENTRY_ID, Home, folder_data

TEXTS = english()["config_subentries"][SUBENTRY_NOTIFICATION]
# What is chosen once it was read who is told what.
SAVE = {"next_step_id": "save"}
BACK = {"next_step_id": "notification"}
SECTIONS = (SECTION_OFTEN, SECTION_WORDS, SECTION_SPEECH)
DEFAULTS = {
    CONF_EVENTS: ["completed_with_errors", "failed", "folder_unavailable", "overdue"],
    CONF_ONLY_STORED: True,
    CONF_LEAST_COUNT: 1,
    CONF_DIGEST_MINUTES: 0,
}
ENTITY = "notify.family"
PHONE = {CONF_NOTIFY_ACTIONS: ["notify.mobile_app_pixel_9"]}
ALOUD = {
    CONF_SPEAKERS: ["media_player.kitchen"],
    SECTION_SPEECH: {CONF_TTS: "tts.piper"},
}


@pytest.fixture
async def receivers(hass: HomeAssistant) -> None:
    """Let the home have someone to tell: a group, phones, speakers, TVs and a voice."""
    hass.states.async_set(ENTITY, "unknown", {"friendly_name": "Family"})
    for action in ("send_message", "notify", "mobile_app_tablet", "mobile_app_pixel_9"):
        async_mock_service(hass, "notify", action)
    for entity_id, name, device_class in (
        ("media_player.attic", "Attic", "speaker"),
        ("media_player.kitchen", "Kitchen", None),
        ("media_player.living_room", "Living room", "tv"),
    ):
        hass.states.async_set(
            entity_id, "idle", {"friendly_name": name, "device_class": device_class}
        )
    registry = er.async_get(hass)
    entry = registry.async_get_or_create(
        "media_player", "roku", "1", suggested_object_id="bedroom"
    )
    hass.states.async_set(entry.entity_id, "idle", {"friendly_name": "Bedroom"})
    hass.states.async_set("tts.piper", "unknown", {"friendly_name": "Piper"})


async def begin(home: Home, subentry_id: str | None = None) -> SubentryFlowResult:
    """Return the form of a new notification, or of one that is there."""
    context = SubentryFlowContext(source=SOURCE_USER)
    if subentry_id is not None:
        context = SubentryFlowContext(
            source=SOURCE_RECONFIGURE, subentry_id=subentry_id
        )
    result = await home.hass.config_entries.subentries.async_init(
        (home.entry.entry_id, SUBENTRY_NOTIFICATION), context=context
    )
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "notification"
    assert result["errors"] == {}
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


async def confirm(
    home: Home, form: SubentryFlowResult, values: dict[str, Any]
) -> dict[str, str]:
    """Fill in the form and return what is told before it is saved."""
    result = await submit(home, form, values)
    assert result["type"] is FlowResultType.MENU, result
    assert result["step_id"] == "confirm"
    return details(result)


async def save(
    home: Home, form: SubentryFlowResult, values: dict[str, Any]
) -> ConfigSubentry:
    """Fill in the form, confirm it, and return what is stored."""
    before = set(home.entry.subentries)
    await confirm(home, form, values)
    assert set(home.entry.subentries) == before
    result = await submit(home, form, SAVE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry_id,) = set(home.entry.subentries) - before
    return home.entry.subentries[subentry_id]


def options(form: SubentryFlowResult, name: str) -> list[str]:
    """Return what a field offers, by its value."""
    select = fields(form)[name]["selector"]["select"]
    return [one if isinstance(one, str) else one["value"] for one in select["options"]]


def opened(form: SubentryFlowResult) -> list[str]:
    """Return the sections that are open."""
    return [name for name in SECTIONS if fields(form)[name]["expanded"]]


@contextmanager
def not_saved(home: Home) -> Iterator[None]:
    """Check that nothing is stored meanwhile."""
    before = {key: dict(one.data) for key, one in home.entry.subentries.items()}
    yield
    assert {key: dict(one.data) for key, one in home.entry.subentries.items()} == before


@pytest.mark.usefixtures("receivers")
async def test_add(home: Home, set_ups: list[str]) -> None:
    """With only a target chosen a notification is added, without a reload."""
    await home.set_up(folder_data(home.folder(), title="Camera card"))
    form = await begin(home)
    shown = fields(form)
    assert [name for name, field in shown.items() if field["required"]] == [
        CONF_EVENTS,
        *SECTIONS,
    ]
    assert opened(form) == []
    subentry = await save(
        home, form, {**suggested(form), CONF_NOTIFY_ENTITIES: [ENTITY]}
    )
    assert dict(subentry.data) == {**DEFAULTS, CONF_NOTIFY_ENTITIES: [ENTITY]}
    assert subentry.title == "Family"
    assert subentry.unique_id is None
    assert set_ups == [ENTRY_ID]
    assert set(home.engine.folders) == {"folder1"}
    owners = {
        entry.config_subentry_id
        for entry in er.async_entries_for_config_entry(
            er.async_get(home.hass), ENTRY_ID
        )
    }
    assert owners == {None, "folder1"}
    home.hass.config_entries.async_remove_subentry(home.entry, subentry.subentry_id)
    await home.hass.async_block_till_done()
    assert set_ups == [ENTRY_ID]
    assert set(home.engine.folders) == {"folder1"}


@pytest.mark.usefixtures("receivers")
async def test_everything_is_stored(home: Home) -> None:
    """All that can be entered is stored flat, fits into JSON and is understood."""
    await home.set_up(
        folder_data(home.folder(), title="Camera card"),
        folder_data(home.folder("phone"), title="Phone", subentry_id="folder2"),
    )
    values = notification_form(
        **{
            CONF_NAME: " Anna ",
            CONF_NOTIFY_ENTITIES: [ENTITY],
            CONF_NOTIFY_ACTIONS: [
                "notify.mobile_app_pixel_9",
                " Mobile_App_Tablet",
                "mobile_app_pixel_9",
            ],
            CONF_SPEAKERS: ["media_player.kitchen"],
            CONF_TVS: ["media_player.living_room"],
            CONF_EVENTS: ["completed", "failed"],
            CONF_FOLDERS: ["folder2"],
            SECTION_OFTEN: {
                CONF_ONLY_STORED: False,
                CONF_LEAST_COUNT: 20.0,
                CONF_DIGEST_MINUTES: 60,
                CONF_QUIET_FROM: "22:00:00",
                CONF_QUIET_TO: "07:00:00",
                CONF_QUIET_FAILURES: False,
            },
            SECTION_WORDS: {
                CONF_LANGUAGE: "de",
                CONF_TITLE: "{{ account }} ",
                CONF_MESSAGE: "{{ uploaded }} new",
                CONF_PICTURE: False,
            },
            SECTION_SPEECH: {
                CONF_TTS: "tts.piper",
                CONF_VOLUME: 30,
                CONF_INTERRUPT: True,
                CONF_INTERRUPT_TVS: True,
            },
        }
    )
    subentry = await save(home, await begin(home), values)
    data = dict(subentry.data)
    assert data == {
        CONF_NOTIFY_ENTITIES: [ENTITY],
        CONF_NOTIFY_ACTIONS: ["notify.mobile_app_pixel_9", "notify.mobile_app_tablet"],
        CONF_SPEAKERS: ["media_player.kitchen"],
        CONF_TVS: ["media_player.living_room"],
        CONF_EVENTS: ["completed", "failed"],
        CONF_FOLDERS: ["folder2"],
        CONF_ONLY_STORED: False,
        CONF_LEAST_COUNT: 20,
        CONF_DIGEST_MINUTES: 60,
        CONF_QUIET_FROM: "22:00:00",
        CONF_QUIET_TO: "07:00:00",
        CONF_QUIET_FAILURES: False,
        CONF_LANGUAGE: "de",
        CONF_TITLE: "{{ account }}",
        CONF_MESSAGE: "{{ uploaded }} new",
        CONF_PICTURE: False,
        CONF_TTS: "tts.piper",
        CONF_VOLUME: 30,
        CONF_INTERRUPT: True,
        CONF_INTERRUPT_TVS: True,
    }
    assert subentry.title == "Anna"
    assert json.loads(json_bytes(data)) == data == json.loads(json.dumps(data))
    assert set(data) <= {
        value for name, value in vars(const).items() if name.startswith("CONF_")
    }
    understood = notification_of(subentry)
    assert [target.name for target in understood.targets] == [
        ENTITY,
        "notify.mobile_app_pixel_9",
        "notify.mobile_app_tablet",
        "media_player.kitchen",
        "media_player.living_room",
    ]
    assert understood.volume == 0.3
    assert understood.picture is False


@pytest.mark.usefixtures("receivers")
async def test_empty_fields_are_not_stored(home: Home) -> None:
    """What says nothing leaves nothing behind, nor what has no use without another."""
    await home.set_up(folder_data(home.folder()))
    values = notification_form(
        **{
            CONF_NAME: "  ",
            CONF_NOTIFY_ENTITIES: [],
            CONF_NOTIFY_ACTIONS: ["notify.notify", " "],
            CONF_SPEAKERS: [],
            CONF_TVS: [],
            CONF_FOLDERS: [],
            SECTION_WORDS: {CONF_LANGUAGE: "", CONF_TITLE: " \n", CONF_MESSAGE: ""},
            SECTION_SPEECH: {CONF_TTS: "tts.piper", CONF_VOLUME: 30},
        }
    )
    subentry = await save(home, await begin(home), values)
    assert dict(subentry.data) == {
        **DEFAULTS,
        CONF_NOTIFY_ACTIONS: ["notify.notify"],
        CONF_PICTURE: True,
    }
    assert subentry.title == "Notify"


@pytest.mark.usefixtures("receivers")
async def test_reconfigure(home: Home, set_ups: list[str]) -> None:
    """A notification is shown as it was entered; a change is stored without a reload."""
    await home.set_up(folder_data(home.folder()))
    values = notification_form(
        **PHONE,
        **{
            CONF_SPEAKERS: ["media_player.kitchen"],
            CONF_FOLDERS: ["folder1"],
            SECTION_OFTEN: {
                CONF_QUIET_FROM: "22:00:00",
                CONF_QUIET_TO: "07:00:00",
                CONF_LEAST_COUNT: 5,
            },
            SECTION_WORDS: {
                CONF_MESSAGE: "{{ uploaded }} new",
                CONF_PICTURE: False,
            },
            SECTION_SPEECH: {CONF_TTS: "tts.piper", CONF_VOLUME: 0},
        },
    )
    subentry = await save(home, await begin(home), values)
    assert subentry.title == "Pixel 9, Kitchen"
    before = dict(subentry.data)

    form = await begin(home, subentry.subentry_id)
    assert opened(form) == list(SECTIONS)
    assert suggested(form) == values
    unchanged = await submit(home, await submit(home, form, suggested(form)), SAVE)
    assert unchanged["reason"] == "reconfigure_successful"
    assert dict(subentry.data) == before

    # Its name follows those who are told, as it was not given by hand.
    form = await begin(home, subentry.subentry_id)
    changed = {**suggested(form), CONF_SPEAKERS: [], CONF_NAME: ""}
    await submit(home, await submit(home, form, changed), SAVE)
    assert subentry.title == "Pixel 9"
    assert CONF_TTS not in subentry.data
    assert subentry.data[CONF_MESSAGE] == "{{ uploaded }} new"

    form = await begin(home, subentry.subentry_id)
    named = {**suggested(form), CONF_NAME: "Anna"}
    await submit(home, await submit(home, form, named), SAVE)
    assert subentry.title == "Anna"
    assert suggested(await begin(home, subentry.subentry_id))[CONF_NAME] == "Anna"
    assert set_ups == [ENTRY_ID]


@pytest.mark.usefixtures("receivers")
async def test_back_to_the_form(home: Home) -> None:
    """What was entered is there when one goes back from the confirmation."""
    await home.set_up()
    values = notification_form(**PHONE, **{SECTION_WORDS: {CONF_TITLE: "Mine"}})
    form = await begin(home)
    await confirm(home, form, values)
    back = await submit(home, form, BACK)
    assert back["step_id"] == "notification"
    assert suggested(back) == values
    assert opened(back) == [SECTION_WORDS]


@pytest.mark.usefixtures("receivers")
async def test_what_is_offered(home: Home) -> None:
    """Phones and TVs come first, and what can't be told by itself is left out."""
    await home.set_up()
    form = await begin(home)
    assert options(form, CONF_NOTIFY_ACTIONS) == [
        "notify.mobile_app_pixel_9",
        "notify.mobile_app_tablet",
        "notify.notify",
    ]
    assert options(form, CONF_TVS) == [
        "media_player.bedroom",
        "media_player.living_room",
        "media_player.attic",
        "media_player.kitchen",
    ]
    # There is no folder to choose from.
    assert CONF_FOLDERS not in fields(form)


async def test_nothing_to_choose_from(home: Home) -> None:
    """A home without phones, players and voices still shows the form."""
    await home.set_up()
    form = await begin(home)
    assert options(form, CONF_NOTIFY_ACTIONS) == []
    assert options(form, CONF_TVS) == []


@pytest.mark.usefixtures("receivers")
async def test_what_is_gone_is_shown(home: Home) -> None:
    """A TV that is gone can be seen and removed; a folder that is gone is not chosen."""
    await home.set_up(folder_data(home.folder()))
    values = notification_form(
        **{
            CONF_TVS: ["media_player.living_room"],
            CONF_FOLDERS: ["folder1"],
            SECTION_SPEECH: {CONF_TTS: "tts.piper"},
        }
    )
    subentry = await save(home, await begin(home), values)
    home.hass.states.async_remove("media_player.living_room")
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.async_block_till_done()
    form = await begin(home, subentry.subentry_id)
    assert "media_player.living_room" in options(form, CONF_TVS)
    assert CONF_FOLDERS not in fields(form)
    told = await confirm(home, form, suggested(form))
    assert "Of all folders of Anna Example." in told["telling"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({}, {"base": "no_target"}),
        ({CONF_NOTIFY_ACTIONS: [" "]}, {"base": "no_target"}),
        ({**PHONE, CONF_EVENTS: []}, {CONF_EVENTS: "no_event"}),
        (
            {
                CONF_NOTIFY_ENTITIES: [ENTITY],
                CONF_NOTIFY_ACTIONS: ["notify.notify"],
                CONF_EVENTS: ["failed", "progress"],
            },
            {CONF_EVENTS: "progress_without_phone"},
        ),
        (
            {CONF_NOTIFY_ACTIONS: ["notify.mobile_app_pixel_9", "mobile_app_old"]},
            {CONF_NOTIFY_ACTIONS: "unknown_action"},
        ),
        (
            {CONF_NOTIFY_ACTIONS: ["notify.send_message"]},
            {CONF_NOTIFY_ACTIONS: "unknown_action"},
        ),
        (
            {**ALOUD, CONF_TVS: ["media_player.kitchen"]},
            {CONF_TVS: "told_twice"},
        ),
        (
            {CONF_SPEAKERS: ["media_player.kitchen"]},
            {SECTION_SPEECH: "no_engine"},
        ),
        (
            {CONF_TVS: ["media_player.living_room"]},
            {SECTION_SPEECH: "no_engine"},
        ),
        (
            {**ALOUD, SECTION_SPEECH: {CONF_TTS: "tts.gone"}},
            {SECTION_SPEECH: "unknown_engine"},
        ),
        (
            {**PHONE, SECTION_OFTEN: {CONF_QUIET_FROM: "22:00:00"}},
            {SECTION_OFTEN: "quiet_incomplete"},
        ),
        (
            {**PHONE, SECTION_OFTEN: {CONF_QUIET_TO: "07:00:00"}},
            {SECTION_OFTEN: "quiet_incomplete"},
        ),
        (
            {
                **PHONE,
                SECTION_OFTEN: {CONF_QUIET_FROM: "07:00", CONF_QUIET_TO: "07:00:00"},
            },
            {SECTION_OFTEN: "quiet_same"},
        ),
        (
            {**PHONE, SECTION_WORDS: {CONF_TITLE: "{{ uploaded"}},
            {SECTION_WORDS: "template_broken"},
        ),
        (
            {**PHONE, SECTION_WORDS: {CONF_MESSAGE: "{{ uplaoded }}"}},
            {SECTION_WORDS: "template_broken"},
        ),
        (
            {
                **PHONE,
                SECTION_WORDS: {
                    CONF_MESSAGE: "{% if event == 'failed' %}No{% endif %}"
                },
            },
            {SECTION_WORDS: "template_empty"},
        ),
        (
            {**PHONE, SECTION_WORDS: {CONF_TITLE: "{{ 'x' * 201 }}"}},
            {SECTION_WORDS: "template_long"},
        ),
        (
            {
                CONF_EVENTS: [],
                SECTION_OFTEN: {CONF_QUIET_TO: "07:00:00"},
                SECTION_WORDS: {CONF_TITLE: "{{"},
            },
            {
                "base": "no_target",
                CONF_EVENTS: "no_event",
                SECTION_OFTEN: "quiet_incomplete",
            },
        ),
    ],
)
@pytest.mark.usefixtures("receivers")
async def test_mistakes(
    home: Home, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    """Each mistake is named where it was made, and nothing that was entered is lost."""
    await home.set_up(folder_data(home.folder()))
    values = notification_form(**changes)
    with not_saved(home):
        form = await submit(home, await begin(home), values)
    assert form["errors"] == errors
    filled = {key: value for key, value in values.items() if value != []}
    assert {**suggested(form), CONF_EVENTS: values[CONF_EVENTS]} == {
        **filled,
        CONF_EVENTS: values[CONF_EVENTS],
        CONF_FOLDERS: [],
    }
    assert set(errors) & set(SECTIONS) <= set(opened(form))


@pytest.mark.usefixtures("receivers")
async def test_mistake_is_corrected(home: Home) -> None:
    """The error says which template fails, on which occasion and why."""
    await home.set_up()
    wrong = "{% if event == 'overdue' %}{{ 1 / 0 }}{% endif %}x"
    form = await submit(
        home,
        await begin(home),
        notification_form(**PHONE, **{SECTION_WORDS: {CONF_MESSAGE: wrong}}),
    )
    assert (
        details(form).items()
        >= {
            "field": "Text",
            "occasion": "Backup overdue",
            "problem": "ZeroDivisionError: division by zero",
        }.items()
    )
    subentry = await save(
        home,
        form,
        notification_form(
            **PHONE,
            **{
                CONF_EVENTS: ["failed"],
                SECTION_WORDS: {CONF_MESSAGE: wrong},
            },
        ),
    )
    assert subentry.data[CONF_MESSAGE] == wrong


@pytest.mark.usefixtures("receivers")
async def test_slow_template(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that does not come to an end is refused."""
    monkeypatch.setattr(wording, "_PATIENCE", 0.05)
    await home.set_up()
    endless = (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    )
    form = await submit(
        home,
        await begin(home),
        notification_form(**PHONE, **{SECTION_WORDS: {CONF_TITLE: endless}}),
    )
    assert form["errors"] == {SECTION_WORDS: "template_slow"}


@pytest.mark.usefixtures("receivers")
async def test_telling(home: Home) -> None:
    """Before it is saved the form says who is told what and when, with an example."""
    await home.set_up(
        folder_data(home.folder(), title="Camera_card"),
        folder_data(home.folder("phone"), title="Phone", subentry_id="folder2"),
    )
    form = await begin(home)
    told = await confirm(home, form, notification_form(**PHONE))
    assert told == {
        "name": "Pixel 9",
        "telling": (
            "- A message goes to: Pixel 9.\n"
            "- What is told: Backup completed with errors, Backup failed, Folder not"
            " available, Backup overdue.\n"
            "- Of all folders of Anna Example."
        ),
        "example": (
            "> **Backup completed with errors: Camera\\_card**\n"
            ">\n"
            r"> 10 photos and 2 videos from Camera\_card are in Immich\. 3 other files"
            r" were there already\. 2 files could not be backed up: IMG\_0003\.jpg,"
            r" VID\_0004\.mp4\. Nothing is lost\."
        ),
    }

    form = await submit(home, form, BACK)
    values = notification_form(
        **{
            **PHONE,
            CONF_NOTIFY_ENTITIES: [ENTITY],
            CONF_SPEAKERS: ["media_player.kitchen", "media_player.attic"],
            CONF_TVS: ["media_player.bedroom"],
            CONF_EVENTS: ["failed", "completed", "progress"],
            CONF_FOLDERS: ["folder2"],
            SECTION_OFTEN: {
                CONF_DIGEST_MINUTES: 60,
                CONF_QUIET_FROM: "22:00:00",
                CONF_QUIET_TO: "07:30:00",
            },
            SECTION_WORDS: {
                CONF_TITLE: "*{{ account }}*",
                CONF_MESSAGE: "{{ uploaded }} new\nin {{ folders[0] }}",
            },
            SECTION_SPEECH: {
                CONF_TTS: "tts.piper",
                CONF_VOLUME: 30,
                CONF_INTERRUPT: True,
                CONF_INTERRUPT_TVS: True,
            },
        }
    )
    told = await confirm(home, form, values)
    assert told == {
        "name": "Family, Pixel 9, Kitchen +2",
        "telling": (
            "- A message goes to: Family, Pixel 9.\n"
            "- Said aloud by: Kitchen, Attic.\n"
            "- Shown or said aloud by TVs: Bedroom.\n"
            "- The voice is Piper, on speakers at a volume of 30 %.\n"
            "- The music of speakers may be interrupted.\n"
            "- What TVs show may be interrupted.\n"
            "- What is told: Backup completed, Backup failed, Progress while a backup"
            " runs (phones only).\n"
            "- Phones show how far a backup is while it runs; nobody else is told of"
            " that.\n"
            "- Only of the folders: Phone.\n"
            "- Of completed backups only those that stored something.\n"
            "- Backups that end within 60 minutes are told in one message.\n"
            "- From 22:00 to 07:30 only what is wrong is told, the rest afterwards."
        ),
        "example": "> **\\*Anna Example\\***\n>\n> 12 new\n> in Phone",
    }

    form = await submit(home, form, BACK)
    values[SECTION_OFTEN] |= {
        CONF_LEAST_COUNT: 20,
        CONF_DIGEST_MINUTES: 1,
        CONF_QUIET_FAILURES: False,
    }
    values[SECTION_SPEECH] = {
        CONF_TTS: "tts.piper",
        CONF_INTERRUPT: False,
        CONF_INTERRUPT_TVS: False,
    }
    lines = (await confirm(home, form, values))["telling"].splitlines()
    assert "- The voice is Piper." in lines
    assert (
        "- Of completed backups only those that stored at least 20 photos and videos."
    ) in lines
    assert "- Backups that end within a minute are told in one message." in lines
    assert lines[-1] == (
        "- Nothing is told from 22:00 to 07:30; it is told afterwards."
    )


@pytest.mark.usefixtures("receivers")
async def test_engine_without_an_entity(home: Home) -> None:
    """The voice that Home Assistant would take is filled in, also a legacy one."""
    await home.set_up()
    assert CONF_TTS not in suggested(await begin(home))[SECTION_SPEECH]
    assert await async_setup_component(home.hass, "tts", {})
    assert CONF_TTS not in suggested(await begin(home))[SECTION_SPEECH]
    manager = home.hass.data["tts_manager"]
    manager.async_register_legacy_engine("demo", DemoProvider("en"), {})
    form = await begin(home)
    filled = suggested(form)
    assert filled[SECTION_SPEECH][CONF_TTS] == "demo"
    (speech,) = (
        field["selector"]["select"]["options"]
        for field in fields(form)[SECTION_SPEECH]["schema"]
        if field["name"] == CONF_TTS
    )
    assert {one["value"] for one in speech} == {"tts.piper", "demo"}
    subentry = await save(
        home, form, {**filled, CONF_SPEAKERS: ["media_player.kitchen"]}
    )
    assert subentry.data[CONF_TTS] == "demo"
    assert subentry.title == "Kitchen"


def test_template_is_text() -> None:
    """Something else than text is no template."""
    assert RawTemplateSelector()("{{") == "{{"
    with pytest.raises(probatio.Invalid):
        RawTemplateSelector()(1)


@pytest.mark.usefixtures("receivers")
async def test_account_that_is_not_loaded(home: Home) -> None:
    """A notification can be added while the account does not work."""
    home.new_entry(folder_data(home.folder(), title="Camera card"))
    subentry = await save(home, await begin(home), notification_form(**PHONE))
    assert subentry.data[CONF_NOTIFY_ACTIONS] == ["notify.mobile_app_pixel_9"]
