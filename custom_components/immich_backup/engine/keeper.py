"""Proofs are claims with a date: asking the server again for all that it should hold."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import sqlite3

from .clock import Clock
from .ledger import Ledger, LedgerError, arranging, contents
from .ledger.rows import ContentRow
from .link import HaltedError, LinkDownError, ServerLink
from .model import Fate, Proof, Reason
from .verify import Finding, Presence, find

_PAGE = 5000
# Seconds until everything is asked for again.
_INTERVAL = 24 * 3600.0
# Seconds until what the server did not answer is asked again.
_RETRY = 600.0
# So many contents at least, and most of what was stored since some moment, must be
# missing before it is the server that lost them and not a person who deleted them.
_MASS_LOSS = 10


@dataclass(slots=True, kw_only=True)
class Confirmation:
    """What asking again brought to light: numbers of contents."""

    confirmed: int = 0
    declined: int = 0
    lost: int = 0


class Keeper:
    """Keeps the proofs true."""

    def __init__(
        self,
        ledger: Ledger,
        link: ServerLink,
        clock: Clock,
        tell: Callable[[Confirmation], None],
    ) -> None:
        """Tell by ``tell`` what came of it."""
        self._ledger = ledger
        self._link = link
        self._clock = clock
        self._tell = tell
        self._lock = asyncio.Lock()
        self._connected = asyncio.Event()

    def connected(self) -> None:
        """Take it that the server, and thus whose proofs they are, is known."""
        self._connected.set()

    async def keep(self) -> None:
        """Ask for everything at start and every day, until it is cancelled."""
        while True:
            await self._connected.wait()
            delay = _INTERVAL
            try:
                await self.confirm()
            except LinkDownError, HaltedError, LedgerError:
                delay = _RETRY
            await asyncio.sleep(delay)

    async def confirm(self) -> Confirmation:
        """Ask for every known content, 5,000 at a time; record what changed.

        What someone put into the trash or deleted is declined. What the server lost as
        a whole loses its proof, and its files wait to be stored again.
        Raises LinkDownError, HaltedError, LedgerError.
        """
        async with self._lock:
            outcome = Confirmation()
            after = b""
            while page := await self._ledger.ask(contents.page, after, _PAGE):
                after = page[-1].sha1
                findings = await self._find([row.sha1 for row in page])
                await self._ledger.run(
                    _record, page, findings, self._clock.time(), outcome
                )
            lost, declined = await self._ledger.run(contents.judge_absent, _MASS_LOSS)
            outcome.declined += declined
            if lost:
                # The albums went with them, and were not deleted by anyone.
                await self._ledger.run(arranging.forget_albums)
            outcome.lost = lost + await self._ledger.run(contents.lose_unfounded)
        self._tell(outcome)
        return outcome

    async def _find(self, checksums: Sequence[bytes]) -> dict[bytes, Finding]:
        """Ask the server for contents."""
        check = self._link.client.bulk_upload_check
        return await self._link.call(lambda: find(check, checksums))


def _record(
    con: sqlite3.Connection,
    page: Sequence[ContentRow],
    findings: dict[bytes, Finding],
    now: float,
    outcome: Confirmation,
) -> None:
    """Record what the server says of one page of contents."""
    fresh: list[bytes] = []
    unproven: list[bytes] = []
    absent: list[bytes] = []
    for row in page:
        finding = findings[row.sha1]
        if finding.presence is Presence.HELD:
            assert finding.asset_id is not None
            outcome.confirmed += 1
            if (
                row.fate is Fate.STORED
                and row.asset_id == finding.asset_id
                and row.proof is not Proof.NONE
            ):
                fresh.append(row.sha1)
            else:
                contents.confirm(
                    con, row.sha1, row.size, finding.asset_id, Reason.ON_SERVER, now
                )
        elif row.fate is Fate.DECLINED:
            continue
        elif finding.presence is Presence.TRASHED:
            outcome.declined += 1
            contents.decline(con, row.sha1, row.size, row.asset_id, Reason.TRASHED)
        elif row.proof is Proof.NONE:
            # The upload was never verified; its file still waits.
            unproven.append(row.sha1)
        else:
            absent.append(row.sha1)
    contents.refresh(con, fresh, now)
    contents.lose(con, unproven)
    contents.mark_absent(con, absent)
