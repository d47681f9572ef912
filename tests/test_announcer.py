"""Telling people: who is told what and when, and what becomes of it."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from homeassistant.components.media_player.const import MediaPlayerState
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, Event, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.immich_backup import courier
from custom_components.immich_backup.const import (
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_LEAST_COUNT,
    CONF_MESSAGE,
    CONF_NEW_MEDIA,
    CONF_NOTIFY_ACTIONS,
    CONF_NOTIFY_ENTITIES,
    CONF_QUIET_FAILURES,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    CONF_SPEAKERS,
    CONF_TTS,
    CONF_TVS,
    DOMAIN,
)
from custom_components.immich_backup.engine.events import FolderOverdue
from custom_components.immich_backup.immich.errors import ImmichError
from custom_components.immich_backup.issues import Issue
from custom_components.immich_backup.notifications import Notification, notification_of
from simulator import Action, Fault

from .delivery.support import PLAYS, VOICE, Player, Voice, add_player, add_voice
from .support.actions import act
from .support.home import ENTRY_ID, PATIENCE, Home, folder_data, until
from .support.telling import PHONE, Disk, Phone, notification_data, photos


async def back_up(home: Home, **data: Any) -> dict[str, Any]:
    """Do a run and return its response."""
    return await act(home.hass, "run", **data)


async def set_up(home: Home, *notifications: ConfigSubentryDataWithId) -> None:
    """Set up an account whose folder is backed up when that is asked for."""
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False}), *notifications
    )


async def until_told(home: Home) -> State:
    """Wait until what became of a message is noted, and return the event's state."""
    await until(lambda: home.manager.announcer.deliveries)
    return home.state("event", "notification")


async def test_completed(home: Home, phone: Phone) -> None:
    """A phone is told what was stored, and what to do with a tap."""
    await set_up(home, notification_data())
    photos(home, "a.jpg", "b.jpg")
    await back_up(home)
    (text,) = await phone.got()
    assert "2" in text
    assert "Camera" in text
    extras = phone.calls[0]["data"]
    assert extras["tag"] == f"{DOMAIN}_notification1"
    assert extras["url"] == extras["clickAction"]
    assert "actions" not in extras
    state = await until_told(home)
    assert state.attributes["event_type"] == "delivered"
    assert state.attributes["targets"] == [
        {
            "target": f"notify.{PHONE}",
            "kind": "notify",
            "ok": True,
            "error": None,
            "skipped": None,
        }
    ]
    # Nothing stored is nothing to tell.
    await back_up(home)
    await home.hass.async_block_till_done()
    assert len(phone.calls) == 1


