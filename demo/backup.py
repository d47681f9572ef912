"""Uses the integration as an automation would: its actions and its entities."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from .api import HomeSocket, Json
from .errors import DemoError
from .flows import DOMAIN
from .report import File

_PAGE = 1000
# Seconds until the device of a new folder, and the values of entities, are there.
_PATIENCE = 15.0
_INTERVAL = 0.2


async def entity_id(socket: HomeSocket, unique_id: str) -> str:
    """Return the id of one of the integration's entities. Raises DemoError."""
    for entity in await socket.command("config/entity_registry/list"):
        if entity["platform"] == DOMAIN and entity["unique_id"] == unique_id:
            found: str = entity["entity_id"]
            return found
    raise DemoError(f"There is no entity {unique_id}")


class Backup:
    """The backup of one folder of an account."""

    def __init__(
        self, socket: HomeSocket, entry_id: str, subentry_id: str, folder: Path
    ) -> None:
        """Take a home and say which of its folders is meant, with its real path."""
        self._socket = socket
        self._entry_id = entry_id
        self._subentry_id = subentry_id
        self._folder = folder
        self._device_id: str | None = None

    async def run(self) -> Json:
        """Back up now and return the outcome."""
        return await self._action("run", folders=[await self._device()], wait=True)

    async def count(self, *states: str) -> int:
        """Return the number of files in these states."""
        page = await self._action(
            "list_files", folder=await self._device(), state=list(states), limit=1
        )
        total: int = page["total"]
        return total

    async def files(self) -> list[File]:
        """Return all files that are in the folder."""
        found: list[File] = []
        offset, total = 0, 1
        while offset < total:
            page = await self._action(
                "list_files",
                folder=await self._device(),
                limit=_PAGE,
                offset=offset,
            )
            found += (File.from_response(file, self._folder) for file in page["files"])
            offset, total = offset + _PAGE, page["total"]
        return [file for file in found if file.state != "gone"]

    async def entities(self) -> dict[str, str]:
        """Return the states of the account's and its folders' entities."""
        registered = {
            entity["entity_id"]
            for entity in await self._socket.command("config/entity_registry/list")
            if entity["config_entry_id"] == self._entry_id
        }
        return {
            state["entity_id"]: state["state"]
            for state in await self._socket.command("get_states")
            if state["entity_id"] in registered
        }

    async def event_id(self) -> str:
        """Return the id of the entity that tells of the folder's runs."""
        return await entity_id(self._socket, f"{self._subentry_id}_backup")

    async def wait_until_idle(self) -> None:
        """Wait until no run of the account goes on."""
        running = await entity_id(self._socket, f"{self._entry_id}_running")
        while (await self.entities()).get(running) != "off":
            await asyncio.sleep(_INTERVAL)

    async def wait_for_entities(self, protected: int) -> None:
        """Wait until entities show what the ledger says, or have had the time to."""
        expected = {
            await entity_id(self._socket, f"{self._subentry_id}_protected_files"): str(
                protected
            ),
            await entity_id(self._socket, f"{self._entry_id}_connected"): "on",
            await entity_id(self._socket, f"{self._entry_id}_running"): "off",
        }
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while not expected.items() <= (await self.entities()).items():
                    await asyncio.sleep(_INTERVAL)

    async def _device(self) -> str:
        """Return the id of the folder's device, which appears after the folder."""
        async with asyncio.timeout(_PATIENCE):
            while self._device_id is None:
                for device in await self._socket.command("config/device_registry/list"):
                    if [DOMAIN, self._subentry_id] in device["identifiers"]:
                        self._device_id = device["id"]
                await asyncio.sleep(_INTERVAL)
        return self._device_id

    async def _action(self, name: str, **data: Any) -> Json:
        """Perform one of the integration's actions and return its response."""
        return await self._socket.action(
            DOMAIN, name, config_entry_id=self._entry_id, **data
        )
