"""One request to an Immich server, and what its answer means as a typed error."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import time
from typing import Any

import aiohttp
import orjson
from yarl import URL

from .errors import (
    ConnectionFailedError,
    ImmichError,
    NotFoundError,
    NoTlsError,
    PermissionMissingError,
    ProtocolError,
    QuotaExceededError,
    RedirectedError,
    RefusedError,
    ServerFailedError,
    TlsError,
    TooLargeError,
    UnauthorisedError,
    UnavailableError,
    UnsupportedError,
)

# No answer that we ask for is near this; a hostile one must not fill the memory.
MAX_ANSWER = 32 * 1024 * 1024
# The beginning of an error page says enough to tell what kind of error it is.
_MAX_ERROR = 64 * 1024
_READ_SIZE = 64 * 1024
# Characters of a text of the server that we repeat.
_MAX_TEXT = 300
_MAX_RETRY_AFTER = 24 * 3600.0

# Seconds to connect, TLS included.
CONNECT_TIMEOUT = 20.0
# Seconds. A server that says nothing for this long is taken to be stuck,
IDLE_TIMEOUT = 60.0
# and one that says a little now and then must come to an end.
ANSWER_TIMEOUT = 300.0

# What belongs to the protocol can't be set by a person who adds headers for a proxy.
_OWN_HEADERS = frozenset(
    {
        "accept",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "transfer-encoding",
        "x-api-key",
        "x-immich-checksum",
    }
)

_PERMISSION_PREFIX = "Missing required permission: "


class Transport:
    """Sends requests to one server with one key; never follows a redirect.

    The key goes to the configured origin only and into no message.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        api_key: str | None,
        *,
        verify_tls: bool,
        headers: Mapping[str, str] | None,
    ) -> None:
        """Use this session for this normalised address; it stays the caller's."""
        self._session = session
        self._base = URL(f"{address}/api/")
        # Without it aiohttp uses the session's own TLS context.
        self._tls: dict[str, Any] = {} if verify_tls else {"ssl": False}
        self._api_key = api_key
        self._headers = {
            name: value
            for name, value in (headers or {}).items()
            if name.lower() not in _OWN_HEADERS
        }
        self._headers["Accept"] = "application/json"
        if api_key is not None:
            self._headers["x-api-key"] = api_key

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, str] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,
        resend: bool = False,
        raw: int | None = None,
    ) -> Any:
        """Send a request below `/api/` and return the decoded JSON (None for 204).

        ``body`` is sent as JSON, ``data`` as it is. With ``raw`` the bytes of a good
        answer are returned as they are, at most so many. ``resend`` sends a POST once more
        on a fresh connection when the first one broke, as aiohttp does with the other
        methods: Immich closes a connection after 5 idle seconds, maybe just as it is
        used (measured on Immich 3.0.3). Raises the errors of errors.py.
        """
        if self._session.closed:
            raise ConnectionFailedError("The client is shut down")
        if self._api_key is not None and not (
            self._api_key.isascii() and self._api_key.isprintable()
        ):
            raise UnauthorisedError("The API key holds characters that no key has")
        headers = {**self._headers, **(headers or {})}
        if body is not None:
            data = orjson.dumps(body)
            headers["Content-Type"] = "application/json"
        if raw is not None:
            headers["Accept"] = "*/*"
        try:
            return await self._send(method, path, params, data, headers, timeout, raw)
        except _ConnectionLostError:
            if not resend:
                raise
        return await self._send(method, path, params, data, headers, timeout, raw)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: Any,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout | None,
        raw: int | None,
    ) -> Any:
        """Send once."""
        try:
            async with self._session.request(
                method,
                self._base.join(URL(path)),
                params=params,
                data=data,
                headers=headers,
                timeout=timeout
                or aiohttp.ClientTimeout(
                    total=ANSWER_TIMEOUT,
                    sock_connect=CONNECT_TIMEOUT,
                    sock_read=IDLE_TIMEOUT,
                ),
                allow_redirects=False,
                **self._tls,
            ) as response:
                return await self._answer(response, raw)
        except aiohttp.ClientResponseError:
            # Carries the request's headers with the key, so it may not be chained.
            failure = ProtocolError("The server does not answer in valid HTTP")
        except (aiohttp.ClientError, OSError, ValueError) as err:
            raise _failure(err) from err
        raise failure

    async def _answer(self, response: aiohttp.ClientResponse, limit: int | None) -> Any:
        """Return the JSON of a good answer or raise what a bad one means.

        With a limit, what is good is not JSON but at most so many bytes of any kind.
        """
        status = response.status
        if 300 <= status < 400:
            raise RedirectedError(self._readable(_location(response)), status=status)
        if status == HTTPStatus.NO_CONTENT:
            return None
        good = 200 <= status < 300
        most = (limit or MAX_ANSWER) if good else _MAX_ERROR
        raw = await _read(response, most, strict=good)
        if good and limit is not None:
            return raw
        answer: Any = None
        if response.content_type == "application/json":
            with suppress(ValueError):
                answer = orjson.loads(raw)
        if not good:
            message = answer.get("message") if isinstance(answer, dict) else None
            text = self._readable(message) if isinstance(message, str) else ""
            raise _error_of(status, text, _retry_after(response))
        if answer is None:
            raise ProtocolError(
                "The server answered with something else than Immich's data",
                status=status,
            )
        return answer

    def _readable(self, text: str) -> str:
        """Return a text of the server as it can be logged and shown."""
        if self._api_key:
            text = text.replace(self._api_key, "[key]")
        return "".join(c if c.isprintable() else " " for c in text[:_MAX_TEXT])


