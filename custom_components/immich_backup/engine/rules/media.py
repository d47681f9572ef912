"""A file as the rules see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import cached_property
import os
from typing import TYPE_CHECKING

from ..context import Place
from ..media import DateSource, MediaFacts, Witnesses, capture_time
from ..variables import media_variables

if TYPE_CHECKING:
    from .criterion import Answer, HomeCriterion


class MediaKind(StrEnum):
    """Photo or video, by the extension, as the server sorts them."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(kw_only=True)
class Media:
    """One file: relative path, size in bytes, modification time in epoch seconds.

    ``kind`` is None for what the server does not take. ``folder`` is the name of its
    folder, ``zone`` the home's time zone. ``read`` reads the facts that stand inside the
    file, ``look_beside`` those of its XMP sidecar and of Takeout's file; each is called
    only when a rule asks for one, and once. ``questions`` are to be put to the home,
    whose ``answers`` are there when the rules are asked again.
    """

    path: str
    size: int
    modified: float
    kind: MediaKind | None
    existing: bool = False
    folder: str = ""
    zone: tzinfo = UTC
    read: Callable[[], MediaFacts] = field(default=MediaFacts)
    look_beside: Callable[[], tuple[MediaFacts | None, MediaFacts | None]] = field(
        default=lambda: (None, None)
    )
    questions: list[HomeCriterion] = field(default_factory=list)
    answers: dict[HomeCriterion, Answer] = field(default_factory=dict)

    @cached_property
    def extension(self) -> str:
        """Return the extension in lower case, with the dot; empty without one."""
        return extension_of(self.path)

    @cached_property
    def facts(self) -> MediaFacts:
        """Return what stands inside the file, as far as it can be read."""
        return self.read()

    @cached_property
    def witnesses(self) -> Witnesses:
        """Return all that tells of it: the file, and what lies beside it."""
        sidecar, takeout = self.look_beside()
        return Witnesses(own=self.facts, sidecar=sidecar, takeout=takeout)

    @cached_property
    def moment(self) -> tuple[datetime, DateSource]:
        """Return when it was taken (aware), and what tells it."""
        return capture_time(self.witnesses, self.path, self.modified, self.zone)

    @property
    def place(self) -> Place | None:
        """Return where it was taken, as far as that is told."""
        return self.witnesses.place

    def variables(self, place_name: str | None) -> Mapping[str, object]:
        """Return what templates see of it as `media`; it was taken in this zone."""
        taken, taken_by = self.moment
        return media_variables(
            folder=self.folder,
            path=self.path,
            kind=self.kind,
            size=self.size,
            facts=self.facts,
            place=self.place,
            taken=taken,
            taken_by=taken_by,
            zone=place_name,
        )


def extension_of(path: str) -> str:
    """Return a path's extension in lower case, with the dot.

    `.jpg` alone is an extension, as the server sees it (measured on Immich 3.0.3).
    """
    name = os.path.basename(path)
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""
