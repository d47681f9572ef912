"""Facts read out of media files: the cost beside Pillow, the truth beside ExifTool."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
import struct
import warnings

from PIL import Image
from PIL.ExifTags import IFD

from custom_components.immich_backup.engine.media import MediaFacts, Trouble
from custom_components.immich_backup.engine.media.read import read_source
from custom_components.immich_backup.engine.media.source import Source
from custom_components.immich_backup.engine.media_types import kind_of
from demo import samples
from tests.support import media

from . import exiftool
from .measure import Comparison, Figure, Rounds, Target, child, measured

# Milliseconds of CPU for a JPEG, kilobytes read of any file.
_LIMIT_CPU, _LIMIT_READ = 3.0, 512.0
_KEPT = Target(at_most=1)
_ALL = Target(at_least=1)
_JPEG = (".jpg", ".jpeg")
_VIDEO_SIZE = 10 * 10**9
_EXIF = media.tiff(
    {0x010F: "Apple", 0x0110: "iPhone 15", 0x0112: 6},
    {
        0x9003: "2024:05:01 10:11:12",
        0x9011: "+02:00",
        0x927C: media.apple_note("8C4F", "51D2"),
    },
    media.place(52.516275, 13.377704),
)
_XMP = media.xmp('xmp:Rating="4"', media.bag("dc:subject", "lake", "summer"))


def run(
    folder: Path, *, scale: float = 1.0, rounds: int = 5, photos: Path | None = None
) -> Iterator[Figure]:
    """Measure 1,000 JPEGs and a video of 10 GB, or what is in a folder of photos.

    Prints each difference from ExifTool.
    """
    if photos is None:
        photos = folder / "photos"
        samples.make(photos)
        jpeg = media.jpeg(_EXIF, _XMP, size=(1600, 1200))
        for number in range(max(10, int(1000 * scale))):
            (photos / f"{number:04}.jpg").write_bytes(jpeg)
        (photos / "live.heic").write_bytes(media.heic(_EXIF, _XMP, turns=3))
        _make_video(photos / "large.mp4")
    count = len(_jpegs(photos))
    ours, reference = Rounds(), Rounds()
    for _ in range(rounds):
        if count:
            reference.add(child("metadata", "pillow", photos))
        ours.add(child("metadata", "read", photos))
    each = [1000 * cpu / count for cpu in ours["cpu"] if count]
    what = f"Facts of {count:,} JPEGs: CPU for each"
    missing = None if count else "there is no JPEG"
    yield Figure(
        name="metadata.cpu",
        what=f"{what}, beside Pillow",
        unit="ms",
        comparison=Comparison.RATIO,
        ours=each or [0.0],
        reference=[1000 * cpu / count for cpu in reference["cpu"]],
        missing=missing,
    )
    yield Figure(
        name="metadata.limit",
        what=f"{what}, beside the limit",
        unit="ms",
        comparison=Comparison.RATIO,
        ours=each or [0.0],
        reference=[_LIMIT_CPU] * rounds if count else [],
        target=_KEPT,
        missing=missing,
    )
    yield Figure(
        name="metadata.read",
        what=f"Most read of one of {ours['files'][0]:,.0f} files, beside the limit",
        unit="KB",
        comparison=Comparison.RATIO,
        ours=ours["most"],
        reference=[_LIMIT_READ] * rounds,
        target=_KEPT,
    )
    yield _agreement(photos, rounds)


def _agreement(photos: Path, rounds: int) -> Figure:
    """Compare with ExifTool, once; it says the same every time."""
    has_exiftool = exiftool.found()
    paths = _files(photos) if has_exiftool else []
    differences: list[exiftool.Difference] = []
    unread: Counter[str] = Counter()
    told = dict(exiftool.read(paths))
    compared = 0
    for path in paths:
        facts, _ = _facts(path)
        if facts.trouble is Trouble.UNKNOWN_FORMAT:
            unread[path.suffix.lower()] += 1
            continue
        compared += 1
        differences += exiftool.compare(path, facts, told.get(path, {}))
    for found in differences:
        name = found.path.relative_to(photos)
        print(f"{name}: {found.what}: {found.ours}, ExifTool says {found.theirs}")
    if unread:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(unread.items()))
        print(f"Not read at all: {kinds}")
    differing = len({found.path for found in differences})
    return Figure(
        name="metadata.agreement",
        what=f"Facts of {compared:,} files as ExifTool reads them, beside all",
        unit="files",
        comparison=Comparison.RATIO,
        ours=[float(compared - differing)] * rounds,
        reference=[float(compared)] * rounds if has_exiftool else [],
        target=_ALL,
        missing=None if has_exiftool else exiftool.MISSING,
    )


def _make_video(path: Path) -> None:
    """Make a sparse video whose description stands at its end."""
    with path.open("wb") as file:
        file.write(media.box(b"ftyp", b"isom\0\0\0\0"))
        file.write(struct.pack(">I4sQ", 1, b"mdat", _VIDEO_SIZE))
        file.seek(_VIDEO_SIZE)
        file.write(media.Video(created=3_797_395_872, seconds=3600).moov())


def _files(photos: Path) -> Sequence[Path]:
    """Return the media files below a folder, in order."""
    return sorted(
        path for path in photos.rglob("*") if path.is_file() and kind_of(str(path))
    )


def _jpegs(photos: Path) -> Sequence[Path]:
    """Return the JPEGs below a folder."""
    return [path for path in _files(photos) if path.suffix.lower() in _JPEG]


def _facts(path: Path) -> tuple[MediaFacts, int]:
    """Return a file's facts, and how much of it was read."""
    with path.open("rb", buffering=0) as file:
        source = Source(file)
        return read_source(source, path.name), source.bytes_read


def read(photos: str) -> dict[str, float]:
    """Measure our reader on JPEGs, and how much it reads of any file."""
    jpegs = _jpegs(Path(photos))
    files = _files(Path(photos))
    figures = measured(lambda: [_facts(path) for path in jpegs])
    most = max((_facts(path)[1] for path in files), default=0)
    return figures | {"most": most / 1024, "files": len(files)}


def pillow(photos: str) -> dict[str, float]:
    """Measure Pillow reading size and EXIF of JPEGs."""
    jpegs = _jpegs(Path(photos))
    # Its decoders are loaded when they are needed first.
    Image.init()

    def look() -> None:
        for path in jpegs:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    with Image.open(path) as image:
                        exif = image.getexif()
                        for directory in (IFD.Exif, IFD.GPSInfo):
                            exif.get_ifd(directory)
                except OSError, SyntaxError, ValueError:
                    continue

    return measured(look)


TASKS = {"read": read, "pillow": pillow}
