"""A Roku TV that fits in one process: answers what Home Assistant's integration asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
import time
from types import TracebackType
from typing import Final, Self
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from .fetching import Fetched, fetch
from .ports import HOST

# Home Assistant takes an address without a port.
PORT: Final = 8060
# The app that plays what it is given, as Home Assistant has it by default.
PLAY_ON_ROKU: Final = "15985"
SERIAL: Final = "X0000000DEMO"
_HOME: Final = "Roku"
_APPS: Final = {"12": "Netflix", "837": "YouTube", PLAY_ON_ROKU: "Roku Media Player"}
# One pixel, for the icon of every app.
_ICON: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True)
class RokuRequest:
    """One request that a TV got, other than questions."""

    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Something that a TV was given to play; ``at`` is seconds since the epoch.

    ``name`` is what it calls it on its screen, ``came`` what it got from the address.
    """

    at: float
    url: str
    name: str
    came: Fetched


@dataclass
class RokuTv:
    """A TV on port 8060 of an address, which runs as long as the context does.

    ``requests`` are all commands since the start, ``shown`` is what it fetched to play.
    What it shows can be changed: ``on``, ``app`` (an id, None is the home screen) and
    ``playing`` (whether the app plays).
    """

    on: bool = True
    app: str | None = None
    playing: bool = False
    name: str = "Living room TV"
    host: str = HOST
    requests: list[RokuRequest] = field(default_factory=list)
    shown: list[Played] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _fetching: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def played(self) -> list[RokuRequest]:
        """What it was given to play."""
        return [
            request
            for request in self.requests
            if request.path == f"/launch/{PLAY_ON_ROKU}"
        ]

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError when something else does so already."""
        app = web.Application()
        app.router.add_get("/query/device-info", self._device_info)
        app.router.add_get("/query/apps", self._apps)
        app.router.add_get("/query/active-app", self._active_app)
        app.router.add_get("/query/media-player", self._media_player)
        app.router.add_get("/query/tv-channels", self._channels)
        app.router.add_get("/query/icon/{id}", self._icon)
        app.router.add_post("/launch/{id}", self._launch)
        app.router.add_post("/keypress/{key}", self._key)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, PORT).start()
        except OSError:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        for task in self._fetching:
            task.cancel()
        await asyncio.gather(*self._fetching, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _device_info(self, _request: web.Request) -> web.Response:
        return _xml(
            "<device-info>"
            f"<serial-number>{SERIAL}</serial-number>"
            f"<device-id>{SERIAL}</device-id>"
            "<vendor-name>Roku</vendor-name>"
            "<model-name>Demo TV</model-name>"
            "<model-number>D100X</model-number>"
            f"<user-device-name>{escape(self.name)}</user-device-name>"
            "<user-device-location>Living room</user-device-location>"
            "<software-version>15.0.0</software-version>"
            "<is-tv>true</is-tv>"
            f"<power-mode>{'PowerOn' if self.on else 'DisplayOff'}</power-mode>"
            "<supports-ethernet>false</supports-ethernet>"
            "<wifi-mac>02:00:00:00:80:60</wifi-mac>"
            "</device-info>"
        )

    async def _apps(self, _request: web.Request) -> web.Response:
        apps = "".join(_app(app_id) for app_id in _APPS)
        return _xml(f"<apps>{apps}</apps>")

    async def _active_app(self, _request: web.Request) -> web.Response:
        app = f"<app>{_HOME}</app>" if self.app is None else _app(self.app)
        return _xml(f"<active-app>{app}</active-app>")

    async def _media_player(self, _request: web.Request) -> web.Response:
        state = "play" if self.playing else "close"
        return _xml(
            f'<player error="false" state="{state}">'
            "<position>1000 ms</position><duration>10000 ms</duration>"
            "<is_live>false</is_live></player>"
        )

    async def _channels(self, _request: web.Request) -> web.Response:
        return _xml("<tv-channels></tv-channels>")

    async def _icon(self, _request: web.Request) -> web.Response:
        return web.Response(body=_ICON, content_type="image/png")

    async def _launch(self, request: web.Request) -> web.Response:
        self._note(request)
        app_id = request.match_info["id"]
        if app_id not in _APPS:
            return web.Response(status=404)
        # One that is off says the same, and stays dark.
        if self.on:
            self.app = app_id
            self.playing = app_id == PLAY_ON_ROKU
            if self.playing:
                self._begin_to_fetch(request.query)
        return web.Response()

    async def _key(self, request: web.Request) -> web.Response:
        self._note(request)
        match request.match_info["key"].lower():
            case "home":
                self.app, self.playing = None, False
            case "poweron":
                self.on = True
            case "poweroff":
                self.on = False
        return web.Response()

    def _begin_to_fetch(self, query: Mapping[str, str]) -> None:
        """Fetch what is to be played, after the answer as a TV does."""
        task = asyncio.create_task(self._fetch(dict(query)))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _fetch(self, query: Mapping[str, str]) -> None:
        """Fetch what is to be played, and note what came."""
        at, url = time.time(), query.get("u", "")
        name = query.get("videoName") or query.get("songName", "")
        came = await fetch(url)
        self.shown.append(Played(at=at, url=url, name=name, came=came))

    def _note(self, request: web.Request) -> None:
        """Remember a command."""
        self.requests.append(RokuRequest(request.path, dict(request.query)))


def _app(app_id: str) -> str:
    """Return an app as the TV lists it."""
    return (
        f'<app id={quoteattr(app_id)} type="appl" version="1.0">'
        f"{escape(_APPS[app_id])}</app>"
    )


def _xml(text: str) -> web.Response:
    """Return an answer."""
    return web.Response(
        text=f'<?xml version="1.0" encoding="UTF-8" ?>{text}', content_type="text/xml"
    )
