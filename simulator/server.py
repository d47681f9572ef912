"""The simulator as one object: start, stop, seed, look inside."""

import asyncio
import json
import logging
from pathlib import Path
import random
import sqlite3
import string
from types import TracebackType
from typing import Any, Self, override

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from .backend import Backend
from .dispatch import Dispatcher
from .faults import Faults
from .inventory import AssetRecord, User, all_assets, one_asset
from .jobs import METADATA, THUMBNAILS, Jobs
from .records import RequestLog
from .store import new_id
from .times import iso_millis, now

_LOGGER = logging.getLogger(__name__)

# The real server closes a connection that idles for so long (measured on 3.0.3).
KEEP_ALIVE_SECONDS = 5
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "password"
_OPTIONS: dict[str, Any] = {
    "access_log": None,
    "auto_decompress": False,
    "keepalive_timeout": KEEP_ALIVE_SECONDS,
    "lingering_time": 0.0,  # the dispatcher itself swallows what comes too late
    "logger": _LOGGER,
    "max_field_size": 16_384,
    "max_line_size": 16_384,
    "read_bufsize": 512 * 1024,
}
_CORRELATION_CHARS = string.ascii_lowercase + string.digits


class _Request(web.BaseRequest):
    """A request whose answer gets the headers of the real server."""

    @override
    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        if response.get("foreign"):
            return
        headers = response.headers
        headers.popall("Server", None)
        headers["X-Powered-By"] = "Express"
        headers["X-Correlation-ID"] = "".join(random.choices(_CORRELATION_CHARS, k=8))
        if response.keep_alive:
            headers["Connection"] = "keep-alive"
            headers["Keep-Alive"] = f"timeout={KEEP_ALIVE_SECONDS}"


class _Protocol(web.RequestHandler):
    """A connection that answers a half-closed upload as Node does."""

    @override
    def eof_received(self) -> None:
        request = self._current_request
        if (
            request is not None
            and self.transport is not None
            and not request.content.is_eof()
        ):
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
            )


class _Server(web.Server):
    """Makes connections and requests."""

    @override
    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> _Request:
        loop = asyncio.get_running_loop()
        return _Request(message, payload, protocol, writer, task, loop)

    @override
    def __call__(self) -> _Protocol:
        return _Protocol(self, loop=asyncio.get_running_loop(), **_OPTIONS)


