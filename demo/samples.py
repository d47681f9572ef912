"""The sample folder: photos and videos of a made-up year, the same ones every time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
import os
from pathlib import Path
import shutil

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from .scenes import AUTUMN, DAWN, DAY, DUSK, NIGHT, WINTER, Scene, draw
from .video import video

_LARGE, _SMALL = (1600, 1200), (1280, 960)
_VIDEO, _FPS, _SECONDS = (320, 240), 10, 3
_CAMERA = ("Demo", "Pinhole 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file: its path decides the format; ``place`` is latitude and longitude."""

    path: str
    taken: str
    scene: Scene
    size: tuple[int, int] = _SMALL
    place: tuple[float, float] | None = None


LAKE, COAST, CITY = (46.4719, 11.3205), (54.3233, 10.1394), (52.5163, 13.3777)

SAMPLES = (
    Sample(
        path="IMG_0001.jpg",
        taken="2025-01-01T00:14:09+01:00",
        scene=Scene(title="A new year", palette=NIGHT, light=(0.8, 0.2), seed=1),
        place=CITY,
    ),
    Sample(
        path="IMG_0017.jpg",
        taken="2025-01-19T11:02:44+01:00",
        scene=Scene(title="First snow", palette=WINTER, light=(0.3, 0.25), seed=2),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0018.jpg",
        taken="2025-01-19T15:47:10+01:00",
        scene=Scene(title="Frozen lake", palette=WINTER, water=True, seed=3),
        place=LAKE,
    ),
    Sample(
        path="Märzspaziergang am See.jpg",
        taken="2025-03-22T16:20:31+01:00",
        scene=Scene(title="A walk in March", palette=DAY, water=True, seed=4),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0102.jpg",
        taken="2025-04-20T06:31:00+02:00",
        scene=Scene(title="Easter morning", palette=DAWN, light=(0.4, 0.45), seed=5),
        place=COAST,
    ),
    Sample(
        path="Frühstück im Garten.jpg",
        taken="2025-05-11T09:05:12+02:00",
        scene=Scene(title="Breakfast outside", palette=DAY, light=(0.2, 0.2), seed=6),
    ),
    Sample(
        path="Ostsee 2025/PXL_20250712_051200.jpg",
        taken="2025-07-12T05:12:00+02:00",
        scene=Scene(
            title="Sunrise at the sea",
            palette=DAWN,
            light=(0.5, 0.5),
            water=True,
            seed=7,
        ),
        size=_LARGE,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/PXL_20250712_140308.jpg",
        taken="2025-07-12T14:03:08+02:00",
        scene=Scene(title="Sailing", palette=DAY, water=True, seed=8),
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/Strandkörbe.jpg",
        taken="2025-07-13T18:40:55+02:00",
        scene=Scene(title="Beach chairs", palette=DUSK, light=(0.6, 0.4), seed=9),
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/PXL_20250713_211530.jpg",
        taken="2025-07-13T21:15:30+02:00",
        scene=Scene(
            title="The last light",
            palette=DUSK,
            light=(0.3, 0.5),
            water=True,
            seed=10,
        ),
        size=_LARGE,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/Leuchtturm bei Nacht.png",
        taken="2025-07-13T23:58:01+02:00",
        scene=Scene(title="Lighthouse by night", palette=NIGHT, water=True, seed=11),
    ),
    Sample(
        path="Ostsee 2025/PXL_20250714_waves.mp4",
        taken="2025-07-14T10:30:00+02:00",
        scene=Scene(title="Waves", palette=DAY, water=True, seed=12),
        size=_VIDEO,
    ),
    Sample(
        path="IMG_0410.jpg",
        taken="2025-08-02T20:44:17+02:00",
        scene=Scene(title="Thunder is near", palette=DUSK, light=(0.8, 0.4), seed=13),
    ),
    Sample(
        path="IMG_0411.webp",
        taken="2025-08-03T08:12:45+02:00",
        scene=Scene(title="After the rain", palette=DAY, light=(0.5, 0.2), seed=14),
    ),
    Sample(
        path="IMG_0498.jpg",
        taken="2025-09-27T17:33:20+02:00",
        scene=Scene(title="Grape harvest", palette=AUTUMN, light=(0.7, 0.35), seed=15),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0499.jpg",
        taken="2025-10-04T12:21:09+02:00",
        scene=Scene(title="Golden October", palette=AUTUMN, water=True, seed=16),
        place=LAKE,
    ),
    Sample(
        path="Familie/Großmutters Geburtstag.jpg",
        taken="2025-10-18T15:00:00+02:00",
        scene=Scene(title="Her 80th birthday", palette=AUTUMN, seed=17),
        place=CITY,
    ),
    Sample(
        path="Familie/Erste Schritte.mov",
        taken="2025-10-19T10:09:08+02:00",
        scene=Scene(title="First steps", palette=AUTUMN, light=(0.1, 0.3), seed=18),
        size=_VIDEO,
    ),
    Sample(
        path="Familie/IMG-20251109-WA0003.jpg",
        taken="2025-11-09T19:22:33+01:00",
        scene=Scene(title="Lanterns", palette=NIGHT, light=(0.2, 0.3), seed=19),
    ),
    Sample(
        path="Screenshot_2025-12-01.png",
        taken="2025-12-01T07:00:05+01:00",
        scene=Scene(title="24 doors to open", palette=WINTER, seed=20),
    ),
    Sample(
        path="IMG_0620.webp",
        taken="2025-12-24T16:45:00+01:00",
        scene=Scene(title="Christmas Eve", palette=NIGHT, light=(0.5, 0.2), seed=21),
    ),
    Sample(
        path="IMG_0631.jpg",
        taken="2025-12-31T16:02:50+01:00",
        scene=Scene(title="The year ends", palette=DUSK, light=(0.5, 0.5), seed=22),
        place=CITY,
    ),
)

