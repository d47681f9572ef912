"""Proofs are claims with a date: asking the server again for all that it should hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .clock import Clock
from .ledger import Ledger, contents
from .ledger.rows import ContentRow
from .link import ServerLink
from .model import Fate, Proof, Reason
from .verify import Finding, Presence, find

_PAGE = 5000
# When this many contents and more than half of all are missing at once, nobody deleted
# them one by one: the server was restored or is another one.
_MASS_LOSS = 10


@dataclass(slots=True)
class Confirmation:
    """What asking again brought to light: numbers of contents."""

    confirmed: int = 0
    declined: int = 0
    lost: int = 0
    absent: list[ContentRow] = field(default_factory=list)


async def confirm_again(ledger: Ledger, link: ServerLink, clock: Clock) -> Confirmation:
    """Ask for every known content, 5,000 at a time; record what changed.

    What someone put into the trash or deleted is declined. What the server lost as a
    whole loses its proof, and its files wait to be stored again.
    Raises LinkDownError, HaltedError, LedgerError.
    """
    outcome = Confirmation()
    after = b""
    while page := await ledger.run(contents.page, after, _PAGE):
        after = page[-1].sha1
        checksums = [row.sha1 for row in page]
        findings = await link.call(
            lambda asked=checksums: find(link.client.bulk_upload_check, asked)  # type: ignore[misc]
        )
        await _record_page(ledger, clock, page, findings, outcome)
    absent = outcome.absent
    if len(absent) >= _MASS_LOSS and len(absent) > outcome.confirmed:
        outcome.lost = len(absent)
        await ledger.run(contents.lose, [row.sha1 for row in absent])
    else:
        for row in absent:
            await ledger.run(
                contents.decline, row.sha1, row.size, row.asset_id, Reason.DELETED
            )
        outcome.declined += len(absent)
    return outcome


async def _record_page(
    ledger: Ledger,
    clock: Clock,
    page: Sequence[ContentRow],
    findings: dict[bytes, Finding],
    outcome: Confirmation,
) -> None:
    """Record what the server says of one page of contents."""
    fresh: list[bytes] = []
    unproven: list[bytes] = []
    for row in page:
        finding = findings[row.sha1]
        if finding.presence is Presence.HELD:
            assert finding.asset_id is not None
            outcome.confirmed += 1
            if (
                row.fate is Fate.STORED
                and row.asset_id == finding.asset_id
                and (row.proof is not Proof.NONE)
            ):
                fresh.append(row.sha1)
            else:
                await ledger.run(
                    contents.confirm,
                    row.sha1,
                    row.size,
                    finding.asset_id,
                    Reason.ON_SERVER,
                    clock.time(),
                )
        elif row.fate is Fate.DECLINED:
            continue
        elif finding.presence is Presence.TRASHED:
            outcome.declined += 1
            await ledger.run(
                contents.decline, row.sha1, row.size, row.asset_id, Reason.TRASHED
            )
        elif row.proof is Proof.NONE:
            # The upload was never verified; its file still waits.
            unproven.append(row.sha1)
        else:
            outcome.absent.append(row)
    await ledger.run(contents.refresh, fresh, clock.time())
    await ledger.run(contents.lose, unproven)
