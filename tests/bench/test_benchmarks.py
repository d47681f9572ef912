"""Every benchmark runs, in small, and tells its figures."""

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.support import media
from tests.support.bare import ROOT

FIGURES = {
    "scan": [
        ("scan.tree.cpu", "CPU s", "ratio", "<= 1.5"),
        ("scan.tree.memory", "MB", "difference", "<= 16"),
        ("scan.flat.cpu", "CPU s", "ratio", "<= 1.5"),
        ("scan.flat.memory", "MB", "difference", "<= 16"),
    ],
    "transfer": [
        ("transfer.rate", "files/s", "ratio", ">= 0.5"),
        ("transfer.cpu", "CPU s/GB", "ratio", None),
        ("transfer.lag", "ms", "difference", "<= 20"),
    ],
    "bigfile": [
        ("bigfile.rate", "MB/s", "ratio", ">= 0.8"),
        ("bigfile.cpu", "CPU s/GB", "ratio", None),
        ("bigfile.memory", "MB", "difference", "<= 32"),
    ],
    "limit": [
        ("limit.files", "MB/s", "ratio", ">= 0.9, <= 1.1"),
        ("limit.bigfile", "MB/s", "ratio", ">= 0.9, <= 1.1"),
    ],
    "metadata": [
        ("metadata.cpu", "ms", "ratio", None),
        ("metadata.limit", "ms", "ratio", "<= 1"),
        ("metadata.read", "KB", "ratio", "<= 1"),
        ("metadata.agreement", "files", "ratio", ">= 1"),
    ],
    "quiet": [
        ("quiet.cpu", "% of a core", "difference", "<= 0.5"),
        ("quiet.stall", "ms", "difference", "<= 20"),
        ("quiet.collection", "CPU ms", "difference", None),
    ],
}
ROUNDS = 2


def bench(
    tmp_path: Path, *arguments: str, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks in small, with what they write below a folder."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "bench", "--quick", "--rounds", str(ROUNDS)),
            *arguments,
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "TMPDIR": str(tmp_path),
            **({} if path is None else {"PATH": path}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def report(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the object in the last line."""
    assert result.returncode == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return data


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "quiet"])
def test_benchmark(tmp_path: Path, name: str) -> None:
    """A benchmark measures itself and its reference in every round, and cleans up."""
    if name in ("transfer", "bigfile") and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    if name == "metadata" and shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    check_benchmark(tmp_path, name)


# On a fresh machine it waits for the environment of a whole home.
@pytest.mark.timeout(480)
@pytest.mark.usefixtures("demo_environment")
def test_benchmark_of_a_home(tmp_path: Path) -> None:
    """So does the one for which a home is started."""
    check_benchmark(tmp_path, "quiet")


def check_benchmark(tmp_path: Path, name: str) -> None:
    """Run a benchmark and check what it reports."""
    result = bench(tmp_path, "--only", name, "--json")
    data = report(result)
    assert data["quick"] is True
    assert data["rounds"] == ROUNDS
    assert data["machine"]["python"]
    assert 0 <= data["neighbours_percent"] <= 100
    figures = data["figures"]
    assert [
        (figure["name"], figure["unit"], figure["comparison"], figure["target"])
        for figure in figures
    ] == FIGURES[name]
    for figure in figures:
        assert figure["missing"] is None
        assert figure["met"] in ((True, False) if figure["target"] else (None,))
        for side in ("ours", "reference"):
            numbers = figure["rounds"][side]
            assert len(numbers) == ROUNDS
            assert min(numbers) <= figure[side] <= max(numbers)
        assert figure["what"] in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_missing_reference(tmp_path: Path) -> None:
    """Without curl the figures say so, and are no success."""
    nothing = tmp_path / "bin"
    nothing.mkdir()
    options = ("--only", "transfer", "--json")
    result = bench(tmp_path, *options, path=str(nothing))
    rate, cpu, lag = report(result)["figures"]
    for figure in (rate, cpu):
        assert figure["missing"] == "curl is not installed"
        assert figure["reference"] is figure["value"] is figure["met"] is None
        assert figure["ours"] > 0
    assert lag["missing"] is None
    line = next(line for line in result.stdout.splitlines() if rate["what"] in line)
    assert "curl is not installed" in line
    assert line.endswith("NOT KNOWN")
    assert bench(tmp_path, *options, "--check", path=str(nothing)).returncode == 1


def test_own_photos(tmp_path: Path) -> None:
    """A person's own folder is measured, and each difference told."""
    photos, nothing = tmp_path / "photos", tmp_path / "bin"
    photos.mkdir()
    nothing.mkdir()
    (photos / "a.jpg").write_bytes(media.jpeg(media.tiff({0x010F: "Canon"})))
    # One that our reader knows less of than ExifTool.
    (photos / "b.svg").write_text("<svg/>")
    options = ("--only", "metadata", "--photos", str(photos), "--json")
    result = bench(tmp_path, *options, path=str(nothing))
    cpu, limit, read, agreement = report(result)["figures"]
    assert "1 JPEGs" in cpu["what"]
    assert limit["met"]
    assert "2 files" in read["what"]
    assert agreement["missing"] == "exiftool is not installed"
    if (real := shutil.which("exiftool")) is not None:
        other = nothing / "exiftool"
        # One that sees another camera than we do.
        other.write_text(f'#!/bin/sh\n{real} "$@" | sed s/Canon/Nikon/\n')
        other.chmod(0o755)
        (photos / "c.jpg").write_bytes(media.jpeg())
        path = f"{nothing}{os.pathsep}{os.environ['PATH']}"
        result = bench(tmp_path, *options, path=path)
        assert "Not read at all: 1 .svg" in result.stdout
        assert "a.jpg: make: Canon, ExifTool says Nikon" in result.stdout
        agreement = report(result)["figures"][3]
        assert (agreement["ours"], agreement["reference"]) == (1, 2)
