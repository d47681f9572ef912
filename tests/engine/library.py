"""What a server's library looks like, read back as its owner would see it."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from simulator import Simulator


class Library:
    """Asks a server, with a session and a key of its own."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: Simulator,
        api_key: str | None = None,
    ) -> None:
        """Ask this server."""
        self._session = session
        self._server = server
        self._headers = {"x-api-key": api_key or server.api_key}

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request below `/api` and return the answer."""
        async with self._session.request(
            method, f"{self._server.url}/api{path}", json=body, headers=self._headers
        ) as response:
            response.raise_for_status()
            return None if response.status == 204 else await response.json()

    async def albums(self) -> Mapping[str, Sequence[str]]:
        """Return the sorted names of the files in each album, by the album's name."""
        found: dict[str, list[str]] = {}
        for album in await self.call("GET", "/albums"):
            assert album["albumName"] not in found, "two albums of one name"
            found[album["albumName"]] = await self._names(albumIds=[album["id"]])
        return found

    async def album_id(self, name: str) -> str:
        """Return the id of the only album of a name."""
        (album,) = await self.call("GET", f"/albums?name={name}")
        return str(album["id"])

    async def tags(self) -> Mapping[str, Sequence[str]]:
        """Return the sorted names of the files that have each tag."""
        found: dict[str, list[str]] = {}
        for asset in self._server.assets():
            shown = await self.call("GET", f"/assets/{asset.id}")
            for tag in shown["tags"]:
                found.setdefault(tag["value"], []).append(asset.original_file_name)
        return {tag: sorted(names) for tag, names in found.items()}

    async def asset(self, name: str) -> Any:
        """Return the only asset of a file name."""
        (found,) = (
            asset for asset in self._server.assets() if asset.original_file_name == name
        )
        return await self.call("GET", f"/assets/{found.id}")

    async def _names(self, **criteria: object) -> list[str]:
        """Return the sorted file names of the assets that match."""
        found = await self.call("POST", "/search/metadata", {"size": 1000, **criteria})
        return sorted(item["originalFileName"] for item in found["assets"]["items"])
