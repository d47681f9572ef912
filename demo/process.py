"""Processes: a home is used by one demonstration at a time, its child dies with it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
import fcntl
import os
from pathlib import Path
import signal
import sys

from .errors import DemoError

_TETHER = Path(__file__).with_name("tether.py")
# Seconds that a child may take to end: by itself, and once it is killed.
_END, _KILL = 30.0, 5.0


class HomeLock:
    """Two locks in a home: one of the demonstration, one that its child holds too.

    The kernel gives a lock back when the last process that holds it has ended, however
    it ended.
    """

    def __init__(self, folder: Path) -> None:
        """Open the files of the locks in an existing folder."""
        self._own = _open(folder / ".demo.lock")
        self._child = _open(folder / ".child.lock")

    async def acquire(self) -> None:
        """Take both locks; a child that an ended demonstration left is waited for.

        Raises DemoError when another demonstration uses the home.
        """
        if not _try_lock(self._own):
            raise DemoError(
                "A demonstration runs in this home already; stop it, or choose another"
                " home with --home"
            )
        if await _wait_for_lock(self._child, _END):
            return
        with suppress(ValueError, ProcessLookupError):
            os.kill(int(os.pread(self._child, 20, 0)), signal.SIGKILL)
        if not await _wait_for_lock(self._child, _KILL):
            raise DemoError("A process of an earlier demonstration can't be ended")

    def close(self) -> None:
        """Give the locks back."""
        os.close(self._child)
        os.close(self._own)

    async def start(
        self, *command: str, folder: Path, env: Mapping[str, str], output: Path
    ) -> asyncio.subprocess.Process:
        """Start the child: its output goes to a file, Ctrl-C does not reach it."""
        with output.open("wb") as file:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(_TETHER),
                str(os.getpid()),
                str(self._child),
                *command,
                cwd=folder,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(self._child,),
                start_new_session=True,
            )


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it when it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END):
                await process.wait()
    finally:
        # Too slow for us, or for the person who asks a second time.
        if process.returncode is None:
            process.kill()
            await process.wait()


def _open(path: Path) -> int:
    """Return a descriptor of a file, which is created if need be."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int) -> bool:
    """Return whether the lock could be taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _wait_for_lock(descriptor: int, seconds: float) -> bool:
    """Return whether the lock could be taken in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not _try_lock(descriptor):
                await asyncio.sleep(0.1)
            return True
    return False
