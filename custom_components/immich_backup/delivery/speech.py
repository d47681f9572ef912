"""What a message sounds like: the words, spoken by an engine of Home Assistant."""

import asyncio
from collections.abc import Sequence
from typing import Final

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import language as language_util

from ..const import DOMAIN
from .message import GoneError

# How fast engines speak, on the slow side, and what surrounds the words.
_CHARACTERS_PER_SECOND: Final = 12.0
_PAUSE: Final = 2.0
# Seconds that an engine may take.
_PATIENCE: Final = 30.0


@callback
def speech(
    hass: HomeAssistant, engine: str | None, text: str, language: str | None
) -> str:
    """Return a media source (`media-source://tts/…`) that speaks a text, as MP3.

    ``engine`` is a TTS entity or the name of a legacy engine; None is the one that Home
    Assistant prefers. A language that it does not speak is replaced by a variant of it,
    or by its own. Raises GoneError when there is no such engine any more, and
    HomeAssistantError while it is not available.
    """
    if "tts" not in hass.config.components:
        raise _engine_missing(engine)
    # It needs packages that are there once it is set up.
    from homeassistant.components import tts  # noqa: PLC0415
    from homeassistant.components.tts.helper import get_engine_instance  # noqa: PLC0415

    found = tts.async_resolve_engine(hass, engine)
    state = hass.states.get(found) if found else None
    if found is None:
        raise _engine_missing(engine)
    if state is not None and state.state == STATE_UNAVAILABLE:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="target_unavailable",
            translation_placeholders={"target": state.name},
        )
    instance = get_engine_instance(hass, found)
    languages = instance.supported_languages if instance is not None else ()
    return tts.generate_media_source_id(
        hass,
        text,
        engine=found,
        language=_spoken(language, languages),
        options={tts.ATTR_PREFERRED_FORMAT: "mp3"},
        # Hardly any message is told twice in the same words.
        cache=False,
    )


async def recorded(hass: HomeAssistant, media_id: str) -> bytes:
    """Return what a media source of ``speech`` speaks, as MP3.

    Raises HomeAssistantError when the engine fails or takes too long.
    """
    from homeassistant.components import tts  # noqa: PLC0415

    try:
        async with asyncio.timeout(_PATIENCE):
            _, sound = await tts.async_get_media_source_audio(hass, media_id)
    except Exception as err:
        # Engines raise whatever their service does.
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="speech_failed",
            translation_placeholders={"error": str(err) or type(err).__name__},
        ) from err
    return sound


def duration_of(text: str) -> float:
    """Return about how many seconds it takes to speak a text."""
    return len(text) / _CHARACTERS_PER_SECOND + _PAUSE


def _engine_missing(engine: str | None) -> GoneError:
    """Return what to raise when there is no engine to speak."""
    return GoneError(
        translation_domain=DOMAIN,
        translation_key="speech_engine_missing",
        translation_placeholders={"engine": engine or "text-to-speech"},
    )


def _spoken(language: str | None, languages: Sequence[str] | None) -> str | None:
    """Return the language to speak; None is the engine's own."""
    if not language or not languages:
        return None
    if language in languages:
        return language
    return next(iter(language_util.matches(language, languages)), None)
