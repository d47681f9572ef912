"""How clips are made, kept and served."""

from collections.abc import Sequence
import hashlib
import io
import os
from pathlib import Path
import sys
import tempfile
from typing import Any

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from PIL import Image, ImageDraw, ImageFont
import pytest

from custom_components.immich_backup.delivery import (
    clips as clips_module,
    films,
    slides,
)
from custom_components.immich_backup.delivery.clips import (
    MAX_AGE,
    MAX_KEPT,
    Clip,
    Clips,
)
from custom_components.immich_backup.delivery.speech import duration_of
from custom_components.immich_backup.immich import AssetUpload
from simulator import Action, Fault, Simulator
from tests.support.home import Home

from .conftest import NOON
from .support import MESSAGE, SPOKEN, film_of, headless_mp3

# What Immich answers where it has made no preview yet.
NOT_YET = '{"message": "Asset media not found", "statusCode": 404}'


def jpeg(
    size: tuple[int, int], mode: str = "RGB", kind: str = "JPEG", colour: Any = 0
) -> bytes:
    """Return a picture."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("", ""),
        ("Sicherung geglückt – 3 Fotos", "„Küche“ → ok"),
        ("Резервная копия", "Готово"),
        ("备份完成", "😀" * 3),
        ("A" * 200, "word " * 500),
        ("\x00\n\t", "x" * 10_000),
    ],
)
def test_card(title: str, text: str) -> None:
    """A card is as large as the screen, whatever is written on it."""
    with Image.open(io.BytesIO(slides.card(title, text))) as card:
        assert (card.format, card.size) == ("JPEG", slides.SIZE)


def test_words_are_on_the_card() -> None:
    """What can be written is."""
    blank = slides.card("", "")
    assert slides.card("Backup", "") != blank != slides.card("", "Backup")


def test_number_stays_with_its_noun() -> None:
    """No line of a card ends with a number of which the next line says what it is."""
    picture = Image.new("RGB", slides.SIZE)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(44)
    for width in range(1, 40):
        words = f"{'x' * width} are in Immich. 12 other files were there already. 2 1"
        lines = list(slides._lines(draw, words, font, 6))
        assert " ".join(lines) == words
        assert not any(line.endswith(" 12") for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        jpeg((10, 4000)),
        jpeg((4000, 10)),
        jpeg((1, 1), "L"),
        jpeg((300, 200), "RGBA", "PNG"),
        jpeg((300, 200), "RGB", "WEBP"),
        jpeg((300, 200), "CMYK"),
    ],
)
def test_photo(content: bytes) -> None:
    """A photo of any shape and kind fills the screen."""
    photo = slides.photo(content)
    assert photo is not None
    with Image.open(io.BytesIO(photo)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", slides.SIZE, "RGB")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8\xff", jpeg((300, 200))[:200], jpeg((6000, 5000), "1", "PNG")],
)
def test_broken_photo(content: bytes) -> None:
    """What is broken or far too large is left out."""
    assert slides.photo(content) is None


async def test_sound_is_cut(tool: str) -> None:
    """A film takes as long as its slides, however long its sound is."""
    card = slides.card("Backup", "")
    film = await films.make(tool, [films.Slide(card, 1.0)], SPOKEN)
    assert films.sound_length(SPOKEN, 0.0) > 1.2
    seconds, codecs, _ = film_of(film)
    assert seconds == pytest.approx(1, abs=0.15)
    assert codecs == ["h264", "aac"]


async def test_sound_without_a_length(
    hass: HomeAssistant,
    address: str,
    clips: Clips,
    tool: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A film shows its card for as long as is spoken, whatever the sound's header says."""
    sound = headless_mp3(12)
    guess = duration_of(MESSAGE.text)
    assert guess < 6
    clip = await clips.film(MESSAGE, sound)
    assert clip is not None
    assert clip.seconds == pytest.approx(13, abs=0.2)
    # Where nothing can count, it takes as long as the words do at least.
    monkeypatch.setitem(sys.modules, "av", None)
    assert films.sound_length(sound, guess) == guess
    assert films.sound_length(sound, 0.0) < 6


async def test_longest_film(tool: str) -> None:
    """A film of the longest message with a photo full of details is small enough."""
    noise = io.BytesIO()
    Image.effect_noise(slides.SIZE, 100).convert("RGB").save(noise, "JPEG")
    photo = slides.photo(noise.getvalue())
    assert photo is not None
    shown = [films.Slide(photo, 31.0)]
    film = await films.make(tool, shown, SPOKEN * 10)
    assert len(film) < 5_000_000
    assert film_of(film)[0] == pytest.approx(31, abs=0.2)


async def test_broken_sound(tool: str) -> None:
    """Sound that is none is an error, not a crash."""
    card = slides.card("Backup", "")
    with pytest.raises(films.FilmError):
        await films.make(tool, [films.Slide(card, 1.0)], b"no sound")
    assert films.sound_length(b"no sound", 3.0) == 3.0


