"""The reference for uploads: curl sends the same files to the same receiver."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
import resource
import shutil
import subprocess
import time

from .measure import memory

MISSING = "curl is not installed"
_FIELDS = ("fileCreatedAt", "fileModifiedAt")
_SAMPLE_SECONDS = 0.02


def found() -> bool:
    """Return whether there is a curl."""
    return shutil.which("curl") is not None


def send(
    files: Sequence[Path], port: int, scratch: Path, *, parallel: int
) -> dict[str, float]:
    """Send files with `curl --parallel -F`; return its seconds, CPU seconds, memory.

    The seconds are those of the whole process, its start included. ``scratch`` takes
    the list of what it is to send. Raises RuntimeError unless every file is answered
    by 201.
    """
    config = scratch / "curl.config"
    config.write_text(_config(files, port))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with subprocess.Popen(
        [
            *("curl", "--disable", "--no-progress-meter", "--parallel"),
            *("--parallel-max", str(parallel), "--config", config),
        ],
        stdout=subprocess.PIPE,
    ) as process:
        answers, peak = _watch(process)
    seconds = time.perf_counter() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    config.unlink()
    if answers.split() != [b"201"] * len(files):
        raise RuntimeError("curl did not send everything")
    return {
        "seconds": seconds,
        "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
        "peak": peak,
    }


def _watch(process: subprocess.Popen[bytes]) -> tuple[bytes, float]:
    """Wait for a process; return what it printed, and its peak memory in MB."""
    peak = 0.0
    while True:
        with suppress(ProcessLookupError):
            peak = max(peak, memory("VmHWM", process.pid))
        with suppress(subprocess.TimeoutExpired):
            answers, _ = process.communicate(timeout=_SAMPLE_SECONDS)
            return answers, peak


def _config(files: Sequence[Path], port: int) -> str:
    """Return what curl is to do, with the fields and headers that we send too."""
    fields = "".join(f'form = "{name}=2026-01-01T00:00:00.000Z"\n' for name in _FIELDS)
    # Without the empty one it waits for permission to send a large body.
    headers = (
        f'header = "x-immich-checksum: {"0" * 40}"\n'
        'header = "x-api-key: bench"\nheader = "Expect:"\n'
    )
    return "next\n".join(
        f'url = "http://127.0.0.1:{port}/api/assets"\n{headers}{fields}'
        f'form = "assetData=@\\"{file}\\""\n'
        'output = "/dev/null"\nwrite-out = "%{http_code}\\n"\n'
        for file in files
    )
