"""The form that asks how stored files are arranged in Immich."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from homeassistant.components.calendar.const import DOMAIN as CALENDAR_DOMAIN
from homeassistant.components.device_tracker.const import (
    DOMAIN as DEVICE_TRACKER_DOMAIN,
)
from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import probatio

from ..const import (
    CONF_ALBUM,
    CONF_ALBUM_CALENDARS,
    CONF_ALBUM_JOINER,
    CONF_ALBUM_LEVELS,
    CONF_ALBUM_NAME,
    CONF_ALBUM_OTHERWISE,
    CONF_ALBUM_ROLE,
    CONF_ALBUM_SHARE,
    CONF_BURST,
    CONF_CORRECT_DATES,
    CONF_DESCRIPTION,
    CONF_FAVOURITE,
    CONF_HEIC_AND_JPEG,
    CONF_KEYWORDS,
    CONF_LIVE_PHOTOS,
    CONF_PLACE_FROM,
    CONF_PLACE_MINUTES,
    CONF_RAW_AND_JPEG,
    CONF_TAGS,
    CONF_TRIP_HOURS,
    CONF_TRIP_KM,
    CONF_TRIP_PHOTOS,
    CONF_VISIBILITY,
)
from ..engine.geotags import GeotagRules
from ..engine.media import DateSource, GroupKind, MediaFacts
from ..engine.organise.arrangement import (
    DATED,
    MAX_HOURS,
    MAX_KM,
    MAX_LEVELS,
    MAX_MINUTES,
    MAX_PHOTOS,
    AlbumBy,
    Arrangement,
    ArrangementError,
    DateCorrection,
    parse_arrangement,
)
from ..engine.organise.subject import Subject
from ..engine.organise.together import CHOICES
from ..engine.organise.trips import TripRules
from ..home import HomeContext
from ..immich import AlbumRole, Visibility
from .sections import Sections, flattened, number_field, section_fields, unflattened

SECTION_TOGETHER = "together"
SECTION_PLACE = "place"
SECTION_MORE = "more"

# A template that the texts show.
EXAMPLE = "{{ media.captured_at.strftime('%B %Y') }}"
# What the server decides by itself.
_DEFAULT = "default"
_FIELDS = (CONF_ALBUM, CONF_TAGS)
# Kinds of pictures that belong together, and what is chosen of each if nothing is.
_KINDS = {
    key: next(iter(CHOICES[GroupKind(key)]))
    for key in (CONF_RAW_AND_JPEG, CONF_HEIC_AND_JPEG, CONF_BURST)
}
_SECTIONS: Sections = {
    SECTION_TOGETHER: (CONF_LIVE_PHOTOS, *_KINDS),
    SECTION_PLACE: (CONF_PLACE_FROM, CONF_PLACE_MINUTES),
    SECTION_MORE: (
        CONF_FAVOURITE,
        CONF_VISIBILITY,
        CONF_DESCRIPTION,
        CONF_KEYWORDS,
        CONF_CORRECT_DATES,
    ),
}
# What is not stored, as it is the same as to say nothing.
_UNSAID: Mapping[str, object] = {
    CONF_ALBUM: AlbumBy.NONE,
    CONF_LIVE_PHOTOS: True,
    **_KINDS,
    CONF_FAVOURITE: False,
    CONF_VISIBILITY: _DEFAULT,
    CONF_KEYWORDS: False,
    CONF_CORRECT_DATES: DateCorrection.NAME,
    CONF_ALBUM_OTHERWISE: AlbumBy.NONE,
}
# What is asked on a page of its own for each way to find an album,
_OF_ALBUM: Mapping[AlbumBy, Sequence[str]] = {
    AlbumBy.NAME: (CONF_ALBUM_NAME, CONF_ALBUM_CALENDARS),
    AlbumBy.FOLDERS: (CONF_ALBUM_LEVELS, CONF_ALBUM_JOINER),
    AlbumBy.CALENDAR: (CONF_ALBUM_CALENDARS, CONF_ALBUM_OTHERWISE),
    AlbumBy.TRIP: (
        CONF_TRIP_HOURS,
        CONF_TRIP_KM,
        CONF_TRIP_PHOTOS,
        CONF_ALBUM_OTHERWISE,
    ),
    AlbumBy.ZONE: (CONF_ALBUM_OTHERWISE,),
}
# and for all of them where there is somebody to share it with.
_SHARING = (CONF_ALBUM_SHARE, CONF_ALBUM_ROLE)
_TRIPS = TripRules()
_GEOTAGS = GeotagRules(entities=())
_SAMPLE_PATH = "Holiday/IMG_0001.jpg"


def organise_schema(opened: Collection[str] = ()) -> probatio.Schema:
    """Return the form; ``opened`` are the sections that are shown open."""
    together = {
        probatio.Required(CONF_LIVE_PHOTOS, default=True): BooleanSelector(),
        **{
            probatio.Required(key, default=default): SelectSelector(
                SelectSelectorConfig(
                    options=list(CHOICES[GroupKind(key)]),
                    mode=SelectSelectorMode.DROPDOWN,
                    translation_key=key,
                )
            )
            for key, default in _KINDS.items()
        },
    }
    place = {
        probatio.Optional(CONF_PLACE_FROM): EntitySelector(
            EntitySelectorConfig(
                domain=[PERSON_DOMAIN, DEVICE_TRACKER_DOMAIN], multiple=True
            )
        ),
        probatio.Required(CONF_PLACE_MINUTES, default=_GEOTAGS.minutes): number_field(
            1, MAX_MINUTES, "min"
        ),
    }
    more = {
        probatio.Required(CONF_FAVOURITE, default=False): BooleanSelector(),
        probatio.Required(CONF_VISIBILITY, default=_DEFAULT): SelectSelector(
            SelectSelectorConfig(
                options=[_DEFAULT, *(visibility.value for visibility in Visibility)],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="visibility",
            )
        ),
        probatio.Optional(CONF_DESCRIPTION): TextSelector(
            TextSelectorConfig(multiline=True)
        ),
        probatio.Required(CONF_KEYWORDS, default=False): BooleanSelector(),
        probatio.Required(
            CONF_CORRECT_DATES, default=DateCorrection.NAME.value
        ): SelectSelector(
            SelectSelectorConfig(
                options=[dates.value for dates in DateCorrection],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="correct_dates",
            )
        ),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_ALBUM, default=AlbumBy.NONE.value): SelectSelector(
                SelectSelectorConfig(
                    options=[by.value for by in AlbumBy],
                    mode=SelectSelectorMode.DROPDOWN,
                    translation_key="album",
                )
            ),
            probatio.Optional(CONF_TAGS): TextSelector(
                TextSelectorConfig(multiple=True)
            ),
            **section_fields(
                {
                    SECTION_TOGETHER: together,
                    SECTION_PLACE: place,
                    SECTION_MORE: more,
                },
                opened,
            ),
        }
    )


def album_schema(by: AlbumBy, users: Mapping[str, str]) -> probatio.Schema:
    """Return the form for one way to find an album; it may be empty.

    ``users`` are those with whom albums can be shared: names by ids.
    """
    # A name of one's own may do without events.
    calendars = probatio.Optional if by is AlbumBy.NAME else probatio.Required
    fields: dict[Any, Any] = {
        probatio.Required(CONF_ALBUM_NAME): TextSelector(),
        calendars(CONF_ALBUM_CALENDARS): EntitySelector(
            EntitySelectorConfig(domain=CALENDAR_DOMAIN, multiple=True)
        ),
        probatio.Required(CONF_TRIP_HOURS, default=_TRIPS.gap_hours): number_field(
            1, MAX_HOURS, "h"
        ),
        probatio.Required(CONF_TRIP_KM, default=_TRIPS.gap_km): number_field(
            1, MAX_KM, "km"
        ),
        probatio.Required(CONF_TRIP_PHOTOS, default=_TRIPS.least): number_field(
            1, MAX_PHOTOS
        ),
        probatio.Required(
            CONF_ALBUM_OTHERWISE, default=AlbumBy.NONE.value
        ): SelectSelector(
            SelectSelectorConfig(
                options=[AlbumBy.NONE.value, *sorted(DATED, reverse=True)],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="album",
            )
        ),
        probatio.Required(CONF_ALBUM_LEVELS, default=1): number_field(1, MAX_LEVELS),
        probatio.Optional(CONF_ALBUM_JOINER): TextSelector(),
        probatio.Optional(CONF_ALBUM_SHARE): SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=user_id, label=name)
                    for user_id, name in users.items()
                ],
                multiple=True,
                mode=SelectSelectorMode.LIST,
            )
        ),
        probatio.Required(CONF_ALBUM_ROLE, default=AlbumRole.VIEWER): SelectSelector(
            SelectSelectorConfig(
                options=[role.value for role in AlbumRole],
                mode=SelectSelectorMode.DROPDOWN,
                translation_key="album_role",
            )
        ),
    }
    shown = (*_OF_ALBUM.get(by, ()), *(_SHARING if users else ()))
    return probatio.Schema({key: fields[key] for key in fields if key in shown})


async def check_organise(
    hass: HomeAssistant,
    form: Mapping[str, Any],
    album: Mapping[str, Any] | None,
    rules: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors in the forms by field, and the details that they name.

    Without what was entered about the ``album`` only the first form is checked.
    ``rules`` are those of the folder, some of which may say more for their files.
    """
    values = organise_data_of(form, album or {})
    if album is None and CONF_ALBUM in values:
        # A way to find one that needs nothing more.
        values[CONF_ALBUM] = AlbumBy.YEAR
    try:
        arrangement = parse_arrangement(values)
    except ArrangementError as err:
        return {_place_of(err.field): err.reason}, {}
    for rule in rules:
        if arrangement.locks_album_of(parse_arrangement(rule)):
            return {SECTION_MORE: "locked_rule"}, {"rule": str(rule.get("name"))}
    return await check_templates(hass, arrangement)


