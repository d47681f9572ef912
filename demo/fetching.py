"""Fetches what a receiver was told to show, as it would: by the address alone."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import override

from aiohttp import ClientError, ClientSession, ClientTimeout

_PATIENCE = ClientTimeout(total=30)
# How the content of each type begins, and after how many bytes.
_BEGINNINGS = {
    "audio/mpeg": (0, (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "image/jpeg": (0, (b"\xff\xd8\xff",)),
    "video/mp4": (4, (b"ftyp",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came: ``ok`` if it is what its type says; ``size`` is in bytes."""

    status: int | None
    content_type: str
    size: int
    ok: bool

    @override
    def __str__(self) -> str:
        """Say it to a person."""
        if self.status is None:
            return "it could not be fetched"
        if self.status != HTTPStatus.OK:
            return f"it could not be fetched (HTTP {self.status})"
        text = f"{self.content_type}, {round(self.size / 1000)} kB"
        return text if self.ok else f"{text}, which is broken"


async def fetch(url: str) -> Fetched:
    """Return what an address gives to somebody who is not logged in; raises nothing."""
    try:
        async with (
            ClientSession(timeout=_PATIENCE) as session,
            session.get(url) as response,
        ):
            content = await response.read()
    except ClientError, TimeoutError, ValueError:
        return Fetched(status=None, content_type="", size=0, ok=False)
    return Fetched(
        status=response.status,
        content_type=response.content_type,
        size=len(content),
        ok=response.status == HTTPStatus.OK and _fits(response.content_type, content),
    )


def _fits(content_type: str, content: bytes) -> bool:
    """Return whether a content is of its type."""
    if (known := _BEGINNINGS.get(content_type)) is None:
        return False
    offset, beginnings = known
    return content[offset:].startswith(beginnings)
