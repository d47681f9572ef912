"""The words of a notification: a person's own templates, or those of the integration."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.template import Template
from homeassistant.helpers.translation import async_get_translations

from .const import CONF_MESSAGE, CONF_TITLE, DOMAIN
from .notifications import Notification, Occasion

# What a template may use, and what it finds where nothing is said of it.
_NOTHING: Mapping[str, Any] = {
    "event": "",
    "folders": (),
    "uploaded": 0,
    "photos": 0,
    "videos": 0,
    "duplicates": 0,
    "failed": 0,
    "failing": (),
    "declined": 0,
    "examples": (),
    "unavailable": (),
    "error": "",
    "duration": 0,
    "remaining": 0,
    "account": "",
}
VARIABLES = tuple(_NOTHING)
_LISTS = ("folders", "failing", "examples", "unavailable")

# Characters of a title and of a text: a phone is sent 4 kB at most.
LONGEST: Mapping[str, int] = {CONF_TITLE: 200, CONF_MESSAGE: 1000}
# Seconds that a template may take.
_PATIENCE = 1.0
_MOST_FAILING = 3
# Nobody listens to a hundred names of folders.
_MOST_NAMES = 5
# Characters of a name in a title, of which a phone shows about forty.
_LONGEST_NAME = 30

_TITLES: Mapping[Occasion, str] = {
    Occasion.COMPLETED: "title_completed",
    Occasion.COMPLETED_WITH_ERRORS: "title_completed_with_errors",
    Occasion.FAILED: "title_failed",
    Occasion.FOLDER_UNAVAILABLE: "title_folder_unavailable",
    Occasion.OVERDUE: "title_overdue",
    Occasion.PROGRESS: "title_progress",
}


class WordingError(Exception):
    """A template that can't be used: ``reason`` is the key of an error of the form."""

    def __init__(self, reason: str, text: str) -> None:
        """Say why in a sentence."""
        super().__init__(text)
        self.reason = reason


type ProblemListener = Callable[[str, str], None]


async def render(
    hass: HomeAssistant,
    notification: Notification,
    values: Mapping[str, Any],
    *,
    tell_problem: ProblemListener | None = None,
) -> tuple[str, str]:
    """Return the title and the text of what a notification tells.

    ``values`` has the keys in VARIABLES; of those that are missing nothing is said.
    ``event`` is an Occasion or its value, ``folders``, ``unavailable``, ``failing`` and
    ``examples`` are lists of names and paths, ``duration`` is in seconds, ``error`` is
    text or None.

    Never fails because of a template: in place of one that can't be used come the
    integration's own words, and ``tell_problem`` is called with its key in the
    subentry's data and a sentence that says why.
    """
    values = variables(values)
    words = await _load_words(hass, notification.language)
    occasion = Occasion(values["event"])
    said = {
        CONF_TITLE: _title(words, occasion, values),
        CONF_MESSAGE: _message(words, occasion, values),
    }
    for key, template in (
        (CONF_TITLE, notification.title),
        (CONF_MESSAGE, notification.message),
    ):
        if template is None:
            continue
        try:
            said[key] = await filled_in(hass, template, values)
        except WordingError as err:
            if tell_problem is not None:
                tell_problem(key, str(err))
    return (
        _shortened(said[CONF_TITLE], LONGEST[CONF_TITLE]),
        _shortened(said[CONF_MESSAGE], LONGEST[CONF_MESSAGE]),
    )


async def render_all(
    hass: HomeAssistant,
    notification: Notification,
    news: Sequence[Mapping[str, Any]],
    *,
    tell_problem: ProblemListener | None = None,
) -> tuple[str, str]:
    """Return the title of the first of several news, and the texts of all as one."""
    told = [
        await render(hass, notification, values, tell_problem=tell_problem)
        for values in news
    ]
    text = " ".join(text for _, text in told)
    return told[0][0], _shortened(text, LONGEST[CONF_MESSAGE])


