"""What TVs are told: a Roku by Home Assistant's own integration, and others."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
from homeassistant.components.media_player.const import (
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.components.media_source import PlayMedia
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.immich_backup.const import DOMAIN
from custom_components.immich_backup.delivery import (
    Skipped,
    SkipReason,
    films,
    players,
    tv as tvs,
)
from custom_components.immich_backup.delivery.clips import Clips
from custom_components.immich_backup.immich import ImmichClient
from demo.roku import PLAY_ON_ROKU, RokuTv
from simulator import Simulator
from tests.support.home import until

from .support import (
    MESSAGE,
    PLAYS,
    SPOKEN,
    TEAL,
    VOICE,
    Player,
    Voice,
    add_player,
    film_of,
)

SELECTS = PLAYS | MediaPlayerEntityFeature.SELECT_SOURCE
STOPS = PLAYS | MediaPlayerEntityFeature.STOP


class Clock:
    """Lets what takes long take a moment, and something happen during the show."""

    def __init__(self) -> None:
        """Let nothing happen."""
        self.during: Callable[[], None] = lambda: None
        self.shown: list[float] = []
        self.longest = 0.01

    async def wait(self, seconds: float) -> None:
        """Wait no longer than is needed."""
        await asyncio.sleep(min(seconds, self.longest))
        if seconds > tvs._LOADING:
            self.shown.append(seconds)
            self.during()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that runs faster."""
    clock = Clock()
    monkeypatch.setattr(tvs, "_wait", clock.wait)
    return clock


@pytest.fixture
async def roku(hass: HomeAssistant, address: str, tv: RokuTv, clock: Clock) -> str:
    """Return the TV as a media player of Home Assistant."""
    # Its integration asks the TV a third of a second after it was asked to.
    clock.longest = 0.5
    entry = MockConfigEntry(
        domain="roku", data={CONF_HOST: "127.0.0.1"}, unique_id="X0000000DEMO"
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    (entity_id,) = (
        one.entity_id
        for one in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if one.domain == "media_player"
    )
    state = hass.states.get(entity_id)
    assert state is not None
    assert state.state == "idle"
    tv.requests.clear()
    return entity_id


async def fetch(url: str, **options: Any) -> tuple[int, str, bytes]:
    """Fetch as a TV does that nobody is logged in on."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, **options) as response,
    ):
        return response.status, response.content_type, await response.read()


def paths(tv: RokuTv) -> list[str]:
    """Return what a TV was told, in order."""
    return [request.path for request in tv.requests]


async def test_roku_shows_a_film(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    tool: str,
    asset_id: str,
    clock: Clock,
) -> None:
    """Roku gets a film with the words and a photo, which it can fetch, and goes home."""
    message = replace(MESSAGE, assets=(asset_id,))
    await tvs.deliver(hass, roku, message, tts=VOICE, interrupt=False, clips=clips)
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/keypress/Home"]
    query = dict(tv.requests[0].query)
    url = query.pop("u")
    assert query == {"t": "v", "videoName": "Backup completed", "videoFormat": "mp4"}
    assert str(URL(url).origin()) == hass.config.internal_url
    status, content_type, content = await fetch(url)
    assert (status, content_type) == (200, "video/mp4")
    assert len(content) < 5_000_000
    seconds, codecs, colour = film_of(content)
    assert codecs == ["h264", "aac"]
    assert 6 <= seconds <= 10
    assert clock.shown == [pytest.approx(seconds, abs=0.1)]
    assert all(abs(a - b) < 16 for a, b in zip(colour, TEAL, strict=True))
    assert voice.asked == [(MESSAGE.text, "en-GB")]


async def test_roku_shows_a_silent_film(
    hass: HomeAssistant, roku: str, tv: RokuTv, clips: Clips, tool: str
) -> None:
    """Without a voice the film is silent, without photos it shows the words."""
    await tvs.deliver(hass, roku, MESSAGE, tts=None, interrupt=False, clips=clips)
    (played,) = tv.played
    _, _, content = await fetch(played.query["u"])
    seconds, codecs, _ = film_of(content)
    assert codecs == ["h264"]
    assert seconds == pytest.approx(8, abs=0.2)


async def test_photos_are_a_bonus(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    immich: Simulator,
    tool: str,
    asset_id: str,
) -> None:
    """A key that may not see photos makes a film without them."""
    key = await immich.add_api_key(immich.admin(), ["asset.upload", "user.read"])
    message = replace(MESSAGE, assets=(asset_id,))
    async with aiohttp.ClientSession() as session:
        clips = Clips(hass, ImmichClient(session, immich.url, key))
        await tvs.deliver(hass, roku, message, tts=None, interrupt=False, clips=clips)
    (played,) = tv.played
    _, _, content = await fetch(played.query["u"])
    seconds, _, _ = film_of(content)
    assert seconds == pytest.approx(8, abs=0.2)


@pytest.mark.usefixtures("no_tool")
async def test_roku_speaks(
    hass: HomeAssistant, roku: str, tv: RokuTv, voice: Voice, clips: Clips
) -> None:
    """Where no films can be made Roku gets the spoken words."""
    await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/keypress/Home"]
    query = dict(tv.requests[0].query)
    url = query.pop("u")
    assert query == {
        "t": "a",
        "songName": "Backup completed",
        "songFormat": "mp3",
        "artistName": "Home Assistant",
    }
    assert await fetch(url) == (200, "audio/mpeg", SPOKEN)


async def test_roku_speaks_where_a_film_fails(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A film that can't be made does not keep the words away."""
    monkeypatch.setattr(films, "tools", lambda: ["/nowhere/ffmpeg"])
    await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
    assert [played.query["t"] for played in tv.played] == ["a"]


@pytest.mark.parametrize(
    ("changes", "interrupt", "reason"),
    [
        ({"on": False}, False, SkipReason.OFF),
        ({"on": False}, True, SkipReason.OFF),
        ({"app": "12", "playing": True}, False, SkipReason.PLAYING),
        ({"app": "12"}, False, SkipReason.PLAYING),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["known", "not known yet"])
@pytest.mark.usefixtures("no_tool")
async def test_roku_is_left_alone(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    changes: dict[str, Any],
    interrupt: bool,
    reason: SkipReason,
    known: bool,
) -> None:
    """A TV that is off or in use is not touched, even if that is news."""
    for name, value in changes.items():
        setattr(tv, name, value)
    if known:
        await tvs._look(hass, roku)
    with pytest.raises(Skipped) as caught:
        await tvs.deliver(
            hass, roku, MESSAGE, tts=VOICE, interrupt=interrupt, clips=clips
        )
    assert caught.value.reason is reason
    assert tv.requests == []


@pytest.mark.usefixtures("no_tool")
async def test_previous_app_is_selected_again(
    hass: HomeAssistant, roku: str, tv: RokuTv, voice: Voice, clips: Clips
) -> None:
    """Who allows to interrupt gets back to the app, at its start."""
    tv.app, tv.playing = "12", True
    await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=True, clips=clips)
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/launch/12"]


@pytest.mark.parametrize(
    "changes", [{"app": "837"}, {"on": False}, {"app": None, "playing": False}]
)
@pytest.mark.usefixtures("no_tool")
async def test_who_holds_the_remote_decides(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    clock: Clock,
    changes: dict[str, Any],
) -> None:
    """What somebody does with the TV during the message stays."""

    def press() -> None:
        for name, value in changes.items():
            setattr(tv, name, value)

    clock.during = press
    # Long enough to be the longest wait.
    message = replace(MESSAGE, text=MESSAGE.text * 3)
    await tvs.deliver(hass, roku, message, tts=VOICE, interrupt=False, clips=clips)
    assert len(clock.shown) == 1
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}"]


