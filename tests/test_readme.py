"""The example of an automation in the README does what is said of it."""

from datetime import timedelta
from pathlib import Path
import re
from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_mock_service,
)

from simulator import Action, Fault

from .support.home import Home, folder_data, until

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
async def calls(home: Home) -> list[ServiceCall]:
    """Return what the example sends, in a home that has it."""
    section = README.read_text().partition("## Example automation")[2]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    example: Any = parse_yaml(found[1])
    sent = async_mock_service(home.hass, "notify", "send_message")
    await home.set_up(folder_data(home.folder(), title="Camera card"))
    assert await async_setup_component(
        home.hass, AUTOMATION, {AUTOMATION: {"alias": "Card", **example}}
    )
    await home.until_state("sensor", "status", "idle", "folder1")
    return sent


async def pass_time(hass: HomeAssistant) -> None:
    """Let the delay of the example be over."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=61))
    await hass.async_block_till_done()


async def finish(home: Home, event: str) -> None:
    """Wait until a run has ended in a way, and entities say so."""
    await until(
        lambda: (
            home.state("event", "backup", "folder1").attributes["event_type"] == event
        )
    )
    await home.until_state("binary_sensor", "running", "off")


async def test_card_is_safe(home: Home, calls: list[ServiceCall]) -> None:
    """It says so once everything that is wanted is proven."""
    (home.folder() / "one.jpg").write_bytes(b"one")
    await finish(home, "completed")
    await home.until_state("sensor", "protected_share", "100.0", "folder1")
    assert calls == []
    await pass_time(home.hass)
    (call,) = calls
    assert "All 1 photos" in call.data["message"]


async def test_file_that_failed(home: Home, calls: list[ServiceCall]) -> None:
    """It says nothing while a file could not be stored."""
    home.immich.faults.add(
        Fault(action=Action.RESPOND, path_regex="/api/assets$", canned="too-large")
    )
    (home.folder() / "one.jpg").write_bytes(b"one")
    await finish(home, "completed_with_errors")
    await pass_time(home.hass)
    assert calls == []


async def test_file_that_came_meanwhile(home: Home, calls: list[ServiceCall]) -> None:
    """It says nothing while another file waits, whatever the last run did."""
    (home.folder() / "one.jpg").write_bytes(b"one")
    await finish(home, "completed")
    await home.until_state("sensor", "protected_share", "100.0", "folder1")
    await home.engine.controls.set_automatic(False)
    (home.folder() / "two.jpg").write_bytes(b"two")
    await home.until_state("sensor", "status", "waiting", "folder1")
    await pass_time(home.hass)
    assert calls == []
