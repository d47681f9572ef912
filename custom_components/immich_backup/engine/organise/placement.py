"""Where one stored file goes, decided by its arrangement."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...immich import Visibility
from ..context import Context
from .arrangement import (
    MAX_TEXT,
    AlbumBy,
    AlbumChoice,
    Arrangement,
    clean_name,
    clean_tag,
    is_template,
)
from .subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Album, tags and what else a file gets.

    ``problems`` are sentences about what could not be decided, which it then lacks.
    """

    album: str | None = None
    tags: tuple[str, ...] = ()
    favourite: bool = False
    visibility: Visibility | None = None
    description: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Texts:
    """What templates made of one file, or why they failed."""

    made: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __getitem__(self, text: str) -> str:
        """Return what became of a text; it is empty where a template failed."""
        return self.made.get(text, "") if is_template(text) else text


async def place(
    wanted: Sequence[tuple[Subject, Arrangement]], context: Context
) -> list[Placement]:
    """Return where files go, in their order."""
    texts = [_Texts() for _ in wanted]
    templates: dict[str, list[int]] = {}
    for i, (_, arrangement) in enumerate(wanted):
        for template in dict.fromkeys(arrangement.templates):
            templates.setdefault(template, []).append(i)
    for template, numbers in templates.items():
        results = await context.render(
            template, [wanted[i][0].variables() for i in numbers]
        )
        for i, result in zip(numbers, results, strict=True):
            if result.text is None:
                texts[i].problems.append(result.problem)
            else:
                texts[i].made[template] = result.text
    return [
        _placement(subject, arrangement, made)
        for (subject, arrangement), made in zip(wanted, texts, strict=True)
    ]


def _placement(subject: Subject, arrangement: Arrangement, texts: _Texts) -> Placement:
    """Return where a file goes by what its templates made."""
    album = None
    if arrangement.album is not None:
        album = _album_name(subject, arrangement.album, texts)
    tags = (
        clean_tag(tag)
        for text in arrangement.tags
        # A template may make several.
        for tag in (texts[text].split(",") if is_template(text) else [text])
    )
    description = texts[arrangement.description or ""].strip()[:MAX_TEXT]
    return Placement(
        album=album or None,
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
        favourite=arrangement.favourite,
        visibility=arrangement.visibility,
        description=description or None,
        problems=tuple(texts.problems),
    )


def _album_name(subject: Subject, choice: AlbumChoice, texts: _Texts) -> str:
    """Return the name of a file's album; empty for none."""
    match choice.by:
        case AlbumBy.NAME:
            return clean_name(texts[choice.name])
        case AlbumBy.FOLDERS:
            return clean_name(choice.joiner.join(subject.folders[: choice.levels]))
        case AlbumBy.YEAR:
            return f"{subject.taken:%Y}"
        case AlbumBy.MONTH:
            return f"{subject.taken:%Y-%m}"
        case AlbumBy.DAY:
            return f"{subject.taken:%Y-%m-%d}"
        case _:
            return ""
