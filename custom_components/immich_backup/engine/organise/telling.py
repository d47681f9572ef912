"""Where a stored file goes, and why, as sentences for people in plain English."""

from ..media.facts import DateSource
from .arrangement import AlbumBy, AlbumChoice, is_template
from .placement import Placement
from .subject import Subject

_SOURCES = {
    DateSource.SIDECAR: "the sidecar beside it says",
    DateSource.EXIF: "its EXIF data say",
    DateSource.RECORDING: "the camcorder noted in the video",
    DateSource.QUICKTIME: "its QuickTime data say",
    DateSource.MOVIE_HEADER: "the header of the video says",
    DateSource.XMP: "its XMP or IPTC data say",
    DateSource.TAKEOUT: "the description of Google Takeout beside it says",
    DateSource.NAME: "its name says",
    DateSource.EXIF_CHANGED: "its EXIF data say of its last change",
    DateSource.MODIFIED: "its last change tells, for lack of anything better",
}
_WAYS = {
    AlbumBy.NAME: "which was chosen for it",
    AlbumBy.FOLDERS: "by its sub-folders",
    AlbumBy.YEAR: "by the year in which it was taken",
    AlbumBy.MONTH: "by the month in which it was taken",
    AlbumBy.DAY: "by the day on which it was taken",
    AlbumBy.CALENDAR: "by what was in the calendar when it was taken",
    AlbumBy.TRIP: "with what was taken near it, by time and place",
    AlbumBy.ZONE: "by the zone in which it was taken",
}
_NO_ALBUM = {
    AlbumBy.NAME: "its template makes no name",
    AlbumBy.FOLDERS: "it is in no sub-folder",
    AlbumBy.CALENDAR: "nothing was in the calendars when it was taken",
    AlbumBy.TRIP: "too little was taken near it, by time and place",
}


def placement_text(
    subject: Subject, placement: Placement, choice: AlbumChoice | None
) -> str:
    """Return which album a file gets and why, and when it was taken by what."""
    moment = f"{subject.taken:%Y-%m-%d %H:%M:%S}"
    taken = f"Taken {moment}, as {_SOURCES[subject.taken_by]}."
    return f"{_album_text(subject, placement, choice)} {taken}"


def _album_text(
    subject: Subject, placement: Placement, choice: AlbumChoice | None
) -> str:
    """Return which album a file gets, and why."""
    if placement.in_live_photo:
        return "It is the video of a live photo and shown with its photo."
    if choice is None:
        return "No album is chosen for it."
    if placement.album is None and placement.undecided is not None:
        return f"Its album is not decided yet: {placement.undecided}."
    if placement.album is None:
        if choice.by is AlbumBy.ZONE:
            known = (subject.place or placement.place) is not None
            why = "it is in no zone" if known else "nothing says where it was taken"
        else:
            why = _NO_ALBUM.get(choice.by, "nothing tells which")
        return f"It gets no album: {why}."
    way = _WAYS[choice.by]
    if is_template(choice.name):
        way = "whose name a template makes"
    elif placement.by is not choice.by:
        way = f"{_WAYS[placement.by]}, as it belongs to nothing else"
    return f"Its album is “{placement.album.name}”, {way}."
