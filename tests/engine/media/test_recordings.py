"""Facts read out of AVI, Matroska, WMV, AVCHD and MPEG."""

from datetime import datetime, timedelta
from io import BytesIO

import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Trouble,
    read_facts,
)
from custom_components.immich_backup.engine.media.read import read_source
from custom_components.immich_backup.engine.media.source import BUDGET, Source
from tests.support import media
from tests.support.recordings import (
    PARAMETERS,
    asf,
    avi,
    chunk,
    element,
    fractions,
    matroska,
    mdpm,
    moment,
    program,
    transport,
)

TAKEN = datetime(2024, 5, 1, 10, 11, 12)
UTC_DATE = datetime(2024, 5, 1, 8, 11, 12)
EXIF = media.tiff({0x010F: "Canon"}, {0x9003: "2024:05:01 10:11:12"})
NOTES = {
    **moment("20240501101112", 0x04),
    0xB1: b"S\0\0\0",
    **fractions(0xB2, (33, 1), (51, 1), (18, 10)),
    0xB5: b"W\0\0\0",
    **fractions(0xB6, (70, 1), (40, 1), (36, 1)),
    0xB9: b"\0\0\0\1",
    0xBA: b"\1\x63\0\x0a",
    0xE0: b"\1\x08\x30\1",
    0xE4: b"HDR-",
    0xE5: b"CX55",
    0xE6: b"0\0\0\0",
}


def facts(data: bytes) -> MediaFacts:
    """Return the facts of a file."""
    return read_facts(BytesIO(data))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Wed May  1 10:11:12 2024\n\0", TAKEN),
        (b"WED MAY 01 10:11:12 2024\0", TAKEN),
        (b"2024:05:01 10:11:12\0", TAKEN),
        (b"2024-05-01  10:11:12\0\0", TAKEN),
        (b"2024/ 5/ 1 10:11", TAKEN.replace(second=0)),
        (b"2024/05/01/ 10:11", TAKEN.replace(second=0)),
        (b"2024/ 5/ 1 10:11PM", TAKEN.replace(hour=22, second=0)),
        (b"Wed Mai  1 10:11:12 2024", None),
        (b"Wed May 32 10:11:12 2024", None),
        (b"2024/ 5/ 1 20:11PM", None),
        (b"", None),
        (b"yesterday", None),
    ],
)
def test_dates_of_avi(text: bytes, expected: datetime | None) -> None:
    """Cameras write them in several ways, all by their own clock."""
    found = facts(avi(text))
    assert (found.captured_at, found.utc_offset) == (expected, None)
    source = None if expected is None else DateSource.RECORDING
    assert found.captured_source is source
    assert (found.pixels, found.duration) == ((640, 480), 2)


@pytest.mark.parametrize(
    ("frames", "duration"), [((50, 50), 2), ((100, 50), 2), ((200, 50), 8), ((0, 9), 0)]
)
def test_frames_of_two_streams(frames: tuple[int, int], duration: float) -> None:
    """Some headers count the frames of two streams."""
    assert facts(avi(frames=frames)).duration == pytest.approx(duration)


def test_cameras_in_avi() -> None:
    """Makers write their names into pieces of their own."""
    tags = b"\3\0\6\0NIKON\0\4\0\5\0P100\0\x13\0\x14\x002024:05:01 10:11:12\0"
    found = facts(avi(more=chunk(b"LIST", b"ncdt", chunk(b"nctg", tags))))
    assert (found.make, found.model, found.captured_at) == ("NIKON", "P100", TAKEN)
    body = b"PENTDigital Camera" + b"PENTAX".ljust(26, b"\0") + b"RZ18".ljust(24, b"\0")
    found = facts(avi(more=chunk(b"JUNK", body)))
    assert (found.make, found.model) == ("PENTAX", "RZ18")
    # EXIF that counts from its own first directory.
    found = facts(avi(stream=chunk(b"strd", b"AVIF\0\0\0\0", EXIF[8:26], bytes(8))))
    assert found.trouble is None
    packet = media.xmp('exif:DateTimeOriginal="2024-05-01T10:11:12+02:00"').encode()
    found = facts(avi(more=chunk(b"_PMX", packet)))
    assert (found.captured_at, found.utc_offset) == (TAKEN, timedelta(hours=2))


def test_unfinished_avi() -> None:
    """A recording that was cut off tells what stands at its beginning."""
    whole = avi(b"2024:05:01 10:11:12")
    found = facts(whole[:-50] + bytes(1000))
    assert (found.captured_at, found.pixels) == (TAKEN, (640, 480))
    assert facts(whole[:20]).trouble is None


