"""Which files of a directory belong together: live photos, raw and JPEG, bursts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
import re

from .facts import DateSource, MediaFacts


class Format(StrEnum):
    """The formats in which one shot may lie in several files."""

    JPEG = "jpeg"
    HEIC = "heic"
    RAW = "raw"


_EXTENSIONS = {
    Format.JPEG: ".jpg .jpeg .jpe",
    Format.HEIC: ".heic .heif .hif",
    Format.RAW: (
        ".3fr .ari .arw .cap .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mrw .nef"
        " .nrw .orf .ori .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
    ),
}
_FORMATS = {
    extension: kind for kind, text in _EXTENSIONS.items() for extension in text.split()
}
_OTHER_STILLS = frozenset((".png", ".webp", ".avif", ".tif", ".tiff"))
_VIDEOS = frozenset((".mov", ".mp4", ".m4v", ".mp", ".mv"))
# Google names what comes out of one shot: PXL_1.RAW-01.COVER.jpg and .RAW-02.ORIGINAL.dng.
_SHOT = re.compile(r"\.RAW-\d\d(\.MP)?(\.COVER|\.ORIGINAL)?$", re.IGNORECASE)
# Google's and Sony's, and Huawei's names of pictures that follow each other; these tell
# which of them the phone chose,
_CHOSEN_BURSTS = (
    re.compile(r"\d*IMG_\d+_BURST(?P<key>\d{14,17})(_COVER)?", re.IGNORECASE),
    re.compile(r"DSC_\d+_BURST(?P<key>\d{14,17})(_COVER)?", re.IGNORECASE),
    re.compile(r"(?P<key>IMG_\d{8}_\d{6})_BURST\d+(_COVER)?", re.IGNORECASE),
)
# and Samsung's do not.
_BURSTS = (*_CHOSEN_BURSTS, re.compile(r"(?P<key>\d{8}_\d{6})_\d{3}", re.ASCII))
_LONGEST_LIVE = 6.0
# Still and video of a live photo begin within this; so do raw and JPEG of one shot.
_TOGETHER = timedelta(seconds=5)
_SAME_SHOT = timedelta(seconds=2)
_ONE_BURST = timedelta(seconds=60)
_QUARTER = timedelta(minutes=15)
_FURTHEST = timedelta(hours=14)


class GroupKind(StrEnum):
    """How files belong together."""

    # A still, then the video that Apple's cameras record with it.
    LIVE_PHOTO = "live_photo"
    # A picture that brings its video inside, alone or with a copy of that video.
    MOTION_PHOTO = "motion_photo"
    RAW_AND_JPEG = "raw_and_jpeg"
    HEIC_AND_JPEG = "heic_and_jpeg"
    BURST = "burst"


@dataclass(frozen=True, slots=True)
class Group:
    """Files that belong together; the first is the one to show."""

    kind: GroupKind
    names: tuple[str, ...]


def groups(
    files: Mapping[str, MediaFacts], *, certain: bool = False
) -> tuple[Group, ...]:
    """Return what belongs together among the files of one directory.

    ``files`` are names (without their directory) and facts; those that could not be
    read may be left out. A file is in one live or motion photo and in one of the other
    kinds at most. What is not certain is no group. The order of files does not matter.

    What tells nothing of itself counts as what its name says. If ``certain`` it does
    not: versions of a shot and bursts are then only what was read without trouble and
    proves to be that by the times of its camera, and a burst has a cover that its phone
    chose.
    """
    shots = _Shots(files, certain=certain)
    found = list(_motion_photos(shots))
    taken = {name for group in found for name in group.names}
    found += _live_photos(shots, taken)
    stacked: set[str] = set()
    for group in (*_bursts(shots), *_versions(shots)):
        if stacked.isdisjoint(group.names):
            stacked.update(group.names)
            found.append(group)
    return tuple(sorted(found, key=lambda group: (group.kind, group.names)))


class _Shots:
    """The files of a directory, sorted by what they are."""

    def __init__(self, files: Mapping[str, MediaFacts], *, certain: bool) -> None:
        """Sort them, so that nothing depends on their order."""
        self.certain = certain
        self.files = {name: files[name] for name in sorted(files)}
        self.stills = [name for name in self.files if _is_still(name)]
        self.videos = [name for name in self.files if is_video(name)]

    def together(
        self, names: Sequence[str], key: Callable[[str], str | None]
    ) -> Iterator[list[str]]:
        """Yield the names that have the same key, in order; not those without one."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name in names:
            if (value := key(name)) is not None:
                found[value].append(name)
        for value in sorted(found):
            yield found[value]

    def telling(self, names: Sequence[str]) -> list[str]:
        """Return those that prove what they are, if that is asked for; else all."""
        if not self.certain:
            return list(names)
        return [name for name in names if told_by_camera(self.files[name])]

    def match(self, one: str, other: str, most: timedelta) -> bool:
        """Return whether two may be pictures of a camera taken within a time."""
        first, second = self.files[one], self.files[other]
        if first.camera and second.camera and first.camera != second.camera:
            return False
        near = _near(first, second, most)
        return near is True or (near is None and not self.certain)


