"""What is spoken, by whom and in which language."""

from pathlib import Path
from typing import Any, override

from homeassistant.components import tts
from homeassistant.components.media_source import async_resolve_media
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.immich_backup.const import DOMAIN
from custom_components.immich_backup.delivery.speech import (
    duration_of,
    recorded,
    speech,
)

from .support import SPOKEN, VOICE, Voice


class Legacy(tts.Provider):
    """An engine of the old kind."""

    name = "Legacy"
    default_language = "en"
    supported_languages = ["en", "nl"]

    @override
    def get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> tts.TtsAudioType:
        """Speak."""
        return "mp3", SPOKEN


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        ("en-GB", "en-GB"),
        ("de", "de-DE"),
        ("en", "en-GB"),
        ("fr", "en-GB"),
        ("", "en-GB"),
        (None, "en-GB"),
    ],
)
async def test_language(
    hass: HomeAssistant, voice: Voice, language: str | None, spoken: str
) -> None:
    """The language of the message is spoken, or the nearest one, or the engine's."""
    await async_setup_component(hass, "media_source", {})
    text = "Käse & „Brot“ 50%?"
    media_id = speech(hass, VOICE, text, language)
    assert media_id.startswith("media-source://tts/")
    assert await recorded(hass, media_id) == SPOKEN
    assert voice.asked == [(text, spoken)]
    media = await async_resolve_media(hass, media_id, None)
    assert media.mime_type == "audio/mpeg"
    # Nobody says the same again, so nothing is kept on the disk.
    await hass.async_block_till_done()
    assert list(Path(hass.config.path("tts")).glob("*")) == []


async def test_legacy_engine(hass: HomeAssistant, voice: Voice) -> None:
    """An engine without an entity is found by its name."""
    hass.data[DATA_TTS_MANAGER].async_register_legacy_engine("legacy", Legacy(), {})
    media_id = speech(hass, "legacy", "Hello", "nl-BE")
    assert media_id.startswith("media-source://tts/legacy?")
    assert "language=nl" in media_id
    assert await recorded(hass, media_id) == SPOKEN


async def test_engine_of_the_home(hass: HomeAssistant, voice: Voice) -> None:
    """Without a choice it is the one that Home Assistant prefers."""
    assert speech(hass, None, "Hello", "en").startswith(f"media-source://tts/{VOICE}?")


async def gone(hass: HomeAssistant) -> None:
    """Leave the home without this engine."""
    await async_setup_component(hass, "tts", {})


async def unavailable(hass: HomeAssistant) -> None:
    """Let the engine be out of reach."""
    hass.states.async_set(VOICE, "unavailable")


async def nothing(hass: HomeAssistant) -> None:
    """Leave the home without any engine."""


@pytest.mark.parametrize("prepare", [gone, nothing])
@pytest.mark.parametrize("engine", [VOICE, "legacy", None])
async def test_engine_that_is_gone(
    hass: HomeAssistant, prepare: Any, engine: str | None
) -> None:
    """An engine that is not there is an error that says so."""
    await prepare(hass)
    with pytest.raises(HomeAssistantError) as caught:
        speech(hass, engine, "Hello", "en")
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == "speech_engine_missing"


async def test_engine_out_of_reach(hass: HomeAssistant, voice: Voice) -> None:
    """An engine that is unavailable is an error, though it is not gone."""
    await unavailable(hass)
    with pytest.raises(HomeAssistantError) as caught:
        speech(hass, VOICE, "Hello", "en")
    assert caught.value.translation_key == "target_unavailable"


async def test_engine_that_fails(hass: HomeAssistant, voice: Voice) -> None:
    """What goes wrong while it speaks is told in plain words."""
    voice.sound = b""
    voice.get_tts_audio = lambda *_: (None, None)  # type: ignore[method-assign]
    with pytest.raises(HomeAssistantError) as caught:
        await recorded(hass, speech(hass, VOICE, "Hello", "en"))
    assert caught.value.translation_key == "speech_failed"


def test_duration() -> None:
    """Longer texts take longer."""
    assert 2 <= duration_of("") < duration_of("Hello") < duration_of("Hello" * 20) < 15
