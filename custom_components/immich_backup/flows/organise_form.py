"""The form that asks how stored files are arranged in Immich."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import probatio

from ..const import (
    CONF_ALBUM,
    CONF_ALBUM_JOINER,
    CONF_ALBUM_LEVELS,
    CONF_ALBUM_NAME,
    CONF_DESCRIPTION,
    CONF_FAVOURITE,
    CONF_TAGS,
    CONF_VISIBILITY,
)
from ..engine.organise.arrangement import (
    MAX_LEVELS,
    AlbumBy,
    Arrangement,
    ArrangementError,
    parse_arrangement,
)
from ..engine.organise.subject import Subject
from ..home import HomeContext
from ..immich import Visibility

SECTION_FOLDERS = "folders_section"
SECTION_MORE = "more"

# A template that the texts show.
EXAMPLE = "{{ media.captured_at.strftime('%B %Y') }}"
# What the server decides by itself.
_DEFAULT = "default"
_FIELDS = (CONF_ALBUM, CONF_ALBUM_NAME, CONF_TAGS)
_SECTIONS: Mapping[str, Sequence[str]] = {
    SECTION_FOLDERS: (CONF_ALBUM_LEVELS, CONF_ALBUM_JOINER),
    SECTION_MORE: (CONF_FAVOURITE, CONF_VISIBILITY, CONF_DESCRIPTION),
}
_SAMPLE_PATH = "Holiday/IMG_0001.jpg"


def organise_schema(opened: Collection[str] = ()) -> probatio.Schema:
    """Return the form; ``opened`` are the sections that are shown open."""
    folders = {
        probatio.Required(CONF_ALBUM_LEVELS, default=1): NumberSelector(
            NumberSelectorConfig(min=1, max=MAX_LEVELS, mode=NumberSelectorMode.BOX)
        ),
        probatio.Optional(CONF_ALBUM_JOINER): TextSelector(),
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
        probatio.Optional(CONF_DESCRIPTION): TemplateSelector(),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_ALBUM, default=AlbumBy.NONE.value): SelectSelector(
                SelectSelectorConfig(
                    options=[by.value for by in AlbumBy],
                    mode=SelectSelectorMode.LIST,
                    translation_key="album",
                )
            ),
            probatio.Optional(CONF_ALBUM_NAME): TemplateSelector(),
            probatio.Optional(CONF_TAGS): TextSelector(
                TextSelectorConfig(multiple=True)
            ),
            **{
                probatio.Required(name): section(
                    probatio.Schema(fields), {"collapsed": name not in opened}
                )
                for name, fields in ((SECTION_FOLDERS, folders), (SECTION_MORE, more))
            },
        }
    )


async def check_organise(
    hass: HomeAssistant, form: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors in a form by field, and the details that they name.

    ``rules`` are those of the folder, some of which may say more for their files.
    """
    try:
        arrangement = parse_arrangement(organise_data_of(form))
    except ArrangementError as err:
        return {_place_of(err.field): err.reason}, {}
    if arrangement.visibility is Visibility.LOCKED:
        for rule in rules:
            if parse_arrangement(rule).album is not None:
                return {SECTION_MORE: "locked_rule"}, {"rule": str(rule.get("name"))}
    return await check_templates(hass, arrangement)


async def check_templates(
    hass: HomeAssistant, arrangement: Arrangement
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors of templates that fail for a photo as there could be one."""
    sample = Subject(
        folder="Camera",
        path=_SAMPLE_PATH,
        size=2_000_000,
        taken=datetime(2026, 7, 14, 18, 30, tzinfo=dt_util.get_default_time_zone()),
        taken_by="exif",
        read=True,
    )
    album = "" if arrangement.album is None else arrangement.album.name
    for template in arrangement.templates:
        (made,) = await HomeContext(hass).render(template, [sample.variables()])
        if made.text is None:
            if template == album:
                field = CONF_ALBUM_NAME
            elif template in arrangement.tags:
                field = CONF_TAGS
            else:
                field = SECTION_MORE
            return {field: "template_unusable"}, {"problem": made.problem}
    return {}, {}


def organise_data_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a form: flat, JSON-safe, without what says nothing."""
    values = {key: form[key] for key in _FIELDS if form.get(key) not in (None, "", [])}
    for name, keys in _SECTIONS.items():
        values |= {
            key: form[name][key]
            for key in keys
            if form[name].get(key) not in (None, "", False, _DEFAULT)
        }
    if values.get(CONF_ALBUM) == AlbumBy.NONE:
        del values[CONF_ALBUM]
    if values.get(CONF_ALBUM) != AlbumBy.NAME:
        values.pop(CONF_ALBUM_NAME, None)
    if values.get(CONF_ALBUM) != AlbumBy.FOLDERS:
        for key in _SECTIONS[SECTION_FOLDERS]:
            values.pop(key, None)
    return values


def organise_form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that what is stored was entered in."""
    form: dict[str, Any] = {key: data[key] for key in _FIELDS if key in data}
    for name, keys in _SECTIONS.items():
        form[name] = {key: data[key] for key in keys if key in data}
    return form


def opened_sections(data: Mapping[str, Any]) -> set[str]:
    """Return the sections in which something was chosen, to be shown open."""
    opened = {
        name for name, keys in _SECTIONS.items() if any(key in data for key in keys)
    }
    return opened | ({SECTION_FOLDERS} if data.get(CONF_ALBUM) == "folders" else set())


def _place_of(field: str) -> str:
    """Return where the error of a field is shown: a section shows only its own."""
    for name, keys in _SECTIONS.items():
        if field in keys:
            return name
    return field
