"""The account and its folders in numbers, read from the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
import sqlite3

from .ledger import folders, runs
from .model import (
    EngineStatus,
    FileState,
    FolderStatus,
    FolderTrouble,
    Halt,
    RunReport,
    Tally,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOverview:
    """One folder in numbers; ``last_success`` in epoch seconds."""

    status: FolderStatus
    trouble: FolderTrouble | None
    polling: bool
    tally: Tally
    last_success: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole account in numbers; ``rate`` in bytes per second."""

    status: EngineStatus
    connected: bool
    error: str | None
    halt: Halt | None
    halt_detail: str | None
    automatic: bool
    run: RunReport | None
    rate: float
    tally: Tally
    folders: Mapping[str, FolderOverview]
    last_success: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the ledger counts, of all and of each folder by its id."""

    total: Tally
    last_success: float | None
    tallies: Mapping[str, Tally]
    successes: Mapping[str, float | None]

    @property
    def waiting(self) -> int:
        """Return how many files wait, or wait for another try."""
        return waiting(self.total)


NOTHING = Numbers(total=Tally(), last_success=None, tallies={}, successes={})


def waiting(tally: Tally) -> int:
    """Return how many files wait, or wait for another try."""
    return tally.count(FileState.WAITING, FileState.FAILED)


def read_numbers(con: sqlite3.Connection, numbers: Mapping[str, int | None]) -> Numbers:
    """Read the numbers; each folder's id comes with the ledger's number of it."""
    return Numbers(
        total=folders.tally(con),
        last_success=runs.last_success(con),
        tallies={
            key: Tally() if number is None else folders.tally(con, number)
            for key, number in numbers.items()
        },
        successes={key: runs.last_success(con, key) for key in numbers},
    )