async def retry_label(hass: HomeAssistant, language: str | None) -> str:
    """Return what a button says that tries again what failed."""
    return (await _load_words(hass, language))("retry")


async def filled_in(
    hass: HomeAssistant, template: str, values: Mapping[str, Any]
) -> str:
    """Return what a template says of ``variables``; raises WordingError.

    A name that does not exist is an error: else a misspelt one would say nothing.
    """
    try:
        # In a thread first, which can be stopped; the next time takes as long at most.
        one = Template(template, hass)
        slow = await one.async_render_will_timeout(_PATIENCE, values, strict=True)
        text = "" if slow else one.async_render(values, parse_result=False, strict=True)
    except TemplateError as err:
        raise WordingError("template_broken", str(err)) from err
    if slow:
        raise WordingError("template_slow", "It takes longer than a second")
    if not (text := str(text).strip()):
        raise WordingError("template_empty", "It says nothing")
    return text


def variables(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what templates may use, complete; ``failing`` has three files at most."""
    known = {key: values.get(key) or empty for key, empty in _NOTHING.items()}
    lists = {key: list(known[key]) for key in _LISTS}
    return {
        **known,
        **lists,
        "event": str(known["event"]),
        "failing": lists["failing"][:_MOST_FAILING],
    }


async def example_values(
    hass: HomeAssistant,
    occasion: Occasion,
    *,
    folders: Sequence[str],
    account: str,
    language: str | None = None,
) -> dict[str, Any]:
    """Return values as they could be on an occasion, with these names."""
    values = variables({"event": occasion, "folders": folders, "account": account})
    words = await _load_words(hass, language)
    match occasion:
        case Occasion.COMPLETED | Occasion.COMPLETED_WITH_ERRORS:
            values |= {
                "uploaded": 12,
                "photos": 10,
                "videos": 2,
                "duplicates": 3,
                "examples": ["2026/07/IMG_0001.jpg", "2026/07/IMG_0002.jpg"],
                "duration": 95,
            }
            if occasion.failure:
                values |= {
                    "failed": 2,
                    "failing": ["2026/07/IMG_0003.jpg", "2026/07/VID_0004.mp4"],
                }
        case Occasion.FAILED:
            values |= {"error": words("example_error"), "duration": 5}
        case Occasion.PROGRESS:
            values |= {"uploaded": 12, "remaining": 48, "duration": 95}
    return values


class _Words:
    """The integration's own words in one language."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the texts as Home Assistant knows them."""
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence or a part of one with its values filled in."""
        place = ("component", DOMAIN, "selector", "wording", "options", key)
        return self._texts[".".join(place)].format(**values)

    def joined(self, names: Sequence[str]) -> str:
        """Return names as a person says them one after the other."""
        if len(names) < 2:
            return "".join(names)
        if len(names) > _MOST_NAMES:
            first = ", ".join(names[: _MOST_NAMES - 1])
            return self("more", names=first, count=len(names) - _MOST_NAMES + 1)
        return self("and", first=", ".join(names[:-1]), last=names[-1])


async def _load_words(hass: HomeAssistant, language: str | None) -> _Words:
    """Return the words in a language, in English where there are none in it."""
    return _Words(
        await async_get_translations(
            hass, language or hass.config.language, "selector", [DOMAIN]
        )
    )


def _title(words: _Words, occasion: Occasion, values: Mapping[str, Any]) -> str:
    """Return the integration's own title: what happened, and to which folder.

    It is all that some TVs show. Of several folders it names the account.
    """
    folders = values["folders"]
    name = folders[0] if len(folders) == 1 else values["account"]
    title = words(_TITLES[occasion])
    if not name:
        return title
    return words("title_of", title=title, name=_shortened(name, _LONGEST_NAME))


def _message(words: _Words, occasion: Occasion, values: Mapping[str, Any]) -> str:
    """Return the integration's own words for an occasion."""
    folders = words.joined(values["folders"] or [values["account"]])
    error = values["error"].strip().rstrip(".")
    match occasion:
        case Occasion.COMPLETED:
            sentences = _stored(words, folders, values) or [
                words("nothing", folders=folders)
            ]
            sentences += _declined(words, values)
        case Occasion.COMPLETED_WITH_ERRORS:
            sentences = _stored(words, folders, values)
            sentences += _undone(words, folders, values)
            if error:
                sentences.append(f"{error}.")
        case Occasion.FAILED:
            sentences = _stored(words, folders, values)
            sentences.append(
                words("failed_because", folders=folders, error=error)
                if error
                else words("failed", folders=folders)
            )
        case Occasion.FOLDER_UNAVAILABLE:
            several = len(values["folders"]) > 1
            key = "unavailable_many" if several else "unavailable_one"
            sentences = [words(key, folders=folders)]
        case Occasion.OVERDUE:
            sentences = [words("overdue", folders=folders)]
        case Occasion.PROGRESS:
            done = values["uploaded"] + values["duplicates"]
            total = done + values["remaining"]
            sentences = [words("progress", count=done, total=total, folders=folders)]
    return " ".join(sentences)


def _stored(words: _Words, folders: str, values: Mapping[str, Any]) -> list[str]:
    """Return what is in Immich now; nothing if that is nothing."""
    uploaded, duplicates = values["uploaded"], values["duplicates"]
    if not uploaded and not duplicates:
        return []
    if not uploaded:
        key = "known_one" if duplicates == 1 else "known_many"
        return [words(key, count=duplicates, folders=folders)]
    key = "stored_one" if uploaded == 1 else "stored_many"
    sentences = [words(key, files=_counted(words, values), folders=folders)]
    if duplicates:
        key = "also_known_one" if duplicates == 1 else "also_known_many"
        sentences.append(words(key, count=duplicates))
    return sentences


def _counted(words: _Words, values: Mapping[str, Any]) -> str:
    """Return how many photos and videos were stored, as far as that is known."""
    uploaded, photos, videos = values["uploaded"], values["photos"], values["videos"]
    counts = [
        (photos, "photo_one", "photo_many"),
        (videos, "video_one", "video_many"),
    ]
    if photos + videos != uploaded:
        counts = [(uploaded, "file_one", "file_many")]
    return words.joined(
        [
            words(one if count == 1 else many, count=count)
            for count, one, many in counts
            if count
        ]
    )


def _declined(words: _Words, values: Mapping[str, Any]) -> list[str]:
    """Return what was left out as nobody wanted it in Immich."""
    if not (declined := values["declined"]):
        return []
    return [words("declined_one" if declined == 1 else "declined_many", count=declined)]


def _undone(words: _Words, folders: str, values: Mapping[str, Any]) -> list[str]:
    """Return what a backup left undone: which files failed, which folders were away."""
    failed, unavailable = values["failed"], values["unavailable"]
    sentences = []
    if failed:
        files = _named(words, failed, values["failing"])
        if values["uploaded"] or values["duplicates"]:
            # Which folders they are in was said before.
            key = "also_undone_one" if failed == 1 else "also_undone_many"
            sentences.append(words(key, count=failed, files=files))
        else:
            key = "undone_one" if failed == 1 else "undone_many"
            sentences.append(words(key, count=failed, folders=folders, files=files))
    if unavailable:
        key = "unread_one" if len(unavailable) == 1 else "unread_many"
        sentences.append(words(key, folders=words.joined(unavailable)))
    if not sentences:
        return [words("incomplete", folders=folders)]
    return [*sentences, words("safe")]


def _named(words: _Words, failed: int, failing: Sequence[str]) -> str:
    """Return the names of the first files that failed, to be added to a sentence."""
    names = [PurePosixPath(path).name for path in failing]
    if not names:
        return ""
    files = ", ".join(names)
    if failed > len(names):
        files = words("more", names=files, count=failed - len(names))
    return words("which", files=files)


def _shortened(text: str, longest: int) -> str:
    """Return a text that is not longer than this."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
