"""`python -m bench.child`: one task of a benchmark, without Home Assistant.

Prints what it measured as one JSON object.
"""

import importlib
import json
import sys

from tests.support.bare import load_bare


def main(benchmark: str, task: str, *arguments: str) -> None:
    """Do a task; the benchmark's module names its tasks in TASKS."""
    load_bare()
    module = importlib.import_module(f"bench.{benchmark}")
    print(json.dumps(module.TASKS[task](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
