"""How a message reaches a TV: as a film or spoken, if that disturbs nobody."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.media_player.browse_media import (
    async_process_play_media_url,
)
from homeassistant.components.media_player.const import (
    MediaPlayerEntityFeature,
    MediaPlayerState,
    MediaType,
)
from homeassistant.components.media_source import async_resolve_media
from homeassistant.const import (
    STATE_OFF,
    STATE_STANDBY,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_component import async_update_entity

from ..const import DOMAIN, LOGGER
from . import players
from .clips import Clip, Clips
from .message import Message, Skipped, SkipReason
from .speech import duration_of, recorded, speech

_ROKU: Final = "roku"
# What Roku plays of what an engine may speak; the rest it only logs.
_ROKU_SOUNDS: Final = frozenset(("audio/mpeg", "audio/mp4", "audio/x-matroska"))
# Integrations that take channels and apps only, and some of them say so in no way.
_NO_MEDIA: Final = frozenset(
    ("androidtv_remote", "braviatv", "lg_netcast", "philips_js", "samsungtv", "webostv")
)
# Integrations that take pictures, and the type of media that they know them by.
_PICTURES: Final = {"cast": "image/jpeg", "dlna_dmr": "image", "kodi": "image"}
# Some integrations still tell this apart.
_OFF: Final = (STATE_OFF, STATE_STANDBY)
# What a TV's own screen is called, and how it is chosen.
_HOME_SCREENS: Final = frozenset((None, "Home", "Power Saver", "Roku"))
_HOME: Final = "Home"
# Seconds until a TV that was asked has told what it does, at most, and until it plays.
_LOOK: Final = 1.0
_ANSWER: Final = 10.0
_LOADING: Final = 4.0
# How often a TV is asked whether it has left what it was given.
_LOOKS: Final = 5


@dataclass(frozen=True, slots=True)
class _Show:
    """What a TV is given, and how many seconds it plays."""

    media_id: str
    media_type: str
    seconds: float
    extra: dict[str, Any] = field(default_factory=dict)


async def deliver(
    hass: HomeAssistant,
    entity_id: str,
    message: Message,
    *,
    tts: str | None,
    interrupt: bool,
    clips: Clips,
) -> None:
    """Show a message on a TV, with the words spoken by an engine if ``tts`` names one.

    It gets a film where one can be made, else the spoken words, else (where it takes
    pictures) a picture. This returns after that (10 s and more), when what the TV showed
    before has been selected again, unless somebody has chosen something else meanwhile.
    Raises Skipped when the TV is off, or when it is neither idle nor at its home screen
    and ``interrupt`` is False, and HomeAssistantError when it does not work.
    """
    async with players.turn(hass, entity_id):
        state = players.state_of(hass, entity_id)
        players.require_play_media(state)
        if players.platform_of(hass, entity_id) in _NO_MEDIA:
            raise players.cannot_play(state)
        try:
            _require_free(state, interrupt=interrupt)
        except Skipped:
            # What is known may be ten seconds old,
            state = await _looked(hass, entity_id)
            _require_free(state, interrupt=interrupt)
        # and making a film takes as long.
        show = await _prepare(hass, state, message, tts, clips)
        state = await _looked(hass, entity_id)
        _require_free(state, interrupt=interrupt)
        await players.play(
            hass, entity_id, show.media_id, show.media_type, extra=show.extra
        )
        await _wait(_LOADING)
        await _look(hass, entity_id)
        ours = _source(hass.states.get(entity_id))
        try:
            await _wait(show.seconds)
        finally:
            # Also when time is over: nobody would do it later.
            await _look(hass, entity_id)
            left = await _leave(hass, state, ours, show)
        if left:
            await _until_left(hass, entity_id, ours)


@callback
def _require_free(state: State, *, interrupt: bool) -> None:
    """Raise Skipped unless a TV is on and shows nothing that anybody watches."""
    if state.state in _OFF:
        raise Skipped(SkipReason.OFF)
    match state.state:
        case MediaPlayerState.IDLE:
            return
        case MediaPlayerState.ON if _at_home(state):
            return
    if not interrupt:
        raise Skipped(
            SkipReason.UNKNOWN if state.state == STATE_UNKNOWN else SkipReason.PLAYING
        )


@callback
def _at_home(state: State) -> bool:
    """Return whether a TV that is on shows its home screen, or nothing."""
    return {state.attributes.get("source"), state.attributes.get("app_name")} <= (
        _HOME_SCREENS
    )


@callback
def _source(state: State | None) -> str | None:
    """Return what is selected on a TV."""
    return None if state is None else state.attributes.get("source")


async def _prepare(
    hass: HomeAssistant, state: State, message: Message, tts: str | None, clips: Clips
) -> _Show:
    """Return what a TV is to play; raises HomeAssistantError if there is nothing."""
    platform = players.platform_of(hass, state.entity_id)
    extra = _named(platform, message.title)
    spoken: str | None = None
    if tts is not None:
        spoken = speech(hass, tts, message.text, message.language)
    film: Clip | None = None
    if await clips.can_film():
        sound, photos = await asyncio.gather(
            _sound(hass, spoken), clips.photos(message.assets)
        )
        film = await clips.film(message, sound, photos)
    if film is not None:
        media_type = "video/mp4" if platform == "cast" else MediaType.VIDEO
        return _shown(hass, film, media_type, extra)
    if spoken is not None:
        if platform == _ROKU:
            await _check_sound(hass, state, spoken)
        return _Show(spoken, MediaType.MUSIC, duration_of(message.text), extra)
    if platform in _PICTURES and (picture := await clips.picture(message)) is not None:
        return _shown(hass, picture, _PICTURES[platform], extra)
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="tv_nothing_to_show",
        translation_placeholders={"name": state.name},
    )


@callback
def _named(platform: str | None, title: str) -> dict[str, Any]:
    """Return how an integration is told what the TV calls what it plays."""
    match platform:
        case "roku":
            return {"name": title}
        case "cast" | "dlna_dmr":
            return {"title": title}
    return {}


@callback
def _shown(
    hass: HomeAssistant, clip: Clip, media_type: str, extra: dict[str, Any]
) -> _Show:
    """Return a clip as a TV gets it, with an address that it can reach.

    Raises HomeAssistantError when this Home Assistant knows no address of its own.
    """
    address = async_process_play_media_url(hass, clip.path)
    return _Show(address, media_type, clip.seconds, extra)


async def _sound(hass: HomeAssistant, spoken: str | None) -> bytes | None:
    """Return what is spoken; None if it can't be had, for a film is seen without."""
    if spoken is None:
        return None
    try:
        return await recorded(hass, spoken) or None
    except HomeAssistantError as err:
        LOGGER.warning("The voice of a film failed: %s", err)
        return None


