"""Clips for TVs: a film or a picture of a message, kept for a while for who fetches it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import secrets
import time
from typing import Final

from aiohttp import hdrs, web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER
from ..immich import ImmichClient
from ..immich.errors import ImmichError, NotFoundError, ProtocolError, ServerFailedError
from . import films, slides
from .message import Message
from .speech import duration_of

# For how long clips are kept for players, and how many bytes of them: four large films.
MAX_AGE: Final = timedelta(minutes=5)
MAX_KEPT: Final = 4 * films.MAX_SIZE

_MAX_PHOTOS: Final = 3
# Seconds that a message waits for photos, of which Immich makes a preview once they are
# stored, and after which they are asked for again.
_PHOTO_PATIENCE: Final = 8.0
_AGAIN: Final = 1.0
# Seconds that each slide is shown: a card alone, a card before photos, a photo.
_CARD_ALONE: Final = 8.0
_CARD: Final = 4.0
_PHOTO: Final = 2.0
# Nobody listens for longer, and a second of silence follows.
_MAX_SPEECH: Final = 30.0
_SILENCE: Final = 1.0

_SHELF: HassKey[Shelf] = HassKey(f"{DOMAIN}_clips")


@dataclass(frozen=True, slots=True)
class Clip:
    """What a player can fetch: a signed path of this Home Assistant, which expires.

    ``seconds`` is how long it takes to see it.
    """

    path: str
    content_type: str
    seconds: float


@callback
def shelf_of(hass: HomeAssistant) -> Shelf | None:
    """Return what all accounts of a home keep their clips on; None without web server.

    It is served from the first time on that it is asked for.
    """
    if (shelf := hass.data.get(_SHELF)) is None and "http" in hass.config.components:
        shelf = hass.data[_SHELF] = Shelf(hass)
        hass.http.register_view(ClipView(shelf))
    return shelf


class Clips:
    """Makes the clips of one account; what it keeps, it shares with the others."""

    def __init__(self, hass: HomeAssistant, client: ImmichClient) -> None:
        """Take the client that knows the account's photos."""
        self._hass = hass
        self._client = client

    async def can_film(self) -> bool:
        """Return whether films can be made and served here."""
        return shelf_of(self._hass) is not None and bool(
            await asyncio.to_thread(films.tools)
        )

    async def film(
        self, message: Message, sound: bytes | None, photos: Sequence[bytes] = ()
    ) -> Clip | None:
        """Return a film: a card with the words, then ``photos`` (slides), and sound.

        ``sound`` is an MP3. None when nothing here can make films, or it failed, which
        is logged. Raises nothing.
        """
        tools = await asyncio.to_thread(films.tools)
        if not tools or (shelf := shelf_of(self._hass)) is None:
            return None
        # One at a time: it takes a whole core.
        async with shelf.lock:
            shown = await asyncio.to_thread(_slides, message, sound, photos)
            for tool in tools:
                try:
                    content = await films.make(tool, shown, sound)
                except films.FilmError as err:
                    LOGGER.warning("No film could be made for a TV: %s", err)
                    continue
                return shelf.keep(
                    content, "video/mp4", sum(slide.seconds for slide in shown)
                )
        return None

    async def picture(self, message: Message) -> Clip | None:
        """Return a picture: the newest photo, or else a card with the words.

        None when Home Assistant serves nothing. Raises nothing.
        """
        if (shelf := shelf_of(self._hass)) is None:
            return None
        if (photo := await self.photo(message.assets)) is not None:
            return photo
        content = await asyncio.to_thread(slides.card, message.title, message.text)
        return shelf.keep(content, "image/jpeg", _CARD_ALONE)

    async def photo(self, assets: Sequence[str]) -> Clip | None:
        """Return the first of these assets (their ids) that there is, as a picture.

        None when none can be had, or Home Assistant serves nothing. Raises nothing.
        """
        if (shelf := shelf_of(self._hass)) is None:
            return None
        photos = await self.photos(assets, 1)
        return shelf.keep(photos[0], "image/jpeg", _CARD_ALONE) if photos else None

    async def photos(
        self, assets: Sequence[str], most: int = _MAX_PHOTOS
    ) -> Sequence[bytes]:
        """Return the first few of these assets (their ids) that there are, as slides.

        Where the server has not made enough previews yet this waits some seconds for
        them, and takes what is there then. Raises nothing.
        """
        found: dict[str, bytes] = {}
        waiting = list(assets)
        try:
            async with asyncio.timeout(_PHOTO_PATIENCE):
                while not await self._find(waiting, found, most):
                    await asyncio.sleep(_AGAIN)
        except (ImmichError, TimeoutError) as err:
            # Photos are a bonus, for which the key need not have the permission.
            LOGGER.debug("A message goes without some of its photos: %r", err)
        return [found[asset_id] for asset_id in assets if asset_id in found]

    async def _find(
        self, waiting: list[str], found: dict[str, bytes], most: int
    ) -> bool:
        """Move assets from ``waiting`` to ``found``; return whether that is all of them.

        Raises ImmichError when there is no use in trying again.
        """
        for asset_id in waiting.copy():
            try:
                content = await self._client.thumbnail(asset_id, large=True)
                photo = await asyncio.to_thread(slides.photo, content)
            except NotFoundError:
                continue
            except ProtocolError, ServerFailedError:
                photo = None
            waiting.remove(asset_id)
            if photo is not None:
                found[asset_id] = photo
            if len(found) == most:
                return True
        return not waiting


