"""A phone that fits in one process: Home Assistant's app as far as others notice it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time as clock_time, timedelta
from http import HTTPStatus
import time
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import ClientSession, web

from .api import ApiError, HomeApi
from .fetching import Fetched, fetch
from .ports import HOST

NAME: Final = "Demo phone"
DEVICE_ID: Final = "immich-backup-demo-phone"
_TOKEN: Final = "token-of-the-demonstration"
# What the app's relay allows in a day.
_MOST_PUSHES: Final = 500
_METRES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A message that reached the phone; ``at`` is seconds since the epoch.

    ``image`` is what came for the picture that is named in ``data``, if one is.
    """

    at: float
    title: str
    text: str
    data: Mapping[str, Any]
    image: Fetched | None
    token: str

    @property
    def ok(self) -> bool:
        """Return whether it was meant for this phone, with words and its picture."""
        return bool(
            self.token == _TOKEN
            and self.text
            and (self.image.ok if self.image is not None else "image" not in self.data)
        )


class Phone:
    """Takes messages at a port of 127.0.0.1 as long as the context does.

    In place of the app's relay in the internet, which would pass them on to it.
    """

    def __init__(self, session: ClientSession, home: str, port: int) -> None:
        """Take the address of its home and the port where it takes messages."""
        self.pushes: list[Push] = []
        self._session = session
        self._home = home
        self._port = port
        self._webhook: str | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.router.add_post("/push", self._push)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def register(self, api: HomeApi, webhook: str | None) -> str:
        """Tell the home of this phone, and return the webhook that it may use.

        One that it was given earlier is kept if the home still knows it. Raises ApiError.
        """
        about = {
            "app_version": "1.0",
            "device_name": NAME,
            "manufacturer": "Immich Backup",
            "model": "Phone of the demonstration",
            "os_version": "1.0",
            "app_data": {
                "push_token": _TOKEN,
                "push_url": f"http://{HOST}:{self._port}/push",
            },
        }
        self._webhook = webhook
        if webhook is None or not await self._tell("update_registration", about):
            answer = await api.post(
                "/api/mobile_app/registrations",
                about
                | {
                    "app_id": "org.immich_backup.demo",
                    "app_name": "Demonstration",
                    "device_id": DEVICE_ID,
                    "os_name": "none",
                    "supports_encryption": False,
                },
            )
            self._webhook = answer["webhook_id"]
        assert self._webhook is not None
        return self._webhook

    async def move(self, latitude: float, longitude: float) -> None:
        """Be somewhere, and tell the home. Raises ApiError."""
        place = {"gps": [latitude, longitude], "gps_accuracy": _METRES, "battery": 80}
        if not await self._tell("update_location", place):
            raise ApiError("The home does not know the phone any more")

    async def _tell(self, kind: str, data: Mapping[str, Any]) -> bool:
        """Tell the home something by the webhook; return whether it is known."""
        async with self._session.post(
            f"{self._home}/api/webhook/{self._webhook}",
            json={"type": kind, "data": data},
        ) as response:
            # Of a webhook that it does not know Home Assistant says nothing, but 200.
            return bool(await response.read()) and response.status < 400

    async def _push(self, request: web.Request) -> web.Response:
        """Take a message, and answer as the relay does that passes it on."""
        message = await request.json()
        at = time.time()
        data = message.get("data") or {}
        image = None
        if (path := data.get("image")) is not None:
            image = await fetch(path if "://" in path else f"{self._home}{path}")
        self.pushes.append(
            Push(
                at=at,
                title=message.get("title", ""),
                text=message.get("message", ""),
                data=data,
                image=image,
                token=message.get("push_token", ""),
            )
        )
        sent = len(self.pushes)
        limits = {
            "attempts": sent,
            "successful": sent,
            "errors": 0,
            "total": sent,
            "maximum": _MOST_PUSHES,
            "remaining": _MOST_PUSHES - sent,
            "resetsAt": _midnight().isoformat(),
        }
        return web.json_response(
            {"messageId": str(sent), "target": _TOKEN, "rateLimits": limits},
            status=HTTPStatus.CREATED,
        )


def _midnight() -> datetime:
    """Return when the next day begins, in UTC."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, clock_time(), UTC)
