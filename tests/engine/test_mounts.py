"""Where a path lies, and which folders have files in common."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import subprocess
from typing import override

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine.detect.mounts import (
    Mount,
    _parse,
    areas,
    locate,
    overlaps,
    read_mounts,
    share_files,
)
from custom_components.immich_backup.engine.detect.overlaps import Overlaps
from custom_components.immich_backup.engine.detect.root import Root, examine
from custom_components.immich_backup.engine.model import FolderTrouble

LINES = r"""
20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
21 20 0:5 / /proc rw - proc proc rw
30 20 8:2 / /media rw - ext4 /dev/sdb1 rw
31 30 0:40 / /media/nas rw,relatime - cifs //nas/photos rw
32 30 0:41 / /media/My\040photos\011\134\012x rw master:2 shared:5 - nfs4 nas:/My\040photos rw
33 20 8:2 /ada/camera /bind rw - ext4 /dev/sdb1 rw
34 20 8:3 / /hidden rw - ext4 /dev/sdc1 rw
35 34 8:4 / /hidden/below rw - ext4 /dev/sdd1 rw
36 34 8:5 / /hidden rw - ext4 /dev/sde1 rw
37 20 0:50 / /fuse rw - fuse.sshfs host: rw
38 20 0:51 / /ntfs rw - fuseblk /dev/sdf1 rw
broken line
39 20 8:9
""".lstrip()


@pytest.fixture
def mounts(tmp_path: Path) -> list[Mount]:
    """Return the mounts of a made-up machine."""
    file = tmp_path / "mountinfo"
    file.write_text(LINES)
    return list(read_mounts(str(file)))


def test_lines_are_read(mounts: list[Mount]) -> None:
    """Escapes are undone, optional fields skipped, broken lines left out."""
    assert len(mounts) == 11
    nfs = mounts[4]
    assert nfs.point == "/media/My photos\t\\\nx"
    assert (nfs.kind, nfs.source) == ("nfs4", "nas:/My photos")


@pytest.mark.parametrize(
    ("path", "kind", "inside", "events"),
    [
        ("/home/a", "ext4", "/home/a", True),
        ("/media", "ext4", "/", True),
        ("/media/a", "ext4", "/a", True),
        ("/mediathek", "ext4", "/mediathek", True),
        ("/media/nas/2024", "cifs", "/2024", False),
        ("/media/My photos\t\\\nx/y", "nfs4", "/y", False),
        ("/bind/x", "ext4", "/ada/camera/x", True),
        ("/fuse/x", "fuse.sshfs", "/x", False),
        ("/ntfs/x", "fuseblk", "/x", True),
    ],
)
def test_place(
    mounts: list[Mount], path: str, kind: str, inside: str, events: bool
) -> None:
    """The mount that counts is the one on the way."""
    found = locate(path, mounts)
    assert (found.mount.kind, found.path) == (kind, inside)
    assert found.mount.has_events is events


def test_what_is_hidden_does_not_count(mounts: list[Mount]) -> None:
    """A later mount at the same point hides the one before, and what is below it."""
    assert locate("/hidden/below/x", mounts).mount.source == "/dev/sde1"


def test_bind_mount_overlaps(mounts: list[Mount]) -> None:
    """Two names of one directory are found, also from above and below."""
    one, other = locate("/media/ada/camera", mounts), locate("/bind", mounts)
    assert overlaps(one, other)
    assert overlaps(locate("/media/ada", mounts), other)
    assert overlaps(other, locate("/media/ada/camera/2024", mounts))
    assert not overlaps(locate("/media/eve", mounts), other)
    assert one.identity != other.identity


def test_folders_share_what_is_mounted_below(mounts: list[Mount]) -> None:
    """A folder reads into mounts below it only when it reads what is below at all."""
    nas = areas("/media/nas/2024", recursive=True, mounts=mounts)
    assert share_files(areas("/media", recursive=True, mounts=mounts), nas)
    assert not share_files(areas("/media", recursive=False, mounts=mounts), nas)
    assert not share_files(areas("/home", recursive=True, mounts=mounts), nas)
    above = areas("/media/nas", recursive=False, mounts=mounts)
    assert not share_files(above, nas)
    assert share_files(above, areas("/media/nas", recursive=False, mounts=mounts))


def test_without_mountinfo_all_is_one(tmp_path: Path) -> None:
    """Where there is nothing to read, paths alone decide."""
    none = read_mounts(str(tmp_path / "none"))
    assert none == []
    assert overlaps(locate("/a", none), locate("/a/b", none))
    assert not overlaps(locate("/a", none), locate("/ab", none))


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20))
def test_any_name_is_escaped_and_back(name: str) -> None:
    """Whatever a mount point is called, it is found."""
    escaped = "".join(
        f"\\{ord(letter):03o}" if letter in " \t\n\\#" else letter for letter in name
    )
    lines = [
        "1 0 8:1 / / rw - ext4 /dev/a rw",
        f"2 1 8:2 / /{escaped} rw - nfs b rw",
    ]
    found = list(_parse(f"{line}\n" for line in lines))
    assert locate(f"/{name}/x", found).mount.kind == "nfs"


@contextmanager
def bind(source: Path, point: Path) -> Iterator[None]:
    """Mount a directory at another place, where that is permitted."""
    point.mkdir(parents=True)
    mount = shutil.which("mount")
    if mount is None or os.geteuid():
        pytest.skip("mounting needs root")
    done = subprocess.run(
        [mount, "--bind", source, point], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)


def test_real_bind_mount(tmp_path: Path) -> None:
    """A directory that is mounted a second time is recognised."""
    source, point = tmp_path / "the source", tmp_path / "the point"
    (source / "inner").mkdir(parents=True)
    with bind(source, point):
        first, second = examine(str(source)), examine(str(point / "inner"))
        assert first.location and second.location
        assert overlaps(first.location, second.location)
        assert share_files(first.areas, second.areas)
        assert share_files(examine(str(tmp_path)).areas, second.areas)
    again = examine(str(point))
    assert again.location and first.location
    assert not overlaps(first.location, again.location)


def test_root_says_what_is_wrong(tmp_path: Path) -> None:
    """A root is there, missing, or no directory; links lead to the real place."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path)
    assert examine(str(tmp_path)).trouble is None
    assert examine(str(tmp_path / "none")).trouble is FolderTrouble.MISSING
    assert examine(str(tmp_path / "file")).trouble is FolderTrouble.NOT_A_DIRECTORY
    assert examine(str(tmp_path / "link")).path == str(tmp_path)


