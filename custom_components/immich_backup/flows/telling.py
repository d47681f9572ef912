"""What a notification's confirmation tells: who is told what and when, and an example."""

from collections.abc import Iterator, Mapping, Sequence
import re
from typing import Any

from homeassistant.core import HomeAssistant

from ..const import CONF_NOTIFY_ACTIONS, CONF_NOTIFY_ENTITIES, CONF_SPEAKERS, CONF_TVS
from ..notifications import Notification, Occasion
from ..wording import example_values, render
from .receivers import name_of
from .texts import Texts

# What a text field of the browser would take for more than words.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#+\-.!|~&]")


def telling_text(
    hass: HomeAssistant,
    texts: Texts,
    notification: Notification,
    data: Mapping[str, Any],
    *,
    folders: Sequence[str],
    account: str,
) -> str:
    """Return as a list who is told what, and when.

    ``folders`` are the names of those that were chosen; none of them: all.
    """
    lines = [
        *_who(hass, texts, notification, data),
        *_what(texts, notification, folders, account),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _who(
    hass: HomeAssistant,
    texts: Texts,
    notification: Notification,
    data: Mapping[str, Any],
) -> Iterator[str]:
    """Yield who is told, and how it sounds."""
    for line, keys in (
        ("messages", (CONF_NOTIFY_ENTITIES, CONF_NOTIFY_ACTIONS)),
        ("speakers", (CONF_SPEAKERS,)),
        ("tvs", (CONF_TVS,)),
    ):
        names = [name_of(hass, one) for key in keys for one in data.get(key, ())]
        if names:
            yield texts.telling(line, targets=", ".join(names))
    if notification.tts is not None:
        voice = name_of(hass, notification.tts)
        if notification.volume is None:
            yield texts.telling("voice", voice=voice)
        else:
            volume = round(notification.volume * 100)
            yield texts.telling("voice_volume", voice=voice, volume=volume)
    if notification.interrupt:
        yield texts.telling("interrupt")
    if notification.interrupt_tvs:
        yield texts.telling("interrupt_tvs")


def _what(
    texts: Texts, notification: Notification, folders: Sequence[str], account: str
) -> Iterator[str]:
    """Yield what is told of which folders, and when it is not."""
    occasions = [
        texts.occasion(one) for one in Occasion if one in notification.occasions
    ]
    yield texts.telling("events", events=", ".join(occasions))
    if Occasion.PROGRESS in notification.occasions:
        yield texts.telling("progress")
    if folders:
        yield texts.telling("folders", folders=", ".join(folders))
    else:
        yield texts.telling("all_folders", account=account)
    if notification.only_stored and Occasion.COMPLETED in notification.occasions:
        if notification.least_count > 1:
            yield texts.telling("least", count=notification.least_count)
        else:
            yield texts.telling("only_stored")
    if minutes := round(notification.digest.total_seconds() / 60):
        yield texts.telling("digest_one" if minutes == 1 else "digest", minutes=minutes)
    if notification.quiet_from is not None and notification.quiet_to is not None:
        yield texts.telling(
            "quiet_but_failures" if notification.quiet_failures else "quiet",
            begin=f"{notification.quiet_from:%H:%M}",
            end=f"{notification.quiet_to:%H:%M}",
        )


async def example_text(
    hass: HomeAssistant,
    notification: Notification,
    *,
    folders: Sequence[str],
    account: str,
) -> str:
    """Return the first thing that may be told as it would read, as a quotation."""
    occasion = next(one for one in Occasion if one in notification.occasions)
    values = await example_values(
        hass,
        occasion,
        folders=folders,
        account=account,
        language=notification.language,
    )
    title, text = await render(hass, notification, values)
    lines = [f"**{_literal(title)}**", "", *map(_literal, text.splitlines())]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _literal(text: str) -> str:
    """Return a text in which the browser finds nothing but words."""
    return _MARKDOWN.sub(r"\\\g<0>", text)
