"""One of them only: of one shot in several files the one that its owner chose is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import os
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import (
    FileState,
    Folder,
    RuleSet,
    settling,
    versions,
)
from custom_components.immich_backup.engine.ledger import files
from custom_components.immich_backup.engine.model import FileReport, Reason
from custom_components.immich_backup.engine.organise.arrangement import (
    parse_arrangement,
)
from custom_components.immich_backup.engine.preview import Preview
from custom_components.immich_backup.engine.rules import parse_rule
from simulator import Action, Fault, Simulator
from tests.support.media import Tags, Video, apple_note, heic, jpeg, tiff, xmp

from .support import UPLOAD, Rig, folder_at, rig_on, until

TAKEN: Tags = {0x9003: "2024:07:12 10:00:00", 0x9011: "+00:00"}
CAMERA: Tags = {0x010F: "Canon", 0x0110: "EOS R5"}
LARGE = 1_000_000
UNWANTED, WAITING = FileState.UNWANTED, FileState.WAITING
PROTECTED, PARKED, FAILED = FileState.PROTECTED, FileState.PARKED, FileState.FAILED
ONLY_JPEG, ONLY_RAW = {"raw_and_jpeg": "only_jpeg"}, {"raw_and_jpeg": "only_raw"}
ONLY_HEIC = {"heic_and_jpeg": "only_heic"}
ONLY_COVER = {"burst": "only_cover"}
BURST = "IMG_20240712_100000_BURST00"


def kept(path: Path, *rules: dict[str, object], **wishes: object) -> Folder:
    """Return a folder in which one of a shot is kept; runs are asked for."""
    return folder_at(
        path,
        arrangement=parse_arrangement({"live_photos": True, **wishes}),
        rules=RuleSet(
            rules=tuple(parse_rule(rule, n) for n, rule in enumerate(rules, 1))
        ),
        new_media=False,
    )


def data_of(
    name: str, exif: Tags = TAKEN, root: Tags = CAMERA, **more: object
) -> bytes:
    """Return a picture in the format of its name."""
    told = tiff(root, exif)
    match name.rpartition(".")[2].lower():
        case "dng" | "nef":
            return told + name.encode()
        case "heic":
            return heic(told, size=(40, 30)) + name.encode()
        case _:
            return jpeg(told, appended=name.encode(), **more)  # type: ignore[arg-type]


def write(folder: Path, name: str, data: bytes | None = None) -> Path:
    """Write a picture that was taken at the same moment as all others."""
    path = folder / name
    path.write_bytes(data_of(name) if data is None else data)
    return path


@pytest.fixture
async def rig(server: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return an engine without folders."""
    async with rig_on(server, tmp_path / "ledger.db") as rig:
        yield rig


async def later(rig: Rig, seconds: float) -> None:
    """Let so much time pass, and have the folder look at what is due."""
    rig.clock.wall += seconds
    rig.clock.passed += seconds
    await rig.engine.apply(rig.engine.folders["camera"])


async def reason(rig: Rig, path: Path, reason: Reason) -> FileReport:
    """Wait until a file is in its state for a reason."""
    found: list[FileReport | None] = [None]

    async def reached() -> bool:
        found[0] = await rig.engine.explain(str(path))
        return found[0] is not None and found[0].reason is reason

    try:
        await until(reached)
    except TimeoutError:
        raise AssertionError(f"not {reason}: {found}") from None
    assert found[0] is not None
    return found[0]


async def decided(rig: Rig) -> None:
    """Wait until no file waits for another one."""

    async def reached() -> bool:
        left_out, _ = await rig.engine.list_files("camera", (UNWANTED,), 100, 0)
        return all(file.reason is not Reason.OTHER_AWAITED for file in left_out)

    await until(reached)


async def back_up(rig: Rig, camera: Path) -> None:
    """Back up all files of a folder once nothing is left that they could wait for."""
    count = sum(path.is_file() for path in camera.rglob("*"))

    async def seen() -> bool:
        tally = (await rig.engine.overview()).tally
        return tally.present == count and not tally.count(FileState.SETTLING)

    await until(seen)
    await later(rig, 61)
    await decided(rig)
    await rig.run()


async def look(rig: Rig, folder: Folder) -> Preview:
    """Return what would happen in a folder."""
    return await rig.engine.preview(folder)