def test_matroska() -> None:
    """Its date is UTC; what a program notes about the recording counts more."""
    found = facts(matroska(UTC_DATE))
    assert found == MediaFacts(
        captured_at=UTC_DATE,
        utc_offset=timedelta(),
        captured_source=DateSource.MOVIE_HEADER,
        width=640,
        height=480,
        duration=2.5,
    )
    tags = {"DATE_RECORDED": "2024-05-01 10:11:12", "MAKE": "Sony", "MODEL": "X"}
    found = facts(matroska(UTC_DATE, tags=tags | {"DATE_DIGITIZED": "2023-01-01"}))
    assert (found.captured_at, found.utc_offset) == (TAKEN, None)
    assert (found.camera, found.captured_source) == ("Sony X", DateSource.RECORDING)
    assert facts(matroska(datetime(1970, 1, 1))).captured_at is None


def test_recorded_live() -> None:
    """What has no size goes on to the end; what follows the pictures is not read."""
    whole = matroska(UTC_DATE)
    at = whole.index(b"\x18\x53\x80\x67") + 4
    live = whole[:at] + b"\1" + b"\xff" * 7 + whole[at + 8 :]
    source = Source(BytesIO(live + element(0xEC, bytes(5_000_000))))
    found = read_source(source)
    assert (found.captured_at, found.duration) == (UTC_DATE, 2.5)
    assert source.bytes_read < 20_000


def test_wmv() -> None:
    """Its date is UTC, and zero for an unknown one."""
    found = facts(asf(UTC_DATE, seconds=90))
    assert (found.captured_at, found.utc_offset) == (UTC_DATE, timedelta())
    assert found.captured_source is DateSource.MOVIE_HEADER
    assert (found.pixels, found.duration) == ((640, 480), 90)
    assert facts(asf()).captured_at is None


def test_avchd() -> None:
    """Camcorders write notes between the pictures."""
    assert facts(transport(PARAMETERS + mdpm(NOTES))) == MediaFacts(
        captured_at=TAKEN,
        utc_offset=timedelta(hours=2),
        captured_source=DateSource.RECORDING,
        latitude=pytest.approx(-33.8505, abs=1e-6),
        longitude=pytest.approx(-70.6766667, abs=1e-6),
        altitude=-35.5,
        width=1920,
        height=1080,
        make="Sony",
        model="HDR-CX550",
        duration=2.5,
    )


@pytest.mark.parametrize(
    ("zone", "minutes"), [(0x00, 0), (0x04, 120), (0x27, -210), (0x42, 60)]
)
def test_zones_of_avchd(zone: int, minutes: int) -> None:
    """The zone is a sign, hours and half an hour."""
    notes = moment("20240501101112", zone)
    found = facts(transport(mdpm(notes) + PARAMETERS, stamp=False))
    assert found.captured_at == TAKEN
    assert found.utc_offset == timedelta(minutes=minutes)
    assert found.pixels == (1920, 1080)


@pytest.mark.parametrize(
    "notes",
    [
        {},
        moment("00000000000000", 0),
        moment("20241301101112", 0),
        {0x18: b"\4\x20\x24\5"},
        {0xB2: b"\0\1\0\1", 0xE0: b"\0\0\0\0"},
    ],
)
def test_empty_notes_of_avchd(notes: dict[int, bytes]) -> None:
    """What is no date, no place and no maker is unknown."""
    found = facts(transport(PARAMETERS + mdpm(notes)))
    expected = MediaFacts(width=1920, height=1080, duration=2.5)
    assert found == expected


@pytest.mark.parametrize("seconds", [90_000, 95_443.7])
def test_times_that_begin_again(seconds: float) -> None:
    """The clock of a stream begins again after some 26 hours."""
    found = facts(transport(PARAMETERS, seconds=seconds))
    assert found.duration == pytest.approx(seconds)


def test_long_recording() -> None:
    """Of a long one the beginning and the end are read; its times stand there."""
    data = transport(PARAMETERS + mdpm(NOTES), filling=40_000)
    source = Source(BytesIO(data))
    found = read_source(source)
    assert (found.captured_at, found.duration) == (TAKEN, 2.5)
    assert source.bytes_read <= 128 * 1024
    # Times that stand too far from both ends stay unknown, and cost no more.
    source = Source(BytesIO(data + data[-192:] * 5000))
    found = read_source(source)
    assert (found.captured_at, found.duration) == (TAKEN, None)
    assert source.bytes_read <= BUDGET


def test_out_of_step() -> None:
    """What follows damage is not believed, what came before counts."""
    data = transport(PARAMETERS + mdpm(NOTES), filling=400)
    found = facts(data[: 192 * 100] + b"\0" + data[192 * 100 :])
    assert (found.captured_at, found.duration) == (TAKEN, None)
    assert found.trouble is Trouble.DAMAGED


def test_mpeg() -> None:
    """A program stream tells its size and nothing else."""
    assert facts(program()) == MediaFacts(width=720, height=576)
    assert facts(transport(program()[14 + 9 :], kind=2)).pixels == (720, 576)
    source = Source(BytesIO(program()[:14] + bytes(1_000_000)))
    assert read_source(source).pixels is None
    assert source.bytes_read <= BUDGET
