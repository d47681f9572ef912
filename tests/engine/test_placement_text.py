"""What people read of where a file goes."""

from datetime import UTC, datetime

import pytest

from custom_components.immich_backup.engine.media.facts import DateSource, MediaFacts
from custom_components.immich_backup.engine.organise.arrangement import (
    AlbumBy,
    parse_arrangement,
)
from custom_components.immich_backup.engine.organise.placement import (
    AlbumRef,
    Placement,
)
from custom_components.immich_backup.engine.organise.subject import Subject
from custom_components.immich_backup.engine.organise.telling import placement_text


def subject(source: DateSource = DateSource.NAME, **facts: float) -> Subject:
    """Return a file that was taken at a moment."""
    return Subject(
        folder="Camera",
        path="a.jpg",
        size=1,
        facts=MediaFacts(**facts),  # type: ignore[arg-type]
        taken=datetime(2024, 7, 12, 10, tzinfo=UTC),
        taken_by=source,
        read=True,
    )


@pytest.mark.parametrize("source", DateSource)
def test_every_source_is_told(source: DateSource) -> None:
    """What told when it was taken is said."""
    text = placement_text(subject(source), Placement(), None)
    assert text.startswith("No album is chosen for it. Taken 2024-07-12 10:00:00, as ")


@pytest.mark.parametrize(
    ("wishes", "placement", "text"),
    [
        (
            {"album": "month"},
            Placement(album=AlbumRef("2024-07", "2024-07"), by=AlbumBy.MONTH),
            "Its album is “2024-07”, by the month in which it was taken.",
        ),
        (
            {"album": "{{ media.type }}"},
            Placement(album=AlbumRef("photo", "photo"), by=AlbumBy.NAME),
            "Its album is “photo”, whose name a template makes.",
        ),
        (
            {"album": "month"},
            Placement(in_live_photo=True),
            "It is the video of a live photo and shown with its photo.",
        ),
        (
            {"album": "folders"},
            Placement(),
            "It gets no album: it is in no sub-folder.",
        ),
        (
            {"album": "trip"},
            Placement(),
            "It gets no album: too little was taken near it, by time and place.",
        ),
        (
            {"album": "zone"},
            Placement(),
            "It gets no album: nothing says where it was taken.",
        ),
        (
            {"album": "zone"},
            Placement(undecided="Ask later"),
            "Its album is not decided yet: Ask later.",
        ),
    ],
)
def test_albums(wishes: dict[str, object], placement: Placement, text: str) -> None:
    """Which album, by what; or why none."""
    choice = parse_arrangement(wishes).album
    assert placement_text(subject(), placement, choice).startswith(text)


def test_a_place_in_no_zone() -> None:
    """A known place that is in no zone is told from one that is not known."""
    choice = parse_arrangement({"album": "zone"}).album
    text = placement_text(subject(latitude=1.0, longitude=1.0), Placement(), choice)
    assert text.startswith("It gets no album: it is in no zone.")
