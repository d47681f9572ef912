"""Where one stored file goes, decided by its arrangement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...immich import AlbumRole, Visibility
from ..calendars import Calendars
from ..context import Context, Place
from ..geotags import GeotagRules, Whereabouts
from ..media.facts import DateSource
from .arrangement import (
    DATED,
    EVENTFUL,
    MAX_TEXT,
    AlbumBy,
    AlbumChoice,
    Arrangement,
    clean_name,
    clean_tag,
    is_template,
)
from .correction import Correction
from .subject import Subject


@dataclass(frozen=True, slots=True)
class AlbumRef:
    """An album: by what it is remembered, and what it is called when it is made."""

    key: str
    name: str


# What tells when something was taken well enough to ask where that was.
_CLOCKS = frozenset(
    (
        DateSource.SIDECAR,
        DateSource.EXIF,
        DateSource.RECORDING,
        DateSource.QUICKTIME,
        DateSource.MOVIE_HEADER,
        DateSource.XMP,
        DateSource.TAKEOUT,
    )
)

# Albums that depend on where something was taken.
_PLACED = frozenset((AlbumBy.TRIP, AlbumBy.ZONE))


def trip_key(trip: int) -> str:
    """Return by what the album of a trip is remembered; no name looks like it.

    They sort like the trips.
    """
    return f"\x1ftrip:{trip:012}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Album, tags and what else a file gets; ``by`` what its album was found.

    ``in_live_photo`` is whether it is the video of a live photo, which goes where its
    still goes. A new album is shared with other users (``share``, by their ids). ``correction`` is
    what the server should be told beside that. ``place`` is where it was taken by what
    the home knows, if the file does not say it. ``zone`` and ``event`` are what was
    found for it. ``problems`` are sentences about what could not be decided, which it
    then lacks; ``undecided`` is one about what may be decided later.
    """

    album: AlbumRef | None = None
    by: AlbumBy = AlbumBy.NONE
    share: Mapping[str, AlbumRole] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    favourite: bool = False
    visibility: Visibility | None = None
    description: str | None = None
    correction: Correction | None = None
    place: Place | None = None
    zone: str | None = None
    event: str | None = None
    problems: tuple[str, ...] = ()
    undecided: str | None = None
    in_live_photo: bool = False


@dataclass(slots=True, kw_only=True)
class _Draft:
    """One file while it is decided where it goes."""

    subject: Subject
    arrangement: Arrangement
    place: Place | None = None
    zone: str | None = None
    event: str | None = None
    undecided: str | None = None
    # Why its place may be known later; the rest does not wait for it.
    placeless: str | None = None
    made: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def text(self, text: str) -> str:
        """Return what became of a text; it is empty where a template failed."""
        return self.made.get(text, "") if is_template(text) else text

    @property
    def choice(self) -> AlbumChoice | None:
        """Return which album is wanted."""
        return self.arrangement.album


async def place(
    wanted: Sequence[tuple[Subject, Arrangement]], context: Context, now: float
) -> list[Placement]:
    """Return where files go, in their order; trips, which take many, are found later.

    ``now`` is epoch seconds: what happened a moment ago is not all known yet.
    """
    drafts = [
        _Draft(subject=subject, arrangement=arrangement)
        for subject, arrangement in wanted
    ]
    await _find_places(drafts, context, now)
    await _find_zones(drafts, context)
    await _find_events(drafts, context)
    await _render(drafts, context)
    return [_placement(draft) for draft in drafts]


async def places_of(
    wanted: Sequence[tuple[Subject, Arrangement]], context: Context, now: float
) -> list[tuple[Place | None, bool]]:
    """Return where files were taken, in their order, and whether more may be known later.

    As `place` finds it, with nothing else; ``now`` is epoch seconds.
    """
    drafts = [
        _Draft(subject=subject, arrangement=arrangement)
        for subject, arrangement in wanted
    ]
    await _find_places(drafts, context, now)
    return [
        (draft.subject.place or draft.place, draft.placeless is not None)
        for draft in drafts
    ]


async def _find_places(drafts: Sequence[_Draft], context: Context, now: float) -> None:
    """Find where photos were taken that do not tell it, if their folder wants that."""
    asking: dict[GeotagRules, list[_Draft]] = {}
    for draft in drafts:
        rules = draft.arrangement.geotag
        if rules is not None and _lacks_place(draft.subject):
            asking.setdefault(rules, []).append(draft)
    for rules, some in asking.items():
        whereabouts = Whereabouts(rules, context)
        await whereabouts.look([draft.subject.taken for draft in some])
        for draft in some:
            draft.place = whereabouts.place_at(draft.subject.taken)
            if draft.place is not None:
                continue
            if whereabouts.problem is not None:
                draft.problems.append(whereabouts.problem)
            elif 0 <= now - draft.subject.taken.timestamp() <= rules.minutes * 60:
                draft.placeless = "Where it was taken may be known in a few minutes"


