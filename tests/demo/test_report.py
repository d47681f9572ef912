"""What the demonstration counts and tells."""

import json
from pathlib import Path

import pytest

from demo.report import File, Report, Sums, ignored_names
from demo.server import Server

SERVER = Server(
    url="http://127.0.0.1:2283",
    key="secret",
    user_id="u1",
    version="3.0.3",
    simulated=True,
)


def file(name: str, state: str) -> File:
    """Return a file in a state."""
    return File(
        path=name,
        state=state,
        reason="queued",
        reason_text="It waits for its turn",
        rule=None,
        asset_id=None,
        sha1=None,
    )


def report(*files: File) -> Report:
    """Return a report on these files."""
    return Report(
        home_assistant="2026.10.4",
        url="http://127.0.0.1:8123",
        server=SERVER,
        folder="/photos",
        files=files,
        uploaded=1,
        duplicates=0,
        seconds=12.34,
        entities={"sensor.photos_status": "idle"},
        log=(),
    )


ALL = (
    file("a.jpg", "protected"),
    file("b.jpg", "protected"),
    file("c.jpg", "failed"),
    file("d.jpg", "parked"),
    file("e.jpg", "waiting"),
    file("f.jpg", "settling"),
    file("g.txt", "unwanted"),
    file("h.jpg", "declined"),
)


def test_counts() -> None:
    """Every file is found; what is refused or declined is not wanted."""
    assert Sums.of(ALL) == Sums(found=8, wanted=6, skipped=1, failed=2, verified=2)


@pytest.mark.parametrize(
    ("state", "proven"),
    [
        ("protected", True),
        ("unwanted", True),
        ("declined", True),
        ("waiting", False),
        ("settling", False),
        ("failed", False),
        ("parked", False),
    ],
)
def test_proven(state: str, proven: bool) -> None:
    """Only a wanted file that is not on the server keeps a backup from being proven."""
    sums = Sums.of([file("a.jpg", "protected"), file("b.jpg", state)])
    assert sums.proven is proven


def test_json() -> None:
    """The object has all that a programme may ask, and no secret."""
    line = report(*ALL).as_json()
    assert "\n" not in line
    assert "secret" not in line
    data = json.loads(line)
    files = data.pop("files")
    assert data == {
        "home_assistant": "2026.10.4",
        "url": "http://127.0.0.1:8123",
        "server": {
            "url": "http://127.0.0.1:2283",
            "version": "3.0.3",
            "simulated": True,
        },
        "folder": "/photos",
        "found": 8,
        "wanted": 6,
        "uploaded": 1,
        "duplicates": 0,
        "skipped": 1,
        "failed": 2,
        "verified": 2,
        "seconds": 12.3,
        "entities": {"sensor.photos_status": "idle"},
        "log": [],
        "error": None,
    }
    assert files[2] == {
        "path": "c.jpg",
        "state": "failed",
        "reason": "queued",
        "reason_text": "It waits for its turn",
        "rule": None,
        "asset_id": None,
        "sha1": None,
    }


def test_table_begins_with_what_is_not_proven() -> None:
    """A thousand proven files do not hide the one that failed."""
    files = [file(f"{number}.jpg", "protected") for number in range(1000)]
    text = report(*files, file("broken.jpg", "failed")).as_text()
    lines = text.splitlines()
    assert lines[1].split()[:2] == ["broken.jpg", "failed"]
    assert "… and 951 more" in text
    assert len(lines) < 70


def test_ignored_names(tmp_path: Path) -> None:
    """Files that the integration does not list are named."""
    (tmp_path / "2025").mkdir()
    for name in ("a.jpg", "b.jpg.part", "2025/a.jpg", "2025/~b.jpg"):
        (tmp_path / name).touch()
    files = [file("a.jpg", "protected"), file("2025/a.jpg", "failed")]
    assert ignored_names(tmp_path, files) == ["2025/~b.jpg", "b.jpg.part"]


def test_paths_begin_at_the_folder() -> None:
    """The action tells full paths; here all are of one folder."""
    data = dict.fromkeys(File.__slots__) | {"path": "/photos/sub/a.jpg"}
    assert File.from_response(data, Path("/photos")).path == "sub/a.jpg"
