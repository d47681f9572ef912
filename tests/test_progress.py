"""The progress of a backup on phones: how often, to whom, and that it ends."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.immich_backup import progress
from custom_components.immich_backup.const import (
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_NEW_MEDIA,
    CONF_NOTIFY_ACTIONS,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    DOMAIN,
)
from custom_components.immich_backup.engine import RunTrigger, runner
from custom_components.immich_backup.progress import Pace
from simulator import Action, Fault

from .support.actions import act
from .support.home import ENTRY_ID, Home, folder_data, until
from .support.telling import Disk, Phone, notification_data, photos

TAG = f"{DOMAIN}_notification1_progress"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each stored file be told at once."""
    monkeypatch.setattr(runner, "_PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_AFTER", 0.0)
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", 0.0)


def stuck(home: Home) -> Fault:
    """Let the server store one file and never answer to the others."""
    return home.immich.faults.add(
        Fault(action=Action.HANG, path_regex="^/api/assets$", method="POST", skip=1)
    )


def shown(phone: Phone, progress: int) -> dict[str, Any] | None:
    """Return what a phone shows if it shows this progress."""
    last = phone.calls[-1] if phone.calls else {"data": {}}
    return last if last["data"].get("progress") == progress else None


def cleared(phone: Phone) -> bool:
    """Return whether a phone shows no progress any more."""
    return bool(phone.calls) and phone.calls[-1]["message"] == "clear_notification"


async def set_up(home: Home, **options: Any) -> None:
    """Set up a folder with three photos and a notification of progress."""
    photos(home, "a.jpg", "b.jpg", "c.jpg")
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False}),
        notification_data(**{CONF_EVENTS: ["completed", "progress"], **options}),
    )
    await home.until_state("sensor", "waiting_files", "3")


async def test_progress(home: Home, phone: Phone) -> None:
    """A phone shows how far a backup is until it is over, and then what became of it."""
    other = Phone(home.hass, "family")
    names = ["notify.mobile_app_phone", "notify.family"]
    await set_up(home, **{CONF_NOTIFY_ACTIONS: names})
    fault = stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    call = await until(lambda: shown(phone, progress=1))
    assert call["message"] == "1 of 3 photos and videos from Camera are in Immich."
    assert call["title"] == "Backup in progress: Camera"
    assert call["data"] == {
        "tag": TAG,
        "url": call["data"]["clickAction"],
        "clickAction": call["data"]["url"],
        "progress": 1,
        "progress_max": 3,
        "live_update": True,
        "alert_once": True,
        "push": {"sound": "none", "interruption-level": "passive"},
    }
    # It is nothing that was told.
    assert not home.manager.announcer.deliveries
    home.immich.faults.remove(fault)
    # What is on its way is abandoned, and the rest waits.
    await act(home.hass, "pause")
    await until(lambda: cleared(phone))
    assert phone.calls[-1] == {"message": "clear_notification", "data": {"tag": TAG}}
    before = len(phone.calls)
    await act(home.hass, "resume")
    await home.until_stored(3)
    await until(lambda: len(other.calls) == 1)
    await until(lambda: not home.manager.announcer._news.showing)
    calls = phone.calls[before:]
    (told,) = [one for one in calls if one["data"]["tag"] != TAG]
    assert told["title"] == other.calls[0]["title"] == "Backup completed: Camera"
    assert told["data"]["tag"] == f"{DOMAIN}_notification1"
    # Whatever was shown of it since is cleared.
    on_phone = [one for one in phone.calls if one["data"]["tag"] == TAG]
    assert on_phone[-1]["message"] == "clear_notification"


