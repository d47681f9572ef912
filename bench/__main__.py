"""`python -m bench`: run the benchmarks and tell their figures."""

import argparse
from collections.abc import Sequence
import importlib
import json
import os
from pathlib import Path
import platform
import sqlite3
import ssl
import sys
import tempfile
from typing import Any

from tests.support.bare import load_bare

from .measure import Figure, Neighbours
from .table import table

# Quiet takes a quarter of an hour, and what the demonstration needs.
ALWAYS = ("scan", "transfer", "bigfile", "limit", "metadata")
NAMES = (*ALWAYS, "quiet")
_QUICK = 0.01


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure the engine, each time beside a reference."
    )
    parser.add_argument("--only", choices=NAMES, help="run one benchmark")
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many")
    parser.add_argument(
        "--json", action="store_true", help="end with everything as one JSON object"
    )
    parser.add_argument(
        "--check", action="store_true", help="fail when a target is missed"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a hundredth of the size: shows that it works, the figures mean nothing",
    )
    parser.add_argument(
        "--photos", type=Path, help="a folder whose files metadata is to read"
    )
    arguments = parser.parse_args()
    if arguments.photos is not None and arguments.only != "metadata":
        parser.error("--photos needs --only metadata")
    return arguments


def _run(name: str, scale: float, rounds: int, **options: Any) -> list[Figure]:
    """Run one benchmark in a temporary folder of its own."""
    module = importlib.import_module(f"bench.{name}")
    with tempfile.TemporaryDirectory(prefix="immich-backup-bench-") as folder:
        return list(module.run(Path(folder), scale=scale, rounds=rounds, **options))


def _machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
    }


def main() -> int:
    """Run what was asked for; return the exit code."""
    arguments = _arguments()
    load_bare()
    neighbours = Neighbours()
    figures: list[Figure] = []
    for name in [arguments.only] if arguments.only else ALWAYS:
        print(f"Measuring: {name}", file=sys.stderr, flush=True)
        scale = _QUICK if arguments.quick else 1.0
        options = {"photos": arguments.photos} if arguments.photos else {}
        figures += _run(name, scale, arguments.rounds, **options)
    share = neighbours.share()
    print(table(figures))
    print(
        f"\nMedians of {arguments.rounds} rounds, spread in brackets. Other programs"
        f" used {share:.0f} % of this machine meanwhile."
    )
    if arguments.json:
        report = {
            "rounds": arguments.rounds,
            "quick": arguments.quick,
            "machine": _machine(),
            "neighbours_percent": share,
            "figures": [figure.as_json() for figure in figures],
        }
        print(json.dumps(report))
    return int(arguments.check and not _all_met(figures))


def _all_met(figures: Sequence[Figure]) -> bool:
    """Return whether every target is met; one without a reference is not."""
    return all(figure.met for figure in figures if figure.target is not None)


if __name__ == "__main__":
    sys.exit(main())
