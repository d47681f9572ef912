"""The phone, the TV, the speaker and the voice record what really came."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import io
from typing import Any
import wave

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.loader import DATA_CUSTOM_COMPONENTS, Integration
import pytest

from demo import household
from demo.components.demo_receivers.hearing import listen
from demo.components.demo_receivers.voice import hum
from demo.phone import Phone
from demo.ports import claim_port
from demo.roku import PLAY_ON_ROKU, PORT, RokuTv
from demo.state import HomeState
from tests.delivery.conftest import address, config_folder, ffmpeg_is_found, tv  # noqa: F401
from tests.delivery.support import find_ffmpeg
from tests.support.home import until

from .conftest import ROOT

JPEG = b"\xff\xd8\xff\xe0 a picture"
FILM = b"\0\0\0\x18ftypisom a film"
TOKEN = "token-of-the-demonstration"
FILES: dict[str, tuple[str, bytes]] = {
    "photo.jpg": ("image/jpeg", JPEG),
    "no_photo.jpg": ("image/jpeg", b"<html>"),
    "film.mp4": ("video/mp4", FILM),
    "no_film.mp4": ("text/html", FILM),
    "hum.wav": ("audio/wav", hum("Hello there")[0]),
    "no_hum.wav": ("audio/mpeg", hum("Hello there")[0]),
    "no_sound.wav": ("audio/wav", b"RIFF and nothing more"),
}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Return the address of somebody who serves files to whoever asks."""

    async def serve(request: web.Request) -> web.Response:
        if (file := FILES.get(request.match_info["name"])) is None:
            raise web.HTTPNotFound
        return web.Response(content_type=file[0], body=file[1])

    app = web.Application()
    app.router.add_get("/{name}", serve)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


async def push(home: str, message: dict[str, Any]) -> tuple[Phone, int, Any]:
    """Return a phone that got a message, and what it answered."""
    port = claim_port(8500)
    async with (
        ClientSession() as session,
        Phone(session, home, port) as phone,
        session.post(f"http://127.0.0.1:{port}/push", json=message) as response,
    ):
        return phone, response.status, await response.json()


async def test_phone(server: str) -> None:
    """It takes a message with its picture, and answers as the relay does."""
    phone, status, answer = await push(
        server,
        {
            "title": "Done",
            "message": "All is well",
            "push_token": TOKEN,
            "data": {"image": "/photo.jpg", "tag": "a"},
        },
    )
    (pushed,) = phone.pushes
    assert pushed.ok
    assert (pushed.title, pushed.text, pushed.data["tag"]) == (
        "Done",
        "All is well",
        "a",
    )
    assert status == 201
    assert answer["rateLimits"]["successful"] == 1
    assert answer["rateLimits"]["resetsAt"].endswith("T00:00:00+00:00")


@pytest.mark.parametrize(
    "change",
    [
        {"push_token": "another phone's"},
        {"message": ""},
        {"data": {"image": "/no_photo.jpg"}},
        {"data": {"image": "/nothing.jpg"}},
        {"data": {"image": "http://127.0.0.1:1/photo.jpg"}},
    ],
)
async def test_phone_notes_what_is_wrong(server: str, change: dict[str, Any]) -> None:
    """Neither a message for another phone nor a picture that does not come is fine."""
    message = {"message": "All is well", "push_token": TOKEN}
    phone, _, _ = await push(server, message)
    assert phone.pushes[0].ok
    phone, _, _ = await push(server, message | change)
    assert not phone.pushes[0].ok


@pytest.mark.parametrize(
    ("name", "ok"), [("film.mp4", True), ("no_film.mp4", False), ("gone.mp4", False)]
)
async def test_tv(server: str, tv: RokuTv, name: str, ok: bool) -> None:  # noqa: F811
    """It fetches what it is told to play, by the address alone."""
    query = {"u": f"{server}/{name}", "t": "v", "videoName": "Done"}
    async with ClientSession() as session:
        url = f"http://{tv.host}:{PORT}/launch/{PLAY_ON_ROKU}"
        async with session.post(url, params=query) as response:
            assert response.status == 200
    await until(lambda: tv.shown)
    (shown,) = tv.shown
    assert (shown.url, shown.name, shown.came.ok) == (query["u"], "Done", ok)


