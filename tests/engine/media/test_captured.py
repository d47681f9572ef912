"""When a file was taken, out of all that tells of it."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Witnesses,
    capture_time,
)
from custom_components.immich_backup.engine.media.names import date_in, is_screenshot

BERLIN = ZoneInfo("Europe/Berlin")
WALL = datetime(2024, 5, 1, 10, 11, 12)
MTIME = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


def facts(
    wall: datetime | None = WALL,
    offset: float | None = None,
    source: DateSource = DateSource.EXIF,
    satellite: datetime | None = None,
) -> MediaFacts:
    """Return facts with a date; the offset is in hours."""
    return MediaFacts(
        captured_at=wall,
        utc_offset=None if offset is None else timedelta(hours=offset),
        captured_source=source,
        satellite_at=satellite,
    )


def when(
    found: MediaFacts | None = None,
    name: str = "a.jpg",
    mtime: float = MTIME,
    zone: tzinfo = BERLIN,
) -> str:
    """Return when a file without companions was taken, as text with its offset."""
    return capture_time(Witnesses(own=found), name, mtime, zone)[0].isoformat()


def test_order() -> None:
    """What counts most tells; what counts less is asked only without it."""
    day = timedelta(days=1)
    name = "a.jpg"
    values: dict[str, MediaFacts] = {}
    assert capture_time(Witnesses(), name, MTIME, BERLIN)[1] is DateSource.MODIFIED
    name = "IMG_20240504_101112.jpg"
    assert capture_time(Witnesses(), name, MTIME, BERLIN)[1] is DateSource.NAME
    for witness, source, told in (
        ("takeout", DateSource.TAKEOUT, facts(WALL + 2 * day, 0, DateSource.TAKEOUT)),
        ("own", DateSource.XMP, facts(WALL + day, 0, DateSource.XMP)),
        ("own", DateSource.EXIF, facts(WALL + day)),
        ("sidecar", DateSource.SIDECAR, facts(WALL, None, DateSource.SIDECAR)),
    ):
        values[witness] = told
        moment, found = capture_time(Witnesses(**values), name, MTIME, BERLIN)
        assert found is source
        assert moment.tzinfo is not None
    assert moment == WALL.replace(tzinfo=BERLIN)


def test_change_counts_less_than_the_name() -> None:
    """Every program sets the date of the last change; it is better than none."""
    changed = facts(WALL, None, DateSource.EXIF_CHANGED)
    said = Witnesses(own=changed)
    moment, source = capture_time(said, "IMG_20230501_101112.jpg", MTIME, BERLIN)
    assert (moment.year, source) == (2023, DateSource.NAME)
    moment, source = capture_time(said, "a.jpg", MTIME, BERLIN)
    assert (moment.year, source) == (2024, DateSource.EXIF_CHANGED)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (facts(), "2024-05-01T10:11:12+02:00"),
        (facts(offset=0), "2024-05-01T10:11:12+00:00"),
        (facts(offset=14), "2024-05-01T10:11:12+14:00"),
        (facts(offset=-9.5), "2024-05-01T10:11:12-09:30"),
        (facts(WALL.replace(month=1)), "2024-01-01T10:11:12+01:00"),
        # The header's UTC is shown by the clock at home.
        (facts(WALL, 0, DateSource.MOVIE_HEADER), "2024-05-01T12:11:12+02:00"),
        (facts(WALL, -5, DateSource.QUICKTIME), "2024-05-01T10:11:12-05:00"),
    ],
)
def test_offset(found: MediaFacts, expected: str) -> None:
    """The offset of the place if it is known, else the zone at home."""
    assert when(found) == expected


@pytest.mark.parametrize(
    ("satellite", "expected"),
    [
        (datetime(2024, 5, 1, 1, 11, 5), "+09:00"),
        (datetime(2024, 5, 1, 4, 26, 12), "+05:45"),
        (datetime(2024, 4, 30, 20, 11, 12), "+14:00"),
        (datetime(2024, 5, 1, 9, 59, 0), "+00:15"),
        # A fix that is older than a moment, or of another day.
        (datetime(2024, 5, 1, 1, 5, 0), "+02:00"),
        (datetime(2024, 4, 29, 1, 11, 12), "+02:00"),
        (None, "+02:00"),
    ],
)
def test_offset_by_satellite(satellite: datetime | None, expected: str) -> None:
    """The UTC of satellites tells the offset that an older camera does not."""
    assert when(facts(satellite=satellite))[-6:] == expected
    assert when(facts(offset=3, satellite=satellite))[-6:] == "+03:00"


def test_time_that_comes_twice() -> None:
    """In autumn it is the time nearer to that of writing the file, or the first."""
    wall = datetime(2024, 10, 27, 2, 30)
    first = datetime(2024, 10, 27, 0, 30, tzinfo=UTC).timestamp()
    assert when(facts(wall)) == "2024-10-27T02:30:00+02:00"
    assert when(facts(wall), mtime=first) == "2024-10-27T02:30:00+02:00"
    assert when(facts(wall), mtime=first + 3600) == "2024-10-27T02:30:00+01:00"
    assert when(facts(wall), mtime=first + 3700) == "2024-10-27T02:30:00+01:00"
    assert when(facts(wall), mtime=first + 7200) == "2024-10-27T02:30:00+02:00"


def test_time_that_does_not_exist() -> None:
    """In spring it is an hour later, whenever the file was written."""
    wall = datetime(2024, 3, 31, 2, 30)
    written = datetime(2024, 3, 31, 0, 30, tzinfo=UTC).timestamp()
    for mtime in (MTIME, written, written + 3600):
        assert when(facts(wall), mtime=mtime) == "2024-03-31T03:30:00+02:00"


def test_names_without_a_time() -> None:
    """A day is taken at noon, or at the time of writing on that day."""
    name = "IMG-20240501-WA0003.jpg"
    assert when(name=name) == "2024-05-01T12:00:00+02:00"
    mtime = datetime(2024, 5, 1, 20, 15, tzinfo=UTC).timestamp()
    assert when(name=name, mtime=mtime) == "2024-05-01T22:15:00+02:00"
    # At home it is the next day already.
    mtime = datetime(2024, 5, 1, 22, 15, tzinfo=UTC).timestamp()
    assert when(name=name, mtime=mtime) == "2024-05-01T12:00:00+02:00"
    assert when(name="PXL_20240501_101112345.jpg") == (
        "2024-05-01T12:11:12.345000+02:00"
    )


@given(
    st.builds(
        facts,
        st.none() | st.datetimes(),
        st.none() | st.sampled_from([-12, -9.5, 0, 5.75, 14]),
        st.sampled_from(DateSource),
        st.none() | st.datetimes(),
    ),
    st.text(max_size=20) | st.datetimes().map(lambda at: f"IMG_{at:%Y%m%d_%H%M%S}.jpg"),
    st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(2**63), 2**63),
    st.sampled_from(
        [BERLIN, UTC, ZoneInfo("Pacific/Kiritimati"), timezone(timedelta(hours=-12))]
    ),
)
def test_anything_is_a_moment(
    found: MediaFacts, name: str, mtime: float, zone: tzinfo
) -> None:
    """Whatever is told, there is a moment, the same one each time."""
    said = Witnesses(own=found, sidecar=found, takeout=found)
    one = capture_time(said, name, mtime, zone)
    assert one == capture_time(said, name, mtime, zone)
    assert one[0].utcoffset() is not None


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("IMG_20240501_101112.jpg", WALL),
        ("deep/20230101_000000/20240501_101112.jpg", WALL),
        ("20240501_101112_HDR.jpg", WALL),
        ("20240501101112.jpg", WALL),
        ("IMG-20240501-101112-00123.jpg", WALL),
        ("MVIMG_20240501_101112.jpg", WALL),
        ("WP_20240501_10_11_12_Pro.jpg", WALL),
        ("DJI_20240501101112_0001_D.JPG", WALL),
        ("2024-05-01 10.11.12.jpg", WALL),
        ("2024-05-01T10:11:12.jpg", WALL),
        ("photo_2024-05-01_10-11-12.jpg", WALL),
        ("signal-2024-05-01-101112.jpg", WALL),
        ("signal-2024-05-01-10-11-12-345.jpg", WALL.replace(microsecond=345_000)),
        ("WhatsApp Image 2024-05-01 at 10.11.12.jpeg", WALL),
        ("WhatsApp Video 2024-05-01 at 10.11.12 PM.mp4", WALL.replace(hour=22)),
        ("Screen Shot 2024-05-01 at 9.11.12 AM.png", WALL.replace(hour=9)),
        ("Screenshot 2024-05-01 at 12.11.12 AM.png", WALL.replace(hour=0)),
        ("Screenshot_20240501-101112_Chrome.jpg", WALL),
        ("Bildschirmfoto 2024-05-01 um 10.11.12.png", WALL),
        ("Capture d\u2019\u00e9cran 2024-05-01 \u00e0 10.11.12.png", WALL),
        ("Captura de pantalla 2024-05-01 a la(s) 10.11.12.png", WALL),
        ("スクリーンショット 2024-05-01 10.11.12.png", WALL),
        (
            "00001IMG_00001_BURST20240501101112345_COVER.jpg",
            WALL.replace(microsecond=345_000),
        ),
        ("IMG_0001.jpg", None),
        ("DSC_20241399.jpg", None),
        ("IMG_20240230_101112.jpg", None),
        ("IMG_18990501_101112.jpg", None),
        ("12345678901234.jpg", None),
        ("2024.jpg", None),
        ("1920x1080.jpg", None),
        ("20240501_101112/IMG_1.jpg", None),
    ],
)
def test_time_in_a_name(name: str, moment: datetime | None) -> None:
    """Phones, cameras and programs write the local time into names."""
    found = date_in(name)
    assert (found and found.moment) == moment
    assert found is None or (found.has_time and not found.is_utc)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("PXL_20240501_101112345.MP.jpg", WALL.replace(microsecond=345_000)),
        ("FB_IMG_1714558272000.jpg", WALL),
        ("mmexport1714558272000.jpg", WALL),
        ("1714558272000.jpg", WALL),
    ],
)
def test_utc_in_a_name(name: str, moment: datetime) -> None:
    """Pixel phones, and programs that count milliseconds, name by UTC."""
    found = date_in(name)
    assert found is not None
    assert (found.moment, found.is_utc, found.has_time) == (moment, True, True)


@pytest.mark.parametrize("name", ["IMG-20240501-WA0003.jpg", "Scan 2024-05-01.jpg"])
def test_day_in_a_name(name: str) -> None:
    """WhatsApp and people write the day alone."""
    found = date_in(name)
    assert found is not None
    assert (found.moment, found.has_time) == (datetime(2024, 5, 1), False)


@given(st.text(alphabet="0123456789-_. :atWAPMX", max_size=40))
def test_any_name(name: str) -> None:
    """Any name has a date or none."""
    found = date_in(name)
    assert found is None or 1990 <= found.moment.year <= 2099


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Screenshot_20240501-101112_Chrome.jpg", True),
        ("Screen Shot 2024-05-01 at 9.11.12 AM.png", True),
        ("Bildschirmfoto 2024-05-01 um 10.11.12.png", True),
        ("Capture d'e\u0301cran 2024.png", True),
        ("Schermafbeelding 1.png", True),
        ("Zrzut ekranu (2).png", True),
        ("Снимок экрана 2024-05-01.png", True),
        ("屏幕截图 1.png", True),
        ("DCIM/Screenshots/IMG_1.png", True),
        ("Screenshots/2024/IMG_1.png", False),
        ("my screenshot.png", False),
        ("IMG_20240501_101112.jpg", False),
        ("Screening room.jpg", False),
    ],
)
def test_name_of_a_screenshot(path: str, expected: bool) -> None:
    """Systems begin the name with their word for it, or have a folder."""
    assert is_screenshot(path) is expected
