"""What is read out of a video that is no MP4, whatever its container."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .exif import Found
from .facts import DateSource
from .source import Damaged, Part
from .tiff import decode

# What programs write that know no date.
_NONE = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(slots=True)
class Recording:
    """What a video says by names of MediaFacts; its EXIF, and where its XMP stands."""

    found: Found = field(default_factory=dict)
    exif: Found | None = None
    xmp: Part | None = None
    damage: Damaged | None = None

    def taken(
        self, moment: datetime, offset: timedelta | None, source: DateSource
    ) -> None:
        """Note when it was recorded: a wall clock, and how far it is ahead of UTC."""
        self.found |= {
            "captured_at": moment,
            "utc_offset": offset,
            "captured_source": source,
        }

    def name(self, fact: str, raw: bytes) -> None:
        """Note make or model, if the bytes say something and it is not known yet."""
        if text := decode(raw):
            self.found.setdefault(fact, text)

    def taken_at(self, epoch: datetime, microseconds: int) -> None:
        """Note when it was recorded, counted in UTC from an epoch.

        One beyond all dates is none, nor is the first moment of Unix.
        """
        try:
            moment = (epoch + timedelta(microseconds=microseconds)).replace(tzinfo=None)
        except OverflowError:
            return
        if moment != _NONE:
            self.taken(moment, timedelta(), DateSource.MOVIE_HEADER)
