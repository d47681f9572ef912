"""What is to be told, whoever is told it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Words for people, and what may be shown with them.

    ``tag`` is the same for messages that replace each other. ``assets`` are the newest
    stored photos (their ids), ``picture`` is a path of this Home Assistant that shows one
    of them and expires, ``url`` the page that a tap opens. ``retry`` offers to try what
    failed again.
    """

    title: str
    text: str
    language: str
    tag: str
    url: str | None = None
    picture: str | None = None
    assets: tuple[str, ...] = ()
    retry: bool = False