async def test_broken_slide(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a slide that is none, which ffmpeg tries to read for ever."""
    monkeypatch.setattr(films, "_PATIENCE", 0.5)
    with pytest.raises(films.FilmError):
        await films.make(tool, [films.Slide(b"no picture", 1.0)], None)


async def test_film_that_is_too_large(
    tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film that is too large for memory is none."""
    monkeypatch.setattr(films, "MAX_SIZE", 1000)
    card = slides.card("Backup", "")
    with pytest.raises(films.FilmError):
        await films.make(tool, [films.Slide(card, 1.0)], None)


@pytest.mark.parametrize("script", ["sleep 60", "echo broken >&2; exit 1", "exit 0"])
async def test_ffmpeg_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """An ffmpeg that hangs is ended, one that fails is told, and nothing is left."""
    monkeypatch.setattr(films, "_PATIENCE", 0.3)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f"#!/bin/sh\nexec 2>&1\n{script}\n")
    ffmpeg.chmod(0o700)
    with pytest.raises(films.FilmError):
        await films.make(str(ffmpeg), [films.Slide(b"", 1.0)], None)
    assert list(folder.iterdir()) == []


async def test_what_a_crash_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    """What was left behind while a film was made goes with the next one."""
    tmp_path = tmp_path / "temporary"
    tmp_path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("immich_backup_film_old", "immich_backup_film_new", "other_old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jpg").write_bytes(b"photo")
        if name.endswith("old"):
            os.utime(tmp_path / name, (0, 0))
    # A link is nobody's folder.
    link = tmp_path / "immich_backup_film_link"
    link.symlink_to(tmp_path / "other_old")
    os.utime(link, (0, 0), follow_symlinks=False)
    card = slides.card("Backup", "")
    await films.make(tool, [films.Slide(card, 1.0)], None)
    assert {path.name for path in tmp_path.iterdir()} == {
        "immich_backup_film_new",
        "immich_backup_film_link",
        "other_old",
    }
    assert (tmp_path / "other_old" / "0.jpg").exists()


async def test_av_that_takes_too_long(
    tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither tool takes longer than it may."""
    monkeypatch.setattr(films, "_PATIENCE", 0.0)
    card = slides.card("Backup", "")
    with pytest.raises(films.FilmError, match="too long"):
        await films.make(tool, [films.Slide(card, 5.0)], None)


def no_previews(immich: Simulator, asset_id: str = "", **options: Any) -> Fault:
    """Let the server have no previews, or none of one asset."""
    return immich.faults.add(
        Fault(
            action=Action.RESPOND,
            path_regex=f"{asset_id}/thumbnail$",
            headers={"Content-Type": "application/json"},
            **{"status": 404, "body": NOT_YET, **options},
        )
    )


async def stored(immich: Simulator, clips: Clips, *colours: str) -> list[str]:
    """Return the assets of photos in these colours, of which there are previews."""
    found = []
    for colour in colours:
        content = jpeg((640, 480), colour=colour)
        asset = await clips._client.upload_asset(
            AssetUpload(
                name=f"{colour}.jpg",
                size=len(content),
                checksum=hashlib.sha1(content).digest(),
                created_at=NOON,
                modified_at=NOON,
                content=content,
            )
        )
        found.append(asset.asset_id)
    await immich.idle()
    return found


def colours_of(photos: Sequence[bytes]) -> list[str]:
    """Return which of three colours photos are in."""
    names = []
    for photo in photos:
        with Image.open(io.BytesIO(photo)) as image:
            pixel = image.convert("RGB").getpixel((640, 360))
        assert isinstance(pixel, tuple)
        names.append(("red", "lime", "blue")[pixel.index(max(pixel))])
    return names


async def test_photos_come_a_moment_later(
    immich: Simulator, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server has just stored is waited for, and shown from the newest on."""
    monkeypatch.setattr(clips_module, "_AGAIN", 0.01)
    assets = await stored(immich, clips, "red", "lime", "blue")
    faults = [no_previews(immich, one, times=3) for one in assets]
    assert colours_of(await clips.photos(assets)) == ["red", "lime", "blue"]
    assert [fault.struck for fault in faults] == [3, 3, 3]


async def test_photos_that_do_not_come(
    immich: Simulator, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has no preview keeps no other away, and is not waited for for long."""
    red, lime, blue = await stored(immich, clips, "red", "lime", "blue")
    no_previews(immich, red)
    # Who wants one has it at once.
    assert colours_of(await clips.photos([red, lime, blue], 1)) == ["lime"]
    monkeypatch.setattr(clips_module, "_AGAIN", 0.01)
    monkeypatch.setattr(clips_module, "_PHOTO_PATIENCE", 1.0)
    assert colours_of(await clips.photos([blue, red, lime])) == ["blue", "lime"]


async def test_server_that_hangs(
    immich: Simulator, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not answer is not waited for for longer."""
    monkeypatch.setattr(clips_module, "_PHOTO_PATIENCE", 1.0)
    red, lime = await stored(immich, clips, "red", "lime")
    immich.faults.add(
        Fault(action=Action.HANG, path_regex=f"{lime}/thumbnail$", seconds=60)
    )
    assert colours_of(await clips.photos([red, lime])) == ["red"]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        # No picture, of this asset alone.
        ({"status": 200, "body": "no picture"}, 2),
        ({"status": 500, "body": ""}, 2),
        # The key may not see any.
        (
            {
                "status": 403,
                "body": '{"message": "Missing required permission: asset.view"}',
            },
            1,
        ),
    ],
)
async def test_photos_that_never_come(
    immich: Simulator, clips: Clips, answer: dict[str, Any], asked: int
) -> None:
    """Where there is no use in it nothing is waited for."""
    assets = await stored(immich, clips, "red", "lime")
    fault = no_previews(immich, **answer)
    assert await clips.photos(assets) == []
    assert fault.struck == asked


