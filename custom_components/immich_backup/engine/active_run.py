"""A run that is going on: which folders it covers and what happened in them so far."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from .ledger import LedgerError
from .model import RunCounts, RunPart, RunReport, RunTrigger

EXAMPLES = 3


@dataclass(kw_only=True)
class ActiveRun:
    """A run that is going on; folders may join it."""

    id: str
    trigger: RunTrigger
    folders: set[str]
    # Those of them whose scan was asked for and has not ended, once for each time.
    asked: list[str] = field(default_factory=list)
    started: float
    # A pause ended it before it was done.
    broken_off: bool = False
    # Those of them whose conditions don't matter to it.
    unconditional: set[str] = field(default_factory=set)
    # Gives a folder's id for the ledger's number of it.
    folder_id: Callable[[int], str]
    # Set when there may be more to claim: a folder joined, files arrived in one, or a
    # scan that was asked for has ended.
    more: asyncio.Event = field(default_factory=asyncio.Event)
    # Why what a scan met could not be recorded, if that happened.
    unseen: LedgerError | None = None
    parts: dict[str, RunPart] = field(default_factory=dict)

    def part(self, folder: int) -> RunPart:
        """Return what happened in a folder (the ledger's number), to be counted on."""
        return self.parts.setdefault(self.folder_id(folder), RunPart())

    def report(self) -> RunReport:
        """Return where the run stands; it does not change when the run goes on."""
        counts = RunCounts()
        for part in self.parts.values():
            counts.add(part.counts)
        return RunReport(
            id=self.id,
            trigger=self.trigger,
            folders=tuple(sorted(self.folders)),
            started=self.started,
            finished=None,
            outcome=None,
            counts=counts,
            examples=self._first(lambda part: part.examples),
            failing=self._first(lambda part: part.failing),
            parts={key: part.copy() for key, part in self.parts.items()},
        )

    def _first(self, paths: Callable[[RunPart], list[str]]) -> tuple[str, ...]:
        """Return the first few paths of all folders."""
        found = (path for part in self.parts.values() for path in paths(part))
        return tuple(islice(found, EXAMPLES))
