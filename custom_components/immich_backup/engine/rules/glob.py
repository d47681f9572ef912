"""Criterion: a pattern on the path below the folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
import re
from typing import ClassVar, override
import unicodedata

from .criterion import Answer, Criterion
from .media import Media

# The parts of a pattern for one name: stars, a set of characters, a character.
_PART = re.compile(r"\*+|\[!?\]?[^\]]*\]|.", re.DOTALL)


@dataclass(frozen=True)
class GlobCriterion(Criterion):
    """The relative path matches one of these patterns, upper or lower case.

    `*`, `?` and `[abc]` stay inside one name, `**` crosses folders. A pattern that ends
    in a slash means a folder and all in it, any other one files. Without a further
    slash it is tried at any depth, with one from the top, as in a `.gitignore`. How a
    letter with an accent is composed makes no difference.
    """

    name: ClassVar[str] = "path"
    patterns: tuple[str, ...]

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        """Return one expression for all patterns."""
        return re.compile(
            "|".join(f"(?:{_translate(pattern)})" for pattern in self.patterns),
            re.IGNORECASE | re.DOTALL,
        )

    @override
    def ask(self, media: Media, now: float) -> Answer:
        path = unicodedata.normalize("NFC", media.path)
        return Answer(self._regex.fullmatch(path) is not None)


def _translate(pattern: str) -> str:
    """Return the regular expression of one pattern, to be matched as a whole."""
    pattern = unicodedata.normalize("NFC", pattern)
    if "/" not in pattern.removesuffix("/"):
        pattern = f"**/{pattern}"
    if pattern.endswith("/"):
        pattern += "**"
    runs: list[list[str]] = [[]]
    for part in filter(None, pattern.split("/")):
        if part != "**":
            runs[-1].append(_translate_name(part))
        elif runs[-1] or len(runs) == 1:
            runs.append([])
    first, *others = ("/".join(run) for run in runs)
    if not others:
        return first
    *middle, last = others
    # As with the stars in a name, the first place is as good as any.
    return (
        (first and f"{first}/")
        + "".join(f"(?>(?:[^/]+/)*?{run}/)" for run in middle)
        + (f"(?:[^/]+/)*{last}" if last else ".+")
    )


def _translate_name(pattern: str) -> str:
    """Return the expression for one name of a path.

    What follows a star is looked for only at its first place, which is as good as any:
    a pattern with many stars must not take forever.
    """
    *chunks, last = _chunks(pattern)
    if not chunks:
        return last
    first, *middle = chunks
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + f"[^/]*{last}"


def _chunks(pattern: str) -> Iterator[str]:
    """Yield the expressions between the stars of a pattern."""
    chunk = ""
    for part in _PART.findall(pattern):
        if part.startswith("*"):
            yield chunk
            chunk = ""
        elif part == "?":
            chunk += "[^/]"
        elif len(part) > 1:
            chunk += _translate_set(part[1:-1])
        else:
            chunk += re.escape(part)
    yield chunk


def _translate_set(characters: str) -> str:
    """Return the expression for a set of characters; `!` first means all others."""
    negated = characters.startswith("!")
    text = re.sub(r"([\\\[\]^&~|])", r"\\\1", characters.removeprefix("!"))
    try:
        re.compile(f"[{text}]")
    except re.error:
        # A range that runs backwards (`[z-a]`) holds nothing.
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[^{text}]" if negated else f"(?!/)[{text}]"
