"""Criterion: a pattern on the path below the folder."""

from dataclasses import dataclass
from functools import cached_property
import glob
import re
from typing import ClassVar, override

from .criterion import Answer, Criterion
from .media import Media


@dataclass(frozen=True)
class GlobCriterion(Criterion):
    """The relative path matches one of these patterns, upper or lower case.

    `*` and `?` stay inside one name, `**` crosses folders. A pattern without a slash
    is tried on the file's name at any depth; one that ends in a slash means a folder
    and all in it.
    """

    name: ClassVar[str] = "path"
    patterns: tuple[str, ...]

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        """Return one expression for all patterns."""
        return re.compile(
            "|".join(f"(?:{_translate(pattern)})" for pattern in self.patterns),
            re.IGNORECASE,
        )

    @override
    def ask(self, media: Media, now: float) -> Answer:
        return Answer(self._regex.match(media.path) is not None)


def _translate(pattern: str) -> str:
    """Return the regular expression of one pattern."""
    if pattern.endswith("/"):
        pattern += "**"
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    return glob.translate(
        pattern.lstrip("/"), recursive=True, include_hidden=True, seps="/"
    )
