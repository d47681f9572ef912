"""Checksums as clients send them: hexadecimal or base64."""

import base64
import re

_HEX_PAIRS = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)


def from_text(text: str) -> bytes:
    """Return the bytes that the server understands.

    28 characters are base64, everything else is hexadecimal up to the first
    character that is not, as JavaScript's Buffer reads it; garbage gives few or no
    bytes, which no asset has.
    """
    if len(text) == 28:
        plain = re.sub(r"[^A-Za-z0-9+/]", "", text.translate({45: "+", 95: "/"}))
        plain = plain[: len(plain) - (len(plain) % 4 == 1)]
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    match = _HEX_PAIRS.match(text)
    return bytes.fromhex(match[0]) if match else b""


def to_text(checksum: bytes) -> str:
    """Return a checksum as the server tells it: base64."""
    return base64.b64encode(checksum).decode()
