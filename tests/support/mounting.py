"""Real mounts, where the tests may make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import subprocess

import pytest


@contextmanager
def mounted(point: Path, *arguments: str) -> Iterator[None]:
    """Mount something, as told by arguments of mount(8); skips the test if it may not."""
    mount = subprocess.run(
        ["mount", *arguments, str(point)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"Mounting is not permitted: {mount.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)
