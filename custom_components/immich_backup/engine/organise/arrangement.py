"""What the owner of a folder wants of its stored files: album, tags and more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ...immich import AlbumRole, Visibility
from ..geotags import GeotagRules
from ..media.pairs import GroupKind
from .together import CHOICES, Handling, Together
from .trips import TripRules

# Immich takes longer ones; nobody reads them.
MAX_NAME = 200
MAX_TEXT = 2000
MAX_LEVELS = 10
MAX_HOURS = 24 * 31
MAX_KM = 20_000
MAX_PHOTOS = 1000
MAX_MINUTES = 60
# Zero width non-joiner and joiner.
_JOINERS = "\u200c\u200d"


class ArrangementError(ValueError):
    """A wish that can't be granted; ``field`` names it, ``reason`` what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        """Keep the field and the stable reason."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class AlbumBy(StrEnum):
    """By what the album of a file is found."""

    NONE = "none"
    NAME = "name"
    FOLDERS = "folders"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    CALENDAR = "calendar"
    TRIP = "trip"
    ZONE = "zone"


DATED = frozenset((AlbumBy.YEAR, AlbumBy.MONTH, AlbumBy.DAY))
# For these a file may have none, and then goes where ``otherwise`` says.
EVENTFUL = frozenset((AlbumBy.CALENDAR, AlbumBy.TRIP, AlbumBy.ZONE))


class DateCorrection(StrEnum):
    """Which dates are written where the server would show another time."""

    NEVER = "never"
    # Those that the file does not hold itself: of sidecars, Takeout and its name.
    NAME = "name"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumChoice:
    """Which album a file goes to.

    ``name`` is that of the one album, or a template of it; ``levels`` is how many
    sub-folders, from the top, make a name, and ``joiner`` what stands between them.
    ``calendars`` are asked for events (entity ids), which name albums, or which the
    template of a name sees. ``trips`` is what makes a trip, and ``otherwise`` is what
    dates a file that belongs to no event, trip or zone. A new album is shared with
    other users of the server (``share``, their ids).
    """

    by: AlbumBy
    name: str = ""
    levels: int = 1
    joiner: str = " - "
    calendars: tuple[str, ...] = ()
    trips: TripRules = TripRules()
    share: tuple[str, ...] = ()
    role: AlbumRole = AlbumRole.VIEWER
    otherwise: AlbumBy = AlbumBy.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """What is wanted of a stored file; names, tags and description may be templates.

    ``visibility`` None leaves it to the server. The halves of ``live_photos`` are put
    together, and ``together`` is what happens with other kinds of files that belong
    together.
    What ``sidecars`` say is passed on, ``dates`` says which dates, and ``keywords``
    become tags.
    ``geotag`` says who knows where photos were taken that do not tell it themselves.
    """

    album: AlbumChoice | None = None
    tags: tuple[str, ...] = ()
    favourite: bool = False
    visibility: Visibility | None = None
    description: str | None = None
    live_photos: bool = False
    together: Mapping[GroupKind, Together] = field(default_factory=dict)
    sidecars: bool = False
    dates: DateCorrection = DateCorrection.NEVER
    keywords: bool = False
    geotag: GeotagRules | None = None

    def __bool__(self) -> bool:
        """Return whether anything is wanted."""
        return self != Arrangement()

    @property
    def templates(self) -> Sequence[str]:
        """Return the texts that are templates."""
        name = "" if self.album is None else self.album.name
        texts = (name, *self.tags, self.description or "")
        return [text for text in texts if is_template(text)]

    @property
    def needs_date(self) -> bool:
        """Return whether it depends on when or where a file was taken, or may."""
        dated = self.album is not None and self.album.by in DATED | EVENTFUL
        return dated or bool(self.templates) or self.geotag is not None

    def locks_album_of(self, rule: Arrangement) -> bool:
        """Return whether a rule names an album, and this locks its files away from it."""
        visibility = rule.visibility or self.visibility
        return visibility is Visibility.LOCKED and rule.album is not None

    @property
    def stacked(self) -> Mapping[GroupKind, Together]:
        """Return of which kinds the files are stacked, and how."""
        return self._handled(Handling.STACK)

    @property
    def only(self) -> Mapping[GroupKind, Together]:
        """Return of which kinds only one file is wanted, and which."""
        return self._handled(Handling.ONLY)

    def _handled(self, handling: Handling) -> Mapping[GroupKind, Together]:
        """Return the kinds that are handled so."""
        return {
            kind: chosen
            for kind, chosen in self.together.items()
            if chosen.handling is handling
        }

    def refined(self, rule: Arrangement) -> Arrangement:
        """Return this of a folder with what a rule of it says for its files.

        Tags are added; all else that the rule says replaces what the folder says. What
        goes to the locked folder gets no album: the server refuses it.
        """
        visibility = rule.visibility or self.visibility
        album = self.album if rule.album is None else rule.album
        return Arrangement(
            album=None if visibility is Visibility.LOCKED else album,
            tags=tuple(dict.fromkeys((*self.tags, *rule.tags))),
            favourite=self.favourite or rule.favourite,
            visibility=visibility,
            description=rule.description or self.description,
            live_photos=self.live_photos,
            together=self.together,
            sidecars=self.sidecars,
            dates=self.dates,
            keywords=self.keywords,
            geotag=self.geotag,
        )


