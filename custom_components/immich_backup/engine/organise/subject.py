"""A stored file as its arrangement sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
import os

from ..access import AccessError, open_unchanged
from ..beside import Sidecar
from ..context import Place
from ..ledger.arranging import Arrangeable
from ..media.captured import capture_time
from ..media.facts import DateSource, MediaFacts
from ..media.read import read_facts
from ..media.witnesses import Witnesses
from ..media_types import kind_of
from ..rules import MediaKind
from ..variables import media_variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One stored file; ``path`` is relative to the folder, whose name is ``folder``.

    ``facts`` is what it says itself, ``sidecar`` and ``takeout`` what lies beside it.
    ``taken`` is when, in its own zone if one is told, else in the home's, and
    ``taken_by`` what told it. ``read`` is whether the file itself could be read.
    """

    folder: str
    path: str
    size: int
    facts: MediaFacts
    taken: datetime
    taken_by: DateSource
    read: bool
    sidecar: Sidecar | None = None
    takeout: MediaFacts | None = None

    @property
    def folders(self) -> list[str]:
        """Return the sub-folders in which it lies, from the top."""
        return self.path.split("/")[:-1]

    @property
    def kind(self) -> MediaKind | None:
        """Return photo or video, None for what is not known."""
        return kind_of(self.path)

    @property
    def witnesses(self) -> Witnesses:
        """Return all that tells of it."""
        return _witnesses(self.facts, self.sidecar, self.takeout)

    @property
    def place(self) -> Place | None:
        """Return where it was taken."""
        return self.witnesses.place

    @property
    def keywords(self) -> Sequence[str]:
        """Return the keywords of its sidecar, else its own, as paths with slashes."""
        return self.witnesses.keywords

    def variables(
        self,
        zone: str | None = None,
        event: str | None = None,
        place: Place | None = None,
    ) -> Mapping[str, object]:
        """Return what templates see of it as `media`; ``zone`` and ``event`` as found.

        ``place`` is where it was taken by what the home knows, if it does not say so.
        """
        return media_variables(
            folder=self.folder,
            path=self.path,
            kind=self.kind,
            size=self.size,
            facts=self.facts,
            place=self.place or place,
            taken=self.taken,
            taken_by=self.taken_by,
            zone=zone,
            event=event,
        )


def read_subject(
    folder: str,
    root: bytes | None,
    file: Arrangeable,
    zone: tzinfo,
    sidecar: Sidecar | None = None,
    takeout: MediaFacts | None = None,
) -> Subject:
    """Return a file as its arrangement sees it, with what lies beside it; blocking.

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
        _witnesses(facts, sidecar, takeout),
        path,
        file.stamp.mtime_ns / 1e9,
        zone,
    )
    return Subject(
        folder=folder,
        path=path,
        size=file.stamp.size,
        facts=facts or MediaFacts(),
        taken=taken,
        taken_by=taken_by,
        read=facts is not None,
        sidecar=sidecar,
        takeout=takeout,
    )


def _witnesses(
    facts: MediaFacts | None, sidecar: Sidecar | None, takeout: MediaFacts | None
) -> Witnesses:
    """Return what a file and what lies beside it say."""
    return Witnesses(
        own=facts, sidecar=None if sidecar is None else sidecar.facts, takeout=takeout
    )
