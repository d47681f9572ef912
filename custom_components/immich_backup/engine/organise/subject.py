"""A stored file as its arrangement sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
import os

from ..access import AccessError, open_unchanged
from ..context import Place
from ..ledger.arranging import Arrangeable
from ..media.captured import capture_time
from ..media.facts import DateSource, MediaFacts
from ..media.read import read_facts
from ..media_types import kind_of
from ..rules import MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One stored file; ``path`` is relative to the folder, whose name is ``folder``.

    ``taken`` is when, in its own zone if the file tells one, else in the home's, and
    ``taken_by`` what told it. ``read`` is whether the file itself could be read.
    """

    folder: str
    path: str
    size: int
    facts: MediaFacts
    taken: datetime
    taken_by: DateSource
    read: bool

    @property
    def folders(self) -> list[str]:
        """Return the sub-folders in which it lies, from the top."""
        return self.path.split("/")[:-1]

    @property
    def kind(self) -> MediaKind | None:
        """Return photo or video, None for what is not known."""
        return kind_of(self.path)

    @property
    def place(self) -> Place | None:
        """Return where it was taken, as far as the file says so."""
        latitude, longitude = self.facts.latitude, self.facts.longitude
        if latitude is None or longitude is None:
            return None
        return latitude, longitude

    def variables(
        self, zone: str | None = None, event: str | None = None
    ) -> Mapping[str, object]:
        """Return what templates see of it as `media`; ``zone`` and ``event`` as found."""
        name = os.path.basename(self.path)
        stem, extension = os.path.splitext(name)
        return {
            "name": name,
            "stem": stem,
            "extension": extension.lower().lstrip("."),
            "path": self.path,
            "folder": self.folder,
            "folders": self.folders,
            "type": None if self.kind is None else self.kind.value,
            "size": self.size,
            "captured_at": self.taken,
            "captured_by": self.taken_by.value,
            "camera": self.facts.camera,
            "latitude": self.facts.latitude,
            "longitude": self.facts.longitude,
            "zone": zone,
            "event": event,
            "duration": self.facts.duration,
            "screenshot": self.facts.is_screenshot,
        }


def read_subject(
    folder: str, root: bytes | None, file: Arrangeable, zone: tzinfo
) -> Subject:
    """Return a file as its arrangement sees it; blocking.

    What is not there, or not any more what was stored, is seen by its name and time
    alone; and so is every file without a ``root``.
    """
    path = os.fsdecode(file.path)
    facts = None
    if root is not None:
        try:
            with open_unchanged(root, file.path, file.stamp) as opened:
                facts = read_facts(opened, path)
        except AccessError:
            facts = None
    taken, taken_by = capture_time(
        facts, None, None, path, file.stamp.mtime_ns / 1e9, zone
    )
    return Subject(
        folder=folder,
        path=path,
        size=file.stamp.size,
        facts=facts or MediaFacts(),
        taken=taken,
        taken_by=taken_by,
        read=facts is not None,
    )
