"""What a file says of itself, in one shape for all formats."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import re

# Orientations that turn the picture by a quarter.
_QUARTER_TURNS = frozenset((5, 6, 7, 8))
# What makers append to their name and nobody says.
_COMPANY = re.compile(
    r"(ag|camera|co|communications|company|corp|corporation|digital|electric"
    r"|electronics|gmbh|imaging|inc|international|limited|ltd|mobile|optical|techwin"
    r"|technologies)[.,]*",
    re.IGNORECASE,
)


class DateSource(StrEnum):
    """Where a capture date comes from, the most trustworthy first."""

    SIDECAR = "sidecar"
    EXIF = "exif"
    # By the clock of a camcorder or camera, in AVI and AVCHD.
    RECORDING = "recording"
    QUICKTIME = "quicktime"
    # Defined as UTC; the zone of the place is lost.
    MOVIE_HEADER = "movie_header"
    XMP = "xmp"
    TAKEOUT = "takeout"
    NAME = "name"
    # EXIF's DateTime is set by cameras too, but by every other program as well.
    EXIF_CHANGED = "exif_changed"
    MODIFIED = "modified"


class Trouble(StrEnum):
    """Why not all that a file might say is known."""

    UNKNOWN_FORMAT = "unknown_format"
    DAMAGED = "damaged"
    TOO_MUCH = "too_much"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What a photo or video says of itself; None is unknown.

    ``captured_at`` is the clock on the wall, without a zone; ``utc_offset`` is how far
    it was ahead of UTC. ``satellite_at`` is UTC by GPS. Degrees are positive in the
    north and east, ``altitude`` is in metres, ``duration`` in seconds. ``width`` and
    ``height`` are the pixels as stored, before ``orientation`` (1 to 8, as in EXIF)
    turns them. ``rating`` is -1 (rejected) to 5. ``keywords`` are paths with slashes.
    ``trouble`` says why facts may be missing.
    """

    captured_at: datetime | None = None
    utc_offset: timedelta | None = None
    captured_source: DateSource | None = None
    satellite_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    duration: float | None = None
    content_identifier: str | None = None
    burst_id: str | None = None
    is_motion_photo: bool = False
    is_screenshot: bool = False
    is_favorite: bool = False
    rating: int | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    trouble: Trouble | None = None

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Return width and height as shown."""
        if self.width is None or self.height is None:
            return None
        if self.orientation in _QUARTER_TURNS:
            return self.height, self.width
        return self.width, self.height

    @property
    def camera(self) -> str | None:
        """Return maker and model as one says them: Canon EOS R5, Apple iPhone 15."""
        if not self.make or not self.model:
            return self.model or self.make
        words = self.make.split()
        while len(words) > 1 and _COMPANY.fullmatch(words[-1]):
            words.pop()
        maker = " ".join(words).rstrip(",")
        if self.model.casefold().startswith(words[0].casefold().rstrip(",")):
            return self.model
        return f"{maker} {self.model}"

    @property
    def place(self) -> tuple[float, float] | None:
        """Return latitude and longitude, if both are known."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude

    @property
    def has_location(self) -> bool:
        """Return whether the place is known."""
        return self.place is not None
