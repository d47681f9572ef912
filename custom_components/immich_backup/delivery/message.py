"""What is to be told, whoever is told it, and why it sometimes is not told."""

from dataclasses import dataclass
from enum import StrEnum

from homeassistant.exceptions import HomeAssistantError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is: so many of so many."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Words for people, and what may be shown with them.

    ``tag`` is the same for messages that replace each other. ``assets`` are the newest
    stored photos (their ids), ``picture`` is a path of this Home Assistant that shows one
    of them and expires, ``url`` the page that a tap opens. ``retry`` is what a button says
    that tries again what failed, and ``progress`` says how far that is which goes on.
    """

    title: str
    text: str
    language: str
    tag: str
    url: str | None = None
    picture: str | None = None
    assets: tuple[str, ...] = ()
    retry: str | None = None
    progress: Progress | None = None


class GoneError(HomeAssistantError):
    """Someone who is to be told, or the voice for it, does not exist any more."""


class SkipReason(StrEnum):
    """Why a message was not told."""

    OFF = "off"
    PLAYING = "playing"
    UNKNOWN = "unknown"


class Skipped(Exception):
    """A message was not told, for that would have disturbed; nothing went wrong.

    ``reason`` says what it would have disturbed.
    """

    def __init__(self, reason: SkipReason) -> None:
        """Keep the reason."""
        super().__init__(reason.value)
        self.reason = reason
