"""A file as the rules see it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
import os

from ..media import MediaFacts, taken_at


class MediaKind(StrEnum):
    """Photo or video, by the extension, as the server sorts them."""

    PHOTO = "photo"
    VIDEO = "video"


@dataclass(kw_only=True)
class Media:
    """One file: relative path, size in bytes, modification time in epoch seconds.

    ``kind`` is None for what the server does not take. ``read`` reads the facts that
    stand inside the file; it is called only when a rule asks for one, and once.
    """

    path: str
    size: int
    modified: float
    kind: MediaKind | None
    existing: bool = False
    read: Callable[[], MediaFacts] = field(default=MediaFacts)

    @cached_property
    def extension(self) -> str:
        """Return the extension in lower case, with the dot; empty without one."""
        return extension_of(self.path)

    @cached_property
    def facts(self) -> MediaFacts:
        """Return what stands inside the file, as far as it can be read."""
        return self.read()

    @cached_property
    def taken_at(self) -> datetime | None:
        """Return when it was taken by the camera's clock, or by the file's name."""
        return taken_at(self.facts, self.path)


def extension_of(path: str) -> str:
    """Return a path's extension in lower case, with the dot.

    `.jpg` alone is an extension, as the server sees it (measured on Immich 3.0.3).
    """
    name = os.path.basename(path)
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""
