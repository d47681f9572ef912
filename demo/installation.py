"""Sets up the integration in a running home: an account, a folder, a notification."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

from . import flows
from .api import HomeApi, HomeSocket, Json
from .errors import DemoError
from .household import EVENT, Targets
from .server import Server
from .state import Account, HomeState

# Seconds until a config entry is set up.
_PATIENCE = 60.0
_INTERVAL = 0.2
# Percent, on the speaker.
_VOLUME = 40

# How stored files are organised: what was in a calendar, else the month, names the album.
_ORGANISED: Final = {
    "album": "calendar",
    "album_otherwise": "month",
    "tags": ["Home/Camera"],
    "raw_and_jpeg": "stack_jpeg",
    "heic_and_jpeg": "stack_heic",
    "burst": "stack",
}
# Some files get more, or another album.
_RULES: Final = [
    {
        "name": "Who was at the door",
        "action": "back_up",
        "paths": ["Doorbell/"],
        "album": "Front door",
        "tags": ["Home/Doorbell"],
    },
    {
        "name": "Her birthday",
        "action": "back_up",
        "paths": ["Familie/Großmutters Geburtstag.*"],
        "favourite": True,
    },
]


class Installation:
    """Sees to it that the integration in a home is as the demonstration wants it."""

    def __init__(self, api: HomeApi, socket: HomeSocket, state: HomeState) -> None:
        """Take a home that somebody is logged in to."""
        self._api = api
        self._socket = socket
        self._state = state
        # The folder form that opened by itself after the account's.
        self._next_flow: str | None = None

    async def account(self, server: Server) -> Account:
        """Return the account on a server: added or changed if need be, and loaded.

        Other accounts that a demonstration added are switched off. Raises DemoError.
        """
        entries = await self._entries()
        for user_id, other in self._state.accounts.items():
            if other.entry_id in entries:
                await self._switch(
                    entries[other.entry_id], on=user_id == server.user_id
                )
        account = self._state.accounts.get(server.user_id)
        if account is None or account.entry_id not in entries:
            account = await self._add_account(server)
        elif (account.url, account.key) != (server.url, _digest(server.key)):
            await self._change_account(account, server)
        await self._wait_until_loaded(account.entry_id)
        return account

    async def folder(
        self, account: Account, path: Path, person: str, calendar: str
    ) -> str:
        """Return the subentry of a folder, added if need be. Raises DemoError.

        Its files wait as long as a person (the entity) is away, and are backed up when
        that person comes home. What is in Immich is sorted by the events in a calendar
        (the entity).
        """
        known = await self._subentries(account)
        if account.folders.get(str(path)) in known:
            return account.folders[str(path)]
        at_home = {"condition": "state", "entity_id": person, "state": "home"}
        answers = {
            "path": str(path),
            "name": path.name,
            "persons": [person],
            "conditions": [at_home],
            "rules": _RULES,
            **_ORGANISED,
            "album_calendars": [calendar],
        }
        await flows.add_subentry(
            self._api,
            account.entry_id,
            "folder",
            answers,
            self._next_flow,
            detours=["organise", "when"],
        )
        (added,) = await self._subentries(account) - known
        account.folders[str(path)] = added
        self._state.save()
        return added

    async def notification(
        self, account: Account, targets: Targets, voice: str
    ) -> None:
        """See to it that these targets are told of backups. Raises DemoError.

        What else a person changed in the notification stays.
        """
        known = await self._subentries(account)
        if account.notification not in known:
            answers = {
                **targets.answers,
                "events": [EVENT],
                "name": "Everyone at home",
                "tts": voice,
                "volume": _VOLUME,
            }
            await flows.add_subentry(
                self._api, account.entry_id, "notification", answers
            )
            (account.notification,) = await self._subentries(account) - known
        elif account.told != targets.chosen:
            await flows.change_subentry(
                self._api,
                account.entry_id,
                "notification",
                account.notification,
                targets.answers,
            )
        account.told = targets.chosen
        self._state.save()

    async def _subentries(self, account: Account) -> set[str]:
        """Return the folders and notifications of an account."""
        subentries = await self._socket.command(
            "config_entries/subentries/list", entry_id=account.entry_id
        )
        return {subentry["subentry_id"] for subentry in subentries}

    async def _add_account(self, server: Server) -> Account:
        """Add the account and remember it."""
        result = await flows.add_entry(self._api, flows.DOMAIN, _answers(server))
        if next_flow := result.get("next_flow"):
            self._next_flow = next_flow[1]
        account = Account(
            entry_id=result["result"]["entry_id"],
            url=server.url,
            key=_digest(server.key),
        )
        self._state.accounts[server.user_id] = account
        self._state.save()
        return account

    async def _change_account(self, account: Account, server: Server) -> None:
        """Tell the account that its server has another address, or another key."""
        await flows.change_entry(
            self._api, flows.DOMAIN, account.entry_id, _answers(server)
        )
        account.url, account.key = server.url, _digest(server.key)
        self._state.save()

    async def _entries(self) -> dict[str, Json]:
        """Return the integration's config entries by their ids."""
        entries = await self._socket.command("config_entries/get", domain=flows.DOMAIN)
        return {entry["entry_id"]: entry for entry in entries}

    async def _switch(self, entry: Json, *, on: bool) -> None:
        """Enable or disable an entry, if it is not what it should be."""
        if (entry["disabled_by"] is None) is not on:
            await self._socket.command(
                "config_entries/disable",
                entry_id=entry["entry_id"],
                disabled_by=None if on else "user",
            )

    async def _wait_until_loaded(self, entry_id: str) -> None:
        """Wait until an account is set up. Raises DemoError."""
        entry: Json = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                while entry.get("state") != "loaded":
                    await asyncio.sleep(_INTERVAL)
                    entry = (await self._entries())[entry_id]
        except TimeoutError:
            raise DemoError(
                f"The account is not set up: {entry['state']} {entry['reason'] or ''}"
            ) from None


def _answers(server: Server) -> dict[str, Any]:
    """Return what is filled in about an account."""
    return {"url": server.url, "api_key": server.key}


def _digest(key: str) -> str:
    """Return what tells keys apart without telling them."""
    return hashlib.sha256(key.encode()).hexdigest()
