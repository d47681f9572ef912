"""The facts are those that ExifTool reads."""

from datetime import datetime
from pathlib import Path

import pytest

from bench import exiftool
from custom_components.immich_backup.engine.media import read_facts
from demo import samples
from tests.support import media, recordings

pytestmark = pytest.mark.skipif(not exiftool.found(), reason=exiftool.MISSING)

TEXT = "2024:05:01 10:11:12"
IPTC = recordings.iptc("20240501", "101112+0200")
CAMCORDER = {
    **recordings.moment("20240501101112", 0x04),
    0xB1: b"S\0\0\0",
    **recordings.fractions(0xB2, (33, 1), (51, 1), (244, 10)),
    0xB5: b"E\0\0\0",
    **recordings.fractions(0xB6, (151, 1), (12, 1), (551, 10)),
    0xE0: b"\1\x08\x30\1",
    0xE4: b"HDR-",
    0xE5: b"CX55",
}
CREATED = 3_797_395_872
EXIF = media.tiff(
    {0x010F: "Apple", 0x0110: "iPhone 15", 0x0112: 6},
    {0x9003: TEXT, 0x9011: "+02:00", 0x9291: "12", 0x927C: media.apple_note("ID", "B")},
    media.place(-33.856784, 151.215297),
)
XMP = media.xmp('exif:DateTimeOriginal="2024-05-01T10:11:12+02:00"').encode()
UTC_DATE = datetime(2024, 5, 1, 8, 11, 12)
DIGITIZED = media.tiff({}, {0x9004: TEXT, 0x9012: "-09:30"}, order=">")
MADE = {
    "a.jpg": media.jpeg(EXIF),
    "b.jpg": media.jpeg(DIGITIZED),
    "c.jpg": media.jpeg(media.tiff({0x0132: TEXT})),
    "d.jpg": media.jpeg(),
    "e.jpg": media.jpeg(media.tiff({}, {0x9003: "0000:00:00 00:00:00"})),
    "a.heic": media.heic(EXIF, turns=3),
    "b.avif": media.heic(DIGITIZED, brand=b"avif"),
    "a.tif": media.tiff({0x0100: 40, 0x0101: 30}, {0x9003: TEXT}, order=">"),
    "a.mov": media.Video(
        created=CREATED,
        quarters=1,
        keys={
            "creationdate": "2024-05-01T10:11:12+0200",
            "content.identifier": "ID",
            "location.ISO6709": "+52.5200+013.4050+035.0/",
            "make": "Apple",
            "model": "iPhone 15",
        },
    ).data(),
    "b.mp4": media.Video(
        created=CREATED,
        wide=True,
        brand=b"isom",
        texts={b"\xa9xyz": "-33.8568+151.2153/"},
    ).data(),
    "c.mov": media.Video(tracked=CREATED, seconds=0.1).data(),
    "d.mp4": media.Video(created=1_714_551_072, brand=b"isom").data(),
    "e.mp4": media.Video(brand=b"isom").data(),
    "f.mp4": media.Video(created=2_082_844_800, brand=b"isom").data(),
    "a.avi": recordings.avi(b"Wed May  1 10:11:12 2024\n\0"),
    "b.avi": recordings.avi(b"2024/ 5/ 1  1:11PM", frames=(100, 50)),
    "c.avi": recordings.avi(more=recordings.chunk(b"_PMX", XMP)),
    "a.mkv": recordings.matroska(UTC_DATE),
    "b.webm": recordings.matroska(tags={"DATE_RECORDED": TEXT, "MODEL": "X"}),
    "a.wmv": recordings.asf(UTC_DATE),
    "b.wmv": recordings.asf(),
    "a.mts": recordings.transport(recordings.PARAMETERS + recordings.mdpm(CAMCORDER)),
    "b.ts": recordings.transport(recordings.PARAMETERS, stamp=False, seconds=100),
    "a.mpg": recordings.program(),
    "a.gif": media.gif((100, 250)),
    "a.bmp": media.bmp((40, -30)),
    "a.jp2": recordings.jp2(media.box(b"uuid", b"JpgTiffExif->JP2", EXIF)),
    "a.crw": recordings.crw(1_714_558_272),
    "a.psd": recordings.psd(recordings.resource(0x0422, EXIF)),
    "iptc.jpg": media.jpeg(resources=recordings.resource(0x0404, IPTC)),
    "iptc.psd": recordings.psd(recordings.resource(0x0404, IPTC)),
}


def test_made_files(tmp_path: Path) -> None:
    """Dates, offsets, places, sizes, cameras, lengths and identifiers agree."""
    for name, data in MADE.items():
        (tmp_path / name).write_bytes(data)
    check(tmp_path, len(MADE))


def test_samples_of_the_demonstration(tmp_path: Path) -> None:
    """So do those of the files that the demonstration shows."""
    folder = tmp_path / "samples"
    samples.make(folder)
    check(folder, len(samples.SAMPLES) + len(samples.COPIES))


def check(folder: Path, count: int) -> None:
    """Compare all media files below a folder."""
    suffixes = {".jpg", ".png", ".webp", ".heic", ".avif", ".tif", ".dng"}
    suffixes |= {".mov", ".mp4", ".avi", ".mkv", ".webm", ".wmv", ".mts", ".ts"}
    suffixes |= {".mpg", ".gif", ".bmp", ".jp2", ".psd", ".crw"}
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes]
    told = dict(exiftool.read(paths))
    assert len(told) == len(paths) == count
    for path, tags in told.items():
        with path.open("rb", buffering=0) as file:
            facts = read_facts(file)
        assert exiftool.compare(path, facts, tags) == []
        assert facts.trouble is None
