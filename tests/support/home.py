"""A Home Assistant with an account of a simulated server and folders of real files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryDataWithId,
)
from homeassistant.const import CONF_API_KEY, CONF_PATH, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components import immich_backup
from custom_components.immich_backup.const import (
    CONF_SETTLE_SECONDS,
    DOMAIN,
    SUBENTRY_FOLDER,
)
from custom_components.immich_backup.engine import Engine, watched
from custom_components.immich_backup.engine.detect import scan_timer
from custom_components.immich_backup.manager import BackupManager
from simulator import Action, AssetRecord, Fault, Simulator

ENTRY_ID = "01JACCOUNT0000000000000000"
OTHER = "01JOTHER000000000000000000"
# Stands out in whatever it leaks into.
API_KEY = "canary8Kq2ZsecretKeyThatMayNotLeakAnywhere1"
# Longer than any pause of the engine on a machine that is busy with other tests.
PATIENCE = 60.0


async def until[T](condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Wait until a condition is true and return its value; AssertionError if never."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                await asyncio.sleep(0.01)
            return value
    raise AssertionError("This did not happen in time")


def folder_data(
    path: Path, *, title: str = "Camera", subentry_id: str = "folder1", **options: Any
) -> ConfigSubentryDataWithId:
    """Return a folder as the flow stores it; files settle quickly."""
    return ConfigSubentryDataWithId(
        data={CONF_PATH: str(path), CONF_SETTLE_SECONDS: 0.1, **options},
        subentry_id=subentry_id,
        subentry_type=SUBENTRY_FOLDER,
        title=title,
        unique_id=str(path),
    )


def permission_lost() -> Fault:
    """Return what a server does whose key may no longer upload."""
    return Fault(
        action=Action.RESPOND,
        status=403,
        headers={"Content-Type": "application/json"},
        body='{"message":"Missing required permission: asset.upload"}',
        method="POST",
        path_regex="/assets$",
    )


@dataclass
class Home:
    """A Home Assistant, a server, an account that knows it, and a place for folders."""

    hass: HomeAssistant
    immich: Simulator
    root: Path
    entry: MockConfigEntry

    @property
    def manager(self) -> BackupManager:
        """Return the account at work."""
        manager: BackupManager = self.entry.runtime_data
        return manager

    @property
    def engine(self) -> Engine:
        """Return the account's engine."""
        return self.manager.engine

    def folder(self, name: str = "camera") -> Path:
        """Return a directory that Home Assistant may read, made if it is not there."""
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    def new_entry(
        self, *folders: ConfigSubentryDataWithId, **data: Any
    ) -> MockConfigEntry:
        """Take another entry as the account: with these folders, not set up yet."""
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id=ENTRY_ID,
            title="Anna Example",
            unique_id=self.immich.admin().id,
            data={
                CONF_URL: self.immich.url,
                CONF_API_KEY: API_KEY,
                CONF_VERIFY_SSL: True,
                **data,
            },
            subentries_data=folders,
        )
        self.entry.add_to_hass(self.hass)
        return self.entry

    async def set_up(
        self, *folders: ConfigSubentryDataWithId, **data: Any
    ) -> MockConfigEntry:
        """Set the account up with these folders."""
        entry = self.new_entry(*folders, **data)
        await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done()
        assert entry.state is ConfigEntryState.LOADED
        return entry

    async def add_folder(self, path: Path, **options: Any) -> ConfigSubentry:
        """Add a folder as the flow does."""
        data = folder_data(path, **options)
        subentry = ConfigSubentry(
            data=MappingProxyType(data["data"]),
            subentry_id=data["subentry_id"],
            subentry_type=data["subentry_type"],
            title=data["title"],
            unique_id=data["unique_id"],
        )
        self.hass.config_entries.async_add_subentry(self.entry, subentry)
        await self.hass.async_block_till_done()
        return subentry

    def entity_id(self, platform: str, key: str, owner: str = ENTRY_ID) -> str:
        """Return the id of an entity of the account, or of the folder that owns it."""
        entity_id = er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"{owner}_{key}"
        )
        assert entity_id, f"There is no {platform} {key} of {owner}"
        return entity_id

    def state(self, platform: str, key: str, owner: str = ENTRY_ID) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(self.entity_id(platform, key, owner))
        assert state is not None
        return state

    async def until_state(
        self, platform: str, key: str, value: str, owner: str = ENTRY_ID
    ) -> State:
        """Wait until an entity has a state."""
        try:
            await until(lambda: self.state(platform, key, owner).state == value)
        except AssertionError as err:
            state = self.state(platform, key, owner)
            raise AssertionError(f"{state.entity_id} is {state.state}") from err
        return self.state(platform, key, owner)

    async def until_stored(self, count: int) -> list[AssetRecord]:
        """Wait until the server has so many assets."""
        await until(lambda: len(self.immich.assets()) >= count)
        return self.immich.assets()

    async def delete(self, asset: AssetRecord, *, force: bool = False) -> None:
        """Delete an asset as its owner does in Immich: into the trash, or for good."""
        async with async_get_clientsession(self.hass).delete(
            f"{self.immich.url}/api/assets",
            json={"ids": [asset.id], "force": force},
            headers={"x-api-key": API_KEY},
        ) as response:
            response.raise_for_status()

    async def press(self, key: str) -> None:
        """Press a button of the account."""
        await self.hass.services.async_call(
            "button",
            "press",
            {"entity_id": self.entity_id("button", key)},
            blocking=True,
        )