async def test_photo_for_a_phone(
    home: Home, phone: Phone, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A phone shows a stored photo, which can be fetched for a while without login."""
    assert await async_setup_component(home.hass, "http", {})
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    Image.new("RGB", (640, 480), "red").save(home.folder() / "a.jpg")
    await back_up(home)
    (asset,) = home.immich.assets()
    await until_thumbnail(home, asset.id)
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(minutes=11))
    await phone.got()
    picture = phone.calls[0]["data"]["image"]
    assert picture.startswith(f"/api/{DOMAIN}/clip/")
    client = await hass_client_no_auth()
    response = await client.get(picture)
    assert response.status == 200
    shown = Image.open(BytesIO(await response.read()))
    red, green, _ = shown.convert("RGB").getpixel((shown.width // 2, shown.height // 2))
    assert red > 200
    assert green < 50


async def test_only_phones_wait_for_a_photo(home: Home, phone: Phone) -> None:
    """Nobody else waits until the server has made a preview, and no news overtakes it."""
    assert await async_setup_component(home.hass, "http", {})
    family = Phone(home.hass, "family")
    names = [f"notify.{PHONE}", "notify.family"]
    await set_up(home, notification_data(**{CONF_NOTIFY_ACTIONS: names}))
    fault = home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            path_regex="/thumbnail$",
            status=404,
            headers={"Content-Type": "application/json"},
            body='{"message": "Asset media not found"}',
        )
    )
    Image.new("RGB", (640, 480), "red").save(home.folder() / "a.jpg")
    await back_up(home)
    await family.got()
    home.engine._emit(FolderOverdue("folder1", True))
    await family.got(2)
    assert not phone.calls
    home.immich.faults.remove(fault)
    await phone.got(2)
    assert ["image" in call["data"] for call in phone.calls] == [True, False]


async def until_thumbnail(home: Home, asset_id: str) -> None:
    """Wait until the server has made a thumbnail."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(ImmichError):
                await home.manager.client.thumbnail(asset_id, large=True)
                return
            await asyncio.sleep(0.05)


async def test_what_fails_is_told_once_and_can_be_retried(
    home: Home, phone: Phone
) -> None:
    """A file that fails for weeks is told once; a phone offers to try it again."""
    await set_up(home, notification_data())
    fault = home.immich.faults.add(
        Fault(action=Action.RESPOND, path_regex="^/api/assets$", canned="too-large")
    )
    photos(home, "a.jpg")
    assert (await back_up(home))["outcome"] == "completed_with_errors"
    (text,) = await phone.got()
    assert "a.jpg" in text
    await back_up(home)
    await home.hass.async_block_till_done()
    assert len(phone.calls) == 1
    home.immich.faults.remove(fault)
    (choice,) = phone.calls[0]["data"]["actions"]
    assert choice["title"] == "Retry"
    home.hass.bus.async_fire(
        "mobile_app_notification_action", {"action": choice["action"]}
    )
    await home.until_stored(1)
    assert len(await phone.got(2)) == 2


async def test_only_what_is_wanted(home: Home, phone: Phone) -> None:
    """Events, folders and the least count decide who is told."""
    await set_up(
        home,
        notification_data(**{CONF_LEAST_COUNT: 2}),
        notification_data(subentry_id="n2", title="Other", **{CONF_FOLDERS: ["other"]}),
        notification_data(
            subentry_id="n3", title="Errors", **{CONF_EVENTS: ["failed"]}
        ),
    )
    photos(home, "a.jpg")
    await back_up(home)
    await home.hass.async_block_till_done()
    assert not phone.calls
    photos(home, "b.jpg", "c.jpg")
    await back_up(home)
    assert len(await phone.got()) == 1


async def test_digest(home: Home, phone: Phone) -> None:
    """Many small runs become one message."""
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photos(home, name)
        await back_up(home)
    assert not phone.calls
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(minutes=11))
    (text,) = await phone.got()
    assert "3" in text


@pytest.mark.parametrize("killed", [False, True])
async def test_held_back_over_a_restart(
    home: Home, phone: Phone, disk: Disk, killed: bool
) -> None:
    """What is collected is not lost, and is told when its time comes."""
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    photos(home, "a.jpg", "b.jpg")
    await back_up(home)
    if killed:
        await disk.kill()
    else:
        await home.hass.config_entries.async_unload(ENTRY_ID)
    await disk.restart()
    photos(home, "c.jpg")
    await back_up(home)
    assert not phone.calls
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(minutes=11))
    (text,) = await phone.got()
    assert text == "3 photos from Camera are in Immich."
    await until_told(home)
    # It is not told again.
    await disk.kill()
    assert not disk.pending
    await disk.restart()
    assert len(phone.calls) == 1


@pytest.mark.parametrize("late", [timedelta(hours=-5), timedelta(days=400)])
async def test_told_as_soon_as_possible(
    home: Home, phone: Phone, disk: Disk, late: timedelta
) -> None:
    """What was due meanwhile is told once those who are told are there.

    So is what a wrong clock would have held back for a year.
    """
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    photos(home, "a.jpg")
    await back_up(home)
    await disk.kill()
    disk.pending["notification1"]["due"] = (dt_util.utcnow() + late).timestamp()
    home.hass.set_state(CoreState.starting)
    await disk.restart()
    assert not phone.calls
    home.hass.set_state(CoreState.running)
    home.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    (text,) = await phone.got()
    assert text == "1 photo from Camera is in Immich."


