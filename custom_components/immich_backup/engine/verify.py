"""The verify step: what the server says it holds, against what we know we have."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..immich import CheckAction, CheckResult


class Presence(StrEnum):
    """What the server has of a content."""

    HELD = "held"
    TRASHED = "trashed"
    ABSENT = "absent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """The server's word on one checksum; ``asset_id`` unless absent or refused."""

    presence: Presence
    asset_id: str | None
    detail: str | None = None


type Check = Callable[[Sequence[bytes]], Awaitable[Sequence[CheckResult]]]


async def find(check: Check, checksums: Sequence[bytes]) -> dict[bytes, Finding]:
    """Ask the server for these contents by their checksums.

    A content is held only as an asset of this user that is not in the trash; the server
    compares checksums of the bytes that it received.
    """
    results = await check(checksums)
    return {
        checksum: _finding(result)
        for checksum, result in zip(checksums, results, strict=True)
    }


def _finding(result: CheckResult) -> Finding:
    """Return what a result means."""
    if result.action is CheckAction.ACCEPT:
        return Finding(Presence.ABSENT, None)
    if result.asset_id is None:
        # The server refuses the content for another reason than that it has it.
        return Finding(Presence.REFUSED, None, result.reason)
    return Finding(
        Presence.TRASHED if result.trashed else Presence.HELD, result.asset_id
    )
