"""The body of an upload: multipart/form-data whose length is known beforehand.

aiohttp's own FormData percent-encodes file names, which Immich stores as they come, and
can't say its length for a stream; so the few lines of RFC 7578 are written here.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import override

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from .models import Visibility, api_time

# Control characters end a header; a backslash is cut off as a path by the server
# (measured on Immich 3.0.3), so the name would lose its start. What is not UTF-8 in a
# name of the operating system is one lone surrogate for each byte.
_UNSENDABLE = dict.fromkeys(
    (*range(32), 127, ord("\\"), *range(0xD800, 0xE000)),
    "\N{REPLACEMENT CHARACTER}",
)
# The tab is the one control character that the server takes.
del _UNSENDABLE[ord("\t")]

type Content = bytes | Callable[[], AsyncIterator[bytes]]


def sendable_name(name: bytes | str) -> str:
    """Return a file's base name as it can stand in a part header.

    Bytes that are not UTF-8, control characters and backslashes become U+FFFD.
    """
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    return name.rpartition("/")[2].translate(_UNSENDABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetUpload:
    """One file to be stored.

    ``content`` is either all of its bytes, or a function that starts reading them and
    yields fresh `bytes` (never a reused buffer: aiohttp may still be sending it), and
    that raises whatever it likes to abandon the upload. How long it takes to read is
    its own matter; only the server's silence is limited. ``size`` is in bytes.
    ``checksum`` is the SHA-1 of exactly these bytes, 20 raw bytes. ``sidecar`` is the
    file's XMP; the server refuses an empty one, and drops that of a duplicate.
    """

    name: bytes | str
    size: int
    checksum: bytes
    created_at: datetime
    modified_at: datetime
    content: Content = field(repr=False)
    sidecar: bytes | None = field(default=None, repr=False)
    favourite: bool = False
    visibility: Visibility = Visibility.TIMELINE

    def fields(self) -> Sequence[tuple[str, str]]:
        """Return the form's text fields.

        The name is not among them: it stands in the file's part header, where a
        sidecar is not measured by it (measured on Immich 3.0.3).
        """
        fields = [
            ("fileCreatedAt", api_time(self.created_at)),
            ("fileModifiedAt", api_time(self.modified_at)),
        ]
        if self.favourite:
            fields.append(("isFavorite", "true"))
        if self.visibility is not Visibility.TIMELINE:
            fields.append(("visibility", self.visibility.value))
        return fields


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands before and after the file's bytes, and the content type.

    A sidecar stands after them.
    """

    content_type: str
    head: bytes
    tail: bytes


def envelope(upload: AssetUpload) -> Envelope:
    """Return the multipart frame around the file's bytes."""
    boundary = f"----immich-backup-{token_hex(16)}"
    head = "".join(
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{value}\r\n"
        for name, value in upload.fields()
    )
    name = sendable_name(upload.name).replace('"', '\\"')
    head += _part(boundary, "assetData", name)
    tail = b""
    if upload.sidecar is not None:
        part = _part(boundary, "sidecarData", f"{name}.xmp")
        tail = f"\r\n{part}".encode() + upload.sidecar
    return Envelope(
        content_type=f"multipart/form-data; boundary={boundary}",
        head=head.encode(),
        tail=tail + f"\r\n--{boundary}--\r\n".encode(),
    )


def _part(boundary: str, field_name: str, name: str) -> str:
    """Return what stands before a file's bytes."""
    return (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field_name}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )


class WholeBody(Payload):
    """Content that is in memory, with its frame around it; can be sent again.

    Handed to aiohttp in parts, for joining them would copy the content.
    """

    _autoclose = True

    def __init__(self, frame: Envelope, content: bytes) -> None:
        """Prepare to send exactly these bytes."""
        super().__init__(
            (frame.head, content, frame.tail), content_type=frame.content_type
        )
        self._size = sum(map(len, self._value))

    @override
    async def write(self, writer: AbstractStreamWriter) -> None:
        for part in self._value:
            await writer.write(part)

    @override
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._value).decode(encoding, errors)
