"""What there is to tell: what happened to a run or a folder, and several of them as one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from typing import Any, Self

from .engine import Engine, FileState, MediaKind, Overview
from .engine.events import Event, FolderChanged, FolderOverdue, RunFinished
from .engine.model import FolderStatus, RunCounts, RunOutcome, RunReport
from .engine.texts import readable
from .notifications import Notification, Occasion
from .run_part import limited

_EXAMPLES = 3
# More assets than are shown: the server may not have a picture of each yet.
_ASSETS = 6
# So many failures are remembered, lest they are told again.
_TOLD = 20
# Of several kinds of news this is said first.
_WORST_FIRST = (
    Occasion.FAILED,
    Occasion.FOLDER_UNAVAILABLE,
    Occasion.OVERDUE,
    Occasion.COMPLETED_WITH_ERRORS,
    Occasion.COMPLETED,
    Occasion.PROGRESS,
)
# What a folder does of which files are being stored, or may be found.
_GOING_ON = (FolderStatus.BACKING_UP, FolderStatus.SCANNING)
_OUTCOMES: Mapping[RunOutcome, Occasion] = {
    RunOutcome.COMPLETED: Occasion.COMPLETED,
    RunOutcome.WITH_ERRORS: Occasion.COMPLETED_WITH_ERRORS,
    RunOutcome.FAILED: Occasion.FAILED,
}


@dataclass(slots=True, kw_only=True)
class News:
    """Something to tell; ``folders`` are ids, paths are relative, ``seconds`` a time.

    All texts are such as can be stored and sent, whatever bytes a file's name has.
    """

    occasion: Occasion
    folders: list[str]
    uploaded: int = 0
    # Of those that were uploaded, as far as their kind is known.
    photos: int = 0
    videos: int = 0
    duplicates: int = 0
    declined: int = 0
    failed: int = 0
    examples: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0
    # Of what goes on: how many files are still to be stored.
    remaining: int = 0
    # The folders (their ids) that a run could not read, and those in which it had
    # something to do; of the others there is nothing to say.
    unavailable: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``as_dict`` was made of; raises KeyError, TypeError, ValueError."""
        return cls(**{**data, "occasion": Occasion(data["occasion"])})

    def as_dict(self) -> dict[str, Any]:
        """Return it in plain values, safe to be stored as JSON."""
        return {**asdict(self), "occasion": self.occasion.value}

    @property
    def done(self) -> int:
        """Return how many files are in Immich by now."""
        return self.uploaded + self.duplicates

    @property
    def total(self) -> int:
        """Return how many files it is about, with those that are still to be stored."""
        return self.done + self.remaining

    @property
    def of_run(self) -> bool:
        """Return whether it is about a run that ended."""
        return self.occasion in _OUTCOMES.values()

    def covers(self, earlier: News) -> bool:
        """Return whether it is a run over all folders that something earlier is about."""
        return self.of_run and set(earlier.folders) <= set(self.folders)

    def add(self, later: News) -> bool:
        """Take in what happened later, if both are true in one sentence; say if so.

        How it went is said by the last run of the same folders. Of runs of other
        folders only those are told together that ended in the same way.
        """
        covered = self.of_run and later.covers(self)
        if not covered and self.occasion is not later.occasion:
            return False
        if covered:
            # What could not be stored is counted anew by each run.
            self.occasion, self.error = later.occasion, later.error
            self.failed, self.failing = later.failed, later.failing
            self.unavailable = later.unavailable
        else:
            self.error = later.error or self.error
            shared = set(self.folders).intersection(later.folders)
            self.failed = (
                max(self.failed, later.failed) if shared else self.failed + later.failed
            )
            self.failing = _joined(self.failing, later.failing)[:_EXAMPLES]
            self.unavailable = _joined(self.unavailable, later.unavailable)
        self.folders = _joined(self.folders, later.folders)
        self.busy = _joined(self.busy, later.busy)
        self.uploaded += later.uploaded
        self.photos += later.photos
        self.videos += later.videos
        self.duplicates += later.duplicates
        self.declined += later.declined
        self.examples = [*self.examples, *later.examples][:_EXAMPLES]
        self.assets = [*later.assets, *self.assets][:_ASSETS]
        self.seconds += later.seconds
        return True

    @property
    def named(self) -> Sequence[str]:
        """Return the folders (their ids) that are named."""
        if self.occasion is Occasion.FAILED:
            return self.folders
        return self.busy or self.folders

    def values(self, engine: Engine, account: str) -> dict[str, Any]:
        """Return what the words are made of."""
        folders = engine.folders
        return {
            "event": self.occasion.value,
            "account": account,
            "folders": [folders[key].name for key in self.named if key in folders],
            "unavailable": [
                folders[key].name for key in self.unavailable if key in folders
            ],
            "uploaded": self.uploaded,
            "photos": self.photos,
            "videos": self.videos,
            "duplicates": self.duplicates,
            "declined": self.declined,
            "failed": self.failed,
            "failing": self.failing,
            "examples": self.examples,
            "error": self.error,
            "duration": round(self.seconds),
            "remaining": self.remaining,
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


def progress_of(
    run: RunReport, folder_ids: Collection[str], overview: Overview
) -> News | None:
    """Return how far a run is in these folders; None if it is over none of them."""
    if not (part := limited(run, folder_ids)).folders:
        return None
    news = _news(part, Occasion.PROGRESS)
    waiting = {
        key: folder.tally.count(FileState.WAITING)
        for key in part.folders
        if (folder := overview.folders.get(key)) is not None
        and folder.status in _GOING_ON
    }
    news.remaining = sum(waiting.values())
    news.busy = [key for key in part.folders if key in news.busy or waiting.get(key)]
    return news


def _of_run(run: RunReport) -> News | None:
    """Return what a run has to tell; None if it was stopped or has to wait."""
    occasion = None if run.outcome is None else _OUTCOMES.get(run.outcome)
    if occasion is None:
        return None
    news = _news(run, occasion)
    assets = chain.from_iterable(part.assets for part in run.parts.values())
    news.assets = list(islice(assets, _ASSETS))
    news.error = None if run.error is None else readable(run.error)
    news.seconds = (run.finished or run.started) - run.started
    return news


def _news(run: RunReport, occasion: Occasion) -> News:
    """Return what a run did until now."""
    return News(
        occasion=occasion,
        folders=list(run.folders),
        uploaded=run.counts.uploaded,
        photos=_stored(run, MediaKind.PHOTO),
        videos=_stored(run, MediaKind.VIDEO),
        duplicates=run.counts.duplicates,
        declined=run.counts.declined,
        failed=run.counts.failed,
        examples=[readable(path) for path in run.examples],
        failing=[readable(path) for path in run.failing],
        unavailable=list(run.unavailable),
        busy=[key for key in run.folders if _busy(run.part(key).counts)],
    )


def _stored(run: RunReport, kind: MediaKind) -> int:
    """Return how many files of one kind of media were newly stored."""
    parts = (part.stored.get(kind) for part in run.parts.values())
    return sum(stored.files for stored in parts if stored is not None)


def _busy(counts: RunCounts) -> bool:
    """Return whether there was anything to do for files of a folder."""
    return bool(
        counts.uploaded or counts.duplicates or counts.declined or counts.failed
    )


def gather(news: list[News], later: News) -> None:
    """Add what happened later to what is to be told, one for each kind of news."""
    if later.occasion is Occasion.COMPLETED:
        # A folder that was backed up is there again, and is not overdue any more.
        for one in news:
            if not one.of_run:
                one.folders = [key for key in one.folders if key not in later.folders]
        news[:] = [one for one in news if one.folders]
    others = []
    for one in news:
        if one.add(later):
            later = one
        else:
            others.append(one)
    news[:] = sorted([*others, later], key=lambda one: _WORST_FIRST.index(one.occasion))


def note_told(told: list[News], news: News) -> None:
    """Remember that something was told, in place of what was told of it before."""
    if news.of_run and news.occasion.failure:
        others = [one for one in told if not news.covers(one)]
        told[:] = [*others, news][-_TOLD:]


def note_well(told: list[News], news: News) -> None:
    """Forget what was told and went right now: if it goes wrong anew, that is told."""
    others = [
        # What makes a whole run fail lies in no folder.
        replace(one, folders=[key for key in one.folders if key not in news.folders])
        for one in told
        if one.occasion is not Occasion.FAILED
    ]
    told[:] = [one for one in others if one.folders]


def worth_telling(news: News, notification: Notification, told: Sequence[News]) -> bool:
    """Return whether there is something new in it; ``told`` is what was told before."""
    match news.occasion:
        case Occasion.COMPLETED:
            return (
                news.uploaded >= notification.least_count
                if notification.only_stored
                else True
            )
        case Occasion.COMPLETED_WITH_ERRORS:
            # A file that fails for weeks is told once.
            if news.uploaded and Occasion.COMPLETED in notification.occasions:
                return True
        case Occasion.FAILED:
            pass
        case _:
            return True
    return all(_fails(news) != _fails(one) for one in told)


def _fails(news: News) -> Sequence[object]:
    """Return what is wrong, to be compared."""
    return (
        news.occasion,
        news.failed,
        news.failing,
        news.unavailable,
        news.error,
    )


def _joined(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Return texts in their order, each once."""
    return list(dict.fromkeys((*first, *second)))