def _motion_photos(shots: _Shots) -> Iterator[Group]:
    """Yield pictures with a video inside, with the copy of it that Takeout makes."""
    # PXL_1.MP.jpg has PXL_1.MP beside it, MVIMG_1.jpg has MVIMG_1.MP4.
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for video in shots.videos:
        for stem in {video.casefold(), _stem(video).casefold()}:
            copies[stem].append(video)
    used: set[str] = set()
    for name in shots.stills:
        if shots.files[name].is_motion_photo:
            beside = copies.get(_stem(name).casefold(), ())
            names = [video for video in beside if video not in used]
            used.update(names)
            yield Group(GroupKind.MOTION_PHOTO, (name, *names))


def _live_photos(shots: _Shots, taken: Collection[str]) -> Iterator[Group]:
    """Yield the pairs of Apple's live photos, by identifier, else by name and time.

    ``taken`` are names that belong to others already.
    """
    rest = [name for name in (*shots.stills, *shots.videos) if name not in taken]
    paired: set[str] = set()
    for names in shots.together(
        rest, lambda name: shots.files[name].content_identifier
    ):
        for still, video in _by_identifier(*_stills_and_videos(names)):
            paired |= {still, video}
            yield Group(GroupKind.LIVE_PHOTO, (still, video))
    rest = [name for name in rest if name not in paired]
    for names in shots.together(rest, lambda name: _stem(name).casefold()):
        stills, videos = _stills_and_videos(names)
        if len(stills) == len(videos) == 1:
            if _is_live(shots.files[stills[0]], shots.files[videos[0]]):
                yield Group(GroupKind.LIVE_PHOTO, (stills[0], videos[0]))


