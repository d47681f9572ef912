"""The voice: a text-to-speech engine that needs no internet and speaks no language."""

from typing import Any, override

from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import ReceiversConfigEntry
from .voice import Words, hum

_LANGUAGES = ["de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"]


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ReceiversConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the voice."""
    async_add_entities([DemonstrationVoice(entry.runtime_data)])


class DemonstrationVoice(TextToSpeechEntity):
    """Hums what it is asked to say, and remembers it."""

    _attr_name = "Demonstration voice"
    _attr_unique_id = "voice"
    _attr_default_language = "en"
    _attr_supported_languages = _LANGUAGES

    def __init__(self, words: Words) -> None:
        """Take where it notes what it says."""
        self._words = words

    @override
    def get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        """Hum a text."""
        sound, seconds = hum(message)
        self._words.note(message, seconds)
        return "wav", sound
