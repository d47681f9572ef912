"""Children die with the demonstration, and a home is used by one at a time."""

import asyncio
from asyncio.subprocess import PIPE, Process
import os
from pathlib import Path
import signal
import sys

import pytest

from demo import process
from demo.errors import DemoError
from demo.process import HomeLock, end

# A demonstration that starts a child, tells its process id and then waits.
PARENT = """
import asyncio, os, sys
from pathlib import Path
from demo.process import HomeLock

async def main():
    home = Path(sys.argv[1])
    lock = HomeLock(home)
    await lock.acquire()
    child = await lock.start(
        sys.executable, "-c", sys.argv[2], folder=home, env=os.environ, output=home / "out"
    )
    while not (home / "out").read_text():
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""
PATIENT = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True:
    signal.pause()
"""


# As on a system whose kernel does not end children with their parents.
UNTIED = f"import ctypes; ctypes.CDLL(None).prctl(1, 0); {PATIENT}"


async def start_parent(home: Path, child: str) -> tuple[Process, int]:
    """Start a demonstration and return it with the process id of its child."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, home, child, stdout=PIPE
    )
    assert parent.stdout is not None
    return parent, int(await parent.stdout.readline())


def is_running(pid: int) -> bool:
    """Return whether a process is there and not just waiting to be forgotten."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("child", [PATIENT, UNTIED])
async def test_killed_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str
) -> None:
    """After kill -9 of the demonstration alone the home can be used at once."""
    # One that lives on is waited for so long before it is killed.
    monkeypatch.setattr(process, "_END", 1.0)
    parent, pid = await start_parent(tmp_path, child)
    parent.kill()
    await parent.wait()
    lock = HomeLock(tmp_path)
    await lock.acquire()
    assert not is_running(pid)
    lock.close()


async def test_one_at_a_time(tmp_path: Path) -> None:
    """A second demonstration in a home is refused, and harms nothing."""
    parent, pid = await start_parent(tmp_path, PATIENT)
    lock = HomeLock(tmp_path)
    with pytest.raises(DemoError, match="runs in this home already"):
        await lock.acquire()
    lock.close()
    assert is_running(pid)
    os.kill(pid, signal.SIGTERM)
    assert await parent.wait() == 0


async def test_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that does not end when asked to is killed."""
    monkeypatch.setattr(process, "_END", 0.2)
    lock = HomeLock(tmp_path)
    await lock.acquire()
    child = await lock.start(
        sys.executable,
        "-c",
        STUBBORN,
        folder=tmp_path,
        env=os.environ,
        output=tmp_path / "out",
    )
    async with asyncio.timeout(20):
        while not (tmp_path / "out").read_text():
            await asyncio.sleep(0.01)
    await end(child)
    assert child.returncode == -signal.SIGKILL
    lock.close()


async def test_ctrl_c_does_not_reach_the_child(tmp_path: Path) -> None:
    """The child is not in the group that a terminal interrupts."""
    parent, pid = await start_parent(tmp_path, PATIENT)
    assert os.getpgid(pid) == pid != os.getpgid(parent.pid)
    parent.kill()
    await parent.wait()
