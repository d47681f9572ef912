"""What the tests of the demonstration share."""

import fcntl
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def demo_environment() -> None:
    """Install what a whole home needs, once for all who test at the same time."""
    with (Path(sys.prefix) / ".demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([ROOT / "scripts/setup", "demo"], check=True)
