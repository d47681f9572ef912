"""The layers stay what they are: imports run downwards only."""

import ast
from collections.abc import Iterator
from pathlib import Path
import subprocess
import sys

import pytest

from .support.bare import LAYERS, PACKAGE, ROOT, modules_of

# What each part of the repository must not import: a module and all below it.
FORBIDDEN = {
    "custom_components/immich_backup/immich": ("homeassistant", PACKAGE),
    "custom_components/immich_backup/engine": ("homeassistant", PACKAGE),
    # A simulator that shared code with the client would share its mistakes.
    "simulator": ("homeassistant", "custom_components"),
}
# What of the forbidden is allowed after all.
ALLOWED = {
    "custom_components/immich_backup/immich": (f"{PACKAGE}.immich",),
    "custom_components/immich_backup/engine": (
        f"{PACKAGE}.engine",
        f"{PACKAGE}.immich",
    ),
    "simulator": (),
}

IMPORT_ALL = """
import importlib
import sys

from tests.support.bare import load_bare, modules_of

load_bare()
load_bare()
for name in modules_of(sys.argv[1]):
    importlib.import_module(name)
    print(name)
try:
    import homeassistant.const
except ModuleNotFoundError:
    print("no Home Assistant")
"""


def imports_of(file: Path, root: Path = ROOT) -> Iterator[tuple[int, str]]:
    """Yield the line and the absolute name of everything a module imports."""
    package = file.relative_to(root).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = (*base, *(node.module or "").split("."))
            for alias in node.names:
                yield node.lineno, ".".join(filter(None, (*source, alias.name)))


def is_below(name: str, packages: tuple[str, ...]) -> bool:
    """Return whether a module is one of the packages or lies in one."""
    return any(
        name == package or name.startswith(f"{package}.") for package in packages
    )


def upward_imports(part: str) -> list[str]:
    """Return the imports in a part of the repository that it must not have."""
    return [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in sorted(ROOT.joinpath(part).rglob("*.py"))
        for line, name in imports_of(file)
        if is_below(name, FORBIDDEN[part]) and not is_below(name, ALLOWED[part])
    ]


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_run_downwards(part: str) -> None:
    """No module imports what lies above it."""
    assert upward_imports(part) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import homeassistant.const", ["homeassistant.const"]),
        ("from homeassistant import core", ["homeassistant.core"]),
        ("from ... import coordinator", [f"{PACKAGE}.coordinator"]),
        ("from ...const import DOMAIN", [f"{PACKAGE}.const.DOMAIN"]),
        ("from ..model import File", [f"{PACKAGE}.engine.model.File"]),
        ("from . import watch", [f"{PACKAGE}.engine.detect.watch"]),
        ("def late():\n    import json, os", ["json", "os"]),
    ],
)
def test_imports_are_found(tmp_path: Path, source: str, found: list[str]) -> None:
    """Imports of every form are seen, with the absolute name."""
    file = tmp_path / "custom_components/immich_backup/engine/detect/scan.py"
    file.parent.mkdir(parents=True)
    file.write_text(source)
    assert [name for _, name in imports_of(file, tmp_path)] == found


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_loads_without_home_assistant(layer: str) -> None:
    """Every module of a lower layer loads where Home Assistant cannot be imported."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, layer],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [*modules_of(layer), "no Home Assistant"]
    assert modules_of(layer)
