"""Fixtures of the tests of how a message reaches its targets."""

import os
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from .support import Voice, add_voice, find_ffmpeg


@pytest.fixture(autouse=True)
def config_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Let whatever is kept be kept in the test's folder."""
    config = tmp_path / "config"
    config.mkdir(exist_ok=True)
    hass.config.config_dir = str(config)


@pytest.fixture(autouse=True)
def ffmpeg_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Home Assistant find ffmpeg, if it came as a package."""
    if (found := find_ffmpeg()) is not None:
        folder = str(Path(found).parent)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def voice(hass: HomeAssistant) -> Voice:
    """Return an engine that speaks."""
    return await add_voice(hass, Voice())
