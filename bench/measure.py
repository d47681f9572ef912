"""What all benchmarks share: figures beside their reference, child processes, memory."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
import json
import os
from pathlib import Path
import resource
import statistics
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self, override

ROOT = Path(__file__).resolve().parents[1]
_PROBE_INTERVAL = 0.002


class Comparison(StrEnum):
    """How ours is compared with the reference."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a comparison should come to: at least or at most this much, or both."""

    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, value: float) -> bool:
        """Return whether a value is good enough."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    @override
    def __str__(self) -> str:
        """Return it as it stands in the table."""
        least, most = self.at_least, self.at_most
        bounds = ((">=", least), ("<=", most))
        return ", ".join(
            f"{sign} {bound:g}" for sign, bound in bounds if bound is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured in several rounds, ours and the reference's.

    ``reference`` is empty where the reference is missing; ``missing`` says why. What
    has no target is only told.
    """

    name: str
    what: str
    unit: str
    comparison: Comparison
    ours: Sequence[float]
    reference: Sequence[float]
    target: Target | None = None
    missing: str | None = None

    @property
    def value(self) -> float | None:
        """Return how the medians compare; None without a reference."""
        if not self.reference:
            return None
        ours = statistics.median(self.ours)
        reference = statistics.median(self.reference)
        if self.comparison is Comparison.DIFFERENCE:
            return ours - reference
        return ours / reference if reference else None

    @property
    def met(self) -> bool | None:
        """Return whether the target is met; None without one, or without a reference."""
        if self.target is None or self.value is None:
            return None
        return self.target.met_by(self.value)

    def as_json(self) -> dict[str, Any]:
        """Return everything about it, the raw numbers included."""
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "ours": statistics.median(self.ours),
            "reference": statistics.median(self.reference) if self.reference else None,
            "comparison": self.comparison.value,
            "value": self.value,
            "target": None if self.target is None else str(self.target),
            "met": self.met,
            "missing": self.missing,
            "rounds": {"ours": list(self.ours), "reference": list(self.reference)},
        }


@dataclass(slots=True)
class Rounds:
    """The numbers of all rounds by name, in the order of the rounds."""

    numbers: dict[str, list[float]] = field(default_factory=dict)

    def add(self, numbers: dict[str, float]) -> None:
        """Add the numbers of one round."""
        for name, number in numbers.items():
            self.numbers.setdefault(name, []).append(number)

    def __getitem__(self, name: str) -> list[float]:
        """Return one number of every round; none if there was no round."""
        return self.numbers.get(name, [])


def child(benchmark: str, task: str, *arguments: object) -> dict[str, float]:
    """Do one task of a benchmark in a process of its own; return what it measured."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.child", benchmark, task),
            *map(str, arguments),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


@contextmanager
def receiver() -> Iterator[int]:
    """Give the port of a receiver that runs in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.receiver"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        # It ends with its standard input, which is closed on the way out.
        yield int(process.stdout.readline())


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Do some work and return its seconds, its CPU seconds and its peak memory."""
    forget_peak()
    before = memory("VmRSS")
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "growth": memory("VmHWM") - before,
    }


def forget_peak() -> None:
    """Let the peak of this process's memory begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(what: str, process: int | str = "self") -> float:
    """Return a process's resident memory in MB: VmRSS now, VmHWM at its peak.

    Not from getrusage, which counts what the parent had when it started the process.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(process)


def cpu_seconds(process: int | str = "self") -> float:
    """Return the CPU seconds that all threads of a process have used."""
    # The name of the process, in brackets, may hold anything.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Probe:
    """Measures how late an event loop is, from inside of it."""

    def __init__(self) -> None:
        """Prepare; `async with` measures."""
        self.lags: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to measure."""
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def worst(self) -> float:
        """Return the longest delay, in milliseconds."""
        return max(self.lags, default=0.0)

    async def _watch(self) -> None:
        """Note by how much each of many short sleeps took too long."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + _PROBE_INTERVAL
            await asyncio.sleep(_PROBE_INTERVAL)
            self.lags.append((clock() - due) * 1000)


class Neighbours:
    """How much of the machine other programs used meanwhile, in percent."""

    def __init__(self) -> None:
        """Begin to count."""
        self._began = self._count()

    def share(self) -> float:
        """Return the share until now; children count as ours once they ended."""
        began, now = self._began, self._count()
        total, busy, own = (b - a for a, b in zip(began, now, strict=True))
        return max(0.0, 100 * (busy - own) / total) if total else 0.0

    @staticmethod
    def _count() -> tuple[float, float, float]:
        """Return the seconds of all cores, those not idle, and those that were ours."""
        first = Path("/proc/stat").read_text().partition("\n")[0]
        ticks = [int(field) for field in first.split()[1:9]]
        second = os.sysconf("SC_CLK_TCK")
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(
                resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
        )
        # Idle time, and waiting for a disk.
        idle = ticks[3] + ticks[4]
        return sum(ticks) / second, (sum(ticks) - idle) / second, own
