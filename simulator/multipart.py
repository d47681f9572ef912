"""multipart/form-data as busboy and multer read it, in a stream."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import re
from typing import Final
from urllib.parse import unquote_to_bytes

_MAX_HEADER = 16 * 1024
_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER_LINE = re.compile(rf"({_TOKEN}):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*({_TOKEN})=", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_EXTENDED = re.compile(r"([A-Za-z0-9-]+)'[^']*'([^\s;]*)", re.ASCII)
_TYPE = re.compile(_TOKEN)


class MultipartError(Exception):
    """A form that cannot be read; the text is what busboy says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHeader:
    """What the headers of a part say; filename is None for a plain field."""

    name: str | None
    filename: str | None


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a content type, or raise MultipartError."""
    match = re.search(r';\s*boundary=("?)([^";,]+)\1', content_type, re.IGNORECASE)
    if match is None:
        raise MultipartError("Boundary not found")
    return match[2].strip().encode("latin-1", "replace")


class FormReader:
    """Reads one part after the other; only what was received last is in memory."""

    def __init__(self, boundary: bytes, more: Callable[[], Awaitable[bytes]]) -> None:
        """Read a form; more returns the next bytes, empty at the end."""
        self._more = more
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n"  # so that the first delimiter is like all others
        self._in_part = True  # the preamble is a part that nobody wants

    async def next_part(self) -> PartHeader | None:
        """Return the headers of the next part, None after the last one."""
        while True:
            while await self.read() is not None:
                pass
            while len(self._buffer) < 2:
                await self._fill()
            mark, self._buffer = self._buffer[:2], self._buffer[2:]
            if mark == b"--":
                return None
            self._in_part = True
            if mark != b"\r\n":
                continue
            header = _part_header(await self._header_block())
            if header is not None:
                return header

    async def read(self) -> bytes | None:
        """Return the next bytes of the present part, None at its end."""
        if not self._in_part:
            return None
        delimiter = self._delimiter
        while True:
            buffer = self._buffer
            found = buffer.find(delimiter)
            if found >= 0:
                self._buffer = buffer[found + len(delimiter) :]
                self._in_part = False
                return buffer[:found] if found else None
            # What could be the start of a delimiter stays until more is known.
            held = buffer.find(b"\r", max(0, len(buffer) - len(delimiter) + 1))
            if held < 0:
                held = len(buffer)
            if held:
                self._buffer = buffer[held:]
                return buffer[:held] if held < len(buffer) else buffer
            await self._fill()

    async def _fill(self) -> None:
        data = await self._more()
        if not data:
            raise MultipartError("Unexpected end of form")
        self._buffer = self._buffer + data if self._buffer else data

    async def _header_block(self) -> bytes:
        """Return the header lines of a part without the empty line after them."""
        while True:
            if self._buffer.startswith(b"\r\n"):
                self._buffer = self._buffer[2:]
                return b""
            end = self._buffer.find(b"\r\n\r\n")
            if end > _MAX_HEADER or (end < 0 and len(self._buffer) > _MAX_HEADER):
                raise MultipartError("Malformed part header")
            if end >= 0:
                block, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
                return block
            await self._fill()


def _part_header(block: bytes) -> PartHeader | None:
    """Return what a part is; None for a part that is skipped."""
    headers: dict[str, str] = {}
    unfolded = re.sub(r"\r\n(?=[ \t])", "", block.decode("latin-1"))
    for line in unfolded.split("\r\n") if unfolded else ():
        match = _HEADER_LINE.fullmatch(line)
        if match is None:
            raise MultipartError("Malformed part header")
        headers.setdefault(match[1].lower(), match[2])
    parsed = _parse_disposition(headers.get("content-disposition", ""))
    if parsed is None:
        return None
    kind, params = parsed
    if kind != "form-data":
        return None
    filename = params.get("filename*", params.get("filename"))
    content_type = headers.get("content-type", "text/plain").partition(";")[0]
    if filename is None and content_type.strip().lower() == "application/octet-stream":
        filename = ""
    return PartHeader(
        name=params.get("name"),
        filename=None if filename is None else _base_name(_as_utf8(filename)),
    )


def _parse_disposition(value: str) -> tuple[str, dict[str, str]] | None:
    """Return type and parameters, None where busboy cannot read them."""
    match = _TYPE.match(value)
    if match is None:
        return None
    kind = match[0].lower()
    params: dict[str, str] = {}
    position = match.end()
    while value[position:].strip(" \t"):
        match = _PARAMETER.match(value, position)
        if match is None:
            return None
        name = match[1].lower()
        if name.endswith("*"):
            found = _EXTENDED.match(value, match.end())
            text = "" if found is None else _decode_extended(found[1], found[2])
        elif value[match.end() : match.end() + 1] == '"':
            found = _QUOTED.match(value, match.end())
            text = "" if found is None else re.sub(r'\\(["\\])', r"\1", found[1])
        else:
            found = _TYPE.match(value, match.end())
            text = "" if found is None else found[0]
        if found is None:
            return None
        params.setdefault(name, text)
        position = found.end()
    return kind, params


def _decode_extended(charset: str, text: str) -> str:
    encoding = "utf-8" if charset.lower() in ("utf-8", "utf8") else "latin-1"
    return unquote_to_bytes(text).decode(encoding, "replace")


def _as_utf8(name: str) -> str:
    """Read a name's characters as bytes of UTF-8, as the server does.

    Raw UTF-8 comes out right; RFC 5987 names are garbled (measured on 3.0.3).
    """
    units = name.encode("utf-16-le", "surrogatepass")[::2]
    return units.decode("utf-8", "replace")


def _base_name(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1]
    return "" if name in ("..", ".") else name
