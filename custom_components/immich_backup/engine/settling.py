"""Settle and evaluate: which files of a folder are complete, and what they become."""

from collections.abc import Awaitable, Callable, Sequence
import os
import sqlite3

from .clock import Clock
from .evaluate import Evaluation
from .ledger import Ledger, files, scans, sidecars
from .ledger.files import Verdict
from .ledger.rows import FileRow, Stamp
from .model import FileState, Folder

_BATCH = 500

# Decides for a batch of files of a folder; the last says whether to look at the disk.
type Evaluate = Callable[[Sequence[FileRow], Folder, bool], Awaitable[Evaluation]]


class Settler:
    """Takes a folder's files from `settling` to what the rules make of them."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        folder: int,
        session: int,
        evaluate: Evaluate,
        decided: Callable[[Sequence[Verdict]], None],
        told_anew: Callable[[], None],
    ) -> None:
        """Take what it works with.

        ``decided`` is told what came out, ``told_anew`` that sidecars of files that are
        proven say something new.
        """
        self._ledger = ledger
        self._clock = clock
        self._folder = folder
        self._session = session
        self._evaluate = evaluate
        self._decided = decided
        self._told_anew = told_anew

    async def settle(self, folder: Folder) -> set[bytes] | None:
        """Decide for a batch of files that did not change for the folder's settle time.

        Returns the directories of those that are no longer there, None when no file
        was due; raises LedgerError.
        """
        before = self._clock.monotonic() - folder.settle_seconds
        due = await self._ledger.ask(
            files.due_settling, self._folder, self._session, before, _BATCH
        )
        if not due:
            return None
        outcome = await self._evaluate(due, folder, True)
        if await self._ledger.run(
            self._record, folder.rules_version, outcome, folder.decides_by_sidecars
        ):
            self._told_anew()
        self._decided(outcome.verdicts)
        return {os.path.dirname(file.path) for file in outcome.vanished}

    async def decide_by(self, folder: Folder) -> bool:
        """Decide for a batch of files that other rules decided, from the ledger alone.

        Returns whether there were any; raises LedgerError.
        """
        return await self._decide_again(
            folder,
            await self._ledger.ask(
                files.decided_by_other_rules,
                self._folder,
                folder.rules_version,
                _BATCH,
            ),
        )

    async def decide_in_time(self, folder: Folder) -> bool:
        """Decide for a batch of files whose decision time may have changed.

        Returns whether there were any; raises LedgerError.
        """
        return await self._decide_again(
            folder,
            await self._ledger.ask(
                files.due_again, self._folder, self._clock.time(), _BATCH
            ),
        )

    async def next_due(self) -> tuple[float | None, float | None]:
        """Return when the next file may be settled, and a decision change by time.

        The first is since when a file is unchanged, in monotonic seconds; the second
        in epoch seconds. Raises LedgerError.
        """
        return await self._ledger.ask(self._next_due)

    async def unsettle(self, file: FileRow, stamp: Stamp) -> None:
        """Let a file that changed settle again; raises LedgerError."""
        await self._ledger.run(self._unsettle, [(file, stamp)])

    async def _decide_again(self, folder: Folder, due: Sequence[FileRow]) -> bool:
        """Decide anew, without looking whether the files are still there."""
        if not due:
            return False
        outcome = await self._evaluate(due, folder, False)
        await self._ledger.run(
            self._record_again, folder.rules_version, outcome.verdicts
        )
        self._decided(outcome.verdicts)
        return True

    def _next_due(self, con: sqlite3.Connection) -> tuple[float | None, float | None]:
        """Ask the ledger what is due next."""
        return (
            files.next_settled(con, self._folder, self._session),
            files.next_due_again(con, self._folder),
        )

    def _record(
        self,
        con: sqlite3.Connection,
        version: str,
        outcome: Evaluation,
        decide: bool,
    ) -> bool:
        """Write what settled files become; return whether they tell of proven ones.

        ``decide`` is whether decisions about others may depend on what they tell.
        """
        files.record_verdicts(con, version, outcome.verdicts)
        self._unsettle(con, outcome.changed)
        files.put_off_settling(con, outcome.vanished, self._clock.monotonic())
        settled = [verdict.file for verdict in outcome.verdicts]
        return sidecars.told_anew(con, self._folder, settled, decide=decide)

    def _record_again(
        self, con: sqlite3.Connection, version: str, verdicts: Sequence[Verdict]
    ) -> None:
        """Write new decisions; what is wanted as before stays where it is."""
        moved: list[Verdict] = []
        kept: list[Verdict] = []
        for verdict in verdicts:
            wanted = verdict.state is not FileState.UNWANTED
            was_wanted = verdict.file.state is not FileState.UNWANTED
            (kept if wanted and was_wanted else moved).append(verdict)
        files.record_verdicts(con, version, moved)
        files.keep_verdicts(con, version, kept)

    def _unsettle(
        self, con: sqlite3.Connection, changed: Sequence[tuple[FileRow, Stamp]]
    ) -> None:
        """Let files that changed settle again."""
        for file, stamp in changed:
            scans.unsettle(
                con,
                file.id,
                stamp,
                session=self._session,
                now=self._clock.time(),
                seen=self._clock.monotonic(),
            )