def by_trip(arrangement: Arrangement) -> bool:
    """Return whether the album of a file is that of its trip."""
    return arrangement.album is not None and arrangement.album.by is AlbumBy.TRIP


def is_template(text: str) -> bool:
    """Return whether a text is one of Home Assistant's templates."""
    return any(sign in text for sign in ("{{", "{%", "{#"))


def parse_arrangement(data: Mapping[str, object]) -> Arrangement:
    """Return what is wanted from its stored form.

    Fields, all optional: album (see AlbumBy; any other text is an album's name),
    album_name, album_levels, album_joiner, album_calendars (entity ids), trip_hours,
    trip_km, trip_photos, album_otherwise (year, month, day), album_share (ids of
    users), album_role, tags, favourite, visibility (timeline, archive, hidden, locked),
    description, live_photos, raw_and_jpeg, heic_and_jpeg, burst (see CHOICES), sidecars,
    correct_dates (see DateCorrection), keywords, place_from (entity ids),
    place_minutes. Raises ArrangementError.
    """
    visibility = _visibility(data)
    album = _album(data)
    if visibility is Visibility.LOCKED and album is not None:
        # The server refuses it.
        raise ArrangementError("visibility", "locked_album")
    description = _text(data, "description", MAX_TEXT)
    return Arrangement(
        album=album,
        tags=_tags(data),
        favourite=data.get("favourite") is True,
        visibility=visibility,
        description=description or None,
        live_photos=data.get("live_photos") is True,
        together=_together(data),
        sidecars=data.get("sidecars") is True,
        dates=_dates(data),
        keywords=data.get("keywords") is True,
        geotag=_geotag(data),
    )


def _album(data: Mapping[str, object]) -> AlbumChoice | None:
    """Return which album is wanted, if any, and with whom it is shared."""
    choice = _choice(data)
    share = _words(data, "album_share")
    if choice is None or not share:
        return choice
    try:
        role = AlbumRole(_text(data, "album_role", MAX_NAME) or AlbumRole.VIEWER)
    except ValueError as err:
        raise ArrangementError("album_role", "unknown") from err
    return replace(choice, share=share, role=role)


def _choice(data: Mapping[str, object]) -> AlbumChoice | None:
    """Return which album is wanted, if any."""
    word = _text(data, "album", MAX_TEXT)
    try:
        by = AlbumBy(word or AlbumBy.NONE)
    except ValueError:
        return AlbumChoice(by=AlbumBy.NAME, name=_checked_name("album", word))
    match by:
        case AlbumBy.NONE:
            return None
        case AlbumBy.NAME:
            name = _text(data, "album_name", MAX_TEXT)
            return AlbumChoice(
                by=by,
                name=_checked_name("album_name", name),
                calendars=_words(data, "album_calendars"),
            )
        case AlbumBy.FOLDERS:
            joiner = data.get("album_joiner")
            return AlbumChoice(
                by=by,
                levels=int(_number(data, "album_levels", 1, MAX_LEVELS)),
                joiner=joiner if isinstance(joiner, str) and joiner else " - ",
            )
        case AlbumBy.CALENDAR:
            calendars = _words(data, "album_calendars")
            if not calendars:
                raise ArrangementError("album_calendars", "calendars_missing")
            return AlbumChoice(by=by, calendars=calendars, otherwise=_otherwise(data))
        case AlbumBy.TRIP:
            trips = TripRules(
                gap_hours=_number(data, "trip_hours", 8, MAX_HOURS),
                gap_km=_number(data, "trip_km", 50, MAX_KM),
                least=int(_number(data, "trip_photos", 5, MAX_PHOTOS)),
            )
            return AlbumChoice(by=by, trips=trips, otherwise=_otherwise(data))
        case AlbumBy.ZONE:
            return AlbumChoice(by=by, otherwise=_otherwise(data))
        case _:
            return AlbumChoice(by=by)


