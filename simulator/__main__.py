"""`python -m simulator`: the simulated server on the command line."""

import argparse
import asyncio
from pathlib import Path
import signal
import sys

from .server import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="simulator", description="An Immich 3 server in one process."
    )
    parser.add_argument("--port", type=int, default=2283, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--data", type=Path, help="folder that keeps everything; temporary by default"
    )
    parser.add_argument("--api-key", help="secret of a key that may do everything")
    parser.add_argument(
        "--no-seed", action="store_true", help="leave the server uninitialised"
    )
    parser.add_argument(
        "--no-jobs",
        action="store_true",
        help="start with the queues for metadata and thumbnails paused",
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    """Serve until a signal asks to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with Simulator(
        arguments.data,
        host=arguments.host,
        port=arguments.port,
        api_key=arguments.api_key,
        seed=not arguments.no_seed,
        process=not arguments.no_jobs,
    ) as simulator:
        sys.stdout.write(f"Immich simulator listening on {simulator.url}\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
