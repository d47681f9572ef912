"""Which folders are overdue: no backup of them succeeded for too long."""

import asyncio
from collections.abc import Callable, Mapping

from .clock import Clock
from .events import Event, FolderOverdue
from .ledger import Ledger, agenda, folders
from .ledger.agenda import AgendaRow
from .model import FileState, Folder, Tally
from .watched import WatchedFolder

# Seconds between looks at all folders.
_INTERVAL = 60.0
# Seconds between records that there is nothing to do in a folder.
_RECORD_INTERVAL = 600.0
_UNDONE = (
    FileState.SETTLING,
    FileState.WAITING,
    FileState.FAILED,
    FileState.PARKED,
)


def is_overdue(folder: Folder, row: AgendaRow, now: float) -> bool:
    """Return whether a folder is overdue at a moment (epoch seconds)."""
    if folder.overdue_seconds is None:
        return False
    times = [row.since, row.succeeded_at]
    if not folder.scheduled:
        times.append(row.well_at)
    # A time to come was noted by a clock that has been set right since.
    last = max((time for time in times if time and time <= now), default=now)
    return now - last > folder.overdue_seconds


class OverdueWatch:
    """Looks regularly which folders are overdue, and tells of changes.

    The ledger remembers what was told, so that a restart does not tell it again.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        folders: Mapping[str, WatchedFolder],
        emit: Callable[[Event], None],
    ) -> None:
        """Take what is looked at."""
        self._ledger = ledger
        self._clock = clock
        self._folders = folders
        self._emit = emit

    async def keep(self) -> None:
        """Look until it is cancelled; raises LedgerError.

        Not at once: after a long time without Home Assistant it has to turn out first
        that there is nothing to do in a folder.
        """
        while True:
            await asyncio.sleep(_INTERVAL)
            await self.look()

    async def look(self) -> None:
        """Look at all folders once; raises LedgerError."""
        now = self._clock.time()
        rows = await self._ledger.ask(agenda.read)
        if ahead := [key for key, row in rows.items() if row.since > now]:
            # By a clock that has been set right since; nothing would ever be overdue.
            await self._ledger.run(agenda.set_since, ahead, now)
            rows = await self._ledger.ask(agenda.read)
        tallies = await self._ledger.ask(folders.tallies)
        well = [
            key
            for key, watched in self._folders.items()
            if key in rows
            and now - (rows[key].well_at or 0.0) >= _RECORD_INTERVAL
            and _is_well(watched, tallies)
        ]
        if well:
            await self._ledger.run(agenda.note_well, well, now)
            rows = await self._ledger.ask(agenda.read)
        for key, watched in list(self._folders.items()):
            if key not in rows:
                continue
            overdue = is_overdue(watched.folder, rows[key], now)
            if overdue is not rows[key].overdue:
                await self._ledger.run(agenda.set_overdue, key, overdue)
                self._emit(FolderOverdue(key, overdue))


def _is_well(watched: WatchedFolder, tallies: Mapping[int, Tally]) -> bool:
    """Return whether a folder can be read, and nothing is to be done in it."""
    if watched.number is None or watched.source is None:
        return False
    tally = tallies.get(watched.number)
    return tally is None or not tally.count(*_UNDONE)
