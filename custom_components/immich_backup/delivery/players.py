"""What speakers and TVs share: asking and commanding a media player."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from homeassistant.components.media_player.const import (
    DOMAIN as MEDIA_PLAYER,
    MediaPlayerEntityFeature,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_SUPPORTED_FEATURES,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity import entity_sources
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .message import GoneError

# Seconds that a message may take at a player, and that it waits for others at most. What
# is spoken or shown takes as long as it takes; what was there before comes back after it.
PATIENCE: Final = 90.0
# Seconds that a player may take for a command.
_PATIENCE: Final = 60.0
_TURNS: HassKey[dict[str, asyncio.Lock]] = HassKey(f"{DOMAIN}_turns")


@asynccontextmanager
async def turn(hass: HomeAssistant, entity_id: str) -> AsyncIterator[None]:
    """Have a player for oneself for a while, so that messages do not disturb each other.

    Raises TimeoutError when others take too long, or what is done meanwhile.
    """
    lock = hass.data.setdefault(_TURNS, {}).setdefault(entity_id, asyncio.Lock())
    async with asyncio.timeout(PATIENCE):
        await lock.acquire()
    try:
        # The time of a message does not run while others are told.
        async with asyncio.timeout(PATIENCE):
            yield
    finally:
        lock.release()


@callback
def state_of(hass: HomeAssistant, entity_id: str) -> State:
    """Return the state of a player.

    Raises GoneError when the player does not exist any more, and HomeAssistantError when
    it can't be reached.
    """
    state = hass.states.get(entity_id)
    if state is None:
        raise GoneError(
            translation_domain=DOMAIN,
            translation_key="target_missing",
            translation_placeholders={"target": entity_id},
        )
    if state.state == STATE_UNAVAILABLE:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="player_unavailable",
            translation_placeholders={"name": state.name},
        )
    return state


@callback
def features_of(state: State) -> MediaPlayerEntityFeature:
    """Return what a player can do."""
    return MediaPlayerEntityFeature(state.attributes.get(ATTR_SUPPORTED_FEATURES, 0))


@callback
def platform_of(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the integration that a player belongs to."""
    source = entity_sources(hass).get(entity_id)
    return None if source is None else source["domain"]


@callback
def require_play_media(state: State) -> None:
    """Raise HomeAssistantError when a player can't play what it is given."""
    if MediaPlayerEntityFeature.PLAY_MEDIA not in features_of(state):
        raise cannot_play(state)


@callback
def cannot_play(state: State) -> HomeAssistantError:
    """Return what to raise for a player that can't play what it is given."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="player_cannot_play",
        translation_placeholders={"name": state.name},
    )


async def call(
    hass: HomeAssistant, service: str, entity_id: str, data: Mapping[str, Any]
) -> None:
    """Let a player do something, and wait until it has been told.

    Raises HomeAssistantError, also for what else the player's integration raises, and
    when it takes too long.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            await hass.services.async_call(
                MEDIA_PLAYER,
                service,
                {ATTR_ENTITY_ID: entity_id, **data},
                blocking=True,
            )
    except HomeAssistantError:
        raise
    except Exception as err:
        state = hass.states.get(entity_id)
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="player_failed",
            translation_placeholders={
                "name": state.name if state else entity_id,
                "error": str(err) or type(err).__name__,
            },
        ) from err


async def play(
    hass: HomeAssistant,
    entity_id: str,
    media_id: str,
    media_type: str,
    *,
    announce: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Let a player play; raises HomeAssistantError as ``call`` does."""
    data: dict[str, Any] = {
        "media": {"media_content_id": media_id, "media_content_type": media_type}
    }
    if announce:
        data["announce"] = True
    if extra:
        data["extra"] = dict(extra)
    await call(hass, "play_media", entity_id, data)