@pytest.mark.parametrize(
    "options",
    [
        {CONF_EVENTS: ["completed", "failed"]},
        {CONF_FOLDERS: ["other"]},
        {CONF_NOTIFY_ACTIONS: ["notify.family"]},
        {CONF_QUIET_FROM: "00:00:00", CONF_QUIET_TO: "23:59:59"},
    ],
)
async def test_not_wanted(
    home: Home,
    phone: Phone,
    options: dict[str, Any],
    hass: HomeAssistant,
) -> None:
    """Only those are shown progress who want it, on what can show it, at its time."""
    other = Phone(hass, "family")
    witness = Phone(hass, "mobile_app_witness")
    photos(home, "a.jpg", "b.jpg", "c.jpg")
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False}),
        notification_data(**{CONF_EVENTS: ["progress"], **options}),
        notification_data(
            subentry_id="witness",
            **{
                CONF_EVENTS: ["progress"],
                CONF_NOTIFY_ACTIONS: ["notify.mobile_app_witness"],
            },
        ),
    )
    await home.until_state("sensor", "waiting_files", "3")
    stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    await until(lambda: shown(witness, progress=1))
    assert not phone.calls
    assert not other.calls


async def test_cleared_by_an_end(home: Home, phone: Phone) -> None:
    """Nothing goes on on a phone when nothing goes on here."""
    await set_up(home)
    stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    await until(lambda: shown(phone, progress=1))
    await home.hass.config_entries.async_unload(ENTRY_ID)
    assert cleared(phone)


async def test_cleared_after_a_crash(
    home: Home,
    phone: Phone,
    disk: Disk,
) -> None:
    """What a phone still shows is cleared by the next start."""
    await set_up(home)
    fault = stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    await until(lambda: shown(phone, progress=1))
    await disk.kill()
    phone.calls.clear()
    home.immich.faults.remove(fault)
    await disk.restart()
    await until(lambda: phone.calls)
    assert phone.calls[0] == {"message": "clear_notification", "data": {"tag": TAG}}


async def test_cleared_with_its_notification(
    home: Home,
    phone: Phone,
) -> None:
    """A notification that is removed leaves nothing on a phone."""
    await set_up(home)
    stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    await until(lambda: shown(phone, progress=1))
    home.hass.config_entries.async_remove_subentry(home.entry, "notification1")
    await until(lambda: cleared(phone))


async def test_cleared_by_a_change(home: Home, phone: Phone) -> None:
    """A phone that is not to be told any more shows nothing any more."""
    other = Phone(home.hass, "mobile_app_other")
    await set_up(home)
    stuck(home)
    home.engine.start_run(trigger=RunTrigger.MANUAL)
    await until(lambda: shown(phone, progress=1))
    subentry = home.entry.subentries["notification1"]
    data = {**subentry.data, CONF_NOTIFY_ACTIONS: ["notify.mobile_app_other"]}
    home.hass.config_entries.async_update_subentry(home.entry, subentry, data=data)
    await until(lambda: cleared(phone))
    assert not other.calls


async def test_phone_that_hangs(home: Home, phone: Phone) -> None:
    """A phone that does not answer delays no backup."""
    await set_up(home)
    phone.hangs = True
    response = await act(home.hass, "run")
    assert response["outcome"] == "completed"
    assert response["uploaded"] == 3


@pytest.fixture
def real_pace(monkeypatch: pytest.MonkeyPatch, at_once: None) -> None:
    """Let time pass as it does."""
    monkeypatch.undo()


def pushes(pace: Pace, begin: float, seconds: float) -> list[float]:
    """Return when a run that tells every 10 s is shown, in seconds of its own."""
    return [
        elapsed
        for elapsed in range(10, int(seconds) + 1, 10)
        if pace.take(begin + elapsed, elapsed)
    ]


@pytest.mark.usefixtures("real_pace")
def test_pace() -> None:
    """Long runs leave a phone enough of what it may be sent in a day."""
    pace = Pace()
    assert not pace.take(9.9, 9.9)
    assert pushes(Pace(), 0, 130) == [10, 40, 70, 100, 130]
    assert 30 < len(pushes(Pace(), 0, 3 * 3600)) < 50
    assert 50 < len(pushes(Pace(), 0, 86_400)) < 80


@pytest.mark.usefixtures("real_pace")
def test_pace_of_many_runs() -> None:
    """So do many short runs; the next day they are shown again."""
    pace = Pace()
    shown = [run for run in range(4320) if pushes(pace, run * 20.0, 10)]
    assert shown[:3] == [0, 2, 4]
    assert len(shown) == 100
    assert pushes(pace, 86_400 + 60.0, 10) == [10]
