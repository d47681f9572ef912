"""A stored file as its arrangement sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
import os

from ..access import AccessError, open_unchanged
from ..ledger.arranging import Arrangeable
from ..media.image import ImageFacts, read_image
from ..media_types import kind_of
from ..rules import MediaKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One stored file; ``path`` is relative to the folder, whose name is ``folder``.

    ``taken`` is when, in the home's time zone unless the file tells another one, and
    ``taken_by`` what told it. ``read`` is whether the file itself could be read.
    """

    folder: str
    path: str
    size: int
    taken: datetime
    taken_by: str
    read: bool

    @property
    def folders(self) -> list[str]:
        """Return the sub-folders in which it lies, from the top."""
        return self.path.split("/")[:-1]

    @property
    def kind(self) -> MediaKind | None:
        """Return photo or video, None for what is not known."""
        return kind_of(self.path)

    def variables(self) -> Mapping[str, object]:
        """Return what templates see of it as `media`."""
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
            "captured_by": self.taken_by,
        }


def read_subject(
    folder: str, root: bytes | None, file: Arrangeable, zone: tzinfo
) -> Subject:
    """Return a file as its arrangement sees it; blocking.

    What is not there, or not any more what was stored, is seen by its name and time
    alone; and so is every file without a ``root``.
    """
    facts = None
    if root is not None:
        try:
            with open_unchanged(root, file.path, file.stamp) as opened:
                facts = read_image(opened)
        except AccessError:
            facts = None
    taken, taken_by = _taken(facts or ImageFacts(), file, zone)
    return Subject(
        folder=folder,
        path=os.fsdecode(file.path),
        size=file.stamp.size,
        taken=taken,
        taken_by=taken_by,
        read=facts is not None,
    )


def _taken(facts: ImageFacts, file: Arrangeable, zone: tzinfo) -> tuple[datetime, str]:
    """Return when a file was taken, and what told it."""
    if facts.captured_at is not None:
        return facts.captured_at.replace(tzinfo=zone), "exif"
    return datetime.fromtimestamp(file.stamp.mtime_ns / 1e9, zone), "modified"
