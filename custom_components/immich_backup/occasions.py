"""What there is to tell: what happened to a run or a folder, and several of them as one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from .engine import Engine
from .engine.events import Event, FolderChanged, FolderOverdue, RunFinished
from .engine.model import RunOutcome, RunReport
from .engine.texts import readable
from .notifications import Notification, Occasion
from .run_part import limited

_EXAMPLES = 3
_OUTCOMES: Mapping[RunOutcome, Occasion] = {
    RunOutcome.COMPLETED: Occasion.COMPLETED,
    RunOutcome.WITH_ERRORS: Occasion.COMPLETED_WITH_ERRORS,
    RunOutcome.FAILED: Occasion.FAILED,
}


@dataclass(slots=True, kw_only=True)
class News:
    """Something to tell; ``folders`` are ids, paths are relative, ``seconds`` a time."""

    occasion: Occasion
    folders: list[str]
    uploaded: int = 0
    duplicates: int = 0
    declined: int = 0
    failed: int = 0
    examples: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    def add(self, later: News) -> None:
        """Take in what happened later: many small runs become one message."""
        if later.occasion.failure:
            self.occasion = later.occasion
        self.folders += [key for key in later.folders if key not in self.folders]
        self.uploaded += later.uploaded
        self.duplicates += later.duplicates
        self.declined += later.declined
        # What could not be stored is counted anew by each run.
        self.failed, self.failing = later.failed, later.failing
        self.examples = [*self.examples, *later.examples][:_EXAMPLES]
        self.assets = [*later.assets, *self.assets][:_EXAMPLES]
        self.error = later.error or self.error
        self.seconds += later.seconds

    def values(self, engine: Engine, account: str) -> dict[str, Any]:
        """Return what the words are made of."""
        folders = engine.folders
        return {
            "event": self.occasion.value,
            "account": account,
            "folders": [folders[key].name for key in self.folders if key in folders],
            "uploaded": self.uploaded,
            "duplicates": self.duplicates,
            "declined": self.declined,
            "failed": self.failed,
            "failing": [readable(path) for path in self.failing],
            "examples": [readable(path) for path in self.examples],
            "error": self.error,
            "duration": round(self.seconds),
        }


def news_of(event: Event, folder_ids: Collection[str]) -> News | None:
    """Return what an event has to tell of these folders; None if it is nothing."""
    match event:
        case RunFinished(run) if (part := limited(run, folder_ids)).folders:
            return _of_run(part)
        case FolderChanged(folder, trouble) if trouble and folder in folder_ids:
            return News(occasion=Occasion.FOLDER_UNAVAILABLE, folders=[folder])
        case FolderOverdue(folder, overdue) if overdue and folder in folder_ids:
            return News(occasion=Occasion.OVERDUE, folders=[folder])
    return None


def _of_run(run: RunReport) -> News | None:
    """Return what a run has to tell; None if it was stopped or has to wait."""
    occasion = None if run.outcome is None else _OUTCOMES.get(run.outcome)
    if occasion is None:
        return None
    assets = chain.from_iterable(part.assets for part in run.parts.values())
    return News(
        occasion=occasion,
        folders=list(run.folders),
        uploaded=run.counts.uploaded,
        duplicates=run.counts.duplicates,
        declined=run.counts.declined,
        failed=run.counts.failed,
        examples=list(run.examples),
        failing=list(run.failing),
        assets=list(islice(assets, _EXAMPLES)),
        error=run.error,
        seconds=(run.finished or run.started) - run.started,
    )


def worth_telling(news: News, notification: Notification, told: News | None) -> bool:
    """Return whether there is something new in it; ``told`` is what was told last."""
    match news.occasion:
        case Occasion.COMPLETED:
            return (
                news.uploaded >= notification.least_count
                if notification.only_stored
                else True
            )
        case Occasion.COMPLETED_WITH_ERRORS:
            # A file that fails for weeks is told once.
            return bool(news.uploaded) or told is None or _fails(news) != _fails(told)
        case Occasion.FAILED:
            return told is None or _fails(news) != _fails(told)
    return True


def _fails(news: News) -> Sequence[object]:
    """Return what is wrong, to be compared."""
    return (news.occasion, news.failed, news.failing, news.error)
