"""One request to an Immich server, and what its answer means as a typed error."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import json
import time
from typing import Any

import aiohttp
from yarl import URL

from .errors import (
    ConnectionFailedError,
    ImmichError,
    NotFoundError,
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

_PERMISSION_PREFIX = "Missing required permission: "

# Seconds. A server that says nothing for this long is taken to be stuck.
IDLE_TIMEOUT = 60.0
CONNECT_TIMEOUT = 20.0


class Transport:
    """Sends requests to one server with one key; never follows a redirect.

    The key goes to the configured origin only and into no message. A connection that
    the server closed while it was idle (Immich does after 5 s) is replaced once.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        api_key: str | None,
        *,
        verify_tls: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Use this session for this normalised address; it stays the caller's."""
        self._session = session
        self.address = address
        self._base = URL(f"{address}/api/")
        # None lets aiohttp use the session's own TLS context.
        self._tls: dict[str, Any] = {} if verify_tls else {"ssl": False}
        self._headers = {"Accept": "application/json", **(headers or {})}
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
        retry: bool = True,
    ) -> Any:
        """Send a request below `/api/` and return the decoded JSON (None for 204).

        ``body`` is sent as JSON, ``data`` as it is. Raises the errors of errors.py.
        """
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        try:
            return await self._send(method, path, params, data, headers, timeout)
        except _ConnectionLostError:
            if not retry:
                raise
        return await self._send(method, path, params, data, headers, timeout)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: Any,
        headers: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout | None,
    ) -> Any:
        """Send once."""
        try:
            async with self._session.request(
                method,
                self._base.join(URL(path)),
                params=params,
                data=data,
                headers={**self._headers, **(headers or {})},
                timeout=timeout
                or aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_TIMEOUT, sock_read=IDLE_TIMEOUT
                ),
                allow_redirects=False,
                **self._tls,
            ) as response:
                return await _read_answer(response)
        except ImmichError:
            raise
        except (aiohttp.ServerDisconnectedError, ConnectionResetError) as err:
            raise _ConnectionLostError("The server closed the connection") from err
        except (
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ClientConnectorSSLError,
            aiohttp.ClientSSLError,
        ) as err:
            raise TlsError("The server's certificate can't be verified") from err
        except TimeoutError as err:
            raise ConnectionFailedError("The server does not answer") from err
        except aiohttp.ClientConnectorError as err:
            raise ConnectionFailedError(
                f"Can't connect to the server ({err.strerror or 'no route'})"
            ) from err
        except aiohttp.ClientConnectionError as err:
            raise _ConnectionLostError("The connection broke") from err
        except (aiohttp.ClientError, ValueError, OSError) as err:
            # Not HTTP, a broken header, an address that can't be used.
            raise ProtocolError(f"No usable answer ({type(err).__name__})") from err


class _ConnectionLostError(ConnectionFailedError):
    """The connection ended without an answer: worth one more try on a fresh one."""


async def _read_answer(response: aiohttp.ClientResponse) -> Any:
    """Return the JSON of a good answer or raise what a bad one means."""
    status = response.status
    if 300 <= status < 400:
        raise RedirectedError(_location(response), status=status)
    good = 200 <= status < 300
    if status == HTTPStatus.NO_CONTENT:
        return None
    raw = await _read(response, MAX_ANSWER if good else _MAX_ERROR, strict=good)
    answer: Any = None
    if response.content_type == "application/json":
        with suppress(ValueError, RecursionError):
            answer = json.loads(raw)
    if not good:
        raise error_of(status, answer, _retry_after(response))
    if answer is None:
        raise ProtocolError(
            "The server answered with something else than Immich's data", status=status
        )
    return answer


async def _read(response: aiohttp.ClientResponse, limit: int, *, strict: bool) -> bytes:
    """Read at most ``limit`` bytes; more of them is an error when strict."""
    parts = bytearray()
    while chunk := await response.content.read(_READ_SIZE):
        parts += chunk
        if len(parts) > limit:
            response.close()
            if strict:
                raise ProtocolError("The server's answer is too long")
            break
        if len(parts) > 1024 * 1024:
            # A flood that is always ready would never give the loop a turn.
            await asyncio.sleep(0)
    return bytes(parts)


def error_of(
    status: int, answer: object, retry_after: float | None = None
) -> ImmichError:
    """Return the typed error for an HTTP status and the decoded answer, if JSON."""
    message = answer.get("message") if isinstance(answer, Mapping) else None
    text = message if isinstance(message, str) else ""
    if status == HTTPStatus.UNAUTHORIZED:
        return UnauthorisedError(text or "The API key is refused", status=status)
    if status == HTTPStatus.FORBIDDEN:
        if text.startswith(_PERMISSION_PREFIX):
            return PermissionMissingError(text.removeprefix(_PERMISSION_PREFIX), text)
        if text:
            return PermissionMissingError(None, text)
        return ProtocolError("Something before the server forbids it", status=status)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLargeError("A proxy refuses a body of this size", status=status)
    if status in (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
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
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(text, status=status)
    if text.startswith("Not found or no "):
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
    if value.isdecimal():
        return min(float(value), 24 * 3600.0)
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None
