"""The body of an upload that is read while it is sent, and how long that may take."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import override

from . import transport
from .errors import ContentSizeError
from .multipart import Envelope

# Bytes a second. Slower than this is taken to be no progress at all.
_SLOWEST_RATE = 8 * 1024
# After the last byte the server still has to store the file, and a proxy that collects
# the body first still has to pass it on.
_STORE_TIMEOUT = 300.0
_STORE_RATE = 8 * 1024 * 1024


def send_timeout(size: int) -> float:
    """Return the seconds in which a server takes this many bytes, if it works."""
    return transport.IDLE_TIMEOUT + size / _SLOWEST_RATE


def store_timeout(size: int) -> float:
    """Return the seconds a server may take to store a file that it has received."""
    return _STORE_TIMEOUT + size / _STORE_RATE


class BodyStream(AsyncIterator[bytes]):
    """Head, content and tail of an upload, for aiohttp to iterate over.

    ``deadline`` is put off whenever the server has taken a piece, and stands still
    while the content is read. aiohttp wraps what the content raises, so ``failure``
    keeps it as it was. Close it in the end: aiohttp leaves a generator that it gave up
    to the garbage collector, and the file would stay open.
    """

    def __init__(
        self,
        frame: Envelope,
        content: Callable[[], AsyncIterator[bytes]],
        size: int,
        deadline: asyncio.Timeout,
    ) -> None:
        """Prepare to read ``size`` bytes of content; nothing is read yet."""
        self.failure: Exception | None = None
        self._frame = frame
        self._content = content
        self._size = size
        self._deadline = deadline
        self._pieces = self._generate()
        # A generator can't be closed while it is running.
        self._running = asyncio.Lock()

    @override
    async def __anext__(self) -> bytes:
        """Return the next piece."""
        async with self._running:
            return await anext(self._pieces)

    async def aclose(self) -> None:
        """Close the content, as soon as nobody reads from it any more.

        What it raises then comes too late to matter.
        """
        async with self._running:
            with suppress(Exception):
                await self._pieces.aclose()

    async def _generate(self) -> AsyncGenerator[bytes]:
        """Yield the whole body, which is exactly as long as announced, or fail."""
        yield self._frame.head
        self._deadline.reschedule(None)
        try:
            async with aclosing(_exactly(self._content(), self._size)) as pieces:
                async for piece in pieces:
                    self._put_off(send_timeout(len(piece)))
                    yield piece
                    self._deadline.reschedule(None)
        except Exception as err:
            # An answer that comes early cancels the reading; what content makes of
            # that is not why the upload ends.
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                self.failure = err
            raise
        tail = len(self._frame.tail)
        self._put_off(store_timeout(self._size) + tail / _SLOWEST_RATE)
        yield self._frame.tail

    def _put_off(self, seconds: float) -> None:
        """Give the server this much time from now on."""
        self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)


async def _exactly(content: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes]:
    """Yield the content; ContentSizeError before a byte too many, or if some lack."""
    left = size
    try:
        async for piece in content:
            left -= len(piece)
            if left < 0:
                raise ContentSizeError("The content is longer than announced")
            yield piece
    finally:
        if isinstance(content, AsyncGenerator):
            await content.aclose()
    if left:
        raise ContentSizeError("The content is shorter than announced")