async def test_due_in_quiet_hours_of_another_day(
    home: Home, phone: Phone, disk: Disk
) -> None:
    """What was due while Home Assistant was off is not told in the middle of a night."""
    now = dt_util.now()
    begin, end = now - timedelta(hours=1), now + timedelta(hours=1)
    quiet_hours = {
        CONF_QUIET_FROM: f"{begin:%H:%M:%S}",
        CONF_QUIET_TO: f"{end:%H:%M:%S}",
    }
    await set_up(home, notification_data(**quiet_hours))
    photos(home, "a.jpg")
    await back_up(home)
    await disk.kill()
    disk.pending["notification1"]["due"] -= 24 * 3600
    await disk.restart()
    assert not phone.calls
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(hours=1, minutes=1))
    await phone.got()


async def test_interrupted_message(home: Home, phone: Phone, disk: Disk) -> None:
    """What had not reached anyone when everything stopped is told after the start."""
    await set_up(home, notification_data())
    phone.hangs = True
    photos(home, "a.jpg")
    await back_up(home)
    await disk.kill()
    phone.hangs = False
    await disk.restart()
    await phone.got()
    await until(lambda: not disk.pending)


async def test_message_that_reached_one(home: Home, phone: Phone, disk: Disk) -> None:
    """What reached one target is not told again because another one took longer."""
    slow = Phone(home.hass, "slow")
    slow.hangs = True
    actions = [f"notify.{PHONE}", "notify.slow"]
    await set_up(home, notification_data(**{CONF_NOTIFY_ACTIONS: actions}))
    photos(home, "a.jpg")
    await back_up(home)
    await phone.got()
    await disk.kill()
    slow.hangs = False
    await disk.restart()
    photos(home, "b.jpg")
    await back_up(home)
    assert "b.jpg" not in (await phone.got(2))[0]
    assert len(await slow.got()) == 1


async def test_told_once_over_a_restart(home: Home, phone: Phone, disk: Disk) -> None:
    """A file that fails is not news again because Home Assistant was restarted."""
    home.immich.faults.add(
        Fault(action=Action.RESPOND, path_regex="^/api/assets$", canned="too-large")
    )
    await set_up(home, notification_data())
    photos(home, "a.jpg")
    assert (await back_up(home))["outcome"] == "completed_with_errors"
    await phone.got()
    await until_told(home)
    await disk.kill()
    await disk.restart()
    assert (await back_up(home))["outcome"] == "completed_with_errors"
    await home.hass.async_block_till_done()
    assert len(phone.calls) == 1
    photos(home, "b.jpg")
    await back_up(home)
    assert "2 files" in (await phone.got(2))[1]


@pytest.mark.parametrize(
    "content",
    [
        {"version": 9, "data": {}},
        {"version": 1, "data": ["something else"]},
        {
            "version": 1,
            "data": {"pending": {"notification1": {"news": []}}, "showing": []},
        },
        {
            "version": 1,
            "data": {
                "pending": {
                    "notification1": {
                        "news": [{"occasion": "born"}],
                        "due": 1,
                        "told": [],
                    }
                },
                "showing": [],
            },
        },
        {
            "version": 1,
            "data": {
                "pending": {"notification1": {"news": [{"future": 1}]}},
                "showing": ["gone"],
            },
        },
    ],
)
async def test_nothing_that_can_be_read(
    home: Home, phone: Phone, disk: Disk, content: dict[str, Any]
) -> None:
    """What can't be understood is left out; backups and news go on."""
    disk.storage[disk.KEY] = content
    await set_up(home, notification_data())
    photos(home, "a.jpg")
    await back_up(home)
    await phone.got()