@pytest.fixture
async def immich() -> AsyncIterator[Simulator]:
    """Return a running server that knows the account's key."""
    async with Simulator(api_key=API_KEY) as simulator:
        yield simulator


@pytest.fixture
async def home(
    immich: Simulator, hass: HomeAssistant, tmp_path: Path
) -> AsyncIterator[Home]:
    """Return a home with an account that is not set up yet, without folders."""
    root = tmp_path / "media"
    root.mkdir()
    hass.config.allowlist_external_dirs.add(str(root))
    hass.config.media_dirs["local"] = str(root)
    # The ledger must not outlive the test.
    hass.config.config_dir = str(tmp_path / "config")
    home = Home(hass, immich, root, MockConfigEntry(domain=DOMAIN))
    yield home
    # While the server is still there.
    if home.entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(home.entry.entry_id)


@pytest.fixture
async def two(home: Home) -> AsyncIterator[Home]:
    """Return a home with the accounts Anna Example (Camera) and Ben (Phone, Tablet)."""
    for name in ("camera", "phone", "tablet"):
        (home.folder(name) / f"{name}.jpg").write_bytes(name.encode())
    await home.set_up(folder_data(home.folder("camera")))
    user = await home.immich.add_user("ben@example.com", "Ben")
    entry = MockConfigEntry(
        domain=DOMAIN,
        entry_id=OTHER,
        title="Ben",
        unique_id=user.id,
        data={
            CONF_URL: home.immich.url,
            CONF_API_KEY: await home.immich.add_api_key(user, ["all"]),
            CONF_VERIFY_SSL: True,
        },
        subentries_data=[
            folder_data(home.folder(name), title=name.title(), subentry_id=name)
            for name in ("phone", "tablet")
        ],
    )
    entry.add_to_hass(home.hass)
    await home.hass.config_entries.async_setup(OTHER)
    await home.hass.async_block_till_done()
    await home.until_state("sensor", "protected_files", "1")
    await home.until_state("sensor", "protected_files", "2", OTHER)
    yield home
    if entry.state is ConfigEntryState.LOADED:
        await home.hass.config_entries.async_unload(OTHER)


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let folders be looked at every moment instead of every 30 s."""
    monkeypatch.setattr(watched, "_CHECK_INTERVAL", 0.1)
    monkeypatch.setattr(scan_timer, "_DOUBT_INTERVAL", 0.1)


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let entities be enabled that are not by default."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


@pytest.fixture
def set_ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with the id of an entry whenever one is set up."""
    seen: list[str] = []
    original = immich_backup.async_setup_entry

    async def set_up(
        hass: HomeAssistant, entry: immich_backup.ImmichBackupConfigEntry
    ) -> bool:
        seen.append(entry.entry_id)
        return await original(hass, entry)

    monkeypatch.setattr(immich_backup, "async_setup_entry", set_up)
    return seen
