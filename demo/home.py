"""A real Home Assistant: its configuration and its process."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Collection
import json
import os
from pathlib import Path
import shutil
import sys
from typing import Any

from .api import HomeApi
from .errors import DemoError
from .ports import HOST
from .process import HomeLock, end

FIRST_PORT = 8123
# Where it is: latitude and longitude.
PLACE = (52.5163, 13.3777)
_ROOT = Path(__file__).resolve().parent.parent
_INTEGRATIONS = (
    _ROOT / "custom_components/immich_backup",
    _ROOT / "demo/components/demo_receivers",
)
# Seconds until the web server answers; the first start writes byte code and databases.
_START = 120.0
# How Home Assistant says that it wants to be started again.
RESTART = 100

# What Home Assistant asks in a new home.
_QUESTIONS = ("user", "core_config", "integration", "analytics")

_CONFIGURATION = """\
# Written by the demonstration at every start; changes are lost.
homeassistant:
  name: Demo home
  latitude: {latitude}
  longitude: {longitude}
  elevation: 34
  unit_system: metric
  currency: EUR
  country: DE
  language: en
  time_zone: Europe/Berlin
  internal_url: {url}
  media_dirs:
    local: {media}
  allowlist_external_dirs: {allowed}
frontend:
config:
history:
logbook:
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
media_source:
person:
zone:
calendar:
mobile_app:
system_health:
logger:
  default: warning
  logs:
    custom_components.immich_backup: info
"""


class Home:
    """One Home Assistant below a folder, on a port of its own."""

    def __init__(self, folder: Path, lock: HomeLock, port: int) -> None:
        """Take where it lives; nothing is written yet."""
        self._folder = folder
        self.config = folder / "home-assistant"
        self.media = folder / "media"
        self.log = self.config / "home-assistant.log"
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._lock = lock
        self._output = folder / "home-assistant.out"
        self._process: Process | None = None

    def remove(self) -> None:
        """Remove everything of Home Assistant's; blocking."""
        if self.config.exists():
            shutil.rmtree(self.config)

    def prepare(self, folders: Collection[Path]) -> None:
        """Write the configuration; these folders may be backed up. Blocking."""
        storage = self.config / ".storage"
        for path in (storage, self.media, self.config / "custom_components"):
            path.mkdir(parents=True, exist_ok=True)
        for integration in _INTEGRATIONS:
            link = self.config / "custom_components" / integration.name
            link.unlink(missing_ok=True)
            link.symlink_to(integration)
        # What is not there would be an invalid configuration; media may be made later.
        allowed = sorted(
            str(folder)
            for folder in folders
            if folder.is_dir() and not folder.is_relative_to(self.media)
        )
        # JSON is YAML as well, and knows how to quote.
        configuration = _CONFIGURATION.format(
            latitude=PLACE[0],
            longitude=PLACE[1],
            url=json.dumps(self.url),
            media=json.dumps(str(self.media)),
            allowed=json.dumps(allowed),
        )
        (self.config / "configuration.yaml").write_text(configuration, encoding="utf-8")
        for name in ("automations", "scripts", "scenes"):
            file = self.config / f"{name}.yaml"
            if not file.exists():
                file.write_text("[]\n" if name == "automations" else "")
        _store(storage / "http", 2, 2, self._web_server())
        # The step that would add integrations which need the internet is done.
        if not (storage / "onboarding").exists():
            _store(storage / "onboarding", 4, 1, {"done": ["core_config"]})

    def _web_server(self) -> dict[str, Any]:
        """Return where the web server listens, as Home Assistant keeps it.

        In configuration.yaml it would be a trial that ends after five minutes.
        """
        stable = {
            "server_port": self.port,
            "server_host": [HOST],
            "cors_allowed_origins": ["https://cast.home-assistant.io"],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": True,
            "ssl_profile": "modern",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        }
        return {"stable": stable, "pending": None, "yaml_migration_done": True}

    async def start(self) -> None:
        """Start the process."""
        self._process = await self._lock.start(
            sys.executable,
            "-m",
            "homeassistant",
            "--config",
            str(self.config),
            "--log-file",
            str(self.log),
            folder=self._folder,
            env=_environment(),
            output=self._output,
        )

    @property
    def pid(self) -> int:
        """Return the id of the process, once it is started."""
        assert self._process is not None
        return self._process.pid

    async def wait_until_up(self, api: HomeApi) -> None:
        """Wait until somebody can log in. Raises DemoError when nobody can."""
        onboarded = await asyncio.to_thread(self._is_onboarded)
        try:
            async with asyncio.timeout(_START):
                while not await api.is_up(onboarded=onboarded):
                    if self._process is None or self._process.returncode is not None:
                        raise DemoError(f"Home Assistant ended: {self.last_words()}")
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise DemoError(
                f"Home Assistant does not answer at {self.url}: {self.last_words()}"
            ) from None

    def _is_onboarded(self) -> bool:
        """Return whether all questions of a new home are answered; blocking."""
        stored = json.loads((self.config / ".storage/onboarding").read_text())
        return set(_QUESTIONS) <= set(stored["data"]["done"])

    async def wait_until_ended(self) -> int:
        """Return the exit code once the process ends."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop the process, if it runs."""
        if self._process is not None:
            await end(self._process)

    def last_words(self) -> str:
        """Return the end of what the process printed."""
        lines = self._output.read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:]) or "it printed nothing"


def _store(path: Path, version: int, minor: int, data: dict[str, Any]) -> None:
    """Write a file of Home Assistant's storage."""
    content = {"version": version, "minor_version": minor, "key": path.name}
    path.write_text(json.dumps({**content, "data": data}, indent=2))


def _environment() -> dict[str, str]:
    """Return the environment with the programmes and libraries that came as packages.

    PYTHONASYNCIODEBUG=1 is passed on: Home Assistant then tells what blocks its loop.
    """
    prefix = Path(sys.prefix)
    paths = {"PATH": prefix / "bin", "LD_LIBRARY_PATH": prefix / "lib"}
    env = dict(os.environ)
    for name, path in paths.items():
        env[name] = os.pathsep.join(filter(None, (str(path), env.get(name))))
    # Starting takes three times as long without byte code.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    # It finds the integration in its own configuration, and nothing of ours elsewhere.
    env.pop("PYTHONPATH", None)
    return env
