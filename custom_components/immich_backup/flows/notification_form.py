"""The form of a notification: its fields, and how they become what is stored, and back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homeassistant.components.media_player.const import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.const import CONF_NAME, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    LanguageSelector,
    LanguageSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TimeSelector,
)
from homeassistant.util import dt as dt_util
import probatio

from ..const import (
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_FOLDERS,
    CONF_INTERRUPT,
    CONF_INTERRUPT_TVS,
    CONF_LANGUAGE,
    CONF_LEAST_COUNT,
    CONF_MESSAGE,
    CONF_NOTIFY_ACTIONS,
    CONF_NOTIFY_ENTITIES,
    CONF_ONLY_STORED,
    CONF_PICTURE,
    CONF_QUIET_FAILURES,
    CONF_QUIET_FROM,
    CONF_QUIET_TO,
    CONF_SPEAKERS,
    CONF_TITLE,
    CONF_TTS,
    CONF_TVS,
    CONF_VOLUME,
)
from ..notifications import DEFAULT_OCCASIONS, Occasion, is_phone
from ..wording import LONGEST, WordingError, example_values, filled_in
from .raw_selectors import RawTemplateSelector
from .receivers import (
    action_names,
    names_of,
    offered_actions,
    offered_engines,
    offered_screens,
)
from .sections import Sections, flattened, number_field, section_fields, unflattened
from .texts import Texts

SECTION_OFTEN = "how_often"
SECTION_WORDS = "words"
SECTION_SPEECH = "speech"

_RECEIVERS = (CONF_NOTIFY_ENTITIES, CONF_NOTIFY_ACTIONS, CONF_SPEAKERS, CONF_TVS)
_FIELDS = (*_RECEIVERS, CONF_EVENTS, CONF_FOLDERS)
_SECTIONS: Sections = {
    SECTION_OFTEN: (
        CONF_ONLY_STORED,
        CONF_LEAST_COUNT,
        CONF_DIGEST_MINUTES,
        CONF_QUIET_FROM,
        CONF_QUIET_TO,
        CONF_QUIET_FAILURES,
    ),
    SECTION_WORDS: (CONF_LANGUAGE, CONF_TITLE, CONF_MESSAGE, CONF_PICTURE),
    SECTION_SPEECH: (CONF_TTS, CONF_VOLUME, CONF_INTERRUPT, CONF_INTERRUPT_TVS),
}
# What a field holds that nobody has touched.
_DEFAULTS: Mapping[str, Any] = {
    CONF_ONLY_STORED: True,
    CONF_LEAST_COUNT: 1,
    CONF_DIGEST_MINUTES: 0,
    CONF_QUIET_FAILURES: True,
    CONF_PICTURE: True,
    CONF_INTERRUPT: False,
    CONF_INTERRUPT_TVS: False,
}
_NUMBERS = (CONF_LEAST_COUNT, CONF_DIGEST_MINUTES, CONF_VOLUME)
_MAX_COUNT = 100_000
_MAX_DIGEST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a form offers: names by id; ``actions`` are such as `notify.phone`."""

    folders: Mapping[str, str]
    actions: Sequence[str]
    screens: Mapping[str, str]
    engines: Mapping[str, str]


@callback
def choices_of(
    hass: HomeAssistant, folders: Mapping[str, str], form: Mapping[str, Any]
) -> Choices:
    """Return what the home has to choose from, with what was chosen in a form."""
    return Choices(
        folders=folders,
        actions=offered_actions(hass),
        screens=offered_screens(hass, form.get(CONF_TVS, ())),
        engines=offered_engines(hass),
    )


