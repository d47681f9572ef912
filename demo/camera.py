"""What phones and cameras write: photos, raw pictures and videos, and what they tell."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from . import tiff
from .heic import heic
from .scenes import Scene, draw
from .video import video

SMALL = (1280, 960)
# Of what is written without compression.
PLAIN = (640, 480)
FILM = (320, 240)
_FPS, _SECONDS = 10, 3
_CAMERA = ("Demo", "Pinhole 1")
_VIDEOS = frozenset((".mp4", ".mov"))
# Where clocks are that tell no zone.
_HOME = ZoneInfo("Europe/Berlin")


class Told(Enum):
    """Where it stands when a photo was taken."""

    EXIF = auto()
    XMP = auto()
    BESIDE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file: its path decides the format; ``place`` is latitude and longitude.

    ``taken`` has the zone only if the file tells it; ``changed`` is when it was last
    changed, if that was later. ``identifier`` is what the halves
    of a live photo share; a ``motion`` photo brings its video inside.
    """

    path: str
    taken: str
    scene: Scene
    size: tuple[int, int] = SMALL
    place: tuple[float, float] | None = None
    told: Told = Told.EXIF
    changed: str | None = None
    identifier: str | None = None
    motion: bool = False

    @property
    def moment(self) -> datetime:
        """Return when it was taken, aware of its zone."""
        taken = datetime.fromisoformat(self.taken)
        return taken if taken.tzinfo is not None else taken.replace(tzinfo=_HOME)

    @property
    def written(self) -> datetime:
        """Return when the file was last changed."""
        changed = self.changed
        return self.moment if changed is None else datetime.fromisoformat(changed)

    @property
    def suffix(self) -> str:
        """Return the extension in lower case, with its dot."""
        return Path(self.path).suffix.lower()

    @property
    def zone(self) -> str | None:
        """Return what the file tells of its zone, such as `+02:00`."""
        return self.taken[19:] or None


def content(sample: Sample) -> bytes:
    """Return the bytes of a sample, the same for the same version of Pillow."""
    if sample.suffix in _VIDEOS:
        return _video(sample, quicktime=sample.suffix == ".mov")
    buffer = BytesIO()
    picture = draw(sample.scene, sample.size)
    exif = _exif(sample)
    match sample.suffix:
        case ".jpg":
            film = _video(sample, quicktime=False) if sample.motion else b""
            # An empty one would be a broken one.
            told = exif.tobytes() if len(exif) else b""
            xmp = _xmp(sample, len(film))
            picture.save(buffer, "JPEG", quality=85, exif=told, xmp=xmp)
            buffer.write(film)
        case ".png":
            picture.quantize(128).save(buffer, "PNG", exif=exif)
        case ".webp":
            picture.save(buffer, "WEBP", quality=80, exif=exif)
        case ".heic":
            return heic(picture, exif.tobytes().removeprefix(b"Exif\0\0"))
        case ".dng":
            details = {0x9003: tiff.text(_date(sample))}
            if sample.zone is not None:
                details[0x9011] = tiff.text(sample.zone)
            return tiff.dng(
                picture, camera=_CAMERA, date=_date(sample), details=details
            )
        case _:
            raise ValueError(f"no format for {sample.path}")
    return buffer.getvalue()


def _date(sample: Sample) -> str:
    """Return a date as EXIF has it."""
    return sample.moment.strftime("%Y:%m:%d %H:%M:%S")


def _degrees(value: float) -> tuple[float, float, float]:
    """Return degrees, minutes and seconds."""
    minutes = abs(value) * 60
    return float(minutes // 60), float(minutes // 1 % 60), round(minutes % 1 * 60, 2)


def _exif(sample: Sample) -> Image.Exif:
    """Return what a camera writes into a photo."""
    exif = Image.Exif()
    if sample.told is Told.BESIDE:
        return exif
    exif[Base.Make], exif[Base.Model] = _CAMERA
    if sample.told is Told.XMP:
        return exif
    exif[Base.DateTime] = _date(sample)
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal] = details[Base.DateTimeDigitized] = _date(sample)
    if sample.zone is not None:
        details[Base.OffsetTimeOriginal] = sample.zone
    if sample.identifier is not None:
        details[Base.MakerNote] = tiff.apple_note(sample.identifier)
    if sample.place is not None:
        latitude, longitude = sample.place
        place = exif.get_ifd(IFD.GPSInfo)
        place[GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
        place[GPS.GPSLatitude] = _degrees(latitude)
        place[GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
        place[GPS.GPSLongitude] = _degrees(longitude)
    return exif


def _xmp(sample: Sample, film: int) -> bytes:
    """Return the XMP of a photo that has some: a film of so many bytes, or its date."""
    google = "http://ns.google.com/photos/1.0"
    if film:
        names = (
            f'xmlns:GCamera="{google}/camera/" xmlns:Container="{google}/container/"'
            f' xmlns:Item="{google}/container/item/" GCamera:MotionPhoto="1"'
            ' GCamera:MotionPhotoVersion="1"'
        )
        items = "".join(
            f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{mime}"'
            f' Item:Semantic="{meaning}" Item:Length="{size}"/></rdf:li>'
            for mime, meaning, size in (
                ("image/jpeg", "Primary", 0),
                ("video/mp4", "MotionPhoto", film),
            )
        )
        inside = (
            f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
        )
    elif sample.told is Told.XMP:
        names = (
            'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
            f' exif:DateTimeOriginal="{sample.taken}"'
        )
        inside = ""
    else:
        return b""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names}>{inside}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _video(sample: Sample, *, quicktime: bool) -> bytes:
    """Return a video; Apple's tells camera, time with its zone, and place."""
    keys = {}
    if quicktime:
        keys["make"], keys["model"] = _CAMERA
        keys["creationdate"] = sample.moment.strftime("%Y-%m-%dT%H:%M:%S%z")
        if sample.place is not None:
            latitude, longitude = sample.place
            keys["location.ISO6709"] = f"{latitude:+08.4f}{longitude:+09.4f}/"
        if sample.identifier is not None:
            keys["content.identifier"] = sample.identifier
    pictures = list(_film(sample.scene))
    return video(
        pictures, fps=_FPS, taken=sample.moment, quicktime=quicktime, keys=keys
    )


def _film(scene: Scene) -> Iterator[Image.Image]:
    """Yield the pictures of a video: the light crosses the sky."""
    count = _FPS * _SECONDS
    for number in range(count):
        light = (0.1 + 0.8 * number / count, scene.light[1])
        yield draw(replace(scene, light=light), FILM)