def _lacks_place(subject: Subject) -> bool:
    """Return whether a place is to be found for what is certainly a photo or a video.

    Its own clock must tell when it was taken, and it must be known that it tells no
    place: a name is often that of a picture which somebody sent.
    """
    return (
        subject.read
        and subject.place is None
        and subject.facts.trouble is None
        and subject.taken_by in _CLOCKS
        and not subject.facts.is_screenshot
    )


async def _find_zones(drafts: Sequence[_Draft], context: Context) -> None:
    """Find the zones in which files were taken, where that matters."""
    asked = [
        (draft, place)
        for draft in drafts
        if (place := draft.subject.place or draft.place) is not None
        and (
            draft.arrangement.templates
            or (draft.choice is not None and draft.choice.by is AlbumBy.ZONE)
        )
    ]
    if asked:
        zones = await context.zones([place for _, place in asked])
        for (draft, _), zone in zip(asked, zones, strict=True):
            draft.zone = zone


async def _find_events(drafts: Sequence[_Draft], context: Context) -> None:
    """Find what was in the calendars when files were taken, where that matters."""
    by_calendars: dict[tuple[str, ...], list[_Draft]] = {}
    for draft in drafts:
        choice = draft.choice
        if choice is None or not choice.calendars:
            continue
        if choice.by is AlbumBy.CALENDAR or draft.arrangement.templates:
            by_calendars.setdefault(choice.calendars, []).append(draft)
    for names, asking in by_calendars.items():
        calendars = Calendars(names, context)
        await calendars.look([draft.subject.taken for draft in asking])
        for draft in asking:
            draft.event = calendars.event_at(draft.subject.taken)
            draft.undecided = calendars.problem


async def _render(drafts: Sequence[_Draft], context: Context) -> None:
    """Render the templates of all files, each template for all of them at once.

    What a calendar or the history can't say at present they would take for nothing: they
    wait for it.
    """
    asking: dict[str, list[_Draft]] = {}
    for draft in drafts:
        if draft.undecided is not None or draft.placeless is not None:
            continue
        for template in dict.fromkeys(draft.arrangement.templates):
            asking.setdefault(template, []).append(draft)
    for template, some in asking.items():
        results = await context.render(
            template,
            [
                draft.subject.variables(draft.zone, draft.event, draft.place)
                for draft in some
            ],
        )
        for draft, result in zip(some, results, strict=True):
            if result.text is None:
                draft.problems.append(result.problem)
            else:
                # What is not known is no name, tag or description.
                draft.made[template] = "" if result.text == "None" else result.text


def _placement(draft: _Draft) -> Placement:
    """Return where a file goes by what was found."""
    arrangement = draft.arrangement
    texts = [
        tag
        for text in arrangement.tags
        # A template may make several.
        for tag in (draft.text(text).split(",") if is_template(text) else [text])
    ]
    if arrangement.keywords:
        texts += draft.subject.keywords
    tags = map(clean_tag, texts)
    description = draft.text(arrangement.description or "").strip()[:MAX_TEXT]
    album, by = _album(draft)
    return Placement(
        album=album,
        by=by,
        share={}
        if draft.choice is None
        else dict.fromkeys(draft.choice.share, draft.choice.role),
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
        favourite=arrangement.favourite,
        visibility=arrangement.visibility,
        description=description or None,
        place=draft.place,
        zone=draft.zone,
        event=draft.event,
        problems=tuple(draft.problems),
        undecided=draft.undecided or draft.placeless,
    )


def _album(draft: _Draft) -> tuple[AlbumRef | None, AlbumBy]:
    """Return a file's album, if it goes to one, and by what it was found."""
    choice = draft.choice
    if choice is None:
        return None, AlbumBy.NONE
    if choice.by is AlbumBy.CALENDAR and draft.undecided is not None:
        return None, AlbumBy.NONE
    if draft.placeless is not None and choice.by in _PLACED:
        # It would be in another one as well once its place is known.
        return None, AlbumBy.NONE
    ways = [choice.by, choice.otherwise] if choice.by in EVENTFUL else [choice.by]
    for by in ways:
        if name := _name(draft, choice, by):
            return AlbumRef(name, name), by
    return None, AlbumBy.NONE


def _name(draft: _Draft, choice: AlbumChoice, by: AlbumBy) -> str:
    """Return the name of a file's album; empty for none."""
    subject = draft.subject
    if by in DATED:
        length = {AlbumBy.YEAR: 4, AlbumBy.MONTH: 7, AlbumBy.DAY: 10}[by]
        return subject.taken.date().isoformat()[:length]
    match by:
        case AlbumBy.NAME:
            return clean_name(draft.text(choice.name))
        case AlbumBy.FOLDERS:
            return clean_name(choice.joiner.join(subject.folders[: choice.levels]))
        case AlbumBy.CALENDAR:
            return clean_name(draft.event or "")
        case AlbumBy.ZONE:
            return clean_name(draft.zone or "")
        case _:
            return ""
