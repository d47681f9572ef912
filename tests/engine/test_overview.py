"""What an account and its folders are said to be doing."""

from collections.abc import Mapping
from pathlib import Path
import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.ledger import Ledger, folders
from custom_components.immich_backup.engine.model import (
    EngineStatus,
    FileState,
    FolderStatus,
    FolderTrouble,
    Halt,
)
from custom_components.immich_backup.engine.overview import Overview, OverviewReader

RUN = {"run": SimpleNamespace(folders={"camera"}, report=lambda: None)}
SCANNING = {"scanning": True}
PAUSED = {"automatic": False}
PAUSE = {"paused_until": 1.0}
AWAY = {"trouble": "away"}
HALTED = {"halt": Halt.PERMISSION}
MISSING = {"folder_trouble": FolderTrouble.MISSING}


def file_in(con: sqlite3.Connection, state: FileState) -> int:
    """Write a folder with one file in this state, and return its number."""
    number = folders.ensure(con, "camera").id
    con.execute("INSERT INTO directory VALUES (1, ?, x'', NULL)", (number,))
    con.execute(
        "INSERT INTO file (folder, directory, name, size, mtime_ns, ctime_ns, state,"
        " reason) VALUES (?, 1, x'61', 1, 1, 1, ?, 'new')",
        (number, state),
    )
    return number


async def read(path: Path, state: FileState, **values: Any) -> Overview:
    """Return the overview of an account with a file in this state."""
    ledger = Ledger(path)
    await ledger.open()
    try:
        watched: Any = SimpleNamespace(
            folder=SimpleNamespace(id="camera"),
            number=await ledger.run(file_in, state),
            scanning=values.get("scanning", False),
            trouble=values.get("folder_trouble"),
            polling=False,
            waiting_for=(),
        )
        link: Any = SimpleNamespace(
            halt=values.get("halt"),
            halt_detail=None,
            error=None,
            trouble=values.get("trouble"),
            user="me",
        )
        conductor: Any = SimpleNamespace(run=values.get("run"))
        controls: Any = SimpleNamespace(
            automatic=values.get("automatic", True),
            paused="paused_until" in values,
            paused_until=values.get("paused_until"),
        )
        reader = OverviewReader(
            ledger=ledger,
            link=link,
            folders={"camera": watched},
            conductor=conductor,
            controls=controls,
            clock=SystemClock(),
            rate=lambda: 5.0,
        )
        return await reader.read()
    finally:
        await ledger.close()


@pytest.mark.parametrize(
    ("state", "values", "status", "folder_status"),
    [
        (FileState.PROTECTED, {}, EngineStatus.IDLE, FolderStatus.IDLE),
        (FileState.WAITING, {}, EngineStatus.WAITING, FolderStatus.WAITING),
        (FileState.FAILED, {}, EngineStatus.WAITING, FolderStatus.WAITING),
        (FileState.WAITING, PAUSED, EngineStatus.PAUSED, FolderStatus.WAITING),
        (FileState.PROTECTED, PAUSE, EngineStatus.PAUSED, FolderStatus.IDLE),
        (
            FileState.WAITING,
            PAUSED | SCANNING,
            EngineStatus.SCANNING,
            FolderStatus.SCANNING,
        ),
        (FileState.WAITING, RUN, EngineStatus.BACKING_UP, FolderStatus.BACKING_UP),
        (FileState.PROTECTED, RUN, EngineStatus.BACKING_UP, FolderStatus.IDLE),
        (
            FileState.WAITING,
            RUN | SCANNING,
            EngineStatus.BACKING_UP,
            FolderStatus.SCANNING,
        ),
        (FileState.WAITING, RUN | AWAY, EngineStatus.OFFLINE, FolderStatus.BACKING_UP),
        (FileState.WAITING, AWAY | HALTED, EngineStatus.ERROR, FolderStatus.WAITING),
        (
            FileState.WAITING,
            MISSING | SCANNING,
            EngineStatus.SCANNING,
            FolderStatus.UNAVAILABLE,
        ),
    ],
)
async def test_statuses(
    tmp_path: Path,
    state: FileState,
    values: Mapping[str, Any],
    status: EngineStatus,
    folder_status: FolderStatus,
) -> None:
    """Of all that is true the most urgent is said."""
    found = await read(tmp_path / "ledger.db", state, **values)
    assert (found.status, found.folders["camera"].status) == (status, folder_status)
    assert found.rate == (5.0 if "run" in values else 0.0)