def notification_schema(
    choices: Choices, opened: Collection[str] = ()
) -> probatio.Schema:
    """Return the form, with the sections that are open."""
    often = {
        _with_default(CONF_ONLY_STORED): BooleanSelector(),
        _with_default(CONF_LEAST_COUNT): number_field(1, _MAX_COUNT),
        _with_default(CONF_DIGEST_MINUTES): number_field(0, _MAX_DIGEST_MINUTES, "min"),
        probatio.Optional(CONF_QUIET_FROM): TimeSelector(),
        probatio.Optional(CONF_QUIET_TO): TimeSelector(),
        _with_default(CONF_QUIET_FAILURES): BooleanSelector(),
    }
    words = {
        probatio.Optional(CONF_LANGUAGE): LanguageSelector(LanguageSelectorConfig()),
        probatio.Optional(CONF_TITLE): RawTemplateSelector(),
        probatio.Optional(CONF_MESSAGE): RawTemplateSelector(),
        _with_default(CONF_PICTURE): BooleanSelector(),
    }
    speech = {
        probatio.Optional(CONF_TTS): SelectSelector(
            SelectSelectorConfig(
                options=_options(choices.engines),
                custom_value=True,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        probatio.Optional(CONF_VOLUME): number_field(0, 100, "%"),
        _with_default(CONF_INTERRUPT): BooleanSelector(),
        _with_default(CONF_INTERRUPT_TVS): BooleanSelector(),
    }
    fields: dict[Any, Any] = {
        probatio.Optional(CONF_NOTIFY_ENTITIES): EntitySelector(
            EntitySelectorConfig(domain=Platform.NOTIFY, multiple=True)
        ),
        probatio.Optional(CONF_NOTIFY_ACTIONS): SelectSelector(
            SelectSelectorConfig(
                options=list(choices.actions),
                multiple=True,
                custom_value=True,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        probatio.Optional(CONF_SPEAKERS): EntitySelector(
            EntitySelectorConfig(domain=MEDIA_PLAYER_DOMAIN, multiple=True)
        ),
        probatio.Optional(CONF_TVS): SelectSelector(
            SelectSelectorConfig(
                options=_options(choices.screens),
                multiple=True,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        probatio.Required(
            CONF_EVENTS, default=[one.value for one in DEFAULT_OCCASIONS]
        ): SelectSelector(
            SelectSelectorConfig(
                options=[one.value for one in Occasion],
                multiple=True,
                mode=SelectSelectorMode.LIST,
                translation_key="occasion",
            )
        ),
    }
    if choices.folders:
        fields[probatio.Optional(CONF_FOLDERS)] = SelectSelector(
            SelectSelectorConfig(
                options=_options(choices.folders),
                multiple=True,
                mode=SelectSelectorMode.DROPDOWN,
            )
        )
    fields[probatio.Optional(CONF_NAME)] = TextSelector()
    return probatio.Schema(
        fields
        | section_fields(
            {SECTION_OFTEN: often, SECTION_WORDS: words, SECTION_SPEECH: speech},
            opened,
        )
    )


async def check_notification(
    hass: HomeAssistant,
    form: Mapping[str, Any],
    texts: Texts,
    *,
    folders: Sequence[str],
    account: str,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the errors in a form by field, and the details that they name.

    ``folders`` are the names of those that are told of.
    """
    data = data_of(form)
    errors: dict[str, str] = {}
    details: dict[str, str] = {}
    if not any(data.get(key) for key in _RECEIVERS):
        errors["base"] = "no_target"
    if not data[CONF_EVENTS]:
        errors[CONF_EVENTS] = "no_event"
    elif Occasion.PROGRESS in data[CONF_EVENTS] and not any(
        is_phone(name) for name in data.get(CONF_NOTIFY_ACTIONS, ())
    ):
        errors[CONF_EVENTS] = "progress_without_phone"
    known = offered_actions(hass)
    if unknown := [
        name for name in data.get(CONF_NOTIFY_ACTIONS, ()) if name not in known
    ]:
        errors[CONF_NOTIFY_ACTIONS] = "unknown_action"
        details["actions"] = ", ".join(unknown)
    if set(data.get(CONF_SPEAKERS, ())) & set(data.get(CONF_TVS, ())):
        errors[CONF_TVS] = "told_twice"
    # A section shows no errors of its fields, only its own.
    if reason := _quiet_mistake(data):
        errors[SECTION_OFTEN] = reason
    if data.get(CONF_SPEAKERS) or data.get(CONF_TVS):
        engine = data.get(CONF_TTS)
        if engine is None:
            errors[SECTION_SPEECH] = "no_engine"
        elif engine not in offered_engines(hass):
            errors[SECTION_SPEECH] = "unknown_engine"
            details["engine"] = engine
    problem = await _template_problem(hass, data, folders=folders, account=account)
    if problem is not None:
        errors[SECTION_WORDS] = problem.reason
        details |= {
            "field": texts.telling(problem.key),
            "occasion": texts.occasion(problem.occasion),
            "problem": problem.text,
        }
    return errors, details


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateProblem:
    """Why a template can't be used: the field it is in, and what it would tell of."""

    key: str
    occasion: Occasion
    reason: str
    text: str


async def _template_problem(
    hass: HomeAssistant,
    data: Mapping[str, Any],
    *,
    folders: Sequence[str],
    account: str,
) -> _TemplateProblem | None:
    """Return what is wrong with the templates on any occasion; None if nothing is."""
    for occasion in map(Occasion, data[CONF_EVENTS]):
        example = await example_values(
            hass,
            occasion,
            folders=folders,
            account=account,
            language=data.get(CONF_LANGUAGE),
        )
        for key, longest in LONGEST.items():
            if key not in data:
                continue
            try:
                text = await filled_in(hass, data[key], example)
            except WordingError as err:
                reason, problem = err.reason, str(err)
            else:
                if len(text) <= longest:
                    continue
                reason, problem = "template_long", str(longest)
            return _TemplateProblem(
                key=key, occasion=occasion, reason=reason, text=problem
            )
    return None


def data_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a form: flat, JSON-safe, without what says nothing."""
    values = {
        key: value
        for key, entered in flattened(form, _FIELDS, _SECTIONS).items()
        if (value := _plain(entered)) != ""
    }
    values.setdefault(CONF_EVENTS, [])
    values |= {key: int(values[key]) for key in _NUMBERS if key in values}
    if actions := action_names(form.get(CONF_NOTIFY_ACTIONS, ())):
        values[CONF_NOTIFY_ACTIONS] = actions
    else:
        values.pop(CONF_NOTIFY_ACTIONS, None)
    for key, needed in (
        (CONF_QUIET_FAILURES, (CONF_QUIET_FROM, CONF_QUIET_TO)),
        (CONF_PICTURE, (CONF_NOTIFY_ACTIONS,)),
        (CONF_TTS, (CONF_SPEAKERS, CONF_TVS)),
        (CONF_VOLUME, (CONF_SPEAKERS,)),
        (CONF_INTERRUPT, (CONF_SPEAKERS,)),
        (CONF_INTERRUPT_TVS, (CONF_TVS,)),
    ):
        if not any(one in values for one in needed):
            values.pop(key, None)
    return values


def form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that what is stored of a notification was entered in."""
    return unflattened(data, _FIELDS, _SECTIONS)


def shown_form(form: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """Return what a form is filled in with: no folders that are gone."""
    folders = [one for one in form.get(CONF_FOLDERS, ()) if one in choices.folders]
    return {**form, CONF_FOLDERS: folders}


def used_sections(data: Mapping[str, Any]) -> set[str]:
    """Return the sections in which something was chosen, to be shown open."""
    return {
        name
        for name, keys in _SECTIONS.items()
        if any(data.get(key, _DEFAULTS.get(key)) != _DEFAULTS.get(key) for key in keys)
    }


@callback
def derived_name(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return what a notification is called that was given no name: its receivers."""
    return names_of(hass, [one for key in _RECEIVERS for one in data.get(key, ())])


def _quiet_mistake(data: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the quiet hours; None if nothing is."""
    begin, end = data.get(CONF_QUIET_FROM), data.get(CONF_QUIET_TO)
    if (begin is None) != (end is None):
        return "quiet_incomplete"
    if begin and end and dt_util.parse_time(begin) == dt_util.parse_time(end):
        return "quiet_same"
    return None


def _plain(value: Any) -> Any:
    """Return a value, texts without blanks around them."""
    return value.strip() if isinstance(value, str) else value


def _with_default(key: str) -> probatio.Required:
    """Return a field that holds something from the beginning."""
    return probatio.Required(key, default=_DEFAULTS[key])


def _options(names: Mapping[str, str]) -> list[SelectOptionDict]:
    """Return options with their names."""
    return [SelectOptionDict(value=key, label=name) for key, name in names.items()]
