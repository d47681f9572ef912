"""How a message reaches a speaker: spoken, without stopping the music if possible."""

import asyncio
from collections.abc import Mapping
import time
from typing import Any, Final

from homeassistant.components.media_player.const import (
    MediaPlayerEntityFeature,
    MediaPlayerState,
    MediaType,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError

from ..const import LOGGER
from . import players
from .message import Message, Skipped, SkipReason
from .speech import duration_of, speech

_PLAYING: Final = (MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING)
# Seconds until a player that was told to play says that it does.
_BEGIN: Final = 10.0
_LOOK: Final = 0.25
# Two volumes that differ by less are the same.
_NEARLY: Final = 0.015


async def deliver(
    hass: HomeAssistant,
    entity_id: str,
    message: Message,
    *,
    tts: str | None,
    volume: float | None,
    interrupt: bool,
) -> None:
    """Speak a message on a speaker, by an engine, at a volume of 0 to 1.

    A speaker that can announce speaks over what plays, and this returns once it has been
    told. Any other one plays the message, unless it plays something else and
    ``interrupt`` is False; this then returns after the message, and the volume is what
    it was. ``tts`` None is Home Assistant's own engine, ``volume`` None leaves it alone.
    Raises HomeAssistantError when it does not work, and Skipped when the speaker plays.
    """
    async with players.turn(hass, entity_id):
        state = players.state_of(hass, entity_id)
        players.require_play_media(state)
        media_id = speech(hass, tts, message.text, message.language)
        if MediaPlayerEntityFeature.MEDIA_ANNOUNCE in players.features_of(state):
            await players.play(
                hass,
                entity_id,
                media_id,
                MediaType.MUSIC,
                announce=True,
                extra=_loudness(players.platform_of(hass, entity_id), volume),
            )
            return
        if state.state in _PLAYING and not interrupt:
            raise Skipped(SkipReason.PLAYING)
        await _play(hass, state, media_id, duration_of(message.text), volume)


def _loudness(platform: str | None, volume: float | None) -> Mapping[str, Any]:
    """Return how an integration is told how loud an announcement is to be."""
    if volume is None:
        return {}
    percent = round(volume * 100)
    match platform:
        case "squeezebox":
            # It refuses silence.
            return {"announce_volume": max(volume, 0.01)}
        case "music_assistant":
            return {"announce_volume": percent}
        case "bang_olufsen":
            return {"overlay_absolute_volume": percent}
    return {"volume": percent}


async def _play(
    hass: HomeAssistant,
    state: State,
    media_id: str,
    seconds: float,
    volume: float | None,
) -> None:
    """Play as music is played, at another volume meanwhile."""
    entity_id = state.entity_id
    before: float | None = state.attributes.get("volume_level")
    # What is not known can't be restored.
    adjust = (
        volume is not None
        and before is not None
        and abs(before - volume) > _NEARLY
        and MediaPlayerEntityFeature.VOLUME_SET in players.features_of(state)
    )
    if adjust:
        await _set_volume(hass, entity_id, volume)
    try:
        await players.play(hass, entity_id, media_id, MediaType.MUSIC)
        await _until_over(hass, entity_id, seconds)
    finally:
        if adjust:
            await _restore(hass, entity_id, before, volume)


async def _until_over(hass: HomeAssistant, entity_id: str, seconds: float) -> None:
    """Wait until a player has played a message that takes about so long."""

    def playing() -> bool:
        state = hass.states.get(entity_id)
        return state is not None and state.state in _PLAYING

    begin = time.monotonic()
    # One that says nothing of it gets the time that the message takes.
    while not playing() and time.monotonic() < begin + max(_BEGIN, seconds):
        await asyncio.sleep(_LOOK)
    while playing() and time.monotonic() < begin + 2 * (_BEGIN + seconds):
        await asyncio.sleep(_LOOK)


async def _restore(
    hass: HomeAssistant, entity_id: str, before: float | None, ours: float | None
) -> None:
    """Set the volume to what it was, unless somebody has changed it meanwhile."""
    state = hass.states.get(entity_id)
    now = None if state is None else state.attributes.get("volume_level")
    if now is not None and not any(
        known is not None and abs(now - known) <= _NEARLY for known in (before, ours)
    ):
        return
    try:
        await _set_volume(hass, entity_id, before)
    except HomeAssistantError as err:
        # The message was told; the player may be gone by now.
        LOGGER.debug("The volume of %s could not be restored: %s", entity_id, err)


async def _set_volume(
    hass: HomeAssistant, entity_id: str, volume: float | None
) -> None:
    """Set the volume of a player; raises HomeAssistantError."""
    await players.call(hass, "volume_set", entity_id, {"volume_level": volume})
