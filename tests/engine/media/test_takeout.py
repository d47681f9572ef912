"""Google Takeout's descriptions, and which file tells about which other."""

from datetime import datetime, timedelta
from io import BytesIO
import json
import random
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine.media import (
    DateSource,
    MediaFacts,
    Trouble,
    read_takeout,
    takeout_sidecars,
    xmp_sidecars,
)


def facts(told: Any) -> MediaFacts:
    """Return the facts of a description."""
    data = told if isinstance(told, bytes) else json.dumps(told).encode()
    return read_takeout(BytesIO(data))


def test_description() -> None:
    """Date, place, text and favourite, as Takeout writes them."""
    nowhere = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}
    place = {"latitude": 52.52, "longitude": 13.405, "altitude": 35.0}
    told = {
        "title": "IMG_1.jpg",
        "description": "A day at the lake",
        "photoTakenTime": {"timestamp": "1714551072", "formatted": "…"},
        "geoData": nowhere,
        "geoDataExif": place,
        "favorited": True,
    }
    assert facts(told) == MediaFacts(
        captured_at=datetime(2024, 5, 1, 8, 11, 12),
        utc_offset=timedelta(),
        captured_source=DateSource.TAKEOUT,
        latitude=52.52,
        longitude=13.405,
        altitude=35,
        description="A day at the lake",
        is_favorite=True,
    )
    moved = {**place, "latitude": 48.0}
    assert facts({**told, "geoData": moved}).latitude == 48
    assert not facts({**told, "geoDataExif": nowhere}).has_location


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"title": "An album"},
        {"photoTakenTime": {"timestamp": "0"}},
        {"photoTakenTime": {"timestamp": "9" * 5000}},
        {"photoTakenTime": {"timestamp": "99999999999999"}},
        {"photoTakenTime": ["timestamp"]},
        {"photoTakenTime": None, "geoData": "x", "description": 3, "favorited": "yes"},
        {"geoData": {"latitude": "NaN", "longitude": 1e400}},
        {"geoData": {"latitude": 91, "longitude": 1}},
    ],
)
def test_nothing_told(told: Any) -> None:
    """What is no value is none, and no error."""
    assert facts(told) == MediaFacts()


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"", Trouble.DAMAGED),
        (b"{", Trouble.DAMAGED),
        (b"[]", Trouble.DAMAGED),
        (b"\xff\xfe\0", Trouble.DAMAGED),
        (b'{"a":' * 100_000, Trouble.TOO_MUCH),
        (b'{"a":' * 40_000, Trouble.DAMAGED),
        (b" " * 300_000 + b"{}", Trouble.TOO_MUCH),
    ],
)
def test_no_description(data: bytes, trouble: Trouble) -> None:
    """Something else, or too much of it, says so."""
    assert facts(data) == MediaFacts(trouble=trouble)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["timestamp", "latitude", "longitude", "altitude"]), inner
        )
    ),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["photoTakenTime", "geoData", "geoDataExif", "description"]),
        anything,
    )
)
def test_any_description(told: dict[str, Any]) -> None:
    """Whatever it holds: facts."""
    found = facts(told)
    assert (found.latitude is None) == (found.longitude is None)


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.JPG", "IMG_1.jpg.json"),
        ("IMG_1(1).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json"),
        ("skytree (2).jpg", "skytree (2).jpg.supplemental-metadata.json"),
        ("DSC_0101(1).JPG", "DSC_0101(1).JPG.json"),
        # Cut to 46 signs, the word more than the name.
        (
            "05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jpg",
            "05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jp.json",
        ),
        (
            "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg",
            "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json",
        ),
        (
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P.jpg",
            "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json",
        ),
        (
            "Backyard_ceremony_wedding_photography_xxxxxxx_m(494).jpg",
            "Backyard_ceremony_wedding_photography_xxxxxxx_(494).json",
        ),
        (
            "13039_327707840323_537645323_9470255_27214_n(1).jpg",
            "13039_327707840323_537645323_9470255_27214_n.j(1).json",
        ),
        (
            "Screenshot_20240501-101112_Chrome_Browser.jpg",
            "Screenshot_20240501-101112_Chrome_Browser.jpg..json",
        ),
        (
            "Screenshot_20240501-101112_Photos.jpg",
            "Screenshot_20240501-101112_Photos.jpg.suppleme.json",
        ),
        (
            "Screenshot_20240501-101112_Photos(3).jpg",
            "Screenshot_20240501-101112_Photos.jpg.suppleme(3).json",
        ),
        # Signs beyond the first 65,536 count twice.
        ("\U0001f600" * 24 + ".jpg", "\U0001f600" * 23 + ".json"),
        ("a" + "\U0001f600" * 24 + ".jpg", "a" + "\U0001f600" * 22 + ".json"),
    ],
)
def test_description_of_a_file(name: str, description: str) -> None:
    """The names that Takeout was seen to give."""
    assert takeout_sidecars([name, description, "other.jpg"]) == {name: description}


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("DSC_0104(1).JPG", "DSC_0104.JPG.json"),
        ("DSC_0103.JPG", "DSC_0103.JPG(1).json"),
        ("DSC_0102(1).JPG", "DSC_0102.JPG(2).json"),
        ("PXL_20211013_220651958.jpg", "PXL_20211013_220651983.jpg.json"),
        ("IMG_1.jpg", "metadata.json"),
        ("IMG_1.jpg", "IMG_11.jpg.json"),
    ],
)
def test_description_of_another_file(name: str, description: str) -> None:
    """A name that is only alike is another's."""
    assert takeout_sidecars([name, description]) == {}