class Simulator:
    """An Immich server in this process, on a port of its own."""

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        seed: bool = True,
        process: bool = True,
    ) -> None:
        """Prepare a server; `async with` or open() starts it.

        Without data_dir everything lies in a temporary folder that is removed in the
        end. With seed an empty server gets the administrator admin@example.com with
        the password "password", and an API key that may do everything (api_key if
        given). Port 0 takes a free port and keeps it over stop() and start(). Without
        process the queues for metadata and thumbnails start paused.
        """
        self._data_dir = data_dir
        self._host = host
        self._port = port
        self._seed = seed
        self._process = process
        self.api_key = api_key or ""
        self._backend: Backend | None = None
        self._server: _Server | None = None
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Start the server."""
        await self.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and close its files."""
        await self.close()

    async def open(self) -> None:
        """Open the data folder, seed it if it is fresh, and listen."""
        self._backend = Backend(self._data_dir)
        self._initialise()
        self._server = _Server(Dispatcher(self._backend))
        if not self._process:
            self.jobs.paused |= {METADATA, THUMBNAILS}
        self.jobs.start()
        try:
            await self.start()
        except OSError:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening and close the data folder."""
        await self.stop()
        if self._backend is not None:
            backend, self._backend = self._backend, None
            await backend.close()

    async def start(self) -> None:
        """Listen again after stop(), on the same port."""
        if self._listener is not None:
            return
        assert self._server is not None
        self._listener = await asyncio.get_running_loop().create_server(
            self._server, self._host, self._port, backlog=1024
        )
        self._port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut all connections; what is stored stays."""
        if self._listener is None or self._server is None:
            return
        listener, self._listener = self._listener, None
        # Whoever is just being accepted comes in first: asyncio fails on a connection
        # that it accepted for a listener which is closed by then.
        loop = asyncio.get_running_loop()
        for socket in listener.sockets:
            loop.remove_reader(socket.fileno())
        await asyncio.sleep(0)
        listener.close()
        self.faults.release()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._server.shutdown(1)
        await listener.wait_closed()

    @property
    def backend(self) -> Backend:
        """Return what is behind the listener."""
        if self._backend is None:
            raise RuntimeError("the simulator is not open")
        return self._backend

    @property
    def url(self) -> str:
        """Return the address of the server, without /api."""
        return f"http://{self._host}:{self._port}"

    @property
    def faults(self) -> Faults:
        """Return the misbehaviour that is switched on."""
        return self.backend.faults

    @property
    def jobs(self) -> Jobs:
        """Return the background jobs, with their delays."""
        return self.backend.jobs

    @property
    def requests(self) -> RequestLog:
        """Return what was asked so far."""
        return self.backend.requests

    def _initialise(self) -> None:
        """Give a fresh server its history and, if wanted, its first user."""
        backend = self.backend
        if backend.store.setting("version-history") is None:
            entry = {"id": new_id(), "createdAt": iso_millis(now())}
            backend.store.set_setting("version-history", json.dumps(entry))
        if not self._seed:
            return
        row = backend.store.one("SELECT id FROM users WHERE is_admin")
        admin = row["id"] if row else None
        if admin is None:
            admin = backend.accounts.add_user(
                ADMIN_EMAIL,
                "Admin",
                ADMIN_PASSWORD,
                is_admin=True,
                storage_label="admin",
                should_change_password=False,
            )
        try:
            _, self.api_key = backend.accounts.add_key(
                admin, "Simulator", ["all"], self.api_key or None
            )
        except sqlite3.IntegrityError:
            _LOGGER.debug("The API key is there already")

    async def add_user(self, email: str, name: str, quota: int | None = None) -> User:
        """Create a user, with a quota in bytes if wanted; their password is "password"."""
        user_id = self.backend.accounts.add_user(
            email, name, ADMIN_PASSWORD, quota=quota
        )
        return User(id=user_id, email=email, name=name)

    async def add_api_key(self, user: User, permissions: list[str]) -> str:
        """Create an API key of a user and return its secret."""
        return self.backend.accounts.add_key(user.id, "Key", permissions)[1]

    def admin(self) -> User:
        """Return the first administrator."""
        row = self.backend.store.one("SELECT * FROM users WHERE is_admin")
        if row is None:
            raise LookupError("nobody has signed up yet")
        return User(id=row["id"], email=row["email"], name=row["name"])

    def set_quota(self, user: User, quota: int | None) -> None:
        """Limit what a user may store, in bytes; None lifts the limit."""
        self.backend.set_quota(user.id, quota)

    def assets(self) -> list[AssetRecord]:
        """Return all assets of all users in the order in which they came."""
        return all_assets(self.backend.store, self.backend.files)

    def asset(self, asset_id: str) -> AssetRecord:
        """Return one asset; LookupError if there is none."""
        return one_asset(self.backend.store, self.backend.files, asset_id)

    def asset_bytes(self, asset_id: str) -> bytes:
        """Return the bytes that are stored for an asset."""
        return self.asset(asset_id).path.read_bytes()

    async def trash(self, asset_id: str) -> None:
        """Put an asset into the trash, as its owner would."""
        instant = now()
        self.backend.store.update(
            "assets", asset_id, {"deleted_at": instant, "updated_at": instant}
        )

    async def delete(self, asset_id: str) -> None:
        """Remove an asset for good, at once."""
        store = self.backend.store
        row = store.one("SELECT * FROM assets WHERE id = ?", asset_id)
        if row is None:
            raise LookupError(f"no asset {asset_id}")
        await self.backend.jobs.remove(row)

    async def add_external_asset(
        self, path: Path, owner: User | None = None, *, offline: bool = False
    ) -> AssetRecord:
        """Show a file of this machine in an external library of a user.

        The file stays where it is. The owner is the administrator by default.
        """
        asset_id = self.backend.import_file(
            (owner or self.admin()).id, path, offline=offline
        )
        return self.asset(asset_id)

    async def idle(self) -> None:
        """Wait until all jobs are done: metadata, thumbnails, deletions."""
        await self.backend.jobs.idle()
