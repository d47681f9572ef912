"""The set-up script finds the machine's Debian mirror and its own folders."""

import importlib.util
import os
from pathlib import Path
import subprocess
import sys
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "environment.py"
MIRROR = "http://mirror.example/debian"


def load() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    """Return the script as a module, once for the tests that read addresses."""
    return load()


def stanza(**changes: str) -> str:
    """Return a stanza of an apt sources file."""
    fields = {
        "Types": "deb deb-src",
        "# Snapshot": "http://old.example/debian",
        "URIs": f"{MIRROR} http://second.example/debian",
        "Suites": "bookworm bookworm-updates",
        "Components": "main contrib",
        "Signed-By": "/usr/share/keyrings/debian-archive-keyring.gpg",
    }
    return "\n".join(f"{name}: {value}" for name, value in (fields | changes).items())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, MIRROR),
        ({"Suites": "bookworm-security"}, None),
        ({"Enabled": "no"}, None),
        ({"Types": "deb-src"}, None),
        ({"URIs": "http://other.example/repo"}, None),
        ({"Components": "stable"}, None),
    ],
)
def test_stanza(
    environment: ModuleType, changes: dict[str, str], found: str | None
) -> None:
    """Only an enabled stanza of Debian's main archive gives the mirror."""
    assert environment.mirror_of_stanza(stanza(**changes)) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"deb {MIRROR} bookworm main", MIRROR),
        (f"deb [arch=amd64 signed-by=/k.gpg] {MIRROR} bookworm main", MIRROR),
        (f"deb {MIRROR}-security bookworm-security main", None),
        (f"deb-src {MIRROR} bookworm main", None),
        (f"# deb {MIRROR} bookworm main", None),
        ("deb http://other.example/repo stable main", None),
        ("", None),
    ],
)
def test_line(environment: ModuleType, line: str, found: str | None) -> None:
    """Only a line of Debian's main archive gives the mirror."""
    assert environment.mirror_of_line(line) == found


@pytest.mark.parametrize(
    ("version", "folder"),
    [("", ".venv"), ("2026.11.0", ".python/home-assistant-2026.11.0")],
)
def test_place(monkeypatch: pytest.MonkeyPatch, version: str, folder: str) -> None:
    """Another Home Assistant has another place; all scripts know the same one."""
    monkeypatch.setenv("HOMEASSISTANT_VERSION", version)
    place = load().VENV
    assert place == ROOT / folder
    shell = subprocess.run(
        ["bash", "-euc", '. scripts/environment.sh; echo "$venv"'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == f"{folder}\n"


@pytest.mark.parametrize("version", ["..", "2026.11.0/../..", "latest", "1 2"])
def test_no_version(version: str) -> None:
    """What is no version never becomes the name of a folder."""
    result = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "HOMEASSISTANT_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert (
        result.stderr == f"setup: HOMEASSISTANT_VERSION is not a version: {version}\n"
    )