class _Folder:
    """A folder with a root and directories."""

    def __init__(self, path: Path, directories: set[int] | None = None) -> None:
        self.root: Root | None = examine(str(path))
        self.directories = directories or set()


def test_each_pair_is_told_once(tmp_path: Path) -> None:
    """A pair that overlaps is told when it begins to, by mounts or by directories."""
    told: list[tuple[str, str]] = []
    found = Overlaps(lambda *pair: told.append(pair))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    folders = {
        "a": _Folder(tmp_path),
        "b": _Folder(tmp_path / "one"),
        "c": _Folder(tmp_path / "two"),
    }

    def look(*changed: str) -> None:
        for key in changed:
            found.look(folders, key)

    look("a", "b", "c", "a", "b", "c")
    assert told == [("a", "b"), ("a", "c")]
    folders["b"].directories = {5}
    look("b")
    folders["c"].directories = {5}
    look("c", "c")
    assert told[2:] == [("b", "c")]
    del folders["a"]
    look("a", "a")
    assert found.pairs == {("b", "c")}
    folders["b"].directories = {6}
    look("b")
    assert found.pairs == set()
    folders["b"].directories = {5}
    look("b")
    assert told[3:] == [("b", "c")]


def test_a_folder_that_did_not_change_is_not_compared(tmp_path: Path) -> None:
    """With hundreds of folders that are looked at all the time it would be much work."""
    asked: list[str] = []

    class Others(dict[str, _Folder]):
        @override
        def __iter__(self) -> Iterator[str]:
            asked.append("all")
            return super().__iter__()

    found = Overlaps(lambda *_: None)
    folders = Others({str(n): _Folder(tmp_path / str(n), {n}) for n in range(3)})
    for _ in range(3):
        for key in ("0", "1", "2"):
            found.look(folders, key)
    assert len(asked) == 3
