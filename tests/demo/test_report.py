"""What the demonstration counts and tells."""

from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
import re

import pytest

from demo.delivery import Delivery
from demo.gallery import Album, Gallery, Stack
from demo.report import File, Report, Sums, ignored_names
from demo.runs import Run
from demo.server import Server

SERVER = Server(
    url="http://127.0.0.1:2283",
    key="secret",
    user_id="u1",
    version="3.0.3",
    simulated=True,
)
RUN = Run(
    id="r1",
    trigger="trigger",
    started=1000.0,
    outcome="completed",
    uploaded=1,
    duplicates=0,
    failed=0,
    error=None,
)
TOLD = Delivery(
    target="media_player.tv",
    kind="tv",
    event="completed",
    message="Backup completed",
    ok=True,
    at=1001.5,
    detail="video/mp4, 300 kB",
)

GALLERY = Gallery(
    albums=[Album(id="a1", name="2025-07", count=2)],
    tags={"Home/Camera": 2},
    stacks=[Stack(cover="a.jpg", count=2)],
    live_photos=1,
    favourites=0,
    places=2,
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


def report(
    *files: File,
    arrival: str | None = "r1",
    deliveries: Sequence[Delivery] = (TOLD,),
    gallery: Gallery | None = GALLERY,
) -> Report:
    """Return a report on these files."""
    return Report(
        home_assistant="2026.10.4",
        url="http://127.0.0.1:8123",
        server=SERVER,
        folder="/photos",
        files=files,
        ignored=(),
        runs=[RUN],
        causes={"r1": "Demo came home"},
        arrival=arrival,
        deliveries=deliveries,
        seconds=12.34,
        entities={"sensor.photos_status": "idle"},
        log=(),
        gallery=gallery,
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
    files = [file("a.jpg", "protected"), file("b.jpg", state)]
    assert Sums.of(files).proven is proven
    assert report(*files).proven is proven


def test_not_proven_unless_all_went_as_it_should() -> None:
    """Whoever was not told, or came home in vain, keeps it from being proven."""
    stored = file("a.jpg", "protected")
    assert report(stored, deliveries=()).proven
    assert not report(stored, deliveries=[TOLD, replace(TOLD, ok=False)]).proven
    assert not report(stored, arrival=None).proven


def test_who_was_told() -> None:
    """What came is quoted; what did not come, or not as it should, stands out."""
    lost = replace(TOLD, kind="notify", target="notify.a", message="", ok=False)
    broken = replace(TOLD, target="media_player.b", ok=False)
    lines = report(deliveries=[lost, broken, TOLD]).as_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if "Who was told" in line)
    assert lines[begin + 1 :] == [
        "  Phone    NOT REACHED",
        "           video/mp4, 300 kB (notify.a)",
        "  TV       “Backup completed”",
        "           NOT AS IT SHOULD BE: video/mp4, 300 kB (media_player.b)",
        "  TV       “Backup completed”",
        "           video/mp4, 300 kB (media_player.tv)",
    ]
    assert "Nobody was told" in report(deliveries=()).as_text()


def test_what_started_a_backup() -> None:
    """The table of runs says why each one began."""
    text = report(file("a.jpg", "protected")).as_text()
    assert re.search(r"Demo came home +completed +1 +0 +0", text)
    assert "Coming home started no backup" in report(arrival=None).as_text()


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
        "albums": [{"id": "a1", "name": "2025-07", "count": 2}],
        "tags": {"Home/Camera": 2},
        "stacks": [{"cover": "a.jpg", "count": 2}],
        "live_photos": 1,
        "favourites": 0,
        "places": 2,
        "runs": [
            {
                "id": "r1",
                "trigger": "trigger",
                "started": 1000.0,
                "outcome": "completed",
                "uploaded": 1,
                "duplicates": 0,
                "failed": 0,
                "error": None,
                "started_by": "Demo came home",
            }
        ],
        "deliveries": [
            {
                "target": "media_player.tv",
                "kind": "tv",
                "event": "completed",
                "message": "Backup completed",
                "ok": True,
                "at": 1001.5,
                "detail": "video/mp4, 300 kB",
            }
        ],
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


def test_what_the_server_does_not_tell() -> None:
    """The object keeps its fields; whether all is proven does not depend on it."""
    silent = report(file("a.jpg", "protected"), gallery=None)
    data = json.loads(silent.as_json())
    fields = ("albums", "tags", "stacks", "live_photos", "favourites", "places")
    assert [data[field] for field in fields] == [None] * 6
    assert silent.proven
    assert "In Immich" not in silent.as_text()
    assert "In Immich" in report().as_text()


def test_table_begins_with_what_is_not_proven() -> None:
    """A thousand proven files do not hide the one that failed."""
    files = [file(f"{number}.jpg", "protected") for number in range(1000)]
    text = report(*files, file("broken.jpg", "failed")).as_text()
    lines = text.splitlines()
    assert lines[1].split()[:2] == ["broken.jpg", "failed"]
    assert "… and 951 more" in text
    assert len(lines) < 80


def test_table_shows_strange_paths() -> None:
    """A long path leaves room for the reason, and none speaks to the terminal."""
    long = "a" * 200 + "/end.jpg"
    text = report(file(long, "failed"), file("b\x1b[2J\n.jpg", "failed")).as_text()
    assert all(len(line) < 130 for line in text.splitlines()[:3])
    assert "…" in text and "/end.jpg" in text
    assert "b\ufffd[2J\ufffd.jpg" in text


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
