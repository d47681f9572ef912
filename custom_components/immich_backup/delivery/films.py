"""Making a short film of slides, with sound, by what this machine has: ffmpeg or PyAV."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
import io
from pathlib import Path
import shutil
import tempfile
import time
from typing import Any, Final

MAX_SIZE: Final = 5 * 1024 * 1024
# Frames a second; nothing moves.
_RATE: Final = 10
# Seconds that making a film may take.
_PATIENCE: Final = 40.0
_ENCODERS: Final = ("libx264", "libopenh264")
# Bits a second at most, and less if the film would be too large.
_BIT_RATE: Final = 1_500_000
_SOUND_RATE: Final = 44_100
_MAX_ERROR: Final = 2_000
# What a folder is called that a film is made in, and seconds after which none is any more.
_PREFIX: Final = "immich_backup_film_"
_LONGEST: Final = 3600.0


class FilmError(Exception):
    """A film could not be made; the text says why and is safe to log."""


@dataclass(frozen=True, slots=True)
class Slide:
    """A JPEG, and how many seconds it is shown."""

    content: bytes
    seconds: float


def tools() -> Sequence[str]:
    """Return what can make films here: `av` and the path of ffmpeg; blocking."""
    found = []
    if (path := shutil.which("ffmpeg")) is not None:
        found.append(path)
    if find_spec("av") is not None:
        found.append("av")
    return found


def sound_length(sound: bytes, guess: float) -> float:
    """Return how many seconds an MP3 takes; blocking.

    Where nothing can play it, that is ``guess`` or what its header says, if that is more:
    what comes through a pipe has none, and seems to be far shorter than it is.
    """
    with suppress(Exception):
        av: Any = import_module("av")
        with av.open(io.BytesIO(sound)) as source:
            frames = source.decode(audio=0)
            return float(sum(frame.samples / frame.sample_rate for frame in frames))
    with suppress(Exception):
        # Comes with the engines that speak.
        mp3: Any = import_module("mutagen.mp3")
        return max(guess, float(mp3.MP3(io.BytesIO(sound)).info.length))
    return guess


async def make(tool: str, slides: Sequence[Slide], sound: bytes | None) -> bytes:
    """Return an MP4 (H.264, and AAC if there is sound) that shows slides.

    ``tool`` is one of ``tools``. The film takes as long as the slides do; sound is cut
    or followed by silence. Raises FilmError when it can't be made, takes too long to
    make, or is too large.
    """
    folder = await asyncio.to_thread(_new_folder)
    try:
        if tool == "av":
            film = await asyncio.to_thread(_with_av, Path(folder), slides, sound)
        else:
            film = await _with_ffmpeg(tool, Path(folder), slides, sound)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if not film or len(film) > MAX_SIZE:
        raise FilmError(f"The film has {len(film)} bytes")
    return film


def _new_folder() -> str:
    """Return an empty folder, and remove those that a crash left behind; blocking."""
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    recent = time.time() - _LONGEST
    for other in Path(folder).parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if other.lstat().st_mtime < recent:
                shutil.rmtree(other, ignore_errors=True)
    return folder


async def _with_ffmpeg(
    path: str, folder: Path, slides: Sequence[Slide], sound: bytes | None
) -> bytes:
    """Make a film by the programme ffmpeg, in a folder; raises FilmError."""
    await asyncio.to_thread(_write, folder, slides, sound)
    try:
        async with asyncio.timeout(_PATIENCE):
            await _run_any(path, slides, sound, folder)
    except TimeoutError:
        raise FilmError("ffmpeg took too long") from None
    return await asyncio.to_thread(_read, folder / "film.mp4")


async def _run_any(
    path: str, slides: Sequence[Slide], sound: bytes | None, folder: Path
) -> None:
    """Run ffmpeg with the first encoder that it has; raises FilmError if none works."""
    for encoder in _ENCODERS:
        try:
            await _run(path, *_arguments(slides, sound, encoder), folder=folder)
        except FilmError:
            if encoder == _ENCODERS[-1]:
                raise
        else:
            return


def _write(folder: Path, slides: Sequence[Slide], sound: bytes | None) -> None:
    """Write what ffmpeg reads."""
    for number, slide in enumerate(slides):
        (folder / f"{number}.jpg").write_bytes(slide.content)
    if sound is not None:
        (folder / "sound.mp3").write_bytes(sound)


def _read(file: Path) -> bytes:
    """Return a film; empty if there is none, and not more than is too much."""
    try:
        with file.open("rb") as film:
            return film.read(MAX_SIZE + 1)
    except OSError:
        return b""


def _bit_rate(slides: Sequence[Slide]) -> int:
    """Return how many bits a second the pictures of a film may have."""
    seconds = sum(slide.seconds for slide in slides)
    # A fifth is left for the sound.
    return min(_BIT_RATE, int(MAX_SIZE * 8 * 0.8 / seconds))


def _arguments(
    slides: Sequence[Slide], sound: bytes | None, encoder: str
) -> Sequence[str]:
    """Return what ffmpeg is asked to do."""
    rate = _bit_rate(slides)
    inputs: list[str] = []
    for number, slide in enumerate(slides):
        inputs += ["-loop", "1", "-framerate", str(_RATE), "-t", f"{slide.seconds:.2f}"]
        inputs += ["-i", f"{number}.jpg"]
    count = len(slides)
    pictures = "".join(f"[{number}:v]" for number in range(count))
    filters = f"{pictures}concat=n={count}:v=1:a=0,format=yuv420p[v]"
    outputs = ["-map", "[v]"]
    if sound is not None:
        inputs += ["-i", "sound.mp3"]
        filters += f";[{count}:a]apad[a]"
        outputs += ["-map", "[a]", "-c:a", "aac", "-b:a", "96k"]
        outputs += ["-ar", str(_SOUND_RATE), "-ac", "2"]
    if encoder == "libx264":
        outputs += ["-preset", "veryfast", "-profile:v", "main", "-level:v", "4.0"]
    return [
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *inputs,
        *("-filter_complex", filters, *outputs),
        *("-c:v", encoder, "-b:v", str(rate), "-maxrate", str(rate)),
        *("-bufsize", str(2 * rate), "-g", str(2 * _RATE), "-threads", "2"),
        *("-t", f"{sum(slide.seconds for slide in slides):.2f}"),
        *("-movflags", "+faststart", "-fs", str(MAX_SIZE), "film.mp4"),
    ]


async def _run(path: str, *arguments: str, folder: Path) -> None:
    """Run ffmpeg in a folder; raises FilmError when it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as err:
        raise FilmError(f"ffmpeg can't be run: {err.strerror}") from err
    try:
        _, said = await process.communicate()
    finally:
        # It took too long.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        text = said[-_MAX_ERROR:].decode(errors="replace")
        raise FilmError(f"ffmpeg failed: {' '.join(text.split())}")


