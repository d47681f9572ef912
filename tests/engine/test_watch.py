"""Watching folders by file system events."""

import asyncio
import os
from pathlib import Path
import threading

import pytest

from custom_components.immich_backup.engine.detect.watch import Watcher, WatchError


async def test_closed_before_added(tmp_path: Path) -> None:
    """A folder whose turn comes after the end leaves no thread behind."""
    threads = threading.active_count()
    watcher = Watcher(asyncio.get_running_loop())
    watcher.close()
    with pytest.raises(WatchError) as error:
        watcher.add("a", os.fsencode(tmp_path), recursive=True, wake=lambda: None)
    assert error.value.reason == "closed"
    assert threading.active_count() == threads
