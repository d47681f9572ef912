"""What becomes of the files of a run: written into the ledger and counted in the run."""

from collections.abc import Collection, Mapping, Sequence
import os
import random

from .active_run import EXAMPLES, ActiveRun
from .clock import Clock
from .in_flight import Item
from .ledger import Ledger, contents, files
from .ledger.rows import FileRow
from .media_types import kind_of
from .model import Reason, RunPart, Stored
from .verify import Finding

_FIRST_RETRY = 30.0


class Outcomes:
    """Writes down what became of files; every method may raise LedgerError."""

    def __init__(self, run: ActiveRun, ledger: Ledger, clock: Clock) -> None:
        """Count in this run, write into this ledger."""
        self._run = run
        self._ledger = ledger
        self._clock = clock

    async def confirm(
        self, items: Collection[Item], findings: Mapping[bytes, Finding]
    ) -> None:
        """Record that the server holds these contents, all in one transaction."""
        if not items:
            return
        superseded = await self._ledger.run(
            contents.confirm_all,
            [
                contents.Held(
                    sha1=item.sha1,
                    asset_id=findings[item.sha1].asset_id or "",
                    reason=item.reason,
                    file=item.file,
                    twins=tuple(item.twins),
                )
                for item in items
            ],
            self._clock.time(),
        )
        for item in items:
            item.asset_id = findings[item.sha1].asset_id
        for folder in superseded:
            self._run.part(folder).counts.superseded += 1

    def count_found(self, item: Item) -> None:
        """Count a content that the server held before it was sent."""
        for file in item.files:
            self._run.part(file.folder).counts.duplicates += 1

    def count_stored(self, item: Item) -> None:
        """Count an upload that is proven, and what it spared."""
        part = self._run.part(item.file.folder)
        if item.reason is Reason.UPLOADED:
            part.counts.uploaded += 1
            part.counts.uploaded_bytes += item.file.stamp.size
            _note_stored(part, os.fsdecode(item.file.path), item.file.stamp.size)
            if item.asset_id is not None:
                part.assets = [item.asset_id, *part.assets][:EXAMPLES]
        else:
            part.counts.duplicates += 1
        for twin in item.twins:
            self._run.part(twin.folder).counts.duplicates += 1

    async def decline(self, item: Item, asset_id: str, reason: Reason) -> None:
        """Record that someone removed a content from the server."""
        if item.twins:
            await self._ledger.run(
                files.set_checksums, [(file, item.sha1) for file in item.twins]
            )
        for file in item.files:
            self._run.part(file.folder).counts.declined += 1
        await self._ledger.run(
            contents.decline, item.sha1, item.file.stamp.size, asset_id, reason
        )

    async def fail(
        self,
        file: FileRow,
        reason: Reason,
        detail: str | None,
        *,
        counted: bool = True,
    ) -> None:
        """Record a failed try; the next one comes later each time."""
        backoff = min(_FIRST_RETRY * 2**file.attempts, files.LONGEST_BACKOFF)
        backoff *= random.uniform(0.8, 1.0)
        await self._ledger.run(
            files.fail, file, reason, detail, self._clock.time() + backoff
        )
        if counted:
            self._count_failures([file])

    async def park(
        self, parked: Sequence[FileRow], reason: Reason, detail: str | None
    ) -> None:
        """Record that files need a person, or another configuration."""
        for file in parked:
            await self._ledger.run(files.park, file, reason, detail)
        self._count_failures(parked)

    def _count_failures(self, failed: Sequence[FileRow]) -> None:
        """Count files that could not be stored."""
        for file in failed:
            part = self._run.part(file.folder)
            part.counts.failed += 1
            if len(part.failing) < EXAMPLES:
                part.failing.append(os.fsdecode(file.path))


def _note_stored(part: RunPart, path: str, size: int) -> None:
    """Note a file that was newly stored, with the first and the last of its folder."""
    if len(part.examples) < EXAMPLES:
        part.examples.append(path)
    stored = part.stored.setdefault(kind_of(path), Stored())
    stored.files += 1
    stored.bytes += size
    stored.latest = [*stored.latest, path][-EXAMPLES:]
