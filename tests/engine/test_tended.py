"""Finding the folder that is meant."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import OpenContext
from custom_components.immich_backup.engine.detect.root import examine
from custom_components.immich_backup.engine.ledger import Ledger
from custom_components.immich_backup.engine.tended import TendedFolders

from .support import ShiftedClock, folder_at


@pytest.fixture
async def tended(tmp_path: Path) -> AsyncIterator[TendedFolders]:
    """Return folders at a, a/b, a link to a and the root; none of them is at work."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with ThreadPoolExecutor(1) as pool:
        folders = TendedFolders(
            ledger=Ledger(tmp_path / "ledger.db"),
            scan_pool=pool,
            pool=pool,
            clock=ShiftedClock(),
            context=OpenContext(),
            emit=lambda event: None,
            arrived=lambda folder_id: None,
            organise=lambda: None,
        )
        for key, path in (("a", "a"), ("b", "a/b"), ("link", "link"), ("all", "/")):
            await folders.apply(folder_at(tmp_path / path, key))
        folders["link"].root = examine(str(tmp_path / "link"))
        try:
            yield folders
        finally:
            await folders.stop()
            folders.close()


async def test_find(tended: TendedFolders, tmp_path: Path) -> None:
    """By the path as it was given and as it leads, in each folder that holds it."""
    whole = os.fsencode(tmp_path).removeprefix(b"/")
    assert set(tended.find(f"{tmp_path}/a/b/../b//c.jpg")) == {
        ("a", b"b/c.jpg"),
        ("b", b"c.jpg"),
        ("link", b"b/c.jpg"),
        ("all", whole + b"/a/b/c.jpg"),
    }
    assert set(tended.find(f"{tmp_path}/link/c.jpg")) == {
        ("link", b"c.jpg"),
        ("all", whole + b"/link/c.jpg"),
    }
    await tended.remove("all")
    # Not what only begins with the same letters, nor the folder itself.
    assert tended.find(f"{tmp_path}/ab/c.jpg") == []
    assert tended.find(f"{tmp_path}/a") == []
    assert list(tended) == ["a", "b", "link"]
