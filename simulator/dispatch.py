"""The way of a request: faults, maintenance, route, permission, handler, answer."""

import asyncio
import logging
from urllib.parse import unquote

from aiohttp import web

from . import (
    albums,
    assets,
    external,
    hidden,
    keys,
    originals,
    queues,
    search,
    server_info,
    stacks,
    tags,
    timeline,
    trash,
    uploads,
    users,
)
from .backend import Backend
from .body import Body, Disconnected, cut
from .errors import ApiError, internal_error, not_found
from .faults import LIES, Action, Fault, When
from .records import RequestRecord
from .replies import (
    Answer,
    FileAnswer,
    cut_answer,
    error_response,
    etag,
    file_response,
    json_response,
    to_json,
)
from .routing import PREFIX, Call, Endpoint, Routes

_LOGGER = logging.getLogger(__name__)

_ROOMS = (
    server_info,
    users,
    keys,
    uploads,
    assets,
    trash,
    originals,
    albums,
    tags,
    stacks,
    search,
    timeline,
    external,
    queues,
)

type Outcome = Answer | FileAnswer | ApiError | web.StreamResponse | None

# What answers while the server is in maintenance mode (measured on Immich 3.0.3).
_IN_MAINTENANCE = {
    ("GET", "/api/server/ping"),
    ("GET", "/api/server/config"),
    ("GET", "/api/server/version"),
    ("GET", "/api/admin/maintenance/status"),
}


def all_routes() -> Routes:
    """Return the table of all endpoints."""
    table = Routes()
    for room in _ROOMS:
        table.include(room.routes)
    return table


class Dispatcher:
    """Answers requests with a backend."""

    def __init__(self, backend: Backend) -> None:
        """Serve this backend."""
        self._backend = backend
        self._routes = all_routes()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        if path.startswith(hidden.PREFIX):
            return await hidden.answer(self._backend, request)
        record = RequestRecord(
            method=request.method, path=path, query=query, headers=request.headers
        )
        self._backend.requests.add(record)
        faults = self._backend.faults.match(request.method, path, request.headers)
        body = Body(request, record, faults)
        try:
            response = await self._under_faults(request, path, body, faults)
            record.status = response.status
            if not request.content.is_eof():
                # Answer first, then swallow the rest and keep the connection.
                await response.prepare(request)
                await response.write_eof()
                await body.swallow()
        except Disconnected, ConnectionError:
            # Nobody is there to read an answer; writing it fails and ends the task.
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=400)
        return response

    async def _under_faults(
        self, request: web.BaseRequest, path: str, body: Body, faults: list[Fault]
    ) -> web.StreamResponse:
        """Answer a request as the faults that strike it allow."""
        for fault in faults:
            if fault.action is Action.LATENCY:
                await asyncio.sleep(fault.seconds)
        if request.headers.get("Expect", "").lower() == "100-continue":
            # Sent before anything is looked at, as the real server does.
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        body.start()
        for fault in faults:
            if fault.when is When.BODY:
                await body.drain()
            if fault.when is not When.AFTER and not fault.cuts_body:
                if response := await self._strike(request, fault):
                    return response
        call = Call(
            backend=self._backend,
            request=request,
            body=body,
            lies=[fault for fault in faults if fault.action in LIES],
        )
        outcome = await self._outcome(call, path)
        for fault in faults:
            if fault.when is When.AFTER:
                if response := await self._strike(request, fault):
                    return response
        cut_at = next(
            (f.at_byte for f in faults if f.action is Action.CUT_ANSWER), None
        )
        return await _send(request, outcome, cut_at)

    async def _strike(
        self, request: web.BaseRequest, fault: Fault
    ) -> web.StreamResponse | None:
        """Let a fault have its way; None if it only changes how things are done."""
        match fault.action:
            case Action.HANG:
                await self._backend.faults.hang()
                raise Disconnected
            case Action.CLOSE | Action.RESET:
                cut(request, fault.action)
                raise Disconnected
            case Action.RESPOND:
                canned = fault.answer()
                response = web.Response(
                    status=canned.status,
                    headers=canned.headers,
                    body=canned.body.encode(),
                )
                response["foreign"] = True
                if fault.keep_alive:
                    return response
                response.force_close()
                await response.prepare(request)
                await response.write_eof()
                cut(request, Action.CLOSE)
                raise Disconnected
        return None

    async def _outcome(self, call: Call, path: str) -> Outcome:
        """Return what the server itself has to say."""
        request = call.request
        try:
            content_type = request.headers.get("Content-Type", "")
            if content_type.partition(";")[0].strip().lower() == "application/json":
                call.json = await call.body.json()
            found = self._find(request, path)
            if found is None:
                return _web_page(request, path)
            endpoint, params = found
            call.params = {name: unquote(value) for name, value in params.items()}
            self._admit(call, endpoint, path)
            result = await endpoint.handler(call)
        except ApiError as err:
            return err
        except Disconnected:
            raise
        except Exception:
            _LOGGER.exception("%s %s failed", request.method, path)
            return internal_error()
        if result is None or isinstance(
            result, Answer | FileAnswer | web.StreamResponse
        ):
            return result
        return Answer(endpoint.status, result)

    def _admit(self, call: Call, endpoint: Endpoint, path: str) -> None:
        """Let a request in that may do what it asks for."""
        if self._backend.faults.database_down and path != "/api/server/ping":
            raise internal_error()
        if not endpoint.public:
            request = call.request
            auth = self._backend.accounts.authenticate(request.headers, request.query)
            auth.require(endpoint.need, admin=endpoint.admin)
            call.signed_in = auth

    def _find(
        self, request: web.BaseRequest, path: str
    ) -> tuple[Endpoint, dict[str, str]] | None:
        if self._backend.faults.maintenance:
            method = "GET" if request.method == "HEAD" else request.method
            if (method, path) not in _IN_MAINTENANCE:
                raise _cannot(request)
        found = self._routes.find(request.method, path)
        if found is None and (path + "/").startswith(f"{PREFIX}/"):
            raise _cannot(request)
        return found


def _cannot(request: web.BaseRequest) -> ApiError:
    return not_found(f"Cannot {request.method} {request.raw_path}")


def _web_page(request: web.BaseRequest, path: str) -> Outcome:
    """Return the web app, which is empty here as on the measured server."""
    if path == "/.well-known/immich" and request.method in ("GET", "HEAD"):
        return Answer(200, {"api": {"endpoint": PREFIX}})
    if request.method != "GET":
        raise _cannot(request)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "ETag": etag(b""),
    }
    return web.Response(headers=headers)


async def _send(
    request: web.BaseRequest, outcome: Outcome, cut_at: int | None
) -> web.StreamResponse:
    """Turn an outcome into an answer, cut after some bytes of its body."""
    response: web.StreamResponse
    match outcome:
        case None:
            response = web.Response(status=204)
        case FileAnswer():
            return await file_response(request, outcome, cut_at)
        case Answer():
            raw = to_json(outcome.data) if outcome.raw is None else outcome.raw
            response = await json_response(request, outcome.status, raw)
        case ApiError():
            response = await error_response(request, outcome)
        case _:
            response = outcome
    if cut_at is not None and isinstance(response, web.Response):
        await cut_answer(request, response, cut_at)
    return response