async def test_address(hass: HomeAssistant, address: str, clips: Clips) -> None:
    """A clip is sent whole, in parts, or only described; to nobody else."""
    clip = await clips.picture(MESSAGE)
    assert clip is not None
    url = f"{address}{clip.path}"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 200
            assert response.headers["Accept-Ranges"] == "bytes"
            assert response.content_type == "image/jpeg"
            whole = await response.read()
        async with session.head(url) as response:
            assert response.status == 200
            assert response.content_type == "image/jpeg"
            assert int(response.headers["Content-Length"]) == len(whole)
            assert await response.read() == b""
        for asked, start, stop in (
            ("0-99", 0, 100),
            ("100-", 100, len(whole)),
            ("-10", len(whole) - 10, len(whole)),
            (f"0-{len(whole) * 2}", 0, len(whole)),
        ):
            async with session.get(
                url, headers={"Range": f"bytes={asked}"}
            ) as response:
                assert response.status == 206
                assert await response.read() == whole[start:stop]
                assert (
                    response.headers["Content-Range"]
                    == f"bytes {start}-{stop - 1}/{len(whole)}"
                )
        for asked in (f"{len(whole)}-", "9-5", "x"):
            async with session.get(
                url, headers={"Range": f"bytes={asked}"}
            ) as response:
                assert response.status == 416
                assert response.headers["Content-Range"] == f"bytes */{len(whole)}"
        for wrong in (url.partition("?")[0], f"{url}x", f"{url}&x=1"):
            async with session.get(wrong) as response:
                assert response.status == 401


async def statuses(address: str, clips: Sequence[Clip | None]) -> list[int]:
    """Return how clips are answered."""
    found = []
    async with aiohttp.ClientSession() as session:
        for clip in clips:
            assert clip is not None
            async with session.get(f"{address}{clip.path}") as response:
                found.append(response.status)
    return found


async def test_clips_are_forgotten(
    hass: HomeAssistant,
    address: str,
    clips: Clips,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is kept for long."""
    made = [await clips.picture(MESSAGE) for _ in range(20)]
    assert await statuses(address, made) == [200] * 20
    shelf = clips_module.shelf_of(hass)
    assert shelf is not None
    later = clips_module.time.monotonic() + MAX_AGE.total_seconds() + 1
    monkeypatch.setattr(clips_module.time, "monotonic", lambda: later)
    assert await statuses(address, made) == [404] * 20
    shelf._forget()
    assert shelf._kept == {}


async def test_memory_for_clips(hass: HomeAssistant, address: str) -> None:
    """Only so much is kept, of what is newest; a small picture takes no film's place."""
    shelf = clips_module.shelf_of(hass)
    assert shelf is not None
    quarter = bytes(MAX_KEPT // 4)
    made = [shelf.keep(quarter, "video/mp4", 1.0) for _ in range(6)]
    assert await statuses(address, made) == [404, 404, 200, 200, 200, 200]
    made.append(shelf.keep(b"picture", "image/jpeg", 1.0))
    assert await statuses(address, made[2:]) == [404, 200, 200, 200, 200]


async def test_two_accounts(hass: HomeAssistant, address: str, clips: Clips) -> None:
    """All accounts of a home keep their clips in one place."""
    other = Clips(hass, clips._client)
    for account in (clips, other):
        clip = await account.picture(MESSAGE)
        assert clip is not None
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{address}{clip.path}") as response,
        ):
            assert response.status == 200


async def test_account(hass: HomeAssistant, home: Home) -> None:
    """An account that is set up has all that is needed."""
    assert await async_setup_component(hass, "http", {})
    await home.set_up()
    assert await Clips(hass, home.manager.client).picture(MESSAGE) is not None


async def test_no_web_server(hass: HomeAssistant, clips: Clips) -> None:
    """Without a web server nothing can be fetched."""
    assert not await clips.can_film()
    assert await clips.film(MESSAGE, None) is None
    assert await clips.picture(MESSAGE) is None


@pytest.mark.usefixtures("no_tool")
async def test_no_tool(hass: HomeAssistant, address: str, clips: Clips) -> None:
    """Without anything to make films there are none."""
    assert not await clips.can_film()
    assert await clips.film(MESSAGE, None) is None


def test_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is there at the moment is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    before = films.tools()
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.touch(0o700)
    assert films.tools() == [str(ffmpeg), *before]