# The same bytes once more under another name: Immich keeps one asset.
COPIES = {"Familie/Kopie von Großmutters Geburtstag.jpg": SAMPLES[16].path}

# What a backup leaves alone: a file of no media type, and one that is still written.
NOT_MEDIA = {"Packliste.txt": "Kamera\nLadegerät\nSonnencreme\n"}
UNFINISHED = {"IMG_0632.jpg.part": "half a pho"}


def _degrees(value: float) -> tuple[float, float, float]:
    """Return degrees, minutes and seconds."""
    minutes = abs(value) * 60
    return float(minutes // 60), float(minutes // 1 % 60), round(minutes % 1 * 60, 2)


def _exif(sample: Sample, taken: datetime) -> Image.Exif:
    """Return what a camera writes into a photo."""
    exif = Image.Exif()
    text = taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[Base.Make], exif[Base.Model] = _CAMERA
    exif[Base.DateTime] = text
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal] = details[Base.DateTimeDigitized] = text
    details[Base.OffsetTimeOriginal] = taken.isoformat()[-6:]
    if sample.place is not None:
        latitude, longitude = sample.place
        place = exif.get_ifd(IFD.GPSInfo)
        place[GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
        place[GPS.GPSLatitude] = _degrees(latitude)
        place[GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
        place[GPS.GPSLongitude] = _degrees(longitude)
    return exif


def _film(scene: Scene) -> Iterator[Image.Image]:
    """Yield the pictures of a video: the light crosses the sky."""
    count = _FPS * _SECONDS
    for number in range(count):
        light = (0.1 + 0.8 * number / count, scene.light[1])
        yield draw(replace(scene, light=light), _VIDEO)


def content(sample: Sample) -> bytes:
    """Return the bytes of a sample, the same for the same version of Pillow."""
    taken = datetime.fromisoformat(sample.taken)
    suffix = Path(sample.path).suffix
    if suffix in (".mp4", ".mov"):
        pictures = list(_film(sample.scene))
        return video(pictures, fps=_FPS, taken=taken, quicktime=suffix == ".mov")
    buffer = BytesIO()
    picture = draw(sample.scene, sample.size)
    exif = _exif(sample, taken)
    match suffix:
        case ".jpg":
            picture.save(buffer, "JPEG", quality=85, exif=exif)
        case ".png":
            picture.quantize(128).save(buffer, "PNG", exif=exif)
        case ".webp":
            picture.save(buffer, "WEBP", quality=80, exif=exif)
        case _:
            raise ValueError(f"no format for {sample.path}")
    return buffer.getvalue()


def _write(path: Path, data: bytes, changed: datetime) -> None:
    """Write a file as if it had last been changed then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (changed.timestamp(), changed.timestamp()))


def make(folder: Path) -> None:
    """Fill a new folder with the samples; one that is there stays as it is.

    Blocking, some seconds. The folder appears with all that is in it, or not at all.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    taken = {sample.path: datetime.fromisoformat(sample.taken) for sample in SAMPLES}
    for sample in SAMPLES:
        _write(unfinished / sample.path, content(sample), taken[sample.path])
    for copy, original in COPIES.items():
        data = (unfinished / original).read_bytes()
        _write(unfinished / copy, data, taken[original] + timedelta(days=1))
    for path, text in (NOT_MEDIA | UNFINISHED).items():
        _write(unfinished / path, text.encode(), max(taken.values()))
    unfinished.rename(folder)
