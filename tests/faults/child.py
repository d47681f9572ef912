"""A backup in processes that may be killed at any moment, without Home Assistant.

Run as a module it is a nursery: it reads one job per line (JSON) from its input, forks a
process for it and writes the process's number, and its exit status once it ended. Forks
of what is already imported start in milliseconds.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import sys
import traceback

CRASHED = 9
# Where a process ends itself: before the n-th transaction of the ledger begins, when its
# work is done but not committed, or right after the commit.
POINTS = ("before", "inside", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a process is to back up; ``crash_at`` 0 lets it live."""

    url: str
    api_key: str
    folder: str
    ledger: str
    crash_at: int = 0
    crash_point: str = "after"

    def line(self) -> bytes:
        """Return the job as the nursery reads it."""
        return json.dumps(asdict(self)).encode() + b"\n"


async def back_up(job: Job) -> None:
    """Run the engine until every file of the folder is protected."""
    import aiohttp  # noqa: PLC0415

    from custom_components.immich_backup.engine import (  # noqa: PLC0415
        Engine,
        FileState,
        Folder,
        OpenContext,
        RuleSet,
        RunTrigger,
    )
    from custom_components.immich_backup.immich import ImmichClient  # noqa: PLC0415

    folder = Folder(
        id="photos", name="Photos", path=job.folder, rules=RuleSet(), settle_seconds=0.1
    )
    async with aiohttp.ClientSession() as session:
        engine = Engine(
            ledger_path=Path(job.ledger),
            client=ImmichClient(session, job.url, job.api_key),
            context=OpenContext(),
        )
        await engine.start([folder])
        try:
            while True:
                run = engine.start_run(trigger=RunTrigger.MANUAL)
                await engine.wait_run(run)
                tally = (await engine.overview()).tally
                if tally.present == tally.count(FileState.PROTECTED) > 0:
                    return
        finally:
            await engine.stop()


def crash(at: int, point: str) -> None:
    """Let this process end itself at a transaction of the ledger."""
    from custom_components.immich_backup.engine.ledger import Ledger  # noqa: PLC0415

    transact = Ledger._transact
    count = 0

    def end(now: str) -> None:
        if count == at and now == point:
            os._exit(CRASHED)

    def counted[T](self: Ledger, job: Callable[..., T], /, *args: object) -> T:
        nonlocal count
        count += 1
        end("before")

        def work(*inner: object) -> T:
            result = job(*inner)
            end("inside")
            return result

        result = transact(self, work, *args)
        end("after")
        return result

    Ledger._transact = counted  # type: ignore[assignment]


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
                if job.crash_at:
                    crash(job.crash_at, job.crash_point)
                asyncio.run(back_up(job))
                status = 0
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
