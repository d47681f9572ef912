"""A client of Home Assistant's HTTP and WebSocket API, as far as a home needs it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientConnectionError, ClientSession, ClientWebSocketResponse

type Json = dict[str, Any]
type Listener = Callable[[Json], None]

_MEGABYTE = 1024 * 1024
_MAX_MESSAGE = 64 * _MEGABYTE


class ApiError(Exception):
    """Home Assistant refused a request; ``status`` is the HTTP status, if it was one."""

    def __init__(self, text: str, status: int | None = None) -> None:
        """Take what Home Assistant said."""
        super().__init__(text)
        self.status = status


class HomeApi:
    """Speaks to one Home Assistant as one user, once logged in."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Take the address, without a slash at its end."""
        self.url = url
        self.client_id = f"{url}/"
        self._session = session
        self._headers: dict[str, str] = {}

    async def is_up(self, *, onboarded: bool) -> bool:
        """Return whether a person could log in, or answer a new home's questions."""
        path = "/auth/providers" if onboarded else "/api/onboarding"
        with suppress(ClientConnectionError, TimeoutError):
            return await self.find(path) is not None
        return False

    async def find(self, path: str) -> Any:
        """Return what a GET gives; None if it is refused, as what is not there is."""
        try:
            return await self.get(path)
        except ApiError:
            return None

    async def get(self, path: str) -> Any:
        """Return what a GET gives; raises ApiError."""
        return await self._request("GET", path)

    async def post(self, path: str, data: object = None) -> Any:
        """Return what a POST of JSON gives; raises ApiError."""
        return await self._request("POST", path, json=data)

    async def take_token(self, code: str) -> None:
        """Log in with an authorisation code, for half an hour."""
        answer = await self._request(
            "POST",
            "/auth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": self.client_id,
            },
        )
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    async def connect(self) -> HomeSocket:
        """Return a WebSocket connection, which outlives the login's half hour."""
        socket = await self._session.ws_connect(
            f"{self.url}/api/websocket", max_msg_size=_MAX_MESSAGE, heartbeat=30
        )
        await socket.receive_json()
        token = self._headers["Authorization"].removeprefix("Bearer ")
        await socket.send_json({"type": "auth", "access_token": token})
        answer = await socket.receive_json()
        if answer["type"] != "auth_ok":
            raise ApiError(str(answer))
        return HomeSocket(socket)

    async def _request(self, method: str, path: str, **body: Any) -> Any:
        """Return the JSON of an answer."""
        async with self._session.request(
            method, f"{self.url}{path}", headers=self._headers, **body
        ) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                text = await response.text()
                raise ApiError(
                    f"{method} {path}: {response.status} {text[:500]}", response.status
                )
            return await response.json()


class HomeSocket:
    """A WebSocket connection that sends commands and hears events."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        """Take an authenticated connection; ``async with`` reads from it."""
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Listener] = {}
        self._last_id = 0
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def command(self, kind: str, **fields: Any) -> Any:
        """Return the result of a command; raises ApiError."""
        return await self._send({"type": kind, **fields}, None)

    async def subscribe(self, listener: Listener, event_type: str) -> None:
        """Call a function for each event of a type until the connection ends."""
        await self._send(
            {"type": "subscribe_events", "event_type": event_type}, listener
        )

    async def ping(self) -> None:
        """Send a ping and wait for its answer."""
        await self._send({"type": "ping"}, None)

    async def action(self, domain: str, name: str, **data: Any) -> Json:
        """Perform an action and return its response; raises ApiError."""
        result: Json = await self.command(
            "call_service",
            domain=domain,
            service=name,
            service_data=data,
            return_response=True,
        )
        response: Json = result["response"]
        return response

    async def _send(self, message: Json, listener: Listener | None) -> Any:
        """Send a message and return the result that answers it."""
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._socket.closed:
            raise ApiError("Home Assistant closed the connection")
        self._answers[number] = answer
        if listener is not None:
            self._listeners[number] = listener
        await self._socket.send_json({"id": number, **message})
        return await answer

    async def _read(self) -> None:
        """Hand out what arrives until the connection ends."""
        async for message in self._socket:
            data = message.json()
            if data["type"] == "event" and (
                listener := self._listeners.get(data["id"])
            ):
                listener(data["event"])
            elif data["type"] in ("result", "pong") and (
                answer := self._answers.pop(data["id"], None)
            ):
                if data.get("success", True):
                    answer.set_result(data.get("result"))
                else:
                    answer.set_exception(ApiError(data["error"]["message"]))
        for answer in self._answers.values():
            answer.set_exception(ApiError("Home Assistant closed the connection"))
        self._answers.clear()
