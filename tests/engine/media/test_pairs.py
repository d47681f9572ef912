"""Which files of a directory belong together."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
import random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    Group,
    GroupKind,
    MediaFacts,
    Trouble,
    groups,
    read_facts,
)
from tests.support import media

WALL = datetime(2024, 5, 1, 10, 11, 12)
STILL = MediaFacts(
    captured_at=WALL, captured_source=DateSource.EXIF, make="Apple", model="iPhone 15"
)
# Two hours ahead of UTC, which is what a video's header tells.
VIDEO = MediaFacts(
    captured_at=WALL - timedelta(hours=2),
    utc_offset=timedelta(),
    captured_source=DateSource.MOVIE_HEADER,
    duration=2.5,
)
LIVE, MOTION = GroupKind.LIVE_PHOTO, GroupKind.MOTION_PHOTO
RAW, HEIC, BURST = (
    GroupKind.RAW_AND_JPEG,
    GroupKind.HEIC_AND_JPEG,
    GroupKind.BURST,
)


def still(identifier: str | None = None, seconds: float = 0) -> MediaFacts:
    """Return a photo, taken so many seconds later."""
    return replace(
        STILL,
        content_identifier=identifier,
        captured_at=WALL + timedelta(seconds=seconds),
    )


def video(identifier: str | None = None, duration: float | None = 2.5) -> MediaFacts:
    """Return a video."""
    return replace(VIDEO, content_identifier=identifier, duration=duration)


def found(files: Mapping[str, MediaFacts]) -> list[tuple[GroupKind, tuple[str, ...]]]:
    """Return the groups among files, in whatever order these come."""
    result = groups(files)
    assert groups(dict(reversed(files.items()))) == result
    return [(group.kind, group.names) for group in result]


@pytest.mark.parametrize(
    ("files", "pairs"),
    [
        # The identifier counts, whatever the names and times.
        (
            {"IMG_1.HEIC": still("a", 99), "clip.MOV": video("a", None)},
            [("IMG_1.HEIC", "clip.MOV")],
        ),
        ({"IMG_1.HEIC": still("a"), "IMG_1.MOV": video("b")}, []),
        # A JPEG was made of the HEIC, or copies of both.
        (
            {"1.HEIC": still("a"), "1.JPG": still("a"), "1.MOV": video("a")},
            [("1.HEIC", "1.MOV")],
        ),
        (
            {
                "1.HEIC": still("a"),
                "1.MOV": video("a"),
                "1(1).HEIC": still("a"),
                "1(1).MOV": video("a"),
            },
            [("1(1).HEIC", "1(1).MOV"), ("1.HEIC", "1.MOV")],
        ),
        (
            {"1.HEIC": still("a"), "2.HEIC": still("a"), "3.MOV": video("a")},
            [],
        ),
        ({"1.HEIC": still("a"), "2.HEIC": still("a")}, []),
        # Name and time where there is no identifier.
        ({"1.HEIC": still(), "1.MOV": video()}, [("1.HEIC", "1.MOV")]),
        ({"1.HEIC": still("a"), "1.mp4": video()}, [("1.HEIC", "1.mp4")]),
        ({"1.HEIC": still(seconds=3), "1.MOV": video()}, [("1.HEIC", "1.MOV")]),
        ({"1.HEIC": still(seconds=60), "1.MOV": video()}, []),
        ({"1.HEIC": still(), "1.MOV": video(duration=30)}, []),
        ({"1.HEIC": still(), "1.MOV": video(duration=None)}, []),
        ({"1.HEIC": still(), "2.MOV": video()}, []),
        ({"1.HEIC": still(), "1.MOV": video(), "1.mp4": video()}, []),
        ({"1.HEIC": MediaFacts(), "1.MOV": video()}, []),
        (
            {
                "1.HEIC": replace(still(), utc_offset=timedelta(hours=3)),
                "1.MOV": video(),
            },
            [],
        ),
    ],
)
def test_live_photos(
    files: dict[str, MediaFacts], pairs: list[tuple[str, str]]
) -> None:
    """What is not certain is no pair."""
    assert [names for kind, names in found(files) if kind is LIVE] == pairs


def test_live_photo_of_files() -> None:
    """From the bytes of an iPhone's files to the pair."""
    exif = media.tiff({0x010F: "Apple"}, {0x927C: media.apple_note("8C4F")})
    files = {
        "IMG_1.HEIC": media.heic(exif),
        "IMG_2.JPG": media.jpeg(exif.replace(b"8C4F", b"8C50")),
        "A.MOV": media.Video(keys={"content.identifier": "8C50"}).data(),
        "IMG_1.MOV": media.Video(keys={"content.identifier": "8C4F"}).data(),
    }
    facts = {name: read_facts(BytesIO(data), name) for name, data in files.items()}
    assert found(facts) == [
        (LIVE, ("IMG_1.HEIC", "IMG_1.MOV")),
        (LIVE, ("IMG_2.JPG", "A.MOV")),
    ]


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["PXL_1.MP.jpg"], ("PXL_1.MP.jpg",)),
        (["PXL_1.MP.jpg", "PXL_1.MP"], ("PXL_1.MP.jpg", "PXL_1.MP")),
        (["MVIMG_1.jpg", "MVIMG_1.MP4"], ("MVIMG_1.jpg", "MVIMG_1.MP4")),
        (["MVIMG_1.jpg", "MVIMG_2.MP4"], ("MVIMG_1.jpg",)),
    ],
)
def test_motion_photos(names: list[str], group: tuple[str, ...]) -> None:
    """They bring their video along: a copy beside it is no live photo's."""
    motion = replace(STILL, is_motion_photo=True)
    files = {name: motion if name.endswith("jpg") else VIDEO for name in names}
    assert found(files) == [(MOTION, group)]