@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.parametrize(
    ("wishes", "names", "left_out"),
    [
        ({}, ["1.JPG", "1.DNG"], {}),
        ({"raw_and_jpeg": "stack_raw"}, ["1.JPG", "1.DNG"], {}),
        (ONLY_JPEG, ["1.JPG", "1.DNG", "2.DNG", "3.jpg"], {"1.DNG": "1.JPG"}),
        (ONLY_RAW, ["1.JPG", "1.DNG", "2.DNG", "3.jpg"], {"1.JPG": "1.DNG"}),
        (ONLY_JPEG, ["img_1.JPG", "IMG_1.dng"], {"IMG_1.dng": "img_1.JPG"}),
        (
            ONLY_RAW,
            ["P.RAW-01.COVER.jpg", "P.RAW-02.ORIGINAL.dng"],
            {"P.RAW-01.COVER.jpg": "P.RAW-02.ORIGINAL.dng"},
        ),
        (ONLY_HEIC, ["1.JPG", "1.HEIC", "1.DNG"], {"1.JPG": "1.HEIC"}),
        ({"heic_and_jpeg": "only_jpeg"}, ["1.JPG", "1.HEIC"], {"1.HEIC": "1.JPG"}),
        (
            ONLY_JPEG | {"heic_and_jpeg": "only_jpeg"},
            ["1.JPG", "1.HEIC", "1.DNG"],
            {"1.HEIC": "1.JPG", "1.DNG": "1.JPG"},
        ),
        # What is left out itself is no reason to leave out another one.
        (
            ONLY_JPEG | ONLY_HEIC,
            ["1.JPG", "1.HEIC", "1.DNG"],
            {"1.JPG": "1.HEIC"},
        ),
        # The owner said nothing of these.
        (ONLY_JPEG, ["1.HEIC", "1.DNG"], {}),
        (ONLY_HEIC, ["1.PNG", "1.HEIC"], {}),
        (
            ONLY_COVER,
            [f"{BURST}1.jpg", f"{BURST}2_COVER.jpg", f"{BURST}3.jpg", "1.jpg"],
            {
                f"{BURST}1.jpg": f"{BURST}2_COVER.jpg",
                f"{BURST}3.jpg": f"{BURST}2_COVER.jpg",
            },
        ),
        (
            ONLY_COVER,
            [
                "00000IMG_00000_BURST20240712100000123.jpg",
                "00001IMG_00001_BURST20240712100000123_COVER.jpg",
                "00000IMG_00000_BURST20240712100000999.jpg",
            ],
            {
                "00000IMG_00000_BURST20240712100000123.jpg": (
                    "00001IMG_00001_BURST20240712100000123_COVER.jpg"
                ),
            },
        ),
        # Nobody chose among these, or two were chosen.
        (ONLY_COVER, ["20240712_100000_001.jpg", "20240712_100000_002.jpg"], {}),
        (ONLY_COVER, [f"{BURST}1.jpg", f"{BURST}2.jpg"], {}),
        (
            ONLY_COVER,
            [f"{BURST}1.jpg", f"{BURST}2_COVER.jpg", f"{BURST}3_COVER.jpg"],
            {},
        ),
    ],
)
async def test_what_is_kept(
    rig: Rig,
    camera: Path,
    monkeypatch: pytest.MonkeyPatch,
    wishes: dict[str, str],
    names: list[str],
    left_out: dict[str, str],
    batch: int,
) -> None:
    """All of it is told, before and afterwards, in whatever parts it is decided."""
    monkeypatch.setattr(settling, "_BATCH", batch)
    for name in names:
        write(camera, name)
    folder = kept(camera, **wishes)
    plan = await look(rig, folder)
    assert plan.left_out == ({"other_kept": len(left_out)} if left_out else {})
    assert plan.to_upload == len(names) - len(left_out)
    await rig.engine.apply(folder)
    await back_up(rig, camera)
    for name in names:
        wanted = Reason.OTHER_KEPT if name in left_out else Reason.UPLOADED
        file = await reason(rig, camera / name, wanted)
        assert file.detail == left_out.get(name)
        if name in left_out:
            assert rig.engine.reason_text(file) == (
                f"Another picture of the same shot is kept instead: {left_out[name]}"
            )
    assert rig.names() == sorted(set(names) - left_out.keys())
    plan = await look(rig, folder)
    assert (plan.protected, plan.to_upload) == (len(names) - len(left_out), 0)
    assert await rig.share() == 100


