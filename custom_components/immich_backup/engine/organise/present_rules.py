"""Which rule counts now for what is stored: rules change, what is stored stays."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from ..beside import Surroundings
from ..clock import Clock
from ..enquiry import Enquiry
from ..evaluate import evaluate
from ..ledger.arranging import Arrangeable
from ..ledger.files import Verdict
from ..ledger.rows import FileRow
from ..model import FileState
from ..watched import WatchedFolder


class PresentRules:
    """Asks the rules of folders about stored files once more; nothing is recorded."""

    def __init__(
        self,
        folders: Collection[WatchedFolder],
        clock: Clock,
        enquiry: Enquiry,
        pool: Executor,
    ) -> None:
        """Take the folders, and what their rules are asked with."""
        # Elsewhere it makes no difference which rule it is.
        self._folders = {
            watched.number: watched
            for watched in folders
            if watched.folder.rule_arrangements
        }
        self._clock = clock
        self._enquiry = enquiry
        self._pool = pool

    async def verdicts(self, files: Sequence[Arrangeable]) -> list[Verdict]:
        """Return what other rules say of files than those that wanted them.

        What no rule wants any more keeps the one that wanted it.
        """
        by_folder: dict[int, list[Arrangeable]] = {}
        for file in files:
            if file.folder in self._folders:
                by_folder.setdefault(file.folder, []).append(file)
        found: list[Verdict] = []
        for number, some in by_folder.items():
            watched = self._folders[number]
            if (source := watched.source) is None:
                continue
            by_sidecars = watched.folder.decides_by_sidecars
            evaluation = await evaluate(
                watched.folder,
                source.root,
                [_row(file) for file in some],
                self._clock.time(),
                on_disk=False,
                pool=self._pool,
                enquiry=self._enquiry,
                beside=Surroundings(source.root) if by_sidecars else None,
            )
            before = {file.id: file.rule for file in some}
            found += [
                verdict
                for verdict in evaluation.verdicts
                if verdict.state is FileState.WAITING
                and verdict.rule != before[verdict.file.id]
            ]
        return found

    async def applied(self, files: Sequence[Arrangeable]) -> list[Arrangeable]:
        """Return files with the rules that want them now."""
        rules: Mapping[int, str | None] = {
            verdict.file.id: verdict.rule for verdict in await self.verdicts(files)
        }
        return [replace(file, rule=rules.get(file.id, file.rule)) for file in files]


def _row(file: Arrangeable) -> FileRow:
    """Return a stored file as rules are asked about it: as one that is new."""
    return FileRow(
        id=file.id,
        folder=file.folder,
        path=file.path,
        stamp=file.stamp,
        sha1=None,
        state=FileState.PROTECTED,
        existing=False,
        attempts=0,
    )
