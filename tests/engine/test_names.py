"""Names that are never media of their own."""

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine.detect.names import (
    ignored_directory,
    ignored_file,
    ignored_path,
)

JUNK = [
    b".photo.jpg.Ab3xYz",  # rsync
    b"~syncthing~photo.jpg.tmp",
    b".syncthing.photo.jpg.tmp",
    b"photo.jpg.part",
    b"photo.jpg.filepart",
    b"photo.jpg.ocTransferId123456.part",
    b"photo.jpg.crdownload",
    b"photo.jpg.!qB",
    b"video.mp4.aria2",
    b".pending-1700000000-IMG_1.jpg",  # Android
    b".trashed-1700000000-IMG_1.jpg",
    b".nomedia",
    b"._IMG_1.jpg",  # AppleDouble
    b".DS_Store",
    b"Thumbs.db",
    b"THUMBS.DB",
    b"desktop.ini",
    b"Icon\r",
    b"SYNOFILE_THUMB_M.jpg",
    b"SYNOPHOTO_THUMB_XL.jpg",
    b"~$letter.jpg",
    b"photo.jpg~",
    b".photo.jpg.swp",
    b"photo.TMP",
    b".smbdelete123",
]
MEDIA = [
    b"photo.jpg",
    b".hidden.jpg",
    b"partial.jpg",
    b"tmp.jpg",
    b"a.part.jpg",
    b"download",
    b"_photo.jpg",
    b"thumbs.jpg",
    b"Icon.png",
    b"trashed-1.jpg",
    b"pending-1.jpg",
    b"a~b.jpg",
    b".jpg",
    b".x.jpeg",
    b"\xff\xfe.jpg",
    b"line\nbreak.jpg",
    b"x" * 251 + b".jpg",
]


@pytest.mark.parametrize("name", JUNK)
def test_temporary_and_junk_files(name: bytes) -> None:
    """Half-written files and vendors' junk are never looked at, at any depth."""
    assert ignored_file(name)
    assert ignored_path(b"some/where/" + name)


@pytest.mark.parametrize("name", MEDIA)
def test_other_files(name: bytes) -> None:
    """Names that only look alike are media."""
    assert not ignored_file(name)
    assert not ignored_path(b"some/where/" + name)


@pytest.mark.parametrize(
    "name",
    [
        b"@eaDir",
        b"#recycle",
        b".Trash-1000",
        b"$RECYCLE.BIN",
        b"lost+found",
        b".stversions",
        b".stfolder",
        b".thumbnails",
        b".snapshot",
        b".zfs",
        b"__MACOSX",
        b"System Volume Information",
    ],
)
def test_junk_directories(name: bytes) -> None:
    """Nothing below vendors' directories is looked at."""
    assert ignored_directory(name)
    assert ignored_path(b"a/" + name + b"/b.jpg")
    assert not ignored_path(b"a/x" + name + b"x/b.jpg")


@given(st.binary(max_size=255))
def test_any_bytes_are_a_name(name: bytes) -> None:
    """Every sequence of bytes has an answer, the same for a path without folders."""
    if b"/" not in name:
        assert ignored_path(name) == (ignored_file(name) is not None)
