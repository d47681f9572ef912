"""The videos decode to the pictures that they were made of."""

from datetime import UTC, datetime
from pathlib import Path
import re
import shutil
import subprocess
import sys

from PIL import Image, ImageChops, ImageDraw, ImageStat
import pytest

from demo.video import video

SIZE = (64, 48)


def pictures() -> list[Image.Image]:
    """Return a ball that moves over a gradient; black holds bytes that need escaping."""
    found = []
    for number in range(6):
        picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
        ball = (8 * number, 10, 8 * number + 15, 25)
        ImageDraw.Draw(picture).rectangle(ball, fill=(200, 160, 40))
        found.append(picture)
    return found


def ffmpeg() -> str:
    """Return the programme ffmpeg, from the environment or from the machine."""
    program = shutil.which("ffmpeg", path=str(Path(sys.prefix) / "bin"))
    program = program or shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is missing; scripts/setup demo brings it")
    return program


@pytest.mark.parametrize("quicktime", [False, True])
def test_decodes(tmp_path: Path, quicktime: bool) -> None:
    """A decoder finds no fault, the duration, the time, and the same pictures."""
    file = tmp_path / "video.mp4"
    taken = datetime(2025, 7, 1, 12, tzinfo=UTC)
    file.write_bytes(video(pictures(), fps=3, taken=taken, quicktime=quicktime))
    result = subprocess.run(
        [ffmpeg(), "-i", file, tmp_path / "frame%d.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Duration: 00:00:02.00" in result.stderr
    assert re.search(r"creation_time *: 2025-07-01T12:00:00", result.stderr)
    assert not re.search(
        r"error|corrupt|invalid|concealing", result.stderr, re.IGNORECASE
    )
    for number, picture in enumerate(pictures(), 1):
        with Image.open(tmp_path / f"frame{number}.png") as frame:
            difference = ImageChops.difference(frame.convert("RGB"), picture)
        # Colour is kept for four pixels together, so the edges of the ball may differ.
        assert max(ImageStat.Stat(difference).mean) < 4


def test_the_same_every_time() -> None:
    """The same pictures give the same bytes."""
    taken = datetime(2025, 7, 1, 12, tzinfo=UTC)
    first, second = (
        video(pictures(), fps=3, taken=taken, quicktime=False) for _ in range(2)
    )
    assert first == second