async def test_no_tv_without_a_port(
    tmp_path: Any,
    tv: RokuTv,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where all addresses are taken there is no TV."""
    monkeypatch.setattr(household, "_TV_HOSTS", (tv.host,))
    async with AsyncExitStack() as stack:
        assert await household.switch_on_tv(stack, HomeState(path=tmp_path)) is None


def test_voice() -> None:
    """Words become a WAV, the same ones the same, more of them a longer one."""
    sound, seconds = hum("Three short words")
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(seconds)
        assert len(set(file.readframes(2000))) > 100
    assert hum("Three short words") == (sound, seconds)
    assert hum("Three short words, and then some more")[1] > seconds
    assert hum("")[1] > 0


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("hum.wav", True),
        ("no_hum.wav", False),
        ("no_sound.wav", False),
        ("film.mp4", False),
        ("gone.wav", False),
    ],
)
async def test_hearing(server: str, name: str, heard: bool) -> None:
    """Only sound that is what it says, and can be decoded, is heard."""
    async with ClientSession() as session:
        sound = await listen(session, f"{server}/{name}")
        nobody = await listen(session, "http://127.0.0.1:1/hum.wav")
    assert nobody["status"] is None
    expected = pytest.approx(hum("Hello there")[1], abs=0.01) if heard else None
    assert sound["seconds"] == expected


@pytest.fixture
async def speaker(hass: HomeAssistant, address: str) -> str:  # noqa: F811
    """Return the speaker in a home that serves what the voice says."""
    folder = ROOT / "demo/components"
    receivers = Integration.resolve_from_root(
        hass, _Package("demo.components", [str(folder)]), "demo_receivers"
    )
    assert receivers is not None
    hass.data[DATA_CUSTOM_COMPONENTS] = {"demo_receivers": receivers}
    flow = await hass.config_entries.flow.async_init(
        "demo_receivers", context={"source": SOURCE_USER}
    )
    assert flow["type"] is FlowResultType.FORM
    await hass.config_entries.flow.async_configure(flow["flow_id"], {})
    await hass.async_block_till_done()
    return "media_player.kitchen_speaker"


class _Package:
    """A package as the loader of integrations takes one."""

    def __init__(self, name: str, path: list[str]) -> None:
        """Take its name and its folders."""
        self.__name__ = name
        self.__path__ = path


async def play(hass: HomeAssistant, speaker: str, media_id: str) -> dict[str, Any]:
    """Let the speaker announce something, and return what it heard."""
    await hass.services.async_call(
        "media_player",
        "play_media",
        {
            "entity_id": speaker,
            "media": {"media_content_id": media_id, "media_content_type": "music"},
            "announce": True,
            "extra": {"volume": 40},
        },
        blocking=True,
    )
    heard: dict[str, Any] = hass.states.get(speaker).attributes["heard"][-1]  # type: ignore[union-attr]
    return heard


async def test_speaker_hears_the_voice(hass: HomeAssistant, speaker: str) -> None:
    """The words are those that the voice was asked for, and as long as what came."""
    if find_ffmpeg() is None:
        pytest.skip("ffmpeg is missing; scripts/setup demo brings it")
    words = "Three photos are safe."
    source = f"media-source://tts/tts.demonstration_voice?message={words}&language=en"
    heard = await play(hass, speaker, source)
    assert heard["ok"]
    assert heard["said"] == words
    assert (heard["announce"], heard["volume"]) == (True, 40)
    assert heard["content_type"] == "audio/mpeg"
    assert heard["seconds"] == pytest.approx(hum(words)[1], abs=0.3)


async def test_speaker_hears_something_else(
    hass: HomeAssistant, speaker: str, server: str
) -> None:
    """Of a sound that the voice did not make nobody says what it means."""
    heard = await play(hass, speaker, f"{server}/hum.wav")
    assert (heard["ok"], heard["said"]) == (True, None)
    heard = await play(hass, speaker, f"{server}/film.mp4")
    assert not heard["ok"]
