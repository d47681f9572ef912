"""A backup in processes that may be killed at any moment, without Home Assistant.

Run as a module it is a nursery: it reads one job per line (JSON) from its input, forks a
process for it and writes the process's number, and its exit status once it ended. Forks
of what is already imported start in milliseconds.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
import json
import os
from pathlib import Path
import sqlite3
import sys
import traceback

CRASHED = 9
# What a backup ends with that had no such transaction.
NOT_REACHED = 3
# Where something happens: when the n-th transaction of the ledger has just begun, when
# its work is done but not committed, or right after the commit.
POINTS = ("before", "inside", "after")


class Mishap(StrEnum):
    """What happens there."""

    EXIT = "exit"  # the process ends
    FULL = "full"  # the disk is full, for this transaction
    CANCEL = "cancel"  # the run is stopped
    RESTART = "restart"  # the engine is stopped, and another one goes on

    @property
    def points(self) -> Sequence[str]:
        """Return where it can happen: what is committed can't fail any more."""
        return POINTS[:2] if self is Mishap.FULL else POINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a process is to back up; ``at`` 0 lets it work undisturbed."""

    url: str
    api_key: str
    folder: str
    ledger: str
    at: int = 0
    point: str = "after"
    mishap: Mishap = Mishap.EXIT

    def line(self) -> bytes:
        """Return the job as the nursery reads it."""
        return json.dumps(asdict(self)).encode() + b"\n"


async def back_up(job: Job, disturbed: Disturbance) -> None:
    """Run engines until every file of the folder is protected and organised."""
    while not await _back_up(job, disturbed):
        pass


async def _back_up(job: Job, disturbed: Disturbance) -> bool:
    """Run an engine; return False when another one is to go on."""
    import aiohttp  # noqa: PLC0415

    from custom_components.immich_backup.engine import (  # noqa: PLC0415
        Engine,
        FileState,
        Folder,
        OpenContext,
        RuleSet,
        RunTrigger,
    )
    from custom_components.immich_backup.engine.ledger import LedgerError, arranging  # noqa: PLC0415
    from custom_components.immich_backup.engine.organise.arrangement import (  # noqa: PLC0415
        parse_arrangement,
    )
    from custom_components.immich_backup.immich import ImmichClient  # noqa: PLC0415

    folder = Folder(
        id="photos",
        name="Photos",
        path=job.folder,
        rules=RuleSet(),
        settle_seconds=0.1,
        arrangement=parse_arrangement(
            {
                "album": "folders",
                "tags": ["All"],
                "live_photos": True,
                "raw_and_jpeg": "stack_jpeg",
                "sidecars": True,
            }
        ),
    )
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            ledger_path=Path(job.ledger),
            client=ImmichClient(session, job.url, job.api_key),
            context=OpenContext(),
        )
        disturbed.engine = engine
        try:
            await engine.start([folder])
            while True:
                run = engine.start_run(trigger=RunTrigger.MANUAL)
                await engine.wait_run(run)
                if disturbed.restart:
                    disturbed.restart = False
                    return False
                tally = (await engine.overview()).tally
                unwanted = tally.count(FileState.UNWANTED)
                protected = tally.count(FileState.PROTECTED)
                is_stored = tally.present - unwanted == protected > 0
                if is_stored and not await engine.ledger.ask(arranging.count):
                    return True
        except LedgerError:
            # It could not be opened; Home Assistant would try again, too.
            return False
        finally:
            disturbed.engine = None
            await engine.stop()


class Disturbance:
    """Lets a mishap happen at a transaction of the ledger."""

    def __init__(self, job: Job) -> None:
        """Disturb every ledger of this process from now on, if the job says so."""
        from custom_components.immich_backup.engine import conductor, engine, watched  # noqa: PLC0415
        from custom_components.immich_backup.engine.ledger import Ledger  # noqa: PLC0415

        self.engine: engine.Engine | None = None
        self.restart = False
        self.reached = False
        self._job = job
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._stopping: asyncio.Task[str | None] | None = None
        if not job.at:
            return
        for module in (conductor, engine):
            module._LEDGER_RETRY = 0.05  # type: ignore[attr-defined]
        watched._CHECK_INTERVAL = 0.05
        transact = Ledger._transact
        disturbed = self

        def counted[T](self: Ledger, job: Callable[..., T], /, *args: object) -> T:
            disturbed._count += 1
            number = disturbed._count

            def work(*inner: object) -> T:
                # Here an error of SQLite is what the ledger takes it for.
                disturbed._pass(number, "before")
                result = job(*inner)
                disturbed._pass(number, "inside")
                return result

            result = transact(self, work, *args)
            disturbed._pass(number, "after")
            return result

        Ledger._transact = counted  # type: ignore[assignment]

    def _pass(self, number: int, point: str) -> None:
        """Let the mishap happen if this is its place; in the ledger's thread."""
        if (number, point) != (self._job.at, self._job.point):
            return
        self.reached = True
        match self._job.mishap:
            case Mishap.EXIT:
                os._exit(CRASHED)
            case Mishap.FULL:
                raise sqlite3.OperationalError("database or disk is full")
            case Mishap.CANCEL | Mishap.RESTART:
                self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        """Stop the run, and maybe the engine."""
        self.restart = self._job.mishap is Mishap.RESTART
        if self.engine is not None:
            self._stopping = asyncio.create_task(self.engine.stop_run())


async def _live(job: Job) -> int:
    """Do a job; return the process's status."""
    disturbed = Disturbance(job)
    await back_up(job, disturbed)
    return 0 if disturbed.reached or not job.at else NOT_REACHED


def serve() -> None:
    """Fork a process for each job, and tell how it ended."""
    from tests.support.bare import load_bare  # noqa: PLC0415

    load_bare()
    import aiohttp  # noqa: F401, PLC0415

    import custom_components.immich_backup.engine  # noqa: F401, PLC0415

    for line in sys.stdin:
        job = Job(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = asyncio.run(_live(job))
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(pid, flush=True)  # noqa: T201
        _, code = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(code), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve()
