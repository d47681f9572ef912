"""The speaker: takes announcements as Sonos does, and shows what it heard."""

import time
from typing import Any, override

from homeassistant.components import media_source
from homeassistant.components.media_player import MediaPlayerEntity
from homeassistant.components.media_player.browse_media import (
    async_process_play_media_url,
)
from homeassistant.components.media_player.const import (
    ATTR_MEDIA_ANNOUNCE,
    ATTR_MEDIA_EXTRA,
    MediaPlayerDeviceClass,
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from yarl import URL

from . import ReceiversConfigEntry
from .hearing import listen
from .voice import Words

_REMEMBERED = 20
# An MP3 is filled up to whole frames.
_TOLERANCE_SECONDS = 0.5


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ReceiversConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the speaker."""
    async_add_entities([RecordingSpeaker(entry.runtime_data)])


class RecordingSpeaker(MediaPlayerEntity):
    """A speaker that plays nothing aloud: it fetches what it is given and records it.

    The attribute ``heard`` lists that, latest last: when (``at``, epoch seconds), the
    ``media_id``, whether it was an announcement (``announce``) and how loud (``volume``,
    percent), what came (see ``listen``), the words that the voice was asked for
    (``said``, None if it was not), and whether all of it fits together (``ok``).
    """

    _attr_has_entity_name = True
    _attr_name = None
    _attr_unique_id = "speaker"
    _attr_device_class = MediaPlayerDeviceClass.SPEAKER
    _attr_device_info = DeviceInfo(
        identifiers={("demo_receivers", "speaker")},
        name="Speaker",
        manufacturer="Immich Backup",
        model="Recording speaker of the demonstration",
        suggested_area="Kitchen",
    )
    _attr_should_poll = False
    _attr_state = MediaPlayerState.IDLE
    _attr_volume_level = 0.25
    _attr_is_volume_muted = False
    _attr_supported_features = (
        MediaPlayerEntityFeature.MEDIA_ANNOUNCE
        | MediaPlayerEntityFeature.PAUSE
        | MediaPlayerEntityFeature.PLAY
        | MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.STOP
        | MediaPlayerEntityFeature.VOLUME_MUTE
        | MediaPlayerEntityFeature.VOLUME_SET
    )
    _unrecorded_attributes = frozenset({"heard"})

    def __init__(self, words: Words) -> None:
        """Take where the voice notes what it says."""
        self._words = words
        self._attr_extra_state_attributes: dict[str, Any] = {"heard": []}

    @override
    async def async_play_media(
        self, media_type: str, media_id: str, **kwargs: Any
    ) -> None:
        """Fetch what is to be played, and record it."""
        url = media_id
        if media_source.is_media_source_id(media_id):
            media = await media_source.async_resolve_media(
                self.hass, media_id, self.entity_id
            )
            url = media.url
        sound = await listen(
            async_get_clientsession(self.hass),
            async_process_play_media_url(self.hass, url),
        )
        said, fits = self._words_of(media_id, sound.get("seconds"))
        heard = {
            "at": time.time(),
            "media_id": media_id,
            "announce": bool(kwargs.get(ATTR_MEDIA_ANNOUNCE)),
            "volume": kwargs.get(ATTR_MEDIA_EXTRA, {}).get("volume"),
            **sound,
            "said": said,
            "ok": fits,
        }
        before = self._attr_extra_state_attributes["heard"]
        self._attr_extra_state_attributes = {"heard": [*before, heard][-_REMEMBERED:]}
        if not heard["announce"]:
            self._attr_state = MediaPlayerState.PLAYING
        self.async_write_ha_state()

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        """Set the volume."""
        self._attr_volume_level = volume
        self.async_write_ha_state()

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        """Mute it."""
        self._attr_is_volume_muted = mute
        self.async_write_ha_state()

    @override
    async def async_media_play(self) -> None:
        """Go on."""
        self._become(MediaPlayerState.PLAYING)

    @override
    async def async_media_pause(self) -> None:
        """Pause."""
        self._become(MediaPlayerState.PAUSED)

    @override
    async def async_media_stop(self) -> None:
        """Stop."""
        self._become(MediaPlayerState.IDLE)

    def _become(self, state: MediaPlayerState) -> None:
        """Change the state."""
        self._attr_state = state
        self.async_write_ha_state()

    def _words_of(
        self, media_id: str, seconds: float | None
    ) -> tuple[str | None, bool]:
        """Return what the voice was asked to say for a media id, and whether that came.

        The media id names the words; they count only if the voice was asked for them,
        and the sound only if it is as long as they are.
        """
        words = URL(media_id).query.get("message", "")
        length = self._words.length(words)
        if length is None:
            return None, seconds is not None
        return words, seconds is not None and abs(seconds - length) < _TOLERANCE_SECONDS