@pytest.mark.usefixtures("no_tool")
async def test_one_message_soon_after_the_other(
    hass: HomeAssistant, roku: str, tv: RokuTv, voice: Voice, clips: Clips
) -> None:
    """A TV that went home after a message is told the next one at once."""
    for _ in range(2):
        await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
        # Nobody has to wait until Home Assistant asks the TV by itself.
        state = hass.states.get(roku)
        assert state is not None
        assert state.state == "idle"
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/keypress/Home"] * 2


@pytest.mark.usefixtures("no_tool")
async def test_what_was_known_of_a_tv_is_old(
    hass: HomeAssistant, roku: str, tv: RokuTv, voice: Voice, clips: Clips
) -> None:
    """A TV that is free by now is told, whatever it showed when it was asked last."""
    tv.app, tv.playing = "12", True
    await tvs._look(hass, roku)
    tv.app, tv.playing = None, False
    await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/keypress/Home"]


@pytest.mark.usefixtures("no_tool")
async def test_film_that_is_cut_off(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A TV whose time is over, or whose account is unloaded, is not left in our app."""
    playing = asyncio.Event()

    async def wait(seconds: float) -> None:
        if seconds > tvs._LOADING:
            playing.set()
            await asyncio.Event().wait()
        await clock.wait(seconds)

    monkeypatch.setattr(tvs, "_wait", wait)
    told = asyncio.create_task(
        tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
    )
    await playing.wait()
    told.cancel()
    with pytest.raises(asyncio.CancelledError):
        await told
    assert paths(tv) == [f"/launch/{PLAY_ON_ROKU}", "/keypress/Home"]


async def test_time_at_a_player(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message neither waits nor is told for ever, and its time begins with its turn."""
    began, over = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with players.turn(hass, "media_player.tv"):
            began.set()
            await over.wait()

    first = asyncio.create_task(hang())
    await began.wait()
    # It waits for longer than it may take.
    second = asyncio.create_task(hang())
    await asyncio.sleep(0)
    monkeypatch.setattr(players, "PATIENCE", 0.05)
    with pytest.raises(TimeoutError):
        await hang()
    assert not first.done()
    assert not second.done()
    first.cancel()
    with pytest.raises(TimeoutError):
        await second
    over.set()
    await hang()


@pytest.mark.usefixtures("no_tool")
async def test_sound_that_roku_does_not_know(
    hass: HomeAssistant,
    roku: str,
    tv: RokuTv,
    voice: Voice,
    clips: Clips,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Roku would silently not play is an error before it is tried."""

    async def resolve(*_: object) -> PlayMedia:
        return PlayMedia("/api/tts_proxy/x.ogg", "audio/ogg")

    monkeypatch.setattr(tvs, "async_resolve_media", resolve)
    with pytest.raises(HomeAssistantError) as caught:
        await tvs.deliver(hass, roku, MESSAGE, tts=VOICE, interrupt=False, clips=clips)
    assert caught.value.translation_key == "tv_format_unsupported"
    assert tv.requests == []


@pytest.mark.usefixtures("no_tool")
async def test_nothing_to_show(
    hass: HomeAssistant, roku: str, tv: RokuTv, clips: Clips
) -> None:
    """Without a voice and a film Roku has nothing to play, for it takes no pictures."""
    with pytest.raises(HomeAssistantError) as caught:
        await tvs.deliver(hass, roku, MESSAGE, tts=None, interrupt=False, clips=clips)
    assert caught.value.translation_domain == DOMAIN
    assert caught.value.translation_key == "tv_nothing_to_show"
    assert tv.requests == []


async def deliver(hass: HomeAssistant, clips: Clips, **options: Any) -> None:
    """Tell another TV."""
    values = {"tts": None, "interrupt": False, "clips": clips, **options}
    message = values.pop("message", MESSAGE)
    await tvs.deliver(hass, "media_player.player", message, **values)


@pytest.mark.parametrize("photo", [True, False], ids=["photo", "card"])
@pytest.mark.usefixtures("no_tool")
async def test_picture(
    hass: HomeAssistant, address: str, clips: Clips, asset_id: str, photo: bool
) -> None:
    """A player of pictures gets the photo or the words as one, for a while."""
    player = await add_player(hass, Player(STOPS), "cast")
    player.then = {"state": MediaPlayerState.PLAYING}
    message = replace(MESSAGE, assets=(asset_id,) if photo else ())
    await deliver(hass, clips, message=message)
    ((_, media_type, url, _, extra), stop) = player.calls
    assert media_type == "image/jpeg"
    assert extra == {"title": "Backup completed"}
    assert stop == ("stop",)
    status, content_type, content = await fetch(url)
    assert (status, content_type) == (200, "image/jpeg")
    assert content[:3] == b"\xff\xd8\xff"


async def test_film_on_cast(
    hass: HomeAssistant, address: str, clips: Clips, tool: str
) -> None:
    """Google Cast wants to know the kind of film."""
    player = await add_player(hass, Player(PLAYS), "cast")
    await deliver(hass, clips)
    ((_, media_type, url, _, _),) = player.calls
    assert media_type == "video/mp4"
    assert url.startswith(f"{address}/api/immich_backup/clip/")


@pytest.mark.parametrize(
    ("before", "source_list", "back"),
    [
        ("HDMI 1", ["HDMI 1", "HDMI 2"], "HDMI 1"),
        ("HDMI 1", ["HDMI 2"], None),
        (None, ["Home", "HDMI 1"], "Home"),
        (None, ["HDMI 1"], None),
    ],
)
@pytest.mark.usefixtures("no_tool")
async def test_source_is_selected_again(
    hass: HomeAssistant,
    address: str,
    voice: Voice,
    clips: Clips,
    before: str | None,
    source_list: list[str],
    back: str | None,
) -> None:
    """What was selected before is selected again, if it can be."""
    player = await add_player(
        hass, Player(SELECTS, source=before, source_list=source_list)
    )
    player.then = {"source": "Player", "state": MediaPlayerState.PLAYING}
    await deliver(hass, clips, tts=VOICE)
    assert player.calls[1:] == ([] if back is None else [("source", back)])


@pytest.mark.parametrize(
    ("state", "attributes", "interrupt", "reason"),
    [
        (MediaPlayerState.PLAYING, {}, False, SkipReason.PLAYING),
        (MediaPlayerState.PAUSED, {}, False, SkipReason.PLAYING),
        (MediaPlayerState.BUFFERING, {}, False, SkipReason.PLAYING),
        (MediaPlayerState.ON, {"source": "HDMI 1"}, False, SkipReason.PLAYING),
        (MediaPlayerState.ON, {"app_name": "Netflix"}, False, SkipReason.PLAYING),
        (MediaPlayerState.ON, {}, False, None),
        (MediaPlayerState.ON, {"source": "Home"}, False, None),
        (MediaPlayerState.PLAYING, {}, True, None),
        ("standby", {}, True, SkipReason.OFF),
        (None, {}, False, SkipReason.UNKNOWN),
        (None, {}, True, None),
    ],
)
@pytest.mark.usefixtures("no_tool")
async def test_what_is_free(
    hass: HomeAssistant,
    address: str,
    voice: Voice,
    clips: Clips,
    state: MediaPlayerState | None,
    attributes: dict[str, str],
    interrupt: bool,
    reason: SkipReason | None,
) -> None:
    """A TV is free that is on and shows nothing that anybody watches."""
    player = await add_player(hass, Player(SELECTS, state, **attributes))
    if reason is None:
        await deliver(hass, clips, tts=VOICE, interrupt=interrupt)
        assert player.calls[0][:2] == ("play", "music")
    else:
        with pytest.raises(Skipped) as caught:
            await deliver(hass, clips, tts=VOICE, interrupt=interrupt)
        assert caught.value.reason is reason
        assert player.calls == []


@pytest.mark.parametrize(
    ("player", "platform", "key"),
    [
        (None, "", "target_missing"),
        (Player(PLAYS, available=False), "cast", "player_unavailable"),
        (Player(MediaPlayerEntityFeature.TURN_ON), "vizio", "player_cannot_play"),
        (Player(PLAYS), "samsungtv", "player_cannot_play"),
        (Player(PLAYS), "webostv", "player_cannot_play"),
    ],
)
async def test_tv_that_can_not(
    hass: HomeAssistant,
    address: str,
    clips: Clips,
    player: Player | None,
    platform: str,
    key: str,
) -> None:
    """A TV that is not there, or takes no media, is an error that says so."""
    if player is not None:
        await add_player(hass, player, platform)
    with pytest.raises(HomeAssistantError) as caught:
        await deliver(hass, clips)
    assert caught.value.translation_key == key
    assert player is None or player.calls == []


@pytest.mark.usefixtures("no_tool")
async def test_voice_that_is_gone(
    hass: HomeAssistant, address: str, clips: Clips
) -> None:
    """A voice that was chosen and is not there is an error."""
    player = await add_player(hass, Player(PLAYS))
    with pytest.raises(HomeAssistantError) as caught:
        await deliver(hass, clips, tts="tts.gone")
    assert caught.value.translation_key == "speech_engine_missing"
    assert player.calls == []


async def test_voice_that_fails(
    hass: HomeAssistant, address: str, voice: Voice, clips: Clips, tool: str
) -> None:
    """A film is seen without its voice."""
    voice.get_tts_audio = lambda *_: (None, None)  # type: ignore[method-assign]
    player = await add_player(hass, Player(PLAYS))
    await deliver(hass, clips, tts=VOICE)
    _, _, content = await fetch(player.calls[0][2])
    assert film_of(content)[1] == ["h264"]


@pytest.mark.usefixtures("no_tool")
async def test_tv_that_does_not_answer(
    hass: HomeAssistant,
    address: str,
    voice: Voice,
    clips: Clips,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A TV that never says what it does is believed what it said before."""
    monkeypatch.setattr(tvs, "_ANSWER", 0.05)
    player = await add_player(hass, Player(PLAYS))

    async def update() -> None:
        await asyncio.Event().wait()

    player.async_update = update  # type: ignore[attr-defined]
    await deliver(hass, clips, tts=VOICE)
    assert len(player.calls) == 1


@pytest.mark.usefixtures("no_tool")
async def test_tv_that_does_not_go_back(
    hass: HomeAssistant, address: str, voice: Voice, clips: Clips
) -> None:
    """A TV that fails after the message was told all the same."""
    player = await add_player(
        hass, Player(SELECTS, source="HDMI 1", source_list=["HDMI 1"])
    )
    player.then = {"source": "Player"}

    async def fail(_source: str) -> None:
        raise OSError("no route")

    player.async_select_source = fail  # type: ignore[method-assign]
    await deliver(hass, clips, tts=VOICE)
    await until(lambda: len(player.calls) == 1)
