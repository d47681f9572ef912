"""What a criterion is: one question about a file."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, override

from ..context import Context
from .media import Media


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a criterion matches; None when that is not known.

    ``until`` is the time (epoch seconds) at which the answer changes by itself.
    ``problem`` is a sentence about why it is not known, where the criterion's name does
    not say it all. ``later`` is whether the home can't say it at present only.
    """

    matches: bool | None
    until: float | None = None
    problem: str | None = None
    later: bool = False


@dataclass(frozen=True)
class Criterion(ABC):
    """One question about a file; all criteria of a rule must match."""

    name: ClassVar[str]
    # Whether the file must be opened to answer, or the home be asked; such questions are
    # asked last, and those to the home after all others.
    reads_file: ClassVar[bool] = False
    asks_home: ClassVar[bool] = False
    # Whether sidecars matter: it is about when or where it was taken.
    looks_beside: ClassVar[bool] = False

    @abstractmethod
    def ask(self, media: Media, now: float) -> Answer:
        """Answer for this file at this time (epoch seconds)."""


@dataclass(frozen=True)
class HomeCriterion(Criterion):
    """A question that the home answers, for many files at once.

    Until it has done so the question stands open, and counts as not known.
    """

    reads_file: ClassVar[bool] = True
    asks_home: ClassVar[bool] = True
    looks_beside: ClassVar[bool] = True

    @override
    def ask(self, media: Media, now: float) -> Answer:
        """Return what the home answered; blocking."""
        if not self.prepare(media):
            return Answer(None)
        if (answer := media.answers.get(self)) is None:
            media.questions.append(self)
            return Answer(None)
        return answer

    @abstractmethod
    def prepare(self, media: Media) -> bool:
        """Read what the question is about; return whether it can be asked. Blocking."""

    @abstractmethod
    async def find_out(
        self, media: Sequence[Media], context: Context
    ) -> Sequence[Answer]:
        """Return what the home answers about these files, which are prepared."""
