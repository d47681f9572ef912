"""Facts read out of videos."""

from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
import struct

import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Trouble,
    read_facts,
)
from custom_components.immich_backup.engine.media.read import read_source
from custom_components.immich_backup.engine.media.source import BUDGET, Source
from tests.support.media import Video, box, full

# 2024-05-01 08:11:12 UTC, since 1904 and since 1970.
CREATED = 3_797_395_872
UNIX = CREATED - 2_082_844_800
UTC_DATE = datetime(2024, 5, 1, 8, 11, 12)


def facts(video: Video | bytes) -> MediaFacts:
    """Return the facts of a video."""
    return read_facts(BytesIO(video if isinstance(video, bytes) else video.data()))


def test_iphone() -> None:
    """The date of the phone has an offset and counts before the header's."""
    found = facts(
        Video(
            created=CREATED + 100,
            seconds=2.85,
            size=(1920, 1440),
            quarters=1,
            keys={
                "make": "Apple",
                "model": "iPhone 15",
                "creationdate": "2024-05-01T10:11:12+0200",
                "location.ISO6709": "+52.5200+013.4050+035.000/",
                "content.identifier": "8C4F-CONTENT",
            },
        )
    )
    assert found == MediaFacts(
        captured_at=datetime(2024, 5, 1, 10, 11, 12),
        utc_offset=timedelta(hours=2),
        captured_source=DateSource.QUICKTIME,
        latitude=52.52,
        longitude=13.405,
        altitude=35,
        width=1920,
        height=1440,
        orientation=6,
        make="Apple",
        model="iPhone 15",
        duration=2.85,
        content_identifier="8C4F-CONTENT",
    )
    assert found.pixels == (1440, 1920)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("created", "tracked", "expected"),
    [
        (CREATED, 0, UTC_DATE),
        (CREATED, CREATED + 5, UTC_DATE),
        (0, CREATED, UTC_DATE),
        (0, 0, None),
        # Counted from 1970 by mistake.
        (UNIX, 0, UTC_DATE),
        (2**32 - 1, 0, datetime(2040, 2, 6, 6, 28, 15)),
    ],
)
def test_header_is_utc(
    wide: bool, created: int, tracked: int, expected: datetime | None
) -> None:
    """Without a better date that of the header, else that of the track, is UTC."""
    found = facts(Video(created=created, tracked=tracked, wide=wide, brand=b"isom"))
    assert found.captured_at == expected
    assert found.utc_offset == (None if expected is None else timedelta())
    source = None if expected is None else DateSource.MOVIE_HEADER
    assert found.captured_source == source
    assert found.duration == 2.5


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-33.8568+151.2153/", (-33.8568, 151.2153)),
        ("+37.5090+127.0243+2.1/", (37.509, 127.0243)),
        ("+52.5+13.4/", (52.5, 13.4)),
        ("+52.5000 +013.4000", (52.5, 13.4)),
        ("+3730.5+12201.5/", (37.508333, 122.025)),
        ("-123456.7+1234556/", (-12.582417, 123.765556)),
        ("+00.0000+000.0000/", None),
        ("+95.0000+000.0000/", None),
        ("somewhere", None),
        ("", None),
    ],
)
def test_place_of_android(text: str, place: tuple[float, float] | None) -> None:
    """The place stands in a text of its own, in degrees or with minutes."""
    found = facts(Video(texts={b"\xa9xyz": text}))
    if place is None:
        assert not found.has_location
    else:
        assert (found.latitude, found.longitude) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("text", ["2024", "2024-05-01", "2024-05-01T10:11:12+0200"])
def test_day_of_content_is_no_date(text: str) -> None:
    """Programs write the year of a film there; the server doesn't look at it."""
    found = facts(Video(created=CREATED, texts={b"\xa9day": text}))
    assert (found.captured_at, found.utc_offset) == (UTC_DATE, timedelta())
    assert found.captured_source is DateSource.MOVIE_HEADER


def test_stored_in_pieces() -> None:
    """The length of a video in pieces stands elsewhere."""
    plain = Video(created=CREATED, seconds=0).moov()[8:]
    extended = box(b"moov", plain, box(b"mvex", full(b"mehd", struct.pack(">I", 6000))))
    pieces = (box(b"moof", bytes(8)) + box(b"mdat", bytes(8))) * 5000
    source = Source(BytesIO(box(b"ftyp", b"isom\0\0\0\0") + extended + pieces))
    found = read_source(source)
    assert (found.duration, found.captured_at) == (10, UTC_DATE)
    assert source.bytes_read < 20_000


def test_large_video(tmp_path: Path) -> None:
    """Of 10 GB, whose description stands at the end, next to nothing is read."""
    path = tmp_path / "large.mp4"
    moov = Video(created=CREATED, seconds=3600).moov()
    size = 10 * 10**9
    with path.open("wb") as file:
        file.write(box(b"ftyp", b"isom\0\0\0\0"))
        file.write(struct.pack(">I4sQ", 1, b"mdat", size))
        file.seek(16 + size)
        file.write(moov)
    with path.open("rb", buffering=0) as file:
        source = Source(file)
        found = read_source(source)
    assert (found.captured_at, found.duration) == (UTC_DATE, 3600)
    assert source.bytes_read <= 64 * 1024 < BUDGET


def test_long_lists_of_samples_are_passed_over() -> None:
    """Hours of video have megabytes of tables, which tell nothing to us."""
    video = Video(created=CREATED)
    track = box(b"trak", box(b"mdia", box(b"minf", bytes(3_000_000))))
    moov = box(b"moov", track, video.moov()[8:])
    source = Source(BytesIO(box(b"ftyp", b"isom\0\0\0\0") + moov))
    assert read_source(source).captured_at == UTC_DATE
    assert source.bytes_read < 20_000


def test_without_description() -> None:
    """A recording that was cut off tells nothing, and says so."""
    found = facts(Video(created=CREATED).data()[:100])
    assert found == MediaFacts(trouble=Trouble.DAMAGED)


def test_description_that_is_cut_off() -> None:
    """Half of a description is none, for players and for the server."""
    found = facts(Video(created=CREATED).data()[:-60])
    assert found == MediaFacts(trouble=Trouble.DAMAGED)


def test_texts_of_two_bytes() -> None:
    """Texts may be UTF-16."""
    keys = Video(keys={"make": "Äpfel", "model": "X"}).data()
    plain = struct.pack(">II", 1, 0) + "Äpfel".encode()
    wide = struct.pack(">II", 2, 0) + "Äpf".encode("utf-16-be")
    found = facts(keys.replace(plain, wide))
    assert (found.make, found.model) == ("Äpf", "X")


def test_damage_keeps_what_was_found() -> None:
    """What stands before the damage counts."""
    moov = Video(created=CREATED).moov()[8:] + struct.pack(">I4s", 4, b"udta")
    found = facts(box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", moov))
    assert (found.captured_at, found.trouble) == (UTC_DATE, Trouble.DAMAGED)
