"""The sample folder is pleasant, valid and the same every time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
import struct

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
import pytest

from custom_components.immich_backup.engine.media.companions import takeout_sidecars
from custom_components.immich_backup.engine.media.facts import MediaFacts
from custom_components.immich_backup.engine.media.pairs import GroupKind, groups
from custom_components.immich_backup.engine.media.read import read_facts
from custom_components.immich_backup.engine.media.takeout import read_takeout
from demo import samples
from demo.camera import Sample, Told

# What Pillow opens; it has no decoder for HEIC.
PICTURES = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
VIDEOS = {".mp4": b"isom", ".mov": b"qt  "}
OTHERS = {".heic", ".dng"}
CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of samples."""
    folder = tmp_path_factory.mktemp("media") / "Samples"
    samples.make(folder)
    return folder


def files_in(folder: Path) -> dict[str, str]:
    """Return the SHA-1 of each file by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    """Two folders hold the same names with the same bytes and times."""
    samples.make(tmp_path / "again")
    assert files_in(tmp_path / "again") == files_in(folder)
    for path in files_in(folder):
        again = (tmp_path / "again" / path).stat()
        assert again.st_mtime_ns == (folder / path).stat().st_mtime_ns


def test_what_is_in_it(folder: Path) -> None:
    """At least 20 media files, one of them twice, and three that are no media."""
    files = files_in(folder)
    media = {
        path: sha1
        for path, sha1 in files.items()
        if Path(path).suffix.lower() in {*PICTURES, *VIDEOS, *OTHERS}
    }
    assert len(media) >= 20
    assert len(set(media.values())) == len(media) - 1
    kinds = {Path(path).suffix.lower() for path in media}
    assert kinds == {*PICTURES, *VIDEOS, *OTHERS}
    assert set(files) - set(media) == {*samples.NOT_MEDIA, *samples.UNFINISHED}
    assert any("/" in path for path in media)
    assert any(" " in path for path in media)
    assert any(not path.isascii() for path in media)


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    """What somebody did in the folder is not undone."""
    folder = tmp_path / "Samples"
    folder.mkdir()
    (folder / "mine.jpg").write_bytes(b"mine")
    samples.make(folder)
    assert files_in(folder) == {"mine.jpg": hashlib.sha1(b"mine").hexdigest()}


def test_half_a_folder_is_made_again(tmp_path: Path, folder: Path) -> None:
    """What an interrupted start left does not stay."""
    left = tmp_path / ".Samples.new"
    left.mkdir()
    (left / "half.jpg").write_bytes(b"half")
    samples.make(tmp_path / "Samples")
    assert files_in(tmp_path / "Samples") == files_in(folder)
    assert not left.exists()


@pytest.mark.parametrize(
    "sample",
    [
        sample
        for sample in samples.SAMPLES
        if sample.suffix in PICTURES and sample.told is Told.EXIF
    ],
    ids=lambda sample: sample.path,
)
def test_pictures(folder: Path, sample: Sample) -> None:
    """Each picture can be decoded and says when and where it was taken."""
    with Image.open(folder / sample.path) as image:
        image.load()
        exif = image.getexif()
    assert image.format == PICTURES[sample.suffix]
    assert image.size == sample.size
    # A picture of one colour would be no picture.
    assert len(image.convert("L").histogram()) > 1
    assert exif[Base.Model] == "Pinhole 1"
    details = exif.get_ifd(IFD.Exif)
    date, _, time = sample.taken[:19].partition("T")
    assert details[Base.DateTimeOriginal] == f"{date.replace('-', ':')} {time}"
    assert details.get(Base.OffsetTimeOriginal) == (sample.taken[19:] or None)
    place = exif.get_ifd(IFD.GPSInfo)
    assert bool(place) == (sample.place is not None)
    if sample.place is not None:
        degrees, minutes, seconds = map(float, place[GPS.GPSLatitude])
        latitude = degrees + minutes / 60 + seconds / 3600
        assert latitude == pytest.approx(abs(sample.place[0]), abs=1e-5)
        assert place[GPS.GPSLatitudeRef] == ("N" if sample.place[0] > 0 else "S")
        assert place[GPS.GPSLongitudeRef] == ("E" if sample.place[1] > 0 else "W")


def read(folder: Path) -> dict[str, dict[str, MediaFacts]]:
    """Return what the integration reads out of all samples, by folder and name."""
    found: dict[str, dict[str, MediaFacts]] = {}
    for sample in samples.SAMPLES:
        path = folder / sample.path
        with path.open("rb") as file:
            facts = read_facts(file, path.name)
        assert facts.trouble is None
        found.setdefault(path.parent.name, {})[path.name] = facts
    return found


def test_what_belongs_together(folder: Path) -> None:
    """There is one of each kind of files that belong together, and nothing else is."""
    kinds = [group.kind for facts in read(folder).values() for group in groups(facts)]
    assert sorted(kinds) == sorted(GroupKind)


def test_times_and_places(folder: Path) -> None:
    """Times come with and without a zone, and places from each quarter of the earth."""
    facts = [one for some in read(folder).values() for one in some.values()]
    hours = {
        one.utc_offset and one.utc_offset.total_seconds() / 3600
        for one in facts
        if one.captured_at is not None
    }
    assert {None, 14, -5} <= hours
    # Two are an hour apart, although the clock shows the same.
    night = [
        one.utc_offset
        for one in facts
        if one.captured_at == datetime(2025, 10, 26, 2, 30)
    ]
    assert sorted(night, key=str) == [timedelta(hours=1), timedelta(hours=2)]
    quarters = {
        (one.latitude > 0, one.longitude > 0)
        for one in facts
        if one.latitude is not None and one.longitude is not None
    }
    assert len(quarters) == 4


def test_told_elsewhere(folder: Path) -> None:
    """One date stands in XMP, and one in the file of Google Takeout beside the photo."""
    facts = read(folder)
    slide = facts["Familie"]["Eingescannt.jpg"]
    assert slide.captured_at == datetime(2025, 2, 14, 12)
    ((name, photo),) = facts["Takeout"].items()
    assert photo.captured_at is None
    beside = f"{name}.supplemental-metadata.json"
    assert takeout_sidecars([name, beside]) == {name: beside}
    with (folder / "Takeout" / beside).open("rb") as file:
        told = read_takeout(file)
    assert told.captured_at == datetime(2025, 6, 1, 12, 30)
    assert told.place == samples.LAKE
    # The time of the file would be another.
    changed = (folder / "Takeout" / name).stat().st_mtime
    assert datetime.fromtimestamp(changed, UTC).year == 2026


def boxes(data: bytes, path: tuple[bytes, ...] = ()) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each box of a video, also of those inside."""
    while data:
        size, name = struct.unpack(">I4s", data[:8])
        assert 8 <= size <= len(data)
        yield name, data[8:size]
        if name in CONTAINERS:
            yield from boxes(data[8:size])
        data = data[size:]


@pytest.mark.parametrize(
    "sample",
    [sample for sample in samples.SAMPLES if sample.suffix in VIDEOS],
    ids=lambda sample: sample.path,
)
def test_videos(folder: Path, sample: Sample) -> None:
    """Each video has a key frame, and an index that leads to every frame."""
    data = (folder / sample.path).read_bytes()
    found = dict(boxes(data))
    assert found[b"ftyp"].startswith(VIDEOS[sample.suffix])
    count, *sizes = struct.unpack(
        f">I{(len(found[b'stsz']) - 12) // 4}I", found[b"stsz"][8:]
    )
    assert count == len(sizes) == 30
    assert sum(sizes) == len(found[b"mdat"])
    offset = struct.unpack(">I", found[b"stco"][8:12])[0]
    kinds = []
    for size in sizes:
        length, kind = struct.unpack(">IB", data[offset : offset + 5])
        assert length == size - 4
        kinds.append(kind)
        offset += size
    assert kinds == [0x65] + [0x41] * 29
    # The sun moves, so no frame is empty; what stands still is not sent again.
    assert all(size > 100 for size in sizes)
    assert all(size < sizes[0] / 2 for size in sizes[1:])