def _otherwise(data: Mapping[str, object]) -> AlbumBy:
    """Return by which date a file goes to an album if it belongs to no event."""
    word = _text(data, "album_otherwise", MAX_NAME)
    if word in ("", AlbumBy.NONE):
        return AlbumBy.NONE
    if word not in DATED:
        raise ArrangementError("album_otherwise", "unknown")
    return AlbumBy(word)


def _geotag(data: Mapping[str, object]) -> GeotagRules | None:
    """Return by whom the place of photos is known that do not tell it."""
    entities = _words(data, "place_from")
    minutes = _number(data, "place_minutes", 5, MAX_MINUTES)
    return GeotagRules(entities=entities, minutes=minutes) if entities else None


def _number(
    data: Mapping[str, object], key: str, default: float, largest: float
) -> float:
    """Return a number of at least one."""
    try:
        number = float(str(data.get(key, default)))
    except ValueError as err:
        raise ArrangementError(key, "not_a_number") from err
    if not 1 <= number <= largest:
        raise ArrangementError(key, "not_a_number")
    return number


def _checked_name(field: str, name: str) -> str:
    """Return an album's name, or a template of it, that can be used."""
    if not name:
        raise ArrangementError(field, "name_missing")
    if len(name) > MAX_NAME and not is_template(name):
        raise ArrangementError(field, "too_long")
    return name


def _tags(data: Mapping[str, object]) -> tuple[str, ...]:
    """Return the tags."""
    tags = _words(data, "tags")
    for tag in tags:
        if len(tag) > MAX_TEXT or (not is_template(tag) and not clean_tag(tag)):
            raise ArrangementError("tags", "not_a_tag")
    return tags


def _words(data: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return texts, each once; a single text is split at commas and lines."""
    value = data.get(key) or ()
    if isinstance(value, str):
        value = value.replace("\n", ",").split(",")
    if not isinstance(value, Sequence):
        raise ArrangementError(key, "not_a_list")
    words = (str(item).strip() for item in value)
    return tuple(dict.fromkeys(word for word in words if word))


def _together(data: Mapping[str, object]) -> Mapping[GroupKind, Together]:
    """Return what happens with pictures that belong together."""
    found: dict[GroupKind, Together] = {}
    for kind, choices in CHOICES.items():
        word = _text(data, kind, MAX_NAME) or next(iter(choices))
        if word not in choices:
            raise ArrangementError(kind, "unknown")
        if (chosen := choices[word]) is not None:
            found[kind] = chosen
    return found


def _dates(data: Mapping[str, object]) -> DateCorrection:
    """Return which dates are corrected."""
    word = _text(data, "correct_dates", MAX_NAME)
    try:
        return DateCorrection(word or DateCorrection.NEVER)
    except ValueError as err:
        raise ArrangementError("correct_dates", "unknown") from err


def _visibility(data: Mapping[str, object]) -> Visibility | None:
    """Return where the files shall show up, if that is chosen."""
    word = _text(data, "visibility", MAX_NAME)
    if not word or word == "default":
        return None
    try:
        return Visibility(word)
    except ValueError as err:
        raise ArrangementError("visibility", "unknown") from err


def _text(data: Mapping[str, object], key: str, longest: int) -> str:
    """Return a text, empty when there is none."""
    text = str(data.get(key) or "").strip()
    if len(text) > longest:
        raise ArrangementError(key, "too_long")
    return text


def clean_name(text: str) -> str:
    """Return a text as an album's name: one line, no more than 200 characters."""
    return " ".join(_printable(text).split())[:MAX_NAME].strip()


def clean_tag(text: str) -> str:
    """Return a text as a tag: levels that are not empty, joined by `/`."""
    levels = (" ".join(level.split()) for level in _printable(text).split("/"))
    return "/".join(level for level in levels if level)[:MAX_NAME].rstrip("/ ")


def _printable(text: str) -> str:
    """Return a text without control characters and halves of characters.

    What joins emojis, or keeps letters of Persian apart, is not shown but belongs there.
    """
    return "".join(
        sign if sign.isprintable() or sign.isspace() or sign in _JOINERS else " "
        for sign in text
    )
