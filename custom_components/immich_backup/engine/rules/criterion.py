"""What a criterion is: one question about a file."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from .media import Media


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a criterion matches; None when the file does not tell.

    ``until`` is the time (epoch seconds) at which the answer changes by itself.
    """

    matches: bool | None
    until: float | None = None


@dataclass(frozen=True)
class Criterion(ABC):
    """One question about a file; all criteria of a rule must match."""

    name: ClassVar[str]
    # Whether the file must be opened to answer; such questions are asked last.
    reads_file: ClassVar[bool] = False

    @abstractmethod
    def ask(self, media: Media, now: float) -> Answer:
        """Answer for this file at this time (epoch seconds)."""