OTHER = replace(STILL, model="iPhone 14")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1.CR2": STILL, "1.JPG": STILL}, [(RAW, ("1.JPG", "1.CR2"))]),
        ({"1.dng": STILL, "1.heic": STILL}, [(RAW, ("1.heic", "1.dng"))]),
        (
            {"1.dng": STILL, "1.heic": STILL, "1.jpg": STILL},
            [(RAW, ("1.jpg", "1.heic", "1.dng"))],
        ),
        ({"1.HEIC": STILL, "1.jpeg": STILL}, [(HEIC, ("1.HEIC", "1.jpeg"))]),
        ({"1.CR2": MediaFacts(), "1.JPG": STILL}, [(RAW, ("1.JPG", "1.CR2"))]),
        (
            {"P.RAW-01.COVER.jpg": STILL, "P.RAW-02.ORIGINAL.dng": STILL},
            [(RAW, ("P.RAW-01.COVER.jpg", "P.RAW-02.ORIGINAL.dng"))],
        ),
        # Cameras count from 1 again, and people have several.
        ({"1.CR2": STILL, "1.JPG": still(seconds=60)}, []),
        ({"1.CR2": STILL, "1.JPG": OTHER}, []),
        ({"1.CR2": STILL, "1.JPG": STILL, "1.jpeg": STILL}, []),
        ({"1.CR2": STILL, "2.JPG": STILL}, []),
        ({"1.JPG": STILL, "1.PNG": STILL}, []),
    ],
)
def test_versions(
    files: dict[str, MediaFacts], expected: list[tuple[GroupKind, tuple[str, ...]]]
) -> None:
    """Of raw and JPEG the JPEG is shown, of HEIC and JPEG the HEIC."""
    assert found(files) == expected


@pytest.mark.parametrize(
    ("other", "certain"),
    [
        (STILL, True),
        (still(seconds=2), True),
        (replace(STILL, make=None, model=None), True),
        (replace(STILL, utc_offset=timedelta(hours=1)), True),
        (MediaFacts(), False),
        (still(seconds=3), False),
        (OTHER, False),
        (replace(STILL, captured_at=None), False),
        (replace(STILL, captured_source=DateSource.EXIF_CHANGED), False),
        (replace(STILL, captured_source=DateSource.XMP), False),
        (replace(STILL, trouble=Trouble.DAMAGED), False),
    ],
)
def test_certain_versions(other: MediaFacts, certain: bool) -> None:
    """Where it matters, only what both files prove belongs together."""
    for files in (
        {"1.CR2": other, "1.JPG": STILL},
        {"1.CR2": STILL, "1.JPG": other},
        {"1.HEIC": STILL, "1.JPG": other},
    ):
        assert bool(groups(files, certain=True)) is certain
    # What proves nothing does not keep the others from it.
    three = {"1.CR2": STILL, "1.JPG": STILL, "1.HEIC": MediaFacts()}
    (group,) = groups(three, certain=True)
    assert group == Group(RAW, ("1.JPG", "1.CR2"))


