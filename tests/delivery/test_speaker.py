"""What speakers are told, and what they play meanwhile."""

import asyncio
from typing import Any

from homeassistant.components.media_player.const import (
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.immich_backup.const import DOMAIN
from custom_components.immich_backup.delivery import Skipped, SkipReason, speaker
from tests.support.home import until

from .support import LOUDNESS, MESSAGE, PLAYS, SONOS, VOICE, Player, Voice, add_player


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a player begin within half a second, and words take no time."""
    monkeypatch.setattr(speaker, "_BEGIN", 0.5)
    monkeypatch.setattr(speaker, "_LOOK", 0.01)
    monkeypatch.setattr(speaker, "duration_of", lambda _text: 0.1)


async def deliver(hass: HomeAssistant, **options: Any) -> None:
    """Tell the speaker."""
    values = {"tts": VOICE, "volume": None, "interrupt": False, **options}
    await speaker.deliver(hass, "media_player.player", MESSAGE, **values)


@pytest.mark.parametrize(
    "state", [MediaPlayerState.PLAYING, MediaPlayerState.IDLE, MediaPlayerState.PAUSED]
)
async def test_sonos_announces(
    hass: HomeAssistant, voice: Voice, state: MediaPlayerState
) -> None:
    """Sonos speaks over its music, at a volume of 0 to 100, and can fetch the words."""
    player = await add_player(hass, Player(SONOS, state), "sonos")
    await deliver(hass, volume=0.3)
    ((_, media_type, media_id, announce, extra),) = player.calls
    assert media_type == "music"
    assert media_id.startswith(f"media-source://tts/{VOICE}?message=")
    assert announce is True
    assert extra == {"volume": 30}
    assert type(extra["volume"]) is int
    media = await async_resolve_media(hass, media_id, player.entity_id)
    assert media.mime_type == "audio/mpeg"
    # The only other formats than WAV that a clip of Sonos may have.
    assert media.url.endswith(".mp3")


async def test_volume_as_it_is(hass: HomeAssistant, voice: Voice) -> None:
    """Without a volume Sonos is not told any."""
    player = await add_player(hass, Player(SONOS), "sonos")
    await deliver(hass)
    assert player.calls[0][-1] == {}


@pytest.mark.parametrize(
    ("platform", "extra"),
    [
        ("music_assistant", {"announce_volume": 30}),
        ("squeezebox", {"announce_volume": 0.3}),
        ("bang_olufsen", {"overlay_absolute_volume": 30}),
    ],
)
async def test_other_announcers(
    hass: HomeAssistant, voice: Voice, platform: str, extra: dict[str, object]
) -> None:
    """Other integrations are told how loud in their own words."""
    player = await add_player(hass, Player(SONOS), platform)
    await deliver(hass, volume=0.3)
    assert player.calls[0][-1] == extra


@pytest.mark.parametrize(
    "state", [MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING]
)
async def test_music_is_left_alone(
    hass: HomeAssistant, voice: Voice, state: MediaPlayerState
) -> None:
    """A speaker that would have to stop its music is not told."""
    player = await add_player(hass, Player(PLAYS | LOUDNESS, state, volume_level=0.5))
    with pytest.raises(Skipped) as caught:
        await deliver(hass, volume=0.3)
    assert caught.value.reason is SkipReason.PLAYING
    assert player.calls == []


async def test_music_may_be_interrupted(hass: HomeAssistant, voice: Voice) -> None:
    """It is told all the same if that is wanted."""
    player = await add_player(hass, Player(PLAYS, MediaPlayerState.PLAYING))
    player.then = {"state": MediaPlayerState.IDLE}
    await deliver(hass, interrupt=True)
    ((what, media_type, _, announce, extra),) = player.calls
    assert (what, media_type, announce, extra) == ("play", "music", None, {})


@pytest.mark.parametrize("tells", [True, False], ids=["tells", "silent"])
async def test_volume_is_restored(
    hass: HomeAssistant, voice: Voice, tells: bool
) -> None:
    """The volume is as it was after the message, also if the player tells nothing."""
    player = await add_player(hass, Player(PLAYS | LOUDNESS, volume_level=0.5))
    if tells:
        player.then = {"state": MediaPlayerState.PLAYING}
    task = asyncio.create_task(deliver(hass, volume=0.3))
    await until(lambda: len(player.calls) == 2)
    if tells:
        # The message takes longer than was thought.
        await asyncio.sleep(0.6)
        assert len(player.calls) == 2
        player.change(state=MediaPlayerState.IDLE)
    await task
    assert [call[0] for call in player.calls] == ["volume", "play", "volume"]
    assert (player.calls[0][1], player.calls[2][1]) == (0.3, 0.5)


async def test_volume_that_somebody_changes(hass: HomeAssistant, voice: Voice) -> None:
    """What somebody sets while it speaks stays."""
    player = await add_player(hass, Player(PLAYS | LOUDNESS, volume_level=0.5))
    player.then = {"volume_level": 0.8}
    await deliver(hass, volume=0.3)
    assert [call[0] for call in player.calls] == ["volume", "play"]


@pytest.mark.parametrize(
    ("features", "level"),
    [(PLAYS, 0.5), (PLAYS | LOUDNESS, None), (PLAYS | LOUDNESS, 0.3)],
    ids=["can't", "unknown", "same"],
)
async def test_volume_is_left_alone(
    hass: HomeAssistant,
    voice: Voice,
    features: MediaPlayerEntityFeature,
    level: float | None,
) -> None:
    """A volume that can't be set, can't be restored, or is right, is left alone."""
    player = await add_player(hass, Player(features, volume_level=level))
    await deliver(hass, volume=0.3)
    assert [call[0] for call in player.calls] == ["play"]


async def test_volume_after_a_failure(hass: HomeAssistant, voice: Voice) -> None:
    """The volume is restored also if it plays nothing; the error is in plain words."""
    player = await add_player(hass, Player(PLAYS | LOUDNESS, volume_level=0.5))
    player.failure = ConnectionError("no route")
    with pytest.raises(HomeAssistantError) as caught:
        await deliver(hass, volume=0.3)
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == "player_failed"
    assert caught.value.translation_placeholders == {
        "name": "Kitchen",
        "error": "no route",
    }
    assert [call[0] for call in player.calls] == ["volume", "volume"]


async def test_one_message_after_the_other(hass: HomeAssistant, voice: Voice) -> None:
    """Two messages at once are both told, one after the other."""
    player = await add_player(hass, Player(PLAYS | LOUDNESS, volume_level=0.5))
    player.then = {"state": MediaPlayerState.PLAYING}
    first = asyncio.create_task(deliver(hass, volume=0.3))
    second = asyncio.create_task(deliver(hass, volume=0.4))
    await until(lambda: len(player.calls) == 2)
    player.change(state=MediaPlayerState.IDLE)
    await until(lambda: len(player.calls) == 5)
    player.change(state=MediaPlayerState.IDLE)
    await asyncio.gather(first, second)
    volumes = [call[1] for call in player.calls if call[0] == "volume"]
    assert volumes == [0.3, 0.5, 0.4, 0.5]


@pytest.mark.parametrize(
    ("player", "key"),
    [
        (None, "target_missing"),
        (Player(SONOS, available=False), "player_unavailable"),
        (Player(LOUDNESS), "player_cannot_play"),
    ],
    ids=["gone", "unavailable", "mute"],
)
async def test_player_that_can_not(
    hass: HomeAssistant, voice: Voice, player: Player | None, key: str
) -> None:
    """A player that is not there, or can't play, is an error that says so."""
    if player is not None:
        await add_player(hass, player)
    with pytest.raises(HomeAssistantError) as caught:
        await deliver(hass)
    assert caught.value.translation_key == key
    assert caught.value.translation_domain == DOMAIN
    assert player is None or player.calls == []