def _stills_and_videos(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return pictures and videos."""
    stills = [name for name in names if _is_still(name)]
    return stills, [name for name in names if not _is_still(name)]


def _by_identifier(
    stills: Sequence[str], videos: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield pairs among files of one identifier; copies find each other by name."""
    by_stem: defaultdict[str, list[str]] = defaultdict(list)
    for video in videos:
        by_stem[_stem(video).casefold()].append(video)
    left = set(videos)
    unpaired: list[str] = []
    # HEIC is the original where a JPEG was made of it.
    for still in sorted(
        stills, key=lambda name: (format_of(name) is not Format.HEIC, name)
    ):
        same = by_stem.pop(_stem(still).casefold(), [])
        if len(same) == 1:
            left.remove(same[0])
            yield still, same[0]
        else:
            unpaired.append(still)
    if len(left) == len(unpaired) == 1:
        yield unpaired[0], left.pop()


def _is_live(still: MediaFacts, video: MediaFacts) -> bool:
    """Return whether two files of one name are a live photo without identifiers."""
    if still.content_identifier and video.content_identifier:
        return False
    if video.duration is None or video.duration > _LONGEST_LIVE:
        return False
    return _near(still, video, _TOGETHER) is True


def _versions(shots: _Shots) -> Iterator[Group]:
    """Yield pictures that are one shot in several formats."""
    for names in shots.together(shots.stills, lambda name: shot_of(name).casefold()):
        by_kind = {
            kind: [name for name in names if format_of(name) is kind]
            for kind in (Format.JPEG, Format.HEIC, Format.RAW)
        }
        # Two of one format leave it open.
        if any(len(found) > 1 for found in by_kind.values()):
            continue
        members = shots.telling([name for found in by_kind.values() for name in found])
        if len(members) < 2:
            continue
        first = members[0]
        if not all(shots.match(first, name, _SAME_SHOT) for name in members[1:]):
            continue
        is_raw = any(format_of(name) is Format.RAW for name in members)
        kind = GroupKind.RAW_AND_JPEG if is_raw else GroupKind.HEIC_AND_JPEG
        # The JPEG shows what a raw picture only holds; of a HEIC it is a copy.
        yield Group(kind, tuple(members if is_raw else members[::-1]))


def _bursts(shots: _Shots) -> Iterator[Group]:
    """Yield pictures that follow each other, by identifier, else by name."""
    seen: set[str] = set()
    for key in (lambda name: shots.files[name].burst_id, burst_of):
        rest = [name for name in shots.stills if name not in seen]
        for names in shots.together(rest, key):
            names.sort(key=lambda name: (not is_cover(name), name))
            if shots.certain:
                names = _certain_burst(shots, names)
            if len(names) > 1:
                seen.update(names)
                yield Group(GroupKind.BURST, tuple(names))


def _certain_burst(shots: _Shots, names: Sequence[str]) -> list[str]:
    """Return those of a burst that were certainly taken with the cover of its phone."""
    if [is_cover(name) for name in names[:2]] != [True, False]:
        return []
    cover, *others = names
    if not shots.telling([cover]):
        return []
    near = [name for name in others if shots.match(cover, name, _ONE_BURST)]
    return [cover, *shots.telling(near)]


def burst_of(name: str) -> str | None:
    """Return what the names of a burst have in common; None for a single picture."""
    for pattern in _BURSTS:
        if match := pattern.fullmatch(_stem(name)):
            return match["key"].casefold()
    return None


def has_cover(name: str) -> bool:
    """Return whether a picture is one of a burst of which the phone names its choice."""
    return any(pattern.fullmatch(_stem(name)) for pattern in _CHOSEN_BURSTS)


def is_cover(name: str) -> bool:
    """Return whether a picture is the one that its phone chose of a burst."""
    return _stem(name).upper().endswith("_COVER")


def told_by_camera(facts: MediaFacts) -> bool:
    """Return whether a picture was read and holds when it was taken, by its camera."""
    return (
        facts.trouble is None
        and facts.captured_at is not None
        and facts.captured_source is DateSource.EXIF
    )


def _near(one: MediaFacts, other: MediaFacts, most: timedelta) -> bool | None:
    """Return whether two were taken within a time; None if that is not known.

    Where one tells no zone, whole quarters of an hour may lie between.
    """
    if one.captured_at is None or other.captured_at is None:
        return None
    if DateSource.EXIF_CHANGED in (one.captured_source, other.captured_source):
        return None
    apart = one.captured_at - other.captured_at
    if one.utc_offset is not None and other.utc_offset is not None:
        return abs(apart - one.utc_offset + other.utc_offset) <= most
    headers = [one.captured_source, other.captured_source].count(
        DateSource.MOVIE_HEADER
    )
    if headers == 1:
        zones = round(apart / _QUARTER) * _QUARTER
        return abs(zones) <= _FURTHEST and abs(apart - zones) <= most
    return abs(apart) <= most


def _is_still(name: str) -> bool:
    return format_of(name) is not None or _extension(name) in _OTHER_STILLS


def is_video(name: str) -> bool:
    """Return whether a file may be the video of a live or a motion photo, by its name."""
    return _extension(name) in _VIDEOS


def format_of(name: str) -> Format | None:
    """Return a picture's format by its extension; None for all that have no versions."""
    return _FORMATS.get(_extension(name))


def _extension(name: str) -> str:
    """Return the extension in lower case, with its dot."""
    return "." + name.rpartition(".")[2].lower()


def _stem(name: str) -> str:
    """Return a name without its extension."""
    return name.rpartition(".")[0] or name


def shot_of(name: str) -> str:
    """Return what the names of one shot's files have in common, but for their case."""
    return _SHOT.sub("", _stem(name))
