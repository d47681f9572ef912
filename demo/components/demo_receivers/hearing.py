"""What a speaker heard: whether it could be fetched, and whether it is sound."""

import asyncio
from importlib import import_module
import io
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

_PATIENCE = ClientTimeout(total=30)
# What speakers play over music, as the decoder calls it.
_FORMATS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


async def listen(session: ClientSession, url: str) -> dict[str, Any]:
    """Fetch a sound without a login, as a speaker does, and return what is known of it.

    ``seconds`` is how long it plays: None unless it is an MP3 or a WAV that can be decoded.
    """
    try:
        async with session.get(url, timeout=_PATIENCE) as response:
            content = await response.read()
    except (ClientError, TimeoutError) as err:
        return {"status": None, "error": str(err) or type(err).__name__}
    return {
        "status": response.status,
        "content_type": response.content_type,
        "size": len(content),
        "seconds": await asyncio.to_thread(_length, response.content_type, content),
    }


def _length(content_type: str, content: bytes) -> float | None:
    """Return how many seconds a sound plays; None if it is none. Blocking."""
    # What its header says of an MP3 that was made while it was sent is not true.
    av: Any = import_module("av")
    try:
        with av.open(io.BytesIO(content)) as sound:
            if sound.format.name != _FORMATS.get(content_type):
                return None
            rate: int = sound.streams.audio[0].rate
            samples: int = sum(frame.samples for frame in sound.decode(audio=0))
    except av.FFmpegError, IndexError:
        return None
    return round(samples / rate, 2) or None
