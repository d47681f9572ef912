"""What is known of a file, but not to the server: from sidecars, Takeout and its name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from ...immich import AssetDetails
from ..context import Place
from ..ledger.arranging import told_word
from ..media.facts import DateSource, MediaFacts
from .arrangement import DateCorrection
from .subject import Subject

# The server keeps milliseconds, and files often whole seconds.
_SAME_TIME = timedelta(seconds=1)
_LONGEST = 10_000
# About ten metres.
_SAME_DEGREES = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What an asset is told; None is left alone, a rating of 0 means none."""

    taken: datetime | None = None
    place: Place | None = None
    rating: int | None = None
    description: str | None = None
    favourite: bool | None = None

    def __bool__(self) -> bool:
        """Return whether anything is told."""
        return self != Details()

    def only(self, names: Collection[str]) -> Details:
        """Return those of these names."""
        others = (one.name for one in fields(self) if one.name not in names)
        return replace(self, **dict.fromkeys(others))

    def words(self) -> Mapping[str, str]:
        """Return the words by which it is remembered what was told, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: told_word(name, str(value))
            for name, value in values.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is known of a file; ``by_itself`` are names of what the server finds as well.

    ``in_sidecar`` are those of what its sidecar says, whose digest is ``sidecar``: it
    finds them if it has that. Of what we did not store, only what nobody changed there
    is written: ``own`` is what the file itself says.
    """

    details: Details
    by_itself: frozenset[str]
    in_sidecar: frozenset[str]
    sidecar: str | None
    own: MediaFacts

    def without(self, names: Collection[str]) -> Correction:
        """Return this without the details of these names."""
        left = self.details.words().keys() - set(names)
        return replace(self, details=self.details.only(left))


def correction_of(
    subject: Subject, dates: DateCorrection, *, ours: bool, modified: float
) -> Correction | None:
    """Return what the server should be told of a file; None if that is nothing.

    ``ours`` is whether we stored it; ``modified`` is in epoch seconds. What Takeout
    says counts where the file says nothing, so one that can't be read gets nothing.
    """
    if not subject.read:
        return None
    own = subject.facts
    xmp = MediaFacts() if subject.sidecar is None else subject.sidecar.facts
    takeout = subject.takeout or MediaFacts()
    details = Details(
        taken=subject.taken if _is_date_told(subject, dates, ours=ours) else None,
        place=xmp.place or (None if own.has_location else takeout.place),
        rating=xmp.rating,
        description=_text(xmp.description)
        or (None if own.description else _text(takeout.description)),
        favourite=takeout.is_favorite or None,
    )
    if not details:
        return None
    by_itself = {
        "taken": _is_date_found(subject, xmp, modified),
        "place": _is_same_place(details.place, own.place),
        "rating": (details.rating or 0) == (own.rating or 0),
        "description": details.description == own.description,
    }
    in_sidecar = {
        "taken": subject.taken_by is DateSource.SIDECAR,
        "place": xmp.has_location,
        "rating": True,
        "description": bool(xmp.description),
    }
    return Correction(
        details=details,
        by_itself=frozenset(name for name, found in by_itself.items() if found),
        in_sidecar=frozenset(name for name, said in in_sidecar.items() if said),
        sidecar=None if subject.sidecar is None else subject.sidecar.digest,
        own=own,
    )


def untouched(own: MediaFacts, shown: AssetDetails) -> frozenset[str]:
    """Return the names of what the server shows as the file says it, or not at all.

    The rest was changed there by a person, whose word counts.
    """
    found = {
        # Who sets a date in Immich sets its zone; a file without a date has none.
        "taken": shown.zone is None or _is_same_clock(own.captured_at, shown.clock),
        "place": shown.place is None or _is_same_place(shown.place, own.place),
        "rating": not shown.rating or shown.rating == own.rating,
        "description": not shown.description or shown.description == own.description,
        "favourite": not shown.favourite,
    }
    return frozenset(name for name, same in found.items() if same)


def _text(text: str | None) -> str | None:
    """Return a description as the server's database can keep it."""
    if text is None:
        return None
    kept = text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    return kept[:_LONGEST] or None


def _is_date_told(subject: Subject, dates: DateCorrection, *, ours: bool) -> bool:
    """Return whether the date of a file may have to be written."""
    by = subject.taken_by
    if dates is DateCorrection.NEVER:
        return False
    if by in (DateSource.SIDECAR, DateSource.TAKEOUT):
        return True
    # Of what was in Immich before, a guess is no reason to change anything.
    return ours and (
        by is DateSource.NAME
        or (
            dates is DateCorrection.ALWAYS
            and by in (DateSource.MOVIE_HEADER, DateSource.EXIF_CHANGED)
        )
    )


def _is_date_found(subject: Subject, xmp: MediaFacts, modified: float) -> bool:
    """Return whether the server shows the time when a file was taken by itself.

    It shows the clock on the wall. Of what says no date that is UTC when the file was
    last changed, and of a video that says only UTC it is that, unless it says a place.
    """
    own = subject.facts
    match subject.taken_by:
        case DateSource.SIDECAR:
            theirs = xmp.captured_at, xmp.utc_offset
            return theirs == (own.captured_at, own.utc_offset)
        case DateSource.MOVIE_HEADER:
            clock = own.captured_at
            if own.has_location:
                return True
        case _:
            clock = datetime(1970, 1, 1) + timedelta(seconds=modified)
    return _is_same_clock(subject.taken.replace(tzinfo=None), clock)


def _is_same_clock(one: datetime | None, other: datetime | None) -> bool:
    """Return whether two clocks show the same second."""
    return one is not None and other is not None and abs(one - other) < _SAME_TIME


def _is_same_place(one: Place | None, other: Place | None) -> bool:
    """Return whether two places are as good as the same."""
    if one is None or other is None:
        return False
    return all(abs(a - b) < _SAME_DEGREES for a, b in zip(one, other, strict=True))