DIFFERENT_TIME: Tags = {**TAKEN, 0x9003: "2024:07:12 10:00:09"}
UNCERTAIN = {
    "another time": data_of("1.JPG", DIFFERENT_TIME),
    "another camera": data_of("1.JPG", root={**CAMERA, 0x0110: "EOS R6"}),
    "no time": data_of("1.JPG", {}),
    "a time of last change": data_of("1.JPG", {}, {0x0132: "2024:07:12 10:00:00"}),
    "a time in XMP": jpeg(None, xmp('exif:DateTimeOriginal="2024-07-12T10:00:00Z"')),
    "no picture": b"JPEG",
    "damaged": data_of("1.JPG")[:60],
    "empty": b"",
}


@pytest.mark.parametrize("wishes", [ONLY_JPEG, ONLY_RAW])
@pytest.mark.parametrize("doubt", UNCERTAIN)
async def test_what_is_not_certain(
    rig: Rig, camera: Path, wishes: dict[str, str], doubt: str
) -> None:
    """Both are kept unless it is certain that they show one shot; a name is not enough."""
    write(camera, "1.JPG", UNCERTAIN[doubt])
    write(camera, "1.DNG")
    folder = kept(camera, **wishes)
    assert "other_kept" not in (await look(rig, folder)).left_out
    await rig.engine.apply(folder)
    await back_up(rig, camera)
    expected = {"1.DNG"} if doubt == "empty" else {"1.DNG", "1.JPG"}
    assert set(rig.names()) == expected
    assert await rig.share() == 100


@pytest.mark.parametrize("wishes", [ONLY_JPEG, ONLY_RAW])
async def test_two_of_one_format(
    rig: Rig, camera: Path, wishes: dict[str, str]
) -> None:
    """Which of two JPEGs is that of the raw picture is open."""
    for name in ("1.JPG", "1.jpeg", "1.DNG"):
        write(camera, name)
    await rig.engine.apply(kept(camera, **wishes))
    await rig.run()
    assert rig.names() == ["1.DNG", "1.JPG", "1.jpeg"]


def note(identifier: str) -> Tags:
    """Return the tags of a live photo's still."""
    return {**TAKEN, 0x927C: apple_note(identifier)}


LIVE = {
    "1.HEIC": data_of("1.HEIC", note("A")),
    "1.MOV": Video(keys={"content.identifier": "A"}, seconds=2).data(),
}


@pytest.mark.parametrize(
    ("wishes", "files", "left_out"),
    [
        # The video keeps its still, whichever is left.
        ("only_heic", {**LIVE, "1.JPG": data_of("1.JPG", note("A"))}, {"1.JPG"}),
        ("only_heic", {**LIVE, "1.JPG": data_of("1.JPG")}, {"1.JPG"}),
        ("only_jpeg", {**LIVE, "1.JPG": data_of("1.JPG", note("A"))}, set()),
        ("only_jpeg", {**LIVE, "1.JPG": data_of("1.JPG")}, set()),
        # It may still come.
        (
            "only_jpeg",
            {"1.HEIC": LIVE["1.HEIC"], "1.JPG": data_of("1.JPG", note("A"))},
            set(),
        ),
        # Whose it is can't be told.
        (
            "only_heic",
            {
                "1.HEIC": data_of("1.HEIC"),
                "1.JPG": data_of("1.JPG"),
                "1.MOV": Video(seconds=2).data(),
            },
            set(),
        ),
        ("only_heic", {**LIVE, "1.MOV": b"", "1.JPG": data_of("1.JPG")}, set()),
        # The JPEG is the still.
        (
            "only_heic",
            {
                "1.HEIC": data_of("1.HEIC"),
                "1.JPG": data_of("1.JPG", note("A")),
                "1.MOV": LIVE["1.MOV"],
            },
            set(),
        ),
    ],
)
async def test_live_photos(
    rig: Rig, camera: Path, wishes: str, files: dict[str, bytes], left_out: set[str]
) -> None:
    """A still is never left out while a video is, or may be, its other half."""
    for name, data in files.items():
        write(camera, name, data)
    folder = kept(camera, heic_and_jpeg=wishes)
    assert (await look(rig, folder)).left_out["other_kept"] == len(left_out)
    await rig.engine.apply(folder)
    await back_up(rig, camera)
    assert set(rig.names()) == {name for name in files if files[name]} - left_out


MOTION = (
    'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'
    ' GCamera:MicroVideo="1" GCamera:MicroVideoOffset="4"'
)


