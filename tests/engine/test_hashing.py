"""The hash step: groups of files read in one go, and what is kept of them."""

import os
from pathlib import Path

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import FileState, hashing, in_flight
from custom_components.immich_backup.engine.access import (
    AccessError,
    ChangedError,
    ReadFailedError,
    VanishedError,
    stamp_of,
)
from custom_components.immich_backup.engine.hashing import Hashed, groups, hash_files
from custom_components.immich_backup.engine.in_flight import InFlight
from custom_components.immich_backup.engine.ledger.rows import FileRow, Stamp
from custom_components.immich_backup.immich import SMALL_BODY
from simulator import Simulator

from .support import folder_at, make, rig_on, sha1


def row(number: int, size: int, folder: int = 1) -> FileRow:
    """Return a file that waits."""
    return FileRow(
        id=number,
        folder=folder,
        path=b"%d.jpg" % number,
        stamp=Stamp(size, 0, 0),
        sha1=None,
        state=FileState.WAITING,
        existing=False,
        attempts=0,
    )


def file_row(path: Path, number: int = 1, known: bytes | None = None) -> FileRow:
    """Return a file of a folder as it is now."""
    return FileRow(
        id=number,
        folder=1,
        path=os.fsencode(path.name),
        stamp=stamp_of(path.stat()),
        sha1=known,
        state=FileState.WAITING,
        existing=False,
        attempts=0,
    )


def hashed(
    *rows: FileRow, root: Path, stopped: bool = False
) -> list[Hashed | AccessError]:
    """Return what files hold."""
    return hash_files(os.fsencode(root), rows, lambda: stopped)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3 * SMALL_BODY)), max_size=100)
)
def test_groups_hold_everything_in_order(files: list[tuple[int, int]]) -> None:
    """Each group is of one folder and bounded; a large file has one of its own."""
    batch = [row(n, size, folder) for n, (folder, size) in enumerate(files)]
    found = list(groups(batch))
    assert [file for group in found for file in group] == batch
    for group in found:
        assert len({file.folder for file in group}) == 1
        assert len(group) <= hashing._GROUP_FILES
        size = sum(file.stamp.size for file in group)
        assert len(group) == 1 or size <= hashing._GROUP_BYTES


def test_one_broken_file_stops_no_other(tmp_path: Path) -> None:
    """Each file has a result of its own."""
    small, large = (
        make(tmp_path, "small.jpg"),
        make(tmp_path, "large.mp4", b"x" * 2**21),
    )
    gone, changed = make(tmp_path, "gone.jpg"), make(tmp_path, "changed.jpg")
    known = make(tmp_path, "known.jpg")
    rows = [
        file_row(gone),
        file_row(small),
        file_row(changed),
        file_row(large),
        file_row(known, known=b"k" * 20),
    ]
    gone.unlink()
    changed.write_bytes(b"other bytes")
    lost, first, other, second, third = hashed(*rows, root=tmp_path)
    assert isinstance(lost, VanishedError)
    assert isinstance(other, ChangedError)
    assert first == Hashed(sha1(small.read_bytes()), small.read_bytes())
    # A large one is not kept, and of a known one nothing is read.
    assert second == Hashed(sha1(large.read_bytes()))
    assert third == Hashed(b"k" * 20)


def test_known_file_that_changed(tmp_path: Path) -> None:
    """A checksum counts only for the file as it was."""
    path = make(tmp_path, "a.jpg")
    known = file_row(path, known=sha1(path.read_bytes()))
    path.write_bytes(b"other bytes")
    (result,) = hashed(known, root=tmp_path)
    assert isinstance(result, ChangedError)


def test_stop(tmp_path: Path) -> None:
    """Nothing more is read once it is told to stop."""
    rows = [
        file_row(make(tmp_path, "small.jpg")),
        file_row(make(tmp_path, "large.mp4", b"x" * 2**21)),
    ]
    results = hashed(*rows, root=tmp_path, stopped=True)
    assert [type(result) for result in results] == [ReadFailedError] * 2


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of small files are kept as long as there is room, then let go."""
    monkeypatch.setattr(in_flight, "_KEPT_BYTES", 10)
    released: list[None] = []
    flight = InFlight(lambda: released.append(None))
    rows = [row(number, 4) for number in range(5)]
    flight.claim(rows)
    first, second, third = (
        flight.enter(rows[n], Hashed(bytes([n]) * 20, b"abcd")) for n in range(3)
    )
    assert first is not None
    assert second is not None
    assert third is not None
    assert [item.content for item in (first, second, third)] == [b"abcd", b"abcd", None]
    # A twin goes where the first one goes.
    assert flight.enter(rows[3], Hashed(first.sha1, b"abcd")) is None
    assert first.files == [rows[0], rows[3]]
    flight.forget_content(second)
    flight.release(first)
    assert flight.claimed == {1, 2, 4}
    # There is room again, also for the same content.
    again = flight.enter(rows[4], Hashed(first.sha1, b"12345678"))
    assert again is not None
    assert again.content == b"12345678"
    flight.release_file(rows[2])
    assert len(released) == 2
    assert len(flight) == 2


@pytest.mark.parametrize("room", [0, 2**24])
async def test_small_files_are_read_once(
    server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """What is hashed is sent as it is in memory, or is read again when it is not."""
    monkeypatch.setattr(in_flight, "_KEPT_BYTES", room)
    read: list[bytes] = []
    whole = hashing.read_whole

    def counted(root: bytes, path: bytes, stamp: Stamp) -> bytes:
        read.append(path)
        return whole(root, path, stamp)

    for module in ("hashing", "upload"):
        monkeypatch.setattr(
            f"custom_components.immich_backup.engine.{module}.read_whole", counted
        )
    contents = {
        make(tmp_path / "camera", f"{number}.jpg").read_bytes() for number in range(40)
    }
    async with rig_on(
        server,
        tmp_path / "ledger.db",
        [folder_at(tmp_path / "camera", new_media=False)],
    ) as rig:
        assert (await rig.run()).counts.uploaded == 40
    assert len(read) == (40 if room else 80)
    assert {asset.sha1 for asset in server.assets()} == {
        sha1(content).hex() for content in contents
    }
