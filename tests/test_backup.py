"""Home Assistant's own backup and the ledger."""

from collections.abc import Mapping
from pathlib import Path
import shutil
import sqlite3

from homeassistant.components.backup import DATA_MANAGER
from homeassistant.setup import async_setup_component
import pytest

from custom_components.immich_backup.account import ledger_path
from custom_components.immich_backup.const import DOMAIN
from custom_components.immich_backup.engine.ledger import LedgerError

from .support.home import ENTRY_ID, Home, folder_data, until


def states(path: Path) -> Mapping[str, int]:
    """Return the number of files by state in a copy of a ledger, without its log."""
    with sqlite3.connect(path) as connection:
        return dict(
            connection.execute("SELECT state, count(*) FROM file GROUP BY state")
        )


async def test_ledger_is_still_while_it_is_copied(home: Home, tmp_path: Path) -> None:
    """The main file alone holds everything, and does not change until it is copied."""
    assert await async_setup_component(home.hass, "backup", {})
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    manager = home.hass.data[DATA_MANAGER]
    assert DOMAIN in manager.platforms

    await manager.async_pre_backup_actions()
    ledger = Path(ledger_path(home.hass, ENTRY_ID))
    before = ledger.read_bytes()
    (folder / "two.jpg").write_bytes(b"two")
    await home.press("back_up_now")
    # A run wants to write now.
    await until(
        lambda: home.state("event", "backup").attributes["event_type"] == "started"
    )
    assert ledger.read_bytes() == before
    copy = Path(shutil.copy(ledger, tmp_path / "copy.db"))
    await manager.async_post_backup_actions()

    assert states(copy) == {"protected": 1}
    await home.until_stored(2)
    await home.until_state("sensor", "protected_files", "2")


async def test_goes_on_after_a_failed_backup(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the backup fails, also because of another integration, work goes on."""
    assert await async_setup_component(home.hass, "backup", {})
    folder = home.folder()
    await home.set_up(folder_data(folder))
    manager = home.hass.data[DATA_MANAGER]

    async def broken() -> None:
        raise LedgerError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(home.engine, "hold", broken)
        with pytest.raises(Exception, match="disk full"):
            await manager.async_pre_backup_actions()
    await manager.async_post_backup_actions()
    (folder / "one.jpg").write_bytes(b"one")
    await home.until_stored(1)


async def test_accounts_that_are_not_loaded(home: Home) -> None:
    """An account that is not loaded is in nobody's way."""
    assert await async_setup_component(home.hass, "backup", {})
    await home.set_up()
    manager = home.hass.data[DATA_MANAGER]
    await manager.async_pre_backup_actions()
    await home.hass.config_entries.async_unload(ENTRY_ID)
    await manager.async_post_backup_actions()