def _slides(
    message: Message, sound: bytes | None, photos: Sequence[bytes]
) -> Sequence[films.Slide]:
    """Return what a film shows; it takes as long as the sound at least. Blocking."""
    first = _CARD if photos else _CARD_ALONE
    if sound is not None:
        heard = films.sound_length(sound, duration_of(message.text))
        heard = min(heard, _MAX_SPEECH) + _SILENCE
        first = max(first, heard - len(photos) * _PHOTO)
    return [
        films.Slide(slides.card(message.title, message.text), first),
        *(films.Slide(photo, _PHOTO) for photo in photos),
    ]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a player may fetch, and until when (monotonic)."""

    content: bytes
    content_type: str
    until: float


class Shelf:
    """What is kept in memory for players: few, small and not for long."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Keep nothing yet."""
        self._hass = hass
        self._kept: dict[str, _Kept] = {}
        self.lock = asyncio.Lock()

    @callback
    def keep(self, content: bytes, content_type: str, seconds: float) -> Clip:
        """Keep something for a while and return where it is found."""
        self._forget()
        room = MAX_KEPT - len(content)
        while sum(len(kept.content) for kept in self._kept.values()) > room:
            del self._kept[next(iter(self._kept))]
        name = f"{secrets.token_hex(8)}.{'mp4' if 'mp4' in content_type else 'jpg'}"
        until = time.monotonic() + MAX_AGE.total_seconds()
        self._kept[name] = _Kept(content, content_type, until)
        async_call_later(
            self._hass,
            MAX_AGE + timedelta(seconds=1),
            HassJob(self._forget, f"{DOMAIN} forget a clip", cancel_on_shutdown=True),
        )
        path = async_sign_path(
            self._hass,
            ClipView.url.format(name=name),
            MAX_AGE,
            # A token of somebody who happens to ask may die earlier.
            use_content_user=True,
        )
        return Clip(path, content_type, seconds)

    @callback
    def find(self, name: str) -> tuple[bytes, str] | None:
        """Return what is kept under a name, and its type; None if nothing is."""
        kept = self._kept.get(name)
        if kept is None or kept.until < time.monotonic():
            return None
        return kept.content, kept.content_type

    @callback
    def _forget(self, _now: datetime | None = None) -> None:
        """Forget what is too old."""
        now = time.monotonic()
        self._kept = {
            name: kept for name, kept in self._kept.items() if kept.until >= now
        }


class ClipView(HomeAssistantView):
    """Sends a clip, or a part of it, to whoever has its signed address."""

    url = "/api/immich_backup/clip/{name}"
    name = "api:immich_backup:clip"

    def __init__(self, shelf: Shelf) -> None:
        """Serve what lies on a shelf."""
        self._shelf = shelf

    async def get(self, request: web.Request, name: str) -> web.Response:
        """Return the clip; 404 if it is gone, 416 for a part that it does not have."""
        if (found := self._shelf.find(name)) is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        content, content_type = found
        size = len(content)
        headers = {hdrs.ACCEPT_RANGES: "bytes", hdrs.CACHE_CONTROL: "no-store"}
        status = HTTPStatus.OK
        with _unsatisfiable(size):
            part = request.http_range
            start, stop, _ = part.indices(size)
            if part.start is not None:
                if start >= stop:
                    raise ValueError
                status = HTTPStatus.PARTIAL_CONTENT
                headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{size}"
        return web.Response(
            body=content[start:stop],
            status=status,
            content_type=content_type,
            headers=headers,
        )

    # The body of an answer to HEAD is left out by the web server.
    head = get


@contextmanager
def _unsatisfiable(size: int) -> Iterator[None]:
    """Answer a range that makes no sense."""
    try:
        yield
    except ValueError:
        raise web.HTTPRequestRangeNotSatisfiable(
            headers={hdrs.CONTENT_RANGE: f"bytes */{size}"}
        ) from None
