"""The set-up script finds the machine's Debian mirror and nothing else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "environment.py"
MIRROR = "http://mirror.example/debian"


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
