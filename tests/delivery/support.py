"""Voices and players that exist in tests only, and a message for them."""

from importlib import import_module
from importlib.util import find_spec
import io
import os
from pathlib import Path
import random
import shutil
import struct
import sys
from typing import Any, override

from homeassistant.components import demo, tts
from homeassistant.components.media_player import MediaPlayerEntity
from homeassistant.components.media_player.const import (
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockEntityPlatform

from custom_components.immich_backup.delivery import Message

# A voice that Home Assistant has for its demonstration.
assert demo.__file__
SPOKEN = Path(demo.__file__).with_name("tts.mp3").read_bytes()
VOICE = "tts.voice"
TEAL = (0, 128, 128)

MESSAGE = Message(
    title="Backup completed",
    text="3 photos of Camera are in Immich.",
    language="en",
    tag="camera",
)

PLAYS = MediaPlayerEntityFeature.PLAY_MEDIA
LOUDNESS = MediaPlayerEntityFeature.VOLUME_SET
SONOS = (
    PLAYS
    | LOUDNESS
    | MediaPlayerEntityFeature.MEDIA_ANNOUNCE
    | MediaPlayerEntityFeature.MEDIA_ENQUEUE
    | MediaPlayerEntityFeature.PAUSE
    | MediaPlayerEntityFeature.PLAY
    | MediaPlayerEntityFeature.STOP
    | MediaPlayerEntityFeature.VOLUME_MUTE
)


def find_ffmpeg() -> str | None:
    """Return the path of ffmpeg: the machine's, or what came as a package."""
    beside = Path(sys.executable).parent
    return shutil.which("ffmpeg", path=f"{beside}{os.pathsep}{os.environ['PATH']}")


def film_of(content: bytes) -> tuple[float, list[str], tuple[int, int, int]]:
    """Return the length of an MP4, its codecs, and the colour that it ends with.

    Without PyAV the colour is that of a photo, and the codecs are looked for.
    """
    assert content[4:8] == b"ftyp"
    # What a player needs first is at the beginning.
    assert content.index(b"moov") < content.index(b"mdat")
    if find_spec("av") is None:
        at = content.index(b"mvhd")
        scale, length = struct.unpack(">II", content[at + 16 : at + 24])
        names = {"h264": b"avc1", "aac": b"mp4a"}
        codecs = [name for name, mark in names.items() if mark in content]
        return length / scale, codecs, TEAL
    av: Any = import_module("av")
    with av.open(io.BytesIO(content)) as film:
        codecs = [stream.codec_context.name for stream in film.streams]
        *_, last = film.decode(video=0)
        colour = last.to_image().getpixel((640, 360))
        return film.duration / av.time_base, codecs, colour


def headless_mp3(seconds: int) -> bytes:
    """Return an MP3 as Home Assistant makes it of a WAV, through a pipe.

    It begins louder than it goes on, and does not say in a header how long it is.
    """
    av: Any = import_module("av")
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0"}) as sound:
        stream = sound.add_stream("libmp3lame", rate=24_000, layout="mono")
        stream.codec_context.qscale = True
        stream.codec_context.global_quality = 0
        for second in range(seconds):
            frame = av.AudioFrame(format="s16", layout="mono", samples=24_000)
            frame.sample_rate = 24_000
            frame.pts = second * 24_000
            quiet = bytes(frame.planes[0].buffer_size)
            noise = random.Random(1).randbytes(len(quiet))
            frame.planes[0].update(quiet if second else noise)
            sound.mux(stream.encode(frame))
        sound.mux(stream.encode(None))
    return file.getvalue()


class Voice(tts.TextToSpeechEntity):
    """An engine that says the same whatever it is given."""

    _attr_name = "Voice"
    _attr_default_language = "en-GB"
    _attr_supported_languages = ["de-DE", "en-GB"]
    entity_id = VOICE

    def __init__(self, sound: bytes = SPOKEN, kind: str = "mp3") -> None:
        """Take what it says."""
        self.sound = sound
        self.kind = kind
        self.asked: list[tuple[str, str]] = []

    @override
    def get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> tts.TtsAudioType:
        """Speak."""
        self.asked.append((message, language))
        return self.kind, self.sound


async def add_voice(hass: HomeAssistant, voice: Voice) -> Voice:
    """Let Home Assistant speak."""
    assert await async_setup_component(hass, "tts", {})
    await MockEntityPlatform(
        hass, domain="tts", platform_name="test"
    ).async_add_entities([voice])
    return voice


class Player(MediaPlayerEntity):
    """A player that remembers what it was told, as its integration would read it."""

    _attr_should_poll = False

    def __init__(
        self,
        features: MediaPlayerEntityFeature,
        state: MediaPlayerState | None = MediaPlayerState.IDLE,
        **attributes: Any,
    ) -> None:
        """Take what it can do, and what it does."""
        self.entity_id = "media_player.player"
        self._attr_name = "Kitchen"
        self._attr_supported_features = features
        self._attr_state = state
        for name, value in attributes.items():
            setattr(self, f"_attr_{name}", value)
        self.calls: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None
        # What it does once it is told to play.
        self.then: dict[str, Any] = {}

    def change(self, **attributes: Any) -> None:
        """Do something else."""
        for name, value in attributes.items():
            setattr(self, f"_attr_{name}", value)
        self.async_write_ha_state()

    @override
    async def async_play_media(
        self, media_type: str, media_id: str, **kwargs: Any
    ) -> None:
        """Remember what to play, as the integrations of Sonos and Roku read it."""
        if self.failure is not None:
            raise self.failure
        announce = kwargs.get("announce")
        extra = kwargs.get("extra", {})
        self.calls.append(("play", media_type, media_id, announce, extra))
        self.change(**self.then)

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        """Remember the volume."""
        self.calls.append(("volume", volume))
        self.change(volume_level=volume)

    @override
    async def async_select_source(self, source: str) -> None:
        """Remember the source."""
        self.calls.append(("source", source))
        self.change(source=source)

    @override
    async def async_media_stop(self) -> None:
        """Remember that it was stopped."""
        self.calls.append(("stop",))
        self.change(state=MediaPlayerState.IDLE)


async def add_player(
    hass: HomeAssistant, player: Player, platform: str = "test"
) -> Player:
    """Let Home Assistant have a player of an integration."""
    assert await async_setup_component(hass, "media_player", {})
    assert await async_setup_component(hass, "media_source", {})
    await MockEntityPlatform(
        hass, domain="media_player", platform_name=platform
    ).async_add_entities([player])
    return player
