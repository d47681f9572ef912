"""Builds request bodies byte for byte, and the checksums and samples they speak of."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import md5, sha1
import json
from typing import Any
from uuid import UUID

from .samples import Sample, content

BOUNDARY = "----contract3f1c9a7e5b2d4806a1e2c3d4e5f"
OCTETS = "application/octet-stream"


@dataclass(slots=True)
class Contents:
    """The bytes of all samples, made when they are first needed."""

    samples: Mapping[str, Sample]
    made: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, name: str) -> bytes:
        """Return the bytes of a sample; raises KeyError if there is none."""
        if name not in self.made:
            self.made[name] = content(name, self.samples[name])
        return self.made[name]

    def checksum(self, spelling: str, name: str) -> str:
        """Return the SHA-1 of a sample as `spelling` writes it."""
        digest = sha1(self[name], usedforsecurity=False).digest()
        match spelling:
            case "sha1hex":
                return digest.hex()
            case "sha1HEX":
                return digest.hex().upper()
            case "sha1b64":
                return b64encode(digest).decode()
            case "sha1b64url":
                return urlsafe_b64encode(digest).decode()
            case "sha1b64nopad":
                return b64encode(digest).decode().rstrip("=")
            case _:
                raise LookupError(spelling)


def build(
    body: Mapping[str, Any], resolve: Callable[[Any], Any], contents: Contents
) -> tuple[bytes, str]:
    """Return the bytes of a body of the table, and their content type."""
    match body:
        case {"json": value}:
            return json.dumps(resolve(value)).encode(), "application/json"
        case {"merge": [one, other]}:
            merged = _merged(resolve(one), resolve(other))
            return json.dumps(merged).encode(), "application/json"
        case {"text": str(text)}:
            return text.encode(), "application/json"
        case {"checksums": int(count)}:
            checks = [
                {"id": str(number), "checksum": _digest(number)}
                for number in range(count)
            ]
            return json.dumps({"assets": checks}).encode(), "application/json"
        case {"uuids": int(count)}:
            return json.dumps(
                {"ids": unknown_uuids(count)}
            ).encode(), "application/json"
        case {"filler": int(size)}:
            frame = '{"assets": []}'
            element = '{"id": "abc", "checksum": "' + "0" * 40 + '"}, '
            count = (size - len(frame) + 2) // len(element)
            text = f'{{"assets": [{(element * count)[:-2]}]}}'
            return text.ljust(size).encode(), "application/json"
        case {"parts": parts}:
            boundary = body.get("boundary", BOUNDARY)
            return (
                multipart(parts, boundary, resolve, contents),
                f"multipart/form-data; boundary={boundary}",
            )
        case _:
            raise ValueError(f"unknown body {sorted(body)}")


def multipart(
    parts: list[list[Any]],
    boundary: str,
    resolve: Callable[[Any], Any],
    contents: Contents,
) -> bytes:
    """Return a form with these parts in this order, names raw as they are written."""
    frame = boundary.encode()
    pieces = []
    for name, value in parts:
        head = f'Content-Disposition: form-data; name="{name}"'.encode()
        if isinstance(value, str):
            data = resolve(value).encode()
        else:
            head += b"; " + _file_name(value)
            head += f"\r\nContent-Type: {value.get('type', OCTETS)}".encode()
            data = contents[value["content"]]
        pieces += [b"--", frame, b"\r\n", head, b"\r\n\r\n", data, b"\r\n"]
    return b"".join([*pieces, b"--", frame, b"--\r\n"])


def _file_name(part: Mapping[str, str]) -> bytes:
    if "disposition" in part:
        return part["disposition"].encode()
    encoded = part["filename"].encode(part.get("encoding", "utf-8"))
    return b'filename="' + encoded + b'"'


def unknown_uuids(count: int) -> list[str]:
    """Return version 4 UUIDs that no server has made."""
    return [
        str(
            UUID(
                md5(str(number).encode(), usedforsecurity=False).hexdigest(), version=4
            )
        )
        for number in range(count)
    ]


def _digest(number: int) -> str:
    return sha1(f"unknown {number}".encode(), usedforsecurity=False).hexdigest()


def _merged(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return one | {key: _merged(one.get(key), item) for key, item in other.items()}
