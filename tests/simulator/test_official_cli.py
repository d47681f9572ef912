"""The official command line client, unmodified, against the simulated server."""

import asyncio
from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil

import pytest

from simulator import Simulator

from .client import picture

VERSION = "3.2.2"
# Ignored by git through a file of its own, and by its name by our checks.
CACHE = Path(__file__).parents[2] / ".immich_cli_cache"
PACKAGES = ("node@24", f"@immich/cli@{VERSION}")
UNIQUE = 137
COPIES = 8

pytestmark = pytest.mark.timeout(420)


async def _run(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a program and return its exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(300):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode("utf-8", "replace")


def _installed() -> bool:
    manifest = CACHE / "node_modules" / "@immich" / "cli" / "package.json"
    if not manifest.exists() or not _node().exists():
        return False
    content = json.loads(manifest.read_text(encoding="utf-8"))
    return bool(content["version"] == VERSION)


def _node() -> Path:
    return CACHE / "node_modules" / "node" / "bin" / "node"


@dataclass(frozen=True, slots=True)
class Cli:
    """The client, signed in at a server."""

    url: str
    key: str
    home: Path

    async def upload(self, folder: Path, *options: str) -> list[str]:
        """Upload a folder and return the lines that the client prints."""
        _, printed = await _run(
            str(_node()),
            str(CACHE / "node_modules" / "@immich" / "cli" / "bin" / "immich"),
            *("upload", "--recursive", "--no-progress", *options, str(folder)),
            env={
                "IMMICH_INSTANCE_URL": f"{self.url}/api",
                "IMMICH_API_KEY": self.key,
                "IMMICH_CONFIG_DIR": str(self.home),
                "NO_COLOR": "1",
            },
        )
        return printed.splitlines()


@pytest.fixture
async def cli(simulator: Simulator, tmp_path: Path) -> Cli:
    """Return the client; without a registry of packages these tests are skipped."""
    if not _installed():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not there to deliver the official client")
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n", encoding="utf-8")
        code, printed = await _run(
            npm,
            *(
                "install",
                "--no-fund",
                "--no-audit",
                "--no-save",
                "--prefix",
                str(CACHE),
            ),
            *PACKAGES,
            cwd=CACHE,
        )
        if code or not _installed():
            pytest.skip(f"npm cannot deliver the official client: {printed[-300:]}")
    home = tmp_path / "home"
    home.mkdir()
    return Cli(simulator.url, simulator.api_key, home)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make 146 files: 8 repeat the bytes of others, one is empty."""
    root = tmp_path / "pictures"
    (root / "below").mkdir(parents=True)
    for number in range(UNIQUE):
        place = root / "below" if number % 2 else root
        (place / f"picture {number}.jpg").write_bytes(picture(number))
    for number in range(COPIES):
        (root / "below" / f"copy {number}.jpg").write_bytes(picture(number))
    (root / "empty.jpg").touch()
    return root


def _said(lines: list[str], *beginnings: str) -> None:
    for beginning in beginnings:
        assert any(line.startswith(beginning) for line in lines), "\n".join(lines)


async def test_upload_upload_again_and_into_an_album(
    simulator: Simulator, cli: Cli, folder: Path
) -> None:
    """The client says what it says of a real server."""
    lines = await cli.upload(folder)
    _said(
        lines,
        "Found 146 new files and 0 duplicates",
        "Successfully uploaded 137 new assets",
        "Skipped 8 duplicate assets",
        "Failed to upload 1 asset:",
    )
    assert any('{"message":"File is empty"}' in line for line in lines)
    assert len(simulator.assets()) == UNIQUE
    for asset in simulator.assets():
        number = int(asset.original_file_name.split()[1].removesuffix(".jpg"))
        assert simulator.asset_bytes(asset.id) == picture(number)

    lines = await cli.upload(folder)
    _said(lines, "Found 1 new files and 145 duplicates")
    assert len(simulator.assets()) == UNIQUE

    lines = await cli.upload(folder, "--album-name", "Everything")
    _said(lines, "Successfully created 1 new album", "Successfully updated 145 assets")
    row = simulator.backend.store.one("SELECT count(*) AS assets FROM album_assets")
    assert row is not None
    assert row["assets"] == UNIQUE