def sample_variables() -> Mapping[str, object]:
    """Return what templates see of a photo as there could be one."""
    return Subject(
        folder="Camera",
        path=_SAMPLE_PATH,
        size=2_000_000,
        facts=MediaFacts(),
        taken=datetime(2026, 7, 14, 18, 30, tzinfo=dt_util.get_default_time_zone()),
        taken_by=DateSource.EXIF,
        read=True,
    ).variables()


async def check_templates(
    hass: HomeAssistant, arrangement: Arrangement
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors of templates that fail for a photo as there could be one."""
    album = "" if arrangement.album is None else arrangement.album.name
    for template in arrangement.templates:
        (made,) = await HomeContext(hass).render(template, [sample_variables()])
        if made.text is None:
            if template == album:
                field = CONF_ALBUM_NAME
            elif template in arrangement.tags:
                field = CONF_TAGS
            else:
                field = SECTION_MORE
            return {field: "template_unusable"}, {"problem": made.problem}
    return {}, {}


def chosen_album(form: Mapping[str, Any]) -> AlbumBy:
    """Return by what the album of a file is to be found."""
    return AlbumBy(form.get(CONF_ALBUM, AlbumBy.NONE))


def organise_data_of(
    form: Mapping[str, Any], album: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is stored of both forms: flat, JSON-safe, without what says nothing."""
    by = chosen_album(form)
    sharing = _SHARING if album.get(CONF_ALBUM_SHARE) else ()
    entered = flattened(form, _FIELDS, _SECTIONS)
    entered |= flattened(album, (*_OF_ALBUM.get(by, ()), *sharing), {})
    values = {
        key: value
        for key, value in entered.items()
        if key not in _UNSAID or value != _UNSAID[key]
    }
    if CONF_PLACE_FROM not in values:
        values.pop(CONF_PLACE_MINUTES, None)
    return values


def organise_form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that what is stored was entered in."""
    return unflattened(data, _FIELDS, _SECTIONS)


def album_form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of the form that asks about the album."""
    keys = (*chain.from_iterable(_OF_ALBUM.values()), *_SHARING)
    return unflattened(data, keys, {})


def opened_sections(form: Mapping[str, Any]) -> set[str]:
    """Return the sections in which something was chosen, to be shown open."""
    stored = organise_data_of(form, {})
    return {
        name for name, keys in _SECTIONS.items() if any(key in stored for key in keys)
    }


def _place_of(field: str) -> str:
    """Return where the error of a field is shown: a section shows only its own."""
    for name, keys in _SECTIONS.items():
        if field in keys:
            return name
    return field
