"""The simulator in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import re
import signal
import sys

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class ServerProcess:
    """A running `python -m simulator`."""

    process: asyncio.subprocess.Process
    url: str

    async def kill(self) -> None:
        """Kill it as kill -9 does."""
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            return await self.process.wait()

    def memory(self) -> int:
        """Return the most memory it has ever had resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        match = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) * 1024


@asynccontextmanager
async def running(*arguments: str) -> AsyncGenerator[ServerProcess]:
    """Start the simulator on a free port and make sure that it ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", "--port", "0", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        match = re.fullmatch(r".*listening on (http://\S+)\n", line)
        assert match is not None, line
        yield ServerProcess(process, match[1])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