class _ConnectionLostError(ConnectionFailedError):
    """The connection ended without a whole answer."""


def _failure(err: Exception) -> ImmichError:
    """Return what an exception of aiohttp means."""
    match err:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(err.certificate_error, "verify_message", "") or "invalid"
            return TlsError(f"The server's certificate can't be verified: {reason}")
        case aiohttp.ClientSSLError():
            return NoTlsError(
                "The server does not speak TLS, or not in a common version"
            )
        case TimeoutError():
            return ConnectionFailedError("The server does not answer")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailedError(
                f"Can't connect to the server: no address is known for {err.host}"
            )
        case aiohttp.ClientConnectorError():
            return ConnectionFailedError(
                "Can't connect to the server: nothing answers at"
                f" {err.host}, port {err.port}"
            )
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return _ConnectionLostError("The connection to the server broke")
    # An address or a header that can't be used, or what a middleware objects to.
    return ProtocolError(f"No usable answer ({type(err).__name__})")


async def _read(response: aiohttp.ClientResponse, limit: int, *, strict: bool) -> bytes:
    """Read at most ``limit`` bytes; more of them is an error when strict."""
    raw = bytearray()
    while piece := await response.content.read(_READ_SIZE):
        raw += piece
        if len(raw) > limit:
            response.close()
            if strict:
                raise ProtocolError("The server's answer is too long")
            break
        if response.content.at_eof():
            break
        # A flood that is always ready would never give the loop a turn.
        await asyncio.sleep(0)
    return bytes(raw)


def _error_of(status: int, text: str, retry_after: float | None) -> ImmichError:
    """Return the error for an HTTP status and Immich's message, empty if none."""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return UnauthorisedError(text or "The API key is refused", status=status)
        case HTTPStatus.FORBIDDEN if text:
            permission = (
                text.removeprefix(_PERMISSION_PREFIX)
                if text.startswith(_PERMISSION_PREFIX)
                else None
            )
            return PermissionMissingError(permission, text)
        case HTTPStatus.FORBIDDEN:
            return ProtocolError(
                "Something before the server forbids it", status=status
            )
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLargeError("A proxy refuses a body of this size", status=status)
        case (
            HTTPStatus.REQUEST_TIMEOUT
            | HTTPStatus.TOO_MANY_REQUESTS
            | HTTPStatus.BAD_GATEWAY
            | HTTPStatus.SERVICE_UNAVAILABLE
            | HTTPStatus.GATEWAY_TIMEOUT
        ):
            return UnavailableError(
                text or f"The server is not available ({status})",
                status=status,
                retry_after=retry_after,
            )
    if status >= 500:
        return ServerFailedError(
            text or f"The server failed ({status})",
            status=status,
            retry_after=retry_after,
        )
    if not text:
        return ProtocolError(f"Not an answer of Immich ({status})", status=status)
    if (
        status == HTTPStatus.NOT_FOUND
        or text.startswith("Not found or no ")
        or text == "Album not found"
    ):
        return NotFoundError(text, status=status)
    if text == "Quota has been exceeded!":
        return QuotaExceededError(text, status=status)
    if text.startswith("Unsupported file type") or text == "File is empty":
        return UnsupportedError(text, status=status)
    return RefusedError(text, status=status)


def _location(response: aiohttp.ClientResponse) -> str:
    """Return where a redirect points, without user, password and query."""
    try:
        url = response.url.join(URL(response.headers.get("Location", "")))
        return str(url.with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return "an unusable address"


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Return the seconds of a Retry-After header, given as a number or a date."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = (
            float(value)
            if value.isdecimal()
            else parsedate_to_datetime(value).timestamp() - time.time()
        )
    except ValueError, OverflowError:
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)