async def test_what_holds_more(rig: Rig, camera: Path) -> None:
    """A motion photo brings a video, and a small preview is no picture."""
    motion = jpeg(tiff(CAMERA, TAKEN), xmp(MOTION), appended=b"mp4!")
    write(camera, "1.JPG", motion)
    write(camera, "1.DNG")
    write(camera, "2.HEIC", heic(tiff(CAMERA, TAKEN), size=(4000, 3000)))
    write(camera, "2.JPG", data_of("2.JPG", size=(1999, 1500)))
    write(camera, "3.HEIC", heic(tiff(CAMERA, TAKEN), size=(4000, 3000)) + b"3")
    write(camera, "3.JPG", data_of("3.JPG", size=(2000, 1500)))
    folder = kept(camera, heic_and_jpeg="only_jpeg", **ONLY_RAW)
    assert (await look(rig, folder)).left_out == {"other_kept": 1}
    await rig.engine.apply(folder)
    await reason(rig, camera / "2.HEIC", Reason.OTHER_AWAITED)
    await back_up(rig, camera)
    assert rig.names() == ["1.DNG", "1.JPG", "2.HEIC", "2.JPG", "3.JPG"]


async def test_the_kept_one_is_there_first(rig: Rig, camera: Path) -> None:
    """What comes beside one that is proven is left out for good."""
    write(camera, "1.DNG")
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await rig.run()
    late = write(camera, "1.JPG")
    await reason(rig, late, Reason.OTHER_KEPT)
    (camera / "1.DNG").unlink()
    await later(rig, 7 * 3600)
    await rig.run()
    assert (await rig.file(late)).reason is Reason.OTHER_KEPT
    assert rig.names() == ["1.DNG"]


async def test_the_kept_one_comes_soon(rig: Rig, camera: Path) -> None:
    """A new picture waits a moment for the one that would be kept."""
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    early = write(camera, "1.JPG")
    awaiting = await reason(rig, early, Reason.OTHER_AWAITED)
    assert "a minute at most" in rig.engine.reason_text(awaiting)
    raw = write(camera, "1.DNG")
    await rig.wait_for(WAITING, raw)
    await later(rig, 61)
    await reason(rig, early, Reason.OTHER_KEPT)
    await rig.run()
    assert rig.names() == ["1.DNG"]


def begun(rig: Rig) -> Callable[[], Awaitable[bool]]:
    """Return what tells whether a run goes on."""

    async def goes_on() -> bool:
        return (await rig.engine.overview()).run is not None

    return goes_on


async def test_the_kept_one_comes_too_late(rig: Rig, camera: Path) -> None:
    """After a minute a picture goes alone; both are kept then."""
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    early = write(camera, "1.JPG")
    await reason(rig, early, Reason.OTHER_AWAITED)
    # A backup that is asked for meanwhile waits with it.
    run = asyncio.create_task(rig.run())
    await until(begun(rig))
    assert not rig.names()
    await later(rig, 61)
    assert (await run).counts.uploaded == 1
    assert rig.names() == ["1.JPG"]
    write(camera, "1.DNG")
    await rig.run()
    assert rig.names() == ["1.DNG", "1.JPG"]


@pytest.mark.parametrize("shift", [120, -120, -400 * 86400])
async def test_old_files_wait_for_nothing(rig: Rig, camera: Path, shift: float) -> None:
    """Nor do those that come from the future: the clock was wrong once."""
    old = write(camera, "1.JPG")
    rig.clock.wall += shift
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await rig.wait_for(WAITING, old)


async def test_what_can_have_no_other_waits_for_nothing(rig: Rig, camera: Path) -> None:
    """A picture without a camera's time, and one that would itself be kept."""
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    paths = [write(camera, "1.JPG", jpeg()), write(camera, "2.DNG")]
    await rig.wait_for(WAITING, *paths)


