"""The actions pause and resume."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
import voluptuous as vol

from custom_components.immich_backup.const import CONF_NEW_MEDIA
from custom_components.immich_backup.engine.controls import END_OF_PAUSE
from custom_components.immich_backup.engine.ledger import LedgerError
from tests.support.actions import act
from tests.support.home import ENTRY_ID, Home, folder_data

FOR_EVER = {"paused": True, "paused_until": None}
OVER = {"paused": False, "paused_until": None}


async def test_pause_and_resume(home: Home) -> None:
    """Nothing goes up in a pause, not even what is asked for; then all does."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    assert await act(home.hass, "pause", config_entry_id=ENTRY_ID) == FOR_EVER
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "waiting_files", "1")
    await home.until_state("sensor", "status", "paused")
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "waiting"
    assert answer["waiting_for"] == [END_OF_PAUSE]
    assert home.immich.assets() == []
    assert await act(home.hass, "resume", config_entry_id=ENTRY_ID) == OVER
    await home.until_stored(1)
    await home.until_state("sensor", "status", "idle")
    assert await act(home.hass, "resume") == OVER


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ({"days": 1, "hours": 2}, 26 * 3600),
        ("01:30:00", 90 * 60),
        (90, 90),
    ],
)
async def test_pause_for_a_while(home: Home, duration: Any, seconds: int) -> None:
    """The answer tells the end in local time; a new pause takes the place of the old."""
    await home.hass.config.async_set_time_zone("Europe/Amsterdam")
    await home.set_up(folder_data(home.folder()))
    await act(home.hass, "pause")
    before = dt_util.utcnow()
    answer = await act(home.hass, "pause", duration=duration)
    assert answer["paused"] is True
    end = datetime.fromisoformat(answer["paused_until"])
    assert end.utcoffset() == dt_util.now().utcoffset() != timedelta(0)
    length = timedelta(seconds=seconds)
    # One that is longer than this test may begin or end daylight saving time.
    assert before + length <= end <= dt_util.utcnow() + length


async def test_pause_ends(home: Home) -> None:
    """What waited goes up when the time is over."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await act(home.hass, "pause", duration={"milliseconds": 1500})
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_state("sensor", "status", "paused")
    assert home.immich.assets() == []
    await home.until_stored(1)
    await home.until_state("sensor", "status", "idle")
    assert "paused_until" not in home.state("sensor", "status").attributes


async def test_pause_without_length(home: Home) -> None:
    """A pause that is over at once is none, and the answer says so."""
    await home.set_up()
    await act(home.hass, "pause")
    assert await act(home.hass, "pause", duration=0) == OVER


@pytest.mark.parametrize("duration", ["-01:00:00", {"days": 5000}, "soon"])
async def test_impossible_pause(home: Home, duration: Any) -> None:
    """What can't be meant is refused."""
    await home.set_up()
    with pytest.raises(vol.Invalid):
        await act(home.hass, "pause", duration=duration)
    assert not home.engine.controls.paused


async def test_pause_outlasts_a_restart(home: Home) -> None:
    """Nothing goes up at a start in a pause; the run that was asked for comes later."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    answer = await act(home.hass, "pause", duration={"hours": 1})
    assert (await act(home.hass, "run"))["outcome"] == "waiting"
    await home.hass.config_entries.async_reload(ENTRY_ID)
    await home.until_state("sensor", "status", "paused")
    state = home.state("sensor", "status")
    assert state.attributes["paused_until"] == answer["paused_until"]
    await home.until_state("sensor", "waiting_files", "1")
    assert home.immich.assets() == []
    await act(home.hass, "resume")
    await home.until_stored(1)


@pytest.mark.parametrize("action", ["pause", "resume"])
async def test_broken_ledger(
    home: Home, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """What can't be kept is not done."""
    await home.set_up()

    async def broken(_until: float | None) -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(home.engine.controls, "_set_pause", broken)
    with pytest.raises(HomeAssistantError) as caught:
        await act(home.hass, action)
    assert caught.value.translation_key == "ledger_failed"
    assert not home.engine.controls.paused