async def test_nothing_is_kept_of_what_is_removed(
    home: Home, phone: Phone, disk: Disk
) -> None:
    """What waits goes with its notification, and the file with the account."""
    other = notification_data(subentry_id="other", **{CONF_DIGEST_MINUTES: 10})
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}), other)
    photos(home, "a.jpg")
    await back_up(home)
    await disk.written()
    assert set(disk.pending) == {"notification1", "other"}
    home.hass.config_entries.async_remove_subentry(home.entry, "notification1")
    await disk.written()
    assert set(disk.pending) == {"other"}
    await home.hass.config_entries.async_remove(ENTRY_ID)
    await home.hass.async_block_till_done()
    assert not [key for key in disk.storage if key.startswith(DOMAIN)]
    assert not phone.calls


async def test_nothing_is_written_where_nobody_is_told(home: Home, disk: Disk) -> None:
    """An account without notifications has no file about them."""
    await set_up(home)
    photos(home, "a.jpg")
    await back_up(home)
    await home.hass.config_entries.async_unload(ENTRY_ID)
    assert disk.KEY not in disk.storage


async def test_digest_of_several_kinds(home: Home, phone: Phone) -> None:
    """Only the folder that is away is said to be away."""
    now = dt_util.now()
    begin, end = now - timedelta(hours=1), now + timedelta(hours=1)
    await set_up(
        home,
        notification_data(
            **{
                CONF_QUIET_FROM: f"{begin:%H:%M:%S}",
                CONF_QUIET_TO: f"{end:%H:%M:%S}",
            }
        ),
    )
    await home.add_folder(
        home.folder("other"),
        title="Other",
        subentry_id="folder2",
        **{CONF_NEW_MEDIA: False},
    )
    photos(home, "a.jpg")
    await back_up(home)
    home.engine._emit(FolderOverdue("folder2", True))
    await phone.got()
    (call,) = phone.calls
    assert call["title"] == "Backup overdue: Other"
    assert call["message"] == (
        "There has been no complete backup of Other for too long."
        " 1 photo from Camera is in Immich."
    )


async def test_overdue_and_unavailable(
    home: Home, phone: Phone, quick_checks: None
) -> None:
    """A folder that is away, or was not backed up for long, is told at once."""
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    await until(lambda: "folder1" in home.engine.folders)
    home.engine._emit(FolderOverdue("folder1", True))
    assert "Camera" in (await phone.got())[0]
    home.engine._emit(FolderOverdue("folder1", False))
    home.folder().rename(home.root / "elsewhere")
    assert "Camera" in (await phone.got(2))[1]


