"""How the account and its folders stand: what they are doing, and all in numbers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
import sqlite3

from .clock import Clock
from .conductor import Conductor
from .controls import Controls
from .ledger import Ledger, LedgerError, agenda, arranging, folders, runs
from .ledger.agenda import AgendaRow
from .link import ServerLink
from .model import (
    EngineStatus,
    FileState,
    FolderStatus,
    FolderTrouble,
    Halt,
    RunReport,
    Tally,
)
from .overdue import is_overdue
from .watched import WatchedFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOverview:
    """One folder in numbers; ``last_success`` in epoch seconds.

    ``waiting_for`` says what must become true before its files go up.
    """

    status: FolderStatus
    trouble: FolderTrouble | None
    polling: bool
    tally: Tally
    last_success: float | None
    waiting_for: Sequence[str]
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole account in numbers; ``rate`` in bytes per second.

    ``paused_until`` is in epoch seconds, infinite without an end, None without a pause.
    ``deleted_albums`` were deleted on the server, and files wait for what that means.
    """

    status: EngineStatus
    connected: bool
    error: str | None
    halt: Halt | None
    halt_detail: str | None
    automatic: bool
    paused_until: float | None
    run: RunReport | None
    rate: float
    tally: Tally
    folders: Mapping[str, FolderOverview]
    last_success: float | None
    deleted_albums: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """What the ledger counts, of all and of each folder by its id."""

    total: Tally
    last_success: float | None
    tallies: Mapping[str, Tally]
    agenda: Mapping[str, AgendaRow]
    deleted_albums: Sequence[str]


class OverviewReader:
    """Says how everything stands: what is known in memory, and the ledger's numbers."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        folders: Mapping[str, WatchedFolder],
        conductor: Conductor,
        controls: Controls,
        clock: Clock,
        rate: Callable[[], float],
    ) -> None:
        """Take what is looked at; ``rate`` gives the bytes per second of a run."""
        self._ledger = ledger
        self._link = link
        self._folders = folders
        self._conductor = conductor
        self._controls = controls
        self._clock = clock
        self._rate = rate
        self._numbers = _Numbers(
            total=Tally(),
            last_success=None,
            tallies={},
            agenda={},
            deleted_albums=(),
        )
        self._last: Mapping[str, FolderOverview] = {}

    async def read(self) -> Overview:
        """Return everything in numbers, without asking the server.

        Of a ledger that can't be read these are the last numbers known.
        """
        with suppress(LedgerError):
            self._numbers = await self._ledger.ask(
                _read_numbers, {key: w.number for key, w in self._folders.items()}
            )
        numbers, run, link = self._numbers, self._conductor.run, self._link
        failing = self._ledger.failing
        self._last = {
            key: self._folder(watched, numbers.tallies[key], numbers.agenda.get(key))
            for key, watched in self._folders.items()
            if key in numbers.tallies
        }
        return Overview(
            status=self._status(numbers.total),
            connected=link.error is None and link.user is not None,
            error=link.trouble,
            halt=link.halt if failing is None else Halt.LEDGER,
            halt_detail=link.halt_detail if failing is None else failing,
            automatic=self._controls.automatic,
            paused_until=self._controls.paused_until,
            run=None if run is None else run.report(),
            rate=0.0 if run is None else self._rate(),
            tally=numbers.total,
            folders=self._last,
            last_success=numbers.last_success,
            deleted_albums=numbers.deleted_albums,
        )

    def _folder(
        self, watched: WatchedFolder, tally: Tally, row: AgendaRow | None
    ) -> FolderOverview:
        """Return how one folder stands; the same object as before if it is as before.

        There may be hundreds of folders, and several entities that show each of them.
        """
        now = FolderOverview(
            status=self._folder_status(watched, tally),
            trouble=watched.trouble,
            polling=watched.polling,
            tally=tally,
            last_success=None if row is None else row.succeeded_at,
            waiting_for=watched.waiting_for,
            # Once that was found and told, and until it is over.
            overdue=row is not None
            and row.overdue
            and is_overdue(watched.folder, row, self._clock.time()),
        )
        before = self._last.get(watched.folder.id)
        return before if before is not None and before == now else now

    def _status(self, tally: Tally) -> EngineStatus:
        """Return what the account is doing or waiting for."""
        if self._link.halt is not None or self._ledger.failing is not None:
            return EngineStatus.ERROR
        if self._link.trouble is not None:
            return EngineStatus.OFFLINE
        if self._conductor.run is not None:
            return EngineStatus.BACKING_UP
        if any(watched.scanning for watched in self._folders.values()):
            return EngineStatus.SCANNING
        if self._controls.paused or not self._controls.automatic:
            return EngineStatus.PAUSED
        return EngineStatus.WAITING if _waits(tally) else EngineStatus.IDLE

    def _folder_status(self, watched: WatchedFolder, tally: Tally) -> FolderStatus:
        """Return what a folder is doing or waiting for."""
        if watched.trouble is not None:
            return FolderStatus.UNAVAILABLE
        if watched.scanning:
            return FolderStatus.SCANNING
        if not _waits(tally):
            return FolderStatus.IDLE
        run, key = self._conductor.run, watched.folder.id
        if (
            run is not None
            and key in run.folders
            and (not watched.waiting_for or key in run.unconditional)
        ):
            return FolderStatus.BACKING_UP
        return FolderStatus.WAITING


def _waits(tally: Tally) -> bool:
    """Return whether files wait, or wait for another try."""
    return tally.count(FileState.WAITING, FileState.FAILED) > 0


def _read_numbers(
    con: sqlite3.Connection, numbers: Mapping[str, int | None]
) -> _Numbers:
    """Read the numbers; each folder's id comes with the ledger's number of it."""
    tallies = folders.tallies(con)
    return _Numbers(
        total=folders.tally(con),
        last_success=runs.last_success(con),
        tallies={
            key: Tally() if number is None else tallies.get(number, Tally())
            for key, number in numbers.items()
        },
        agenda=agenda.read(con),
        deleted_albums=tuple(arranging.deleted(con)),
    )
