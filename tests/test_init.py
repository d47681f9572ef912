"""Setting an account up, unloading, reloading and removing it."""

from pathlib import Path
import threading

from homeassistant.config_entries import ConfigEntryState

from .support.home import Home, folder_data


async def test_backs_up(home: Home) -> None:
    """A file that is there and one that comes later go up."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    (folder / "two.jpg").write_bytes(b"two")
    await home.until_stored(2)
    await home.until_state("sensor", "protected_files", "2")
