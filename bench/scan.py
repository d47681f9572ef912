"""Rescan of files of which none changed, beside a bare walk over the same files."""

import asyncio
from collections.abc import Iterator
import os
from pathlib import Path
import sqlite3
import time

from custom_components.immich_backup.engine.detect.scan import Scanner, ScanResult
from custom_components.immich_backup.engine.ledger import (
    Ledger,
    contents,
    files,
    folders,
)
from custom_components.immich_backup.engine.ledger.files import Verdict
from custom_components.immich_backup.engine.model import FileState, Reason

from .measure import Comparison, Figure, Rounds, Target, child, measured

_CPU = Target(at_most=1.5)
_MEMORY = Target(at_most=16)
_SESSION = 1
_BATCH = 5000


def run(folder: Path, *, scale: float = 1.0, rounds: int = 5) -> Iterator[Figure]:
    """Measure 200,000 files in 200 directories, and as many in a single one."""
    count = max(1, int(1000 * scale))
    for name, directories, each in (("tree", 200, count), ("flat", 1, 200 * count)):
        root, ledger = folder / name, folder / f"{name}.db"
        _make_files(root, directories, each)
        child("scan", "learn", root, ledger)
        ours, reference = Rounds(), Rounds()
        for _ in range(rounds):
            reference.add(child("scan", "walk", root, directories * each))
            ours.add(child("scan", "rescan", root, ledger, directories * each))
        what = f"{directories * each:,} unchanged files, {directories} directories"
        yield Figure(
            name=f"scan.{name}.cpu",
            what=f"{what}: rescan",
            unit="CPU s",
            comparison=Comparison.RATIO,
            ours=ours["cpu"],
            reference=reference["cpu"],
            target=_CPU,
        )
        yield Figure(
            name=f"scan.{name}.memory",
            what=f"{what}: memory growth",
            unit="MB",
            comparison=Comparison.DIFFERENCE,
            ours=ours["growth"],
            reference=reference["growth"],
            target=_MEMORY,
        )


def _make_files(root: Path, directories: int, each: int) -> None:
    """Make files with names as a camera gives them; they are empty, which is quick."""
    for number in range(directories):
        directory = root / f"{2000 + number // 12}-{number % 12 + 1:02}"
        directory.mkdir(parents=True)
        for file in range(each):
            os.mknod(directory / f"IMG_{file:06}.jpg")


def _scanner(ledger: Ledger, folder: int, root: str) -> Scanner:
    """Return a scanner of everything below a folder."""
    return Scanner(
        ledger,
        folder=folder,
        root=os.fsencode(root),
        recursive=True,
        existing=True,
        session=_SESSION,
        time=time.time,
        monotonic=time.monotonic,
        stopped=lambda: False,
    )


def _certain(_: ScanResult) -> bool:
    """Say that the root is the right one."""
    return True


async def _learn(root: str, path: str) -> None:
    """Make a ledger as it is after a first backup: every file is protected."""
    ledger = Ledger(Path(path))
    await ledger.open()
    folder = (await ledger.run(folders.ensure, "bench")).id
    await asyncio.to_thread(_scanner(ledger, folder, root).scan, certain=_certain)
    while await ledger.run(_protect, folder):
        pass
    await ledger.close()


def _protect(con: sqlite3.Connection, folder: int) -> int:
    """Take some files through the states of a backup; return how many."""
    now = time.monotonic()
    due = files.due_settling(con, folder, _SESSION, now, _BATCH)
    wanted = [
        Verdict(file=file, state=FileState.WAITING, reason=Reason.QUEUED)
        for file in due
    ]
    files.record_verdicts(con, "rules", wanted)
    hashed = [(file, os.urandom(20)) for file in due]
    files.set_checksums(con, hashed)
    for file, sha1 in hashed:
        contents.confirm(con, sha1, 0, str(file.id), Reason.UPLOADED, now)
    return len(due)


def learn(root: str, path: str) -> dict[str, float]:
    """Prepare the ledger; measures nothing."""
    asyncio.run(_learn(root, path))
    return {}


def rescan(root: str, path: str, expected: str) -> dict[str, float]:
    """Measure the engine's scan of a folder that its ledger knows."""
    ledger = Ledger(Path(path))
    asyncio.run(ledger.open())
    scanner = _scanner(ledger, ledger.run_sync(folders.ensure, "bench").id, root)
    results: list[ScanResult] = []
    figures = measured(lambda: results.append(scanner.scan(certain=_certain)))
    asyncio.run(ledger.close())
    (result,) = results
    assert (result.files, result.changes, result.gone) == (int(expected), 0, 0)
    assert result.complete
    return figures


def walk(root: str, expected: str) -> dict[str, float]:
    """Measure a bare walk that reads every file's status."""
    found = 0

    def visit() -> None:
        nonlocal found
        stack = [os.fsencode(root)]
        while stack:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    else:
                        entry.stat(follow_symlinks=False)
                        found += 1

    figures = measured(visit)
    assert found == int(expected)
    return figures


TASKS = {"learn": learn, "rescan": rescan, "walk": walk}
