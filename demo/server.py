"""The Immich server of the home: a simulated one, or the one that was named."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
import secrets
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from simulator import Simulator

from .errors import DemoError
from .ports import claim_port
from .state import HomeState

_FIRST_PORT = 2283
_PATIENCE = ClientTimeout(total=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An Immich server and the account on it."""

    url: str
    key: str
    user_id: str
    version: str
    simulated: bool


@asynccontextmanager
async def simulated_server(
    folder: Path, state: HomeState
) -> AsyncGenerator[tuple[str, str]]:
    """Run the simulated server while the block does; gives its address and a key."""
    state.server_port = claim_port(_FIRST_PORT, state.server_port)
    state.server_key = state.server_key or secrets.token_urlsafe(32)
    state.save()
    async with Simulator(
        folder, port=state.server_port, api_key=state.server_key
    ) as simulator:
        yield simulator.url, simulator.api_key


async def look_at(
    session: ClientSession, url: str, key: str, *, simulated: bool
) -> Server:
    """Return what the server says of itself and of the key's owner.

    Raises DemoError with what a person can do.
    """
    url = url.rstrip("/").removesuffix("/api")
    try:
        version = await ask(session, f"{url}/api/server/version", key)
        user = await ask(session, f"{url}/api/users/me", key)
    except (ClientError, TimeoutError, ValueError) as err:
        raise DemoError(f"No Immich server answers at {url}: {err}") from err
    return Server(
        url=url,
        key=key,
        user_id=user["id"],
        version="{major}.{minor}.{patch}".format_map(version),
        simulated=simulated,
    )


async def ask(
    session: ClientSession, url: str, key: str, question: object = None
) -> Any:
    """Return the JSON that a GET gives, or a POST of a question.

    Raises DemoError if the key is refused, ClientError, TimeoutError.
    """
    async with session.request(
        "GET" if question is None else "POST",
        url,
        json=question,
        headers={"x-api-key": key},
        timeout=_PATIENCE,
        allow_redirects=False,
    ) as response:
        if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise DemoError(
                f"The server refuses the API key: {(await response.text())[:300]}"
            )
        response.raise_for_status()
        return await response.json()