async def test_other_targets_are_not_disturbed(
    home: Home, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets that hang, fail or do not exist delay and break nothing."""
    monkeypatch.setitem(courier.PATIENCE, courier.TargetKind.ACTION, 0.2)
    hanging, failing = Phone(home.hass, "hanging"), Phone(home.hass, "failing")
    hanging.hangs = True
    failing.error = HomeAssistantError("No signal")
    broken = Phone(home.hass, "broken")
    broken.error = ZeroDivisionError("bug")
    names = ["notify.hanging", "notify.failing", "notify.broken", f"notify.{PHONE}"]
    await set_up(
        home,
        notification_data(
            **{
                CONF_NOTIFY_ACTIONS: [*names, "notify.gone"],
                CONF_NOTIFY_ENTITIES: ["notify.nobody"],
            }
        ),
    )
    for number in range(1, 4):
        photos(home, f"{number}.jpg")
        assert (await back_up(home))["outcome"] == "completed"
        await phone.got(number)
        await until(
            lambda count=number: len(home.manager.announcer.deliveries) == 6 * count
        )
    errors = {
        delivery.target: delivery.error
        for delivery in list(home.manager.announcer.deliveries)[-6:]
    }
    assert errors[f"notify.{PHONE}"] is None
    assert errors["notify.failing"] == "No signal"
    assert "did not answer" in (errors["notify.hanging"] or "")
    assert "ZeroDivisionError" in (errors["notify.broken"] or "")
    assert home.state("event", "notification").attributes["event_type"] == (
        "partly_delivered"
    )
    # After the third time a person is told which ones, and then that it is over.
    problems = await until(lambda: told(home) or "")
    for name in ("hanging", "failing", "broken", "gone", "nobody"):
        assert f"- notify.{name}" in problems
    assert PHONE not in problems
    subentry = home.entry.subentries["notification1"]
    home.hass.config_entries.async_update_subentry(
        home.entry, subentry, data={CONF_NOTIFY_ACTIONS: [f"notify.{PHONE}"]}
    )
    await act(home.hass, "send_test")
    assert told(home) is None


async def test_who_is_gone_is_named_at_once(home: Home, phone: Phone) -> None:
    """A receiver or a voice that was deleted is named, and the backup goes on."""
    await add_player(home.hass, Player(PLAYS))
    await set_up(
        home,
        notification_data(
            **{
                CONF_NOTIFY_ACTIONS: ["notify.gone", f"notify.{PHONE}"],
                CONF_NOTIFY_ENTITIES: ["notify.deleted"],
                CONF_SPEAKERS: ["media_player.player", "media_player.sold"],
                CONF_TTS: "tts.deleted",
            }
        ),
    )
    photos(home, "a.jpg")
    assert (await back_up(home))["outcome"] == "completed"
    await phone.got()
    lines = (await until(lambda: told(home) or "")).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "- notify.deleted",
        "- notify.gone",
        "- media_player.player",
        "- media_player.sold",
    ]
    assert "tts.deleted" in lines[2]
    # What comes back is not named any more.
    returned = Phone(home.hass, "gone")
    await act(home.hass, "send_test")
    assert returned.calls
    assert "notify.gone" not in (told(home) or "")


async def test_one_issue_for_as_long_as_it_fails(home: Home, phone: Phone) -> None:
    """A target that keeps failing is told once, and that is over when it works."""
    raised: list[str] = []

    @callback
    def note(event: Event) -> None:
        if Issue.NOTIFICATION.value in event.data["issue_id"]:
            raised.append(event.data["action"])

    home.hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, note)
    phone.error = HomeAssistantError("No signal")
    await set_up(home, notification_data())
    for number in range(1, 6):
        photos(home, f"{number}.jpg")
        assert (await back_up(home))["outcome"] == "completed"
        await until(
            lambda count=number: len(home.manager.announcer.deliveries) == count
        )
        wanted = None if number < 3 else f"- notify.{PHONE}: No signal"
        assert told(home) == wanted
    await home.hass.async_block_till_done()
    assert raised == ["create"]
    phone.error = None
    photos(home, "6.jpg")
    await back_up(home)
    await phone.got()
    await until(lambda: told(home) is None)
    await home.hass.async_block_till_done()
    assert raised == ["create", "remove"]


async def test_a_target_that_hangs_delays_nothing(home: Home, phone: Phone) -> None:
    """Neither the backup nor the others wait for the seconds that a target may take."""
    assert courier.PATIENCE[courier.TargetKind.ACTION] == 30.0
    hanging = Phone(home.hass, "hanging")
    hanging.hangs = True
    names = ["notify.hanging", f"notify.{PHONE}"]
    await set_up(home, notification_data(**{CONF_NOTIFY_ACTIONS: names}))
    photos(home, "a.jpg")
    assert (await back_up(home))["outcome"] == "completed"
    await phone.got()
    # Nor does the next one.
    photos(home, "b.jpg")
    assert (await back_up(home))["outcome"] == "completed"
    await phone.got(2)
    # All this time it was waited for.
    assert not home.manager.announcer.deliveries


async def test_tv_that_is_off(home: Home, phone: Phone) -> None:
    """A TV that is left alone is no failure, and is said to have been left alone."""
    player = await add_player(
        home.hass, Player(PLAYS, MediaPlayerState.OFF, device_class="tv")
    )
    # Where Home Assistant keeps what is spoken.
    (home.root.parent / "config").mkdir(exist_ok=True)
    await add_voice(home.hass, Voice())
    await set_up(
        home,
        notification_data(**{CONF_TVS: ["media_player.player"], CONF_TTS: VOICE}),
    )
    for _ in range(4):
        answer = await act(home.hass, "send_test")
    assert [
        (one["target"], one["ok"], one["error"], one["skipped"])
        for one in answer["deliveries"]
    ] == [
        (f"notify.{PHONE}", True, None, None),
        ("media_player.player", False, None, "off"),
    ]
    assert not player.calls
    assert told(home) is None
    # It reached one of two.
    state = home.state("event", "notification")
    assert state.attributes["event_type"] == "partly_delivered"


async def test_nobody_but_a_tv_that_is_off(home: Home) -> None:
    """A message that was only skipped reached nobody."""
    await add_player(home.hass, Player(PLAYS, MediaPlayerState.OFF, device_class="tv"))
    await set_up(
        home,
        notification_data(
            **{CONF_NOTIFY_ACTIONS: [], CONF_TVS: ["media_player.player"]}
        ),
    )
    await home.press("send_test")
    state = home.state("event", "notification")
    assert state.attributes["event_type"] == "not_delivered"
    assert told(home) is None


def told(home: Home) -> str | None:
    """Return what the repair issue says that keeps failing; None without one."""
    issue = ir.async_get(home.hass).async_get_issue(
        DOMAIN, f"{Issue.NOTIFICATION.value}_{ENTRY_ID}_notification1"
    )
    if issue is None:
        return None
    assert issue.translation_placeholders is not None
    return issue.translation_placeholders["problems"]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ '' }} ", "It says nothing"),
        ("{{ unknown }}", "'unknown' is undefined"),
    ],
)
async def test_template_that_fails(
    home: Home, phone: Phone, template: str, why: str
) -> None:
    """The usual words are said instead, and a person is told."""
    await set_up(home, notification_data(**{CONF_MESSAGE: template}))
    photos(home, "a.jpg")
    assert (await back_up(home))["outcome"] == "completed"
    assert "Camera" in (await phone.got())[0]
    problem = await until(lambda: told(home) or "")
    assert problem.startswith("- Text: ")
    assert why in problem
    home.hass.config_entries.async_remove_subentry(home.entry, "notification1")
    await home.hass.async_block_till_done()
    assert told(home) is None


async def test_send_test(home: Home, phone: Phone) -> None:
    """A sample can be sent by a button and an action, which answers."""
    await set_up(home)
    with pytest.raises(ServiceValidationError, match="no notification"):
        await act(home.hass, "send_test")
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.config_entries.async_unload(ENTRY_ID)
    await set_up_again(home)
    answer = await act(home.hass, "send_test", notification="Phones")
    (delivery,) = answer["deliveries"]
    assert delivery["ok"] is True
    assert (delivery["kind"], delivery["event"]) == ("notify", "test")
    assert delivery["message"] == phone.calls[0]["message"]
    with pytest.raises(ServiceValidationError, match="Phones"):
        await act(home.hass, "send_test", notification="Speakers")
    await home.press("send_test")
    assert len(phone.calls) == 2


async def test_results_of_a_test(home: Home, phone: Phone) -> None:
    """The action answers what became of each target; of a button the event says so."""
    broken = Phone(home.hass, "broken")
    broken.error = HomeAssistantError("No signal")
    names = [f"notify.{PHONE}", "notify.broken"]
    await set_up(home, notification_data(**{CONF_NOTIFY_ACTIONS: names}))
    answer = await act(home.hass, "send_test")
    results = [
        (one["target"], one["ok"], one["error"], one["skipped"])
        for one in answer["deliveries"]
    ]
    assert results == [
        (f"notify.{PHONE}", True, None, None),
        ("notify.broken", False, "No signal", None),
    ]
    before = home.state("event", "notification").state
    await home.press("send_test")
    state = home.state("event", "notification")
    assert state.state != before
    assert state.attributes["event_type"] == "partly_delivered"
    assert state.attributes["event"] == "test"
    assert results == [
        (one["target"], one["ok"], one["error"], one["skipped"])
        for one in state.attributes["targets"]
    ]


async def set_up_again(home: Home) -> None:
    """Set the account up anew, with a notification."""
    await home.hass.config_entries.async_remove(ENTRY_ID)
    await set_up(home, notification_data())


async def test_message_does_not_outlive_its_notification(
    home: Home, phone: Phone
) -> None:
    """What was to be told later is not told by a notification that was removed."""
    await set_up(home, notification_data(**{CONF_DIGEST_MINUTES: 10}))
    photos(home, "a.jpg")
    await back_up(home)
    home.hass.config_entries.async_remove_subentry(home.entry, "notification1")
    await home.hass.async_block_till_done()
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(minutes=11))
    await home.hass.async_block_till_done()
    assert not phone.calls


def quiet(hass: HomeAssistant, begin: str, end: str, **options: Any) -> Notification:
    """Return a notification with quiet hours."""
    data = notification_data(**{CONF_QUIET_FROM: begin, CONF_QUIET_TO: end, **options})
    from homeassistant.config_entries import ConfigSubentry  # noqa: PLC0415

    return notification_of(ConfigSubentry(**data))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("begin", "end", "now", "until_then"),
    [
        ("22:00:00", "07:00:00", "21:59:59", None),
        ("22:00:00", "07:00:00", "22:00:00", "2026-11-26T07:00:00"),
        ("22:00:00", "07:00:00", "06:59:59", "2026-11-25T07:00:00"),
        ("22:00:00", "07:00:00", "07:00:00", None),
        ("12:00:00", "14:00:00", "13:00:00", "2026-11-25T14:00:00"),
        ("12:00:00", "14:00:00", "14:00:00", None),
        ("12:00:00", "12:00:00", "12:00:00", None),
    ],
)
async def test_quiet_hours(
    hass: HomeAssistant, begin: str, end: str, now: str, until_then: str | None
) -> None:
    """The hours are those of the home, over midnight or not."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    moment = datetime.fromisoformat(f"2026-11-25T{now}+01:00")
    found = quiet(hass, begin, end).quiet_until(moment)
    wanted = None
    if until_then is not None:
        wanted = datetime.fromisoformat(f"{until_then}+01:00")
    assert found == wanted


@pytest.mark.parametrize("failures", [True, False])
async def test_quiet_hours_of_a_home(home: Home, phone: Phone, failures: bool) -> None:
    """What happens in quiet hours is told after them, failures maybe at once."""
    now = dt_util.now()
    begin, end = now - timedelta(hours=1), now + timedelta(hours=1)
    await set_up(
        home,
        notification_data(
            **{
                CONF_QUIET_FROM: f"{begin:%H:%M:%S}",
                CONF_QUIET_TO: f"{end:%H:%M:%S}",
                CONF_QUIET_FAILURES: failures,
            }
        ),
    )
    photos(home, "a.jpg")
    await back_up(home)
    await home.hass.async_block_till_done()
    assert not phone.calls
    home.engine._emit(FolderOverdue("folder1", True))
    await home.hass.async_block_till_done()
    if failures:
        await phone.got()
    assert len(phone.calls) == int(failures)
    async_fire_time_changed(home.hass, dt_util.utcnow() + timedelta(hours=1, minutes=1))
    await phone.got()
