"""`python -m demo`: the command line of the demonstration."""

import argparse
import asyncio
import json
from pathlib import Path
import signal
import sys

from .demonstration import Demonstration, Options
from .errors import DemoError

_HOME = Path(__file__).resolve().parent.parent / ".demo"
_INTERRUPTED = 130


def _options() -> Options:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="A whole home: Home Assistant, an Immich server and sample photos,"
        " which are backed up while you watch.",
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=_HOME,
        metavar="DIR",
        help="where this home lives; .demo in the repository by default",
    )
    parser.add_argument(
        "--port", type=int, help="of Home Assistant; a free one from 8123 by default"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="back up this folder, not samples"
    )
    parser.add_argument(
        "--immich-url",
        metavar="URL",
        help="use this Immich server, not a simulated one",
    )
    parser.add_argument("--immich-key", metavar="KEY", help="an API key for it")
    parser.add_argument(
        "--once",
        action="store_true",
        help="end after the backup: 0 if every wanted file is proven on the server and"
        " everyone was told, else 1",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="also print the result as one JSON object, as the last line",
    )
    arguments = parser.parse_args()
    if (arguments.immich_url is None) != (arguments.immich_key is None):
        parser.error("--immich-url and --immich-key belong together")
    home, photos = arguments.home.resolve(), arguments.photos
    if photos is not None:
        photos = photos.resolve()
        if not photos.is_dir():
            parser.error(f"--photos: {photos} is not a folder")
        if home.is_relative_to(photos):
            parser.error("--photos: the home may not lie in the folder; choose --home")
    return Options(
        home=home,
        port=arguments.port,
        photos=photos,
        server=(arguments.immich_url, arguments.immich_key)
        if arguments.immich_url
        else None,
        once=arguments.once,
        json=arguments.json,
    )


async def _main(options: Options) -> int:
    """Run the demonstration until it ends or a signal does; return the exit code."""
    demonstration = Demonstration(options)
    task = asyncio.create_task(demonstration.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A second one does not wait for Home Assistant to end by itself.
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0 if demonstration.proven else _INTERRUPTED
    except DemoError as err:
        print(f"demo: {err}", file=sys.stderr)
        if options.json and not demonstration.told:
            print(json.dumps({"error": str(err)}), flush=True)
        return 1
    return 0 if demonstration.proven else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(_options())))