def _with_av(folder: Path, slides: Sequence[Slide], sound: bytes | None) -> bytes:
    """Make a film by PyAV, in a folder; blocking. Raises FilmError."""
    # What belongs at the beginning is moved there in a second pass, in a file.
    file = folder / "film.mp4"
    try:
        _encode(file, slides, sound, time.monotonic() + _PATIENCE)
        return _read(file)
    except FilmError:
        raise
    except Exception as err:
        # It has an exception for everything that ffmpeg knows.
        raise FilmError(f"PyAV failed: {type(err).__name__}: {err}") from err


def _encode(
    file: Path, slides: Sequence[Slide], sound: bytes | None, until: float
) -> None:
    """Encode pictures of one size, and then sound; raises what PyAV does."""
    from PIL import Image  # noqa: PLC0415

    av: Any = import_module("av")
    images = [Image.open(io.BytesIO(slide.content)) for slide in slides]
    options = {"movflags": "+faststart"}
    with av.open(str(file), "w", format="mp4", options=options) as film:
        pictures: Any = film.add_stream(
            "libx264", rate=_RATE, options={"preset": "veryfast", "profile": "main"}
        )
        speech: Any = None
        if sound is not None:
            speech = film.add_stream("aac", rate=_SOUND_RATE, layout="stereo")
        pictures.pix_fmt = "yuv420p"
        pictures.bit_rate = _bit_rate(slides)
        pictures.width, pictures.height = images[0].size
        for slide, image in zip(slides, images, strict=True):
            frame = av.VideoFrame.from_image(image).reformat(format="yuv420p")
            for _ in range(round(slide.seconds * _RATE)):
                _check(until)
                frame.pts = None
                film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        if sound is not None:
            total = round(sum(slide.seconds for slide in slides) * _SOUND_RATE)
            for piece in _heard(sound, total, speech.codec_context.frame_size or 1024):
                _check(until)
                film.mux(speech.encode(piece))
            film.mux(speech.encode(None))


def _heard(sound: bytes, total: int, size: int) -> Iterator[Any]:
    """Yield the frames of a sound in stereo, and then of silence: so many samples."""
    av: Any = import_module("av")
    resampler = av.AudioResampler(
        format="fltp", layout="stereo", rate=_SOUND_RATE, frame_size=size
    )
    given = 0
    with av.open(io.BytesIO(sound)) as source:
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                if given >= total:
                    return
                piece.pts = given
                given += piece.samples
                yield piece
    for piece in resampler.resample(None):
        piece.pts = given
        given += piece.samples
        yield piece
    while given < total:
        silence = av.AudioFrame(format="fltp", layout="stereo", samples=size)
        silence.sample_rate = _SOUND_RATE
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        silence.pts = given
        given += size
        yield silence


def _check(until: float) -> None:
    """Raise FilmError when it takes too long."""
    if time.monotonic() > until:
        raise FilmError("PyAV took too long")
