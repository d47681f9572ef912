"""Which folders of the home are offered to choose from."""

from collections.abc import Iterator
import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core_config import Config
import pytest

from custom_components.immich_backup.flows import paths
from custom_components.immich_backup.flows.paths import offered_folders


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Return an empty media folder."""
    path = tmp_path / "media"
    path.mkdir()
    return path


@pytest.fixture
def config(media: Path, tmp_path: Path) -> Config:
    """Return what Home Assistant says of its folders."""
    www = tmp_path / "config" / "www"
    www.mkdir(parents=True)
    return cast(
        "Config",
        SimpleNamespace(
            media_dirs={"local": str(media)},
            allowlist_external_dirs={str(media), str(www), str(tmp_path / "gone")},
            path=lambda name: str(tmp_path / "config" / name),
        ),
    )


def names(config: Config, media: Path) -> list[str]:
    """Return what is offered, below the media folder."""
    return [os.path.relpath(path, media) for path in offered_folders(config)]


def test_two_levels(config: Config, media: Path) -> None:
    """The media folder and two levels below it are offered, each once."""
    (media / "b" / "c" / "d").mkdir(parents=True)
    (media / "a").mkdir()
    (media / "file").touch()
    assert names(config, media) == [".", "a", "b", "b/c"]


def test_other_allowed_folders(config: Config, media: Path, tmp_path: Path) -> None:
    """Other folders that are allowed are offered, but not what is public."""
    share = tmp_path / "share"
    (share / "photos").mkdir(parents=True)
    config.allowlist_external_dirs.add(str(share))
    assert names(config, media) == [".", "../share", "../share/photos"]


@pytest.mark.parametrize(
    ("watched", "recursive", "offered"),
    [
        ("a", True, ["b"]),
        ("a", False, ["a/c", "b"]),
        ("a/c", True, ["b"]),
        (".", True, []),
        ("link", True, ["b"]),
        ("ab", True, [".", "a", "a/c", "b"]),
    ],
)
def test_watched(
    config: Config, media: Path, watched: str, recursive: bool, offered: list[str]
) -> None:
    """What another folder has to do with is not offered."""
    for name in ("a/c", "b"):
        (media / name).mkdir(parents=True)
    path = os.path.realpath(media / ("a" if watched == "link" else watched))
    if watched == "link":
        (media.parent / "link").symlink_to(media)
        config.media_dirs["local"] = str(media.parent / "link")
    if watched == "ab":
        path = str(media.parent / "medi")
    other = cast(
        "ConfigSubentry", SimpleNamespace(data={"path": path, "recursive": recursive})
    )
    found = offered_folders(config, [other])
    names = {os.path.relpath(os.path.realpath(path), media) for path in found}
    assert sorted(names) == offered


def test_left_out(config: Config, media: Path) -> None:
    """Hidden folders, junk, links and names that are no text are not offered."""
    for name in (b".hidden", b"@eaDir", b"#recycle", b"\xff", b"ok"):
        os.mkdir(os.fsencode(media) + b"/" + name)  # noqa: PTH102
    (media / "link").symlink_to(media / "ok")
    assert names(config, media) == [".", "ok"]


def test_limit(config: Config, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many folders the upper ones are offered."""
    monkeypatch.setattr(paths, "_MAX_OFFERED", 3)
    for name in ("a/deep", "b", "c"):
        (media / name).mkdir(parents=True)
    assert names(config, media) == [".", "a", "b"]


def test_time(config: Config, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that is slow to list offers what was found in time."""
    times = iter([0.0, 0.0, paths._OFFER_SECONDS + 1])
    clock = SimpleNamespace(monotonic=lambda: next(times))
    monkeypatch.setattr(paths, "time", clock)
    (media / "a").mkdir()
    assert names(config, media) == ["."]


def test_unreadable(
    config: Config, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that can't be listed is offered without what is in it."""
    (media / "a" / "b").mkdir(parents=True)
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path == str(media / "a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert names(config, media) == [".", "a"]
