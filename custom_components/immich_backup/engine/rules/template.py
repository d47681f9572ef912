"""Criterion: what a template of Home Assistant makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, override

from ..context import Context, Rendered
from .criterion import Answer, HomeCriterion
from .media import Media

# As Home Assistant reads the result of a template.
_TRUE = frozenset(("true", "yes", "on", "enable", "1"))
_FALSE = frozenset(("false", "no", "off", "disable", "0", "none", ""))
_SHOWN = 40


@dataclass(frozen=True)
class TemplateCriterion(HomeCriterion):
    """The template, which sees the file as `media`, makes something that means true.

    What fails, or makes something that means neither true nor false, is unknown.
    """

    name: ClassVar[str] = "template"
    template: str

    @override
    def prepare(self, media: Media) -> bool:
        # Reads the file.
        return bool(media.moment)

    @override
    async def find_out(
        self, media: Sequence[Media], context: Context
    ) -> Sequence[Answer]:
        placed = [
            (number, place)
            for number, one in enumerate(media)
            if (place := one.place) is not None
        ]
        zones: list[str | None] = [None] * len(media)
        if placed:
            found = await context.zones([place for _, place in placed])
            for (number, _), zone in zip(placed, found, strict=True):
                zones[number] = zone
        made = await context.render(
            self.template,
            [one.variables(zone) for one, zone in zip(media, zones, strict=True)],
        )
        return [answer_of(one) for one in made]


def answer_of(rendered: Rendered) -> Answer:
    """Return what a template's text means."""
    if rendered.text is None:
        return Answer(None, problem=rendered.problem)
    word = rendered.text.strip().casefold()
    if word in _TRUE or word in _FALSE:
        return Answer(word in _TRUE)
    return Answer(
        None, problem=f"The template made neither true nor false: {word[:_SHOWN]}"
    )