async def _check_sound(hass: HomeAssistant, state: State, spoken: str) -> None:
    """Raise HomeAssistantError when Roku would play nothing and say nothing."""
    media = await async_resolve_media(hass, spoken, state.entity_id)
    if media.mime_type not in _ROKU_SOUNDS:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="tv_format_unsupported",
            translation_placeholders={"name": state.name, "format": media.mime_type},
        )


async def _look(hass: HomeAssistant, entity_id: str) -> None:
    """Let an integration ask its TV what it does, and wait until that is known."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ANSWER):
            await async_update_entity(hass, entity_id)
    # Some ask a moment later.
    await _wait(_LOOK)


async def _looked(hass: HomeAssistant, entity_id: str) -> State:
    """Return what a TV does now; raises HomeAssistantError if it is gone."""
    await _look(hass, entity_id)
    return players.state_of(hass, entity_id)


async def _leave(
    hass: HomeAssistant, before: State, ours: str | None, show: _Show
) -> bool:
    """Select what a TV showed before; return whether it was told to."""
    try:
        return await _go_back(hass, before, ours, show)
    except HomeAssistantError as err:
        # The message was told; the TV may be gone by now.
        LOGGER.debug("%s does not go back: %s", before.entity_id, err)
        return False


async def _until_left(hass: HomeAssistant, entity_id: str, ours: str | None) -> None:
    """Wait until a TV has left what it was given, lest the next message finds it busy.

    It may take a moment, and some integrations ask only when it is their time.
    """
    for _ in range(_LOOKS):
        await _look(hass, entity_id)
        if _source(hass.states.get(entity_id)) != ours:
            return


async def _go_back(
    hass: HomeAssistant, before: State, ours: str | None, show: _Show
) -> bool:
    """Select what a TV showed before, and return whether it was told to.

    Raises HomeAssistantError.
    """
    entity_id = before.entity_id
    state = hass.states.get(entity_id)
    if state is None or state.state in (STATE_UNAVAILABLE, *_OFF):
        return False
    features = players.features_of(state)
    was, now = _source(before), _source(state)
    # Unless the TV had not told yet what we made it show.
    chosen = ours not in (now, was)
    if now != was and not chosen:
        wanted = _HOME if was in _HOME_SCREENS else was
        if (
            MediaPlayerEntityFeature.SELECT_SOURCE in features
            and wanted in state.attributes.get("source_list", ())
        ):
            await players.call(hass, "select_source", entity_id, {"source": wanted})
            return True
    if (
        # A picture has no end.
        show.media_type in _PICTURES.values()
        and MediaPlayerEntityFeature.STOP in features
    ):
        await players.call(hass, "media_stop", entity_id, {})
    return False


async def _wait(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)