async def test_the_kept_one_keeps_changing(
    rig: Rig, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture waits only once for one that never becomes complete."""
    monkeypatch.setattr(settling, "_BATCH", 1)
    # Both are old. The second is written again between being seen and being decided.
    (first, second) = (write(camera, name) for name in ("1.JPG", "1.DNG"))
    rig.clock.wall += 3600
    folder = kept(camera, **ONLY_RAW)
    settle = settling.Settler.settle

    async def settle_slowly(self: settling.Settler, of: Folder) -> set[bytes] | None:
        os.utime(second)
        return await settle(self, of)

    monkeypatch.setattr(settling.Settler, "settle", settle_slowly)
    await rig.engine.apply(folder)
    await rig.wait_for(FileState.SETTLING, second)
    await reason(rig, first, Reason.OTHER_AWAITED)
    await later(rig, 61)
    await rig.wait_for(WAITING, first)
    assert (await rig.file(second)).state is FileState.SETTLING


@pytest.mark.parametrize("answer", ["park", "fail"])
async def test_the_kept_one_is_not_stored(rig: Rig, camera: Path, answer: str) -> None:
    """What the server does not take, or fails on again and again, is no reason."""
    fault = Fault(
        action=Action.RESPOND,
        method="POST",
        path=UPLOAD,
        body_over=LARGE,
        **({"canned": "too-large"} if answer == "park" else {"status": 500}),  # type: ignore[arg-type]
    )
    rig.server.faults.add(fault)
    raw = write(camera, "1.DNG", data_of("1.DNG") + bytes(LARGE))
    left = write(camera, "1.JPG")
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await reason(rig, left, Reason.OTHER_KEPT)
    await rig.run()
    tries = 1
    if answer == "fail":
        while (await rig.file(raw)).attempts < 3:
            assert (await rig.file(left)).reason is Reason.OTHER_KEPT
            await later(rig, 3600)
            await rig.run()
            tries += 1
    state = PARKED if answer == "park" else FAILED
    assert (await rig.file(raw)).state is state
    assert tries == (1 if answer == "park" else 3)
    await later(rig, 6 * 3600)
    await rig.wait_for(WAITING, left)
    rig.server.faults.clear()
    await rig.run()
    # Both, should the other one work in the end.
    await rig.engine.retry_failed()
    await rig.run()
    assert rig.names() == ["1.DNG", "1.JPG"]


async def test_the_kept_one_vanishes(rig: Rig, camera: Path) -> None:
    """Before it was proven: then the one that was left out is all that there is."""
    raw, left = write(camera, "1.DNG"), write(camera, "1.JPG")
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await reason(rig, left, Reason.OTHER_KEPT)
    raw.unlink()
    await later(rig, 301)
    await rig.wait_for(WAITING, left)
    await rig.run()
    assert rig.names() == ["1.JPG"]


async def test_the_kept_one_was_removed_from_the_server(rig: Rig, camera: Path) -> None:
    """Who deleted the raw picture in Immich may still want the JPEG."""
    raw = write(camera, "1.DNG")
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await rig.run()
    asset_id = (await rig.file(raw)).asset_id
    assert asset_id
    await rig.server.delete(asset_id)
    await rig.engine.reconfirm()
    assert (await rig.file(raw)).state is FileState.DECLINED
    write(camera, "1.JPG")
    await rig.run()
    assert rig.names() == ["1.JPG"]


@pytest.mark.parametrize("adopted", [False, True])
async def test_the_server_loses_the_kept_one(
    rig: Rig, camera: Path, adopted: bool
) -> None:
    """Nobody has it any more: then the one that was left out is all that there is."""
    raw, gone = write(camera, "0.DNG"), write(camera, "0.JPG")
    for number in range(1, 12):
        write(camera, f"{number}.JPG")
    await rig.engine.apply(kept(camera, **ONLY_JPEG))
    await back_up(rig, camera)
    await later(rig, 301)

    async def left_out_for_good() -> bool:
        return await rig.engine.ledger.ask(files.next_due_again, 1) is None

    await until(left_out_for_good)
    assert (await rig.file(raw)).reason is Reason.OTHER_KEPT
    gone.unlink()
    await rig.run()
    await rig.wait_for(FileState.GONE, gone)
    for asset in rig.server.assets():
        await rig.server.delete(asset.id)
    if adopted:
        await rig.engine.adopt_user()
    else:
        outcome = await rig.engine.reconfirm()
        assert outcome is not None
        assert outcome.lost == 12
    await rig.wait_for(WAITING, raw)
    await rig.run()
    assert "0.DNG" in rig.names()


@pytest.mark.parametrize("batch", [1, 500])
async def test_a_rule_refuses_the_other(
    rig: Rig, camera: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """What a rule leaves out is kept instead of nothing; a rule that changes counts."""
    monkeypatch.setattr(settling, "_BATCH", batch)
    no_raw = {"name": "no raw", "action": "skip", "extensions": ["dng"]}
    write(camera, "1.DNG")
    write(camera, "1.JPG")
    folder = kept(camera, no_raw, **ONLY_RAW)
    assert (await look(rig, folder)).left_out == {}
    await rig.engine.apply(folder)
    await later(rig, 61)
    await rig.wait_for(WAITING, camera / "1.JPG")
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await rig.wait_for(WAITING, camera / "1.DNG")
    await later(rig, 61)
    await reason(rig, camera / "1.JPG", Reason.OTHER_KEPT)
    await rig.engine.apply(folder)
    await later(rig, 61)
    await rig.wait_for(WAITING, camera / "1.JPG")
    await rig.run()
    assert rig.names() == ["1.JPG"]


async def test_the_choice_changes(rig: Rig, camera: Path) -> None:
    """It is decided anew at once, from the ledger; what is in Immich stays there."""
    paths = {name: write(camera, name) for name in ("1.DNG", "1.JPG")}
    rig.clock.wall += 120
    await rig.engine.apply(kept(camera))
    await rig.wait_for(WAITING, *paths.values())
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await later(rig, 61)
    await reason(rig, paths["1.JPG"], Reason.OTHER_KEPT)
    await rig.engine.apply(kept(camera, **ONLY_JPEG))
    await later(rig, 61)
    await reason(rig, paths["1.DNG"], Reason.OTHER_KEPT)
    await rig.wait_for(WAITING, paths["1.JPG"])
    await rig.run()
    assert rig.names() == ["1.JPG"]
    await rig.engine.apply(kept(camera, raw_and_jpeg="stack_raw"))
    await rig.wait_for(WAITING, paths["1.DNG"])
    await rig.run()
    await rig.engine.apply(kept(camera, **ONLY_JPEG))
    await later(rig, 61)
    await rig.wait_for(PROTECTED, *paths.values())
    assert rig.names() == ["1.DNG", "1.JPG"]


async def test_after_a_restart(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """What was left out is looked at again, also after the clock was far ahead."""
    folder, ledger = kept(camera, **ONLY_RAW), tmp_path / "ledger.db"
    raw, left = write(camera, "1.DNG"), write(camera, "1.JPG")
    async with rig_on(server, ledger) as rig:
        rig.clock.wall += 400 * 86400
        await rig.engine.apply(folder)
        await reason(rig, left, Reason.OTHER_KEPT)
    raw.unlink()
    async with rig_on(server, ledger, [folder]) as rig:
        await reason(rig, left, Reason.OTHER_AWAITED)
        await later(rig, 61)
        await rig.wait_for(WAITING, left)
        await rig.run()
        assert rig.names() == ["1.JPG"]


async def test_folders_without_the_choice_pay_nothing(
    server: Simulator, tmp_path: Path, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read of files that nobody asked about, and the ledger not asked."""

    def fail(*_: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(versions, "siblings", fail)
    monkeypatch.setattr(versions, "read_facts", fail)
    write(camera, "1.JPG")
    write(camera, "1.DNG")
    folder = kept(camera, raw_and_jpeg="stack_raw", heic_and_jpeg="only_jpeg")
    async with rig_on(server, tmp_path / "ledger.db", [kept(camera)]) as rig:
        await rig.run()
        assert rig.names() == ["1.DNG", "1.JPG"]
        # Of HEIC alone is asked, and there is none.
        monkeypatch.undo()
        await rig.engine.apply(folder)
        await rig.run()
        assert await rig.share() == 100


async def test_a_name_that_is_no_text(rig: Rig, camera: Path) -> None:
    """A name in another encoding is told as far as it can be."""
    for name in (b"\xe4.DNG", b"\xe4.JPG"):
        (camera / os.fsdecode(name)).write_bytes(data_of(name.decode("latin-1")))
    await rig.engine.apply(kept(camera, **ONLY_RAW))
    await rig.run()
    file = await reason(rig, camera / os.fsdecode(b"\xe4.JPG"), Reason.OTHER_KEPT)
    assert file.detail == "\N{REPLACEMENT CHARACTER}.DNG"
    assert len(rig.names()) == 1


async def test_sub_folders_are_apart(rig: Rig, camera: Path) -> None:
    """Files of one name in two directories are two."""
    (camera / "raw").mkdir()
    write(camera, "1.JPG")
    write(camera, "raw/1.DNG")
    write(camera / "raw", "2.JPG")
    write(camera / "raw", "2.DNG")
    folder = kept(camera, **ONLY_JPEG)
    assert (await look(rig, folder)).left_out == {"other_kept": 1}
    await rig.engine.apply(folder)
    await back_up(rig, camera)
    assert sorted(rig.names()) == ["1.DNG", "1.JPG", "2.JPG"]