COVER = "IMG_20240501_101112_BURST002_COVER.jpg"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({COVER: still(seconds=30)}, (COVER, "IMG_20240501_101112_BURST001.jpg")),
        ({COVER: still(seconds=61)}, None),
        ({COVER: MediaFacts()}, None),
        ({"IMG_20240501_101112_BURST002.jpg": STILL}, None),
        ({COVER: STILL, "IMG_20240501_101112_BURST003_COVER.jpg": STILL}, None),
        (
            {COVER: STILL, "IMG_20240501_101112_BURST003.jpg": MediaFacts()},
            (COVER, "IMG_20240501_101112_BURST001.jpg"),
        ),
    ],
)
def test_certain_bursts(
    files: dict[str, MediaFacts], names: tuple[str, ...] | None
) -> None:
    """Its phone chose one of it, near which the others were taken."""
    files = {"IMG_20240501_101112_BURST001.jpg": STILL, **files}
    expected = () if names is None else (Group(BURST, names),)
    assert groups(files, certain=True) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            [
                "00000IMG_00000_BURST20240501101112345.jpg",
                "00001IMG_00001_BURST20240501101112345_COVER.jpg",
            ],
            (
                "00001IMG_00001_BURST20240501101112345_COVER.jpg",
                "00000IMG_00000_BURST20240501101112345.jpg",
            ),
        ),
        (
            [
                "IMG_20240501_101112_BURST001_COVER.jpg",
                "IMG_20240501_101112_BURST002.jpg",
            ],
            (
                "IMG_20240501_101112_BURST001_COVER.jpg",
                "IMG_20240501_101112_BURST002.jpg",
            ),
        ),
        (
            ["20240501_101112_002.jpg", "20240501_101112_001.jpg"],
            ("20240501_101112_001.jpg", "20240501_101112_002.jpg"),
        ),
        (
            [
                "DSC_0001_BURST20240501101112345.JPG",
                "DSC_0002_BURST20240501101112345.JPG",
            ],
            (
                "DSC_0001_BURST20240501101112345.JPG",
                "DSC_0002_BURST20240501101112345.JPG",
            ),
        ),
        (["20240501_101112_001.jpg"], None),
        (["20240501_101112_001.jpg", "20240501_101113_001.jpg"], None),
        (["20240501_101112.jpg", "20240501_101113.jpg"], None),
    ],
)
def test_bursts_by_name(names: list[str], expected: tuple[str, ...] | None) -> None:
    """Phones count the pictures of a burst in their names; the cover comes first."""
    files = dict.fromkeys(names, STILL)
    assert found(files) == ([] if expected is None else [(BURST, expected)])


def test_bursts_by_identifier() -> None:
    """Apple's and Google's cameras name the burst inside; a live photo may be in one."""
    files = {
        "IMG_1.HEIC": replace(still("a"), burst_id="x"),
        "IMG_2.HEIC": replace(still("b"), burst_id="x"),
        "IMG_3.HEIC": replace(still("c"), burst_id="y"),
        "IMG_1.MOV": video("a"),
    }
    assert found(files) == [
        (BURST, ("IMG_1.HEIC", "IMG_2.HEIC")),
        (LIVE, ("IMG_1.HEIC", "IMG_1.MOV")),
    ]


facts = st.builds(
    MediaFacts,
    captured_at=st.none() | st.sampled_from([WALL, WALL + timedelta(seconds=3)]),
    utc_offset=st.none() | st.just(timedelta()),
    captured_source=st.sampled_from(DateSource),
    duration=st.none() | st.sampled_from([2.5, 30]),
    content_identifier=st.none() | st.sampled_from("ab"),
    burst_id=st.none() | st.sampled_from("xy"),
    is_motion_photo=st.booleans(),
    model=st.none() | st.sampled_from(["iPhone 15", "X-1"]),
)
names = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["1", "2", "1(1)", "20240501_101112_001", "P.MP"]),
        st.sampled_from([".jpg", ".JPG", ".heic", ".dng", ".mov", ".mp4", ".MP", ""]),
    ),
)


@given(st.dictionaries(names, facts, max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_order_does_not_matter(
    files: dict[str, MediaFacts], shuffle: random.Random
) -> None:
    """Files in any order give the same, and no file belongs to two of a sort."""
    result = groups(files)
    others = list(files)
    shuffle.shuffle(others)
    assert groups({name: files[name] for name in others}) == result
    for kinds in ({LIVE, MOTION}, {RAW, HEIC, BURST}):
        members = [
            name for group in result if group.kind in kinds for name in group.names
        ]
        assert len(members) == len(set(members))
        assert set(members) <= set(files)
    assert all(len(group.names) > 1 or group.kind is MOTION for group in result)


def test_large_directory() -> None:
    """A hundred thousand files are no trouble."""
    files = {}
    for number in range(50_000):
        files[f"IMG_{number:06}.HEIC"] = still(str(number))
        files[f"IMG_{number:06}.MOV"] = video(str(number))
    result = groups(files)
    assert len(result) == 50_000
    assert result[0] == Group(LIVE, ("IMG_000000.HEIC", "IMG_000000.MOV"))