def test_shared_descriptions() -> None:
    """Edited pictures and videos of live photos have none of their own."""
    names = [
        *("IMG_1.HEIC", "IMG_1.MP4", "IMG_1-edited.HEIC", "IMG_1.HEIC.json"),
        *("IMG_2(1).jpg", "IMG_2-bearbeitet(1).jpg", "IMG_2.jpg(1).json"),
        *("PXL_3.MP.jpg", "PXL_3.MP", "PXL_3.MP.jpg.supplemental-metadata.json"),
        *("IMG_4.jpg", "IMG_4.jpg.json", "IMG_4.MP4", "IMG_4.MP4.json"),
        *("IMG_5-edited.jpg", "IMG_6.MP4"),
    ]
    assert takeout_sidecars(names) == {
        "IMG_1.HEIC": "IMG_1.HEIC.json",
        "IMG_1.MP4": "IMG_1.HEIC.json",
        "IMG_1-edited.HEIC": "IMG_1.HEIC.json",
        "IMG_2(1).jpg": "IMG_2.jpg(1).json",
        "IMG_2-bearbeitet(1).jpg": "IMG_2.jpg(1).json",
        "PXL_3.MP.jpg": "PXL_3.MP.jpg.supplemental-metadata.json",
        "PXL_3.MP": "PXL_3.MP.jpg.supplemental-metadata.json",
        "IMG_4.jpg": "IMG_4.jpg.json",
        "IMG_4.MP4": "IMG_4.MP4.json",
    }


def test_xmp_sidecars() -> None:
    """Both names are in use; the longer one counts first."""
    names = ["a.jpg", "a.dng", "a.xmp", "a.jpg.xmp", "b.JPG", "b.XMP", "c.jpg", "d.xmp"]
    assert xmp_sidecars(names) == {
        "a.jpg": "a.jpg.xmp",
        "a.dng": "a.xmp",
        "b.JPG": "b.XMP",
    }
    names = ["A.jpg", "a.jpg", "A.xmp", "a.xmp", ".jpg"]
    assert xmp_sidecars(names) == {"A.jpg": "A.xmp", "a.jpg": "a.xmp"}


@given(
    st.lists(st.text("aA1().-\U0001f600", min_size=1, max_size=60), max_size=8),
    st.lists(st.sampled_from([".jpg", ".mp4", ".json", ".xmp", ""]), min_size=8),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter(
    stems: list[str], extensions: list[str], shuffle: random.Random
) -> None:
    """Names in any order give the same, and only names that there are."""
    names = [stem + end for stem, end in zip(stems, extensions, strict=False)]
    others = names.copy()
    shuffle.shuffle(others)
    for find in (takeout_sidecars, xmp_sidecars):
        found = find(names)
        assert find(others) == found
        assert set(found) <= set(names)
        assert set(found.values()) <= set(names)
