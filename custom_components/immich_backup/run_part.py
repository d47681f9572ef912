"""A run's report limited to some of its folders, for those whom only these concern."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice

from .engine.model import RunCounts, RunOutcome, RunPart, RunReport

# Of a part of a run no more files are named than of the whole.
_EXAMPLES = 3


def limited(run: RunReport, folder_ids: Collection[str]) -> RunReport:
    """Return the report that a run over only these of its folders would have.

    What broke or ended the run did so for each of its folders.
    """
    folders = tuple(key for key in run.folders if key in folder_ids)
    if folders == run.folders:
        return run
    parts = {key: run.parts[key] for key in folders if key in run.parts}
    counts = RunCounts()
    for part in parts.values():
        counts.add(part.counts)
    return replace(
        run,
        folders=folders,
        parts=parts,
        counts=counts,
        examples=_first(parts, lambda part: part.examples),
        failing=_first(parts, lambda part: part.failing),
        outcome=_limited_outcome(run, folders),
    )


def _limited_outcome(run: RunReport, folders: Sequence[str]) -> RunOutcome | None:
    """Return how a run ended for some of its folders."""
    if run.outcome not in (RunOutcome.WITH_ERRORS, RunOutcome.WAITING):
        return run.outcome
    if run.outcome is RunOutcome.WAITING and not run.waiting_for:
        # It was interrupted, and all of it is made up for.
        return run.outcome
    parts = [run.parts.get(key) for key in folders]
    # A folder of which nothing is known was never read.
    if any(part is None or part.trouble or part.counts.failed for part in parts):
        return RunOutcome.WITH_ERRORS
    if any(part is not None and part.waiting_for for part in parts):
        return RunOutcome.WAITING
    return RunOutcome.COMPLETED


def _first(
    parts: Mapping[str, RunPart], paths: Callable[[RunPart], Sequence[str]]
) -> tuple[str, ...]:
    """Return the first few paths of all folders."""
    found = chain.from_iterable(map(paths, parts.values()))
    return tuple(islice(found, _EXAMPLES))
