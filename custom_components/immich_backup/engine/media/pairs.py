"""Which files of a directory belong together: live photos, raw and JPEG, bursts."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
import re

from .facts import DateSource, MediaFacts

_HEIC = frozenset((".heic", ".heif", ".hif"))
_JPEG = frozenset((".jpg", ".jpeg", ".jpe"))
_RAWS = (
    ".3fr .ari .arw .cap .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mrw .nef .nrw"
    " .orf .ori .pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
)
_RAW = frozenset(_RAWS.split())
_OTHER_STILLS = frozenset((".png", ".webp", ".avif", ".tif", ".tiff"))
_VIDEOS = frozenset((".mov", ".mp4", ".m4v", ".mp", ".mv"))
# Google names what comes out of one shot: PXL_1.RAW-01.COVER.jpg and .RAW-02.ORIGINAL.dng.
_SHOT = re.compile(r"\.RAW-\d\d(\.MP)?(\.COVER|\.ORIGINAL)?$", re.IGNORECASE)
# Google's and Sony's, Huawei's, and Samsung's names of pictures that follow each other.
_BURSTS = (
    re.compile(r"\d*IMG_\d+_BURST(?P<key>\d{14,17})(_COVER)?", re.IGNORECASE),
    re.compile(r"DSC_\d+_BURST(?P<key>\d{14,17})(_COVER)?", re.IGNORECASE),
    re.compile(r"(?P<key>IMG_\d{8}_\d{6})_BURST\d+(_COVER)?", re.IGNORECASE),
    re.compile(r"(?P<key>\d{8}_\d{6})_\d{3}", re.ASCII),
)
_LONGEST_LIVE = 6.0
# Still and video of a live photo begin within this; so do raw and JPEG of one shot.
_TOGETHER = timedelta(seconds=5)
_SAME_SHOT = timedelta(seconds=2)
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


def groups(files: Mapping[str, MediaFacts]) -> tuple[Group, ...]:
    """Return what belongs together among the files of one directory.

    ``files`` are names (without their directory) and facts; those that could not be
    read may be left out. A file is in one live or motion photo and in one of the other
    kinds at most. What is not certain is no group. The order of files does not matter.
    """
    shots = _Shots(files)
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

    def __init__(self, files: Mapping[str, MediaFacts]) -> None:
        """Sort them, so that nothing depends on their order."""
        self.files = {name: files[name] for name in sorted(files)}
        self.stills = [name for name in self.files if _is_still(name)]
        self.videos = [name for name in self.files if _extension(name) in _VIDEOS]

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
    for still in sorted(stills, key=lambda name: (_extension(name) not in _HEIC, name)):
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
    for names in shots.together(shots.stills, lambda name: _shot(name).casefold()):
        by_kind = {
            kind: [name for name in names if _extension(name) in kind]
            for kind in (_JPEG, _HEIC, _RAW)
        }
        # Two of one format leave it open.
        if any(len(found) > 1 for found in by_kind.values()):
            continue
        members = [name for found in by_kind.values() for name in found]
        first = shots.files[members[0]] if members else None
        if first is None or len(members) < 2:
            continue
        if any(_differ(first, shots.files[name]) for name in members[1:]):
            continue
        is_raw = bool(by_kind[_RAW])
        kind = GroupKind.RAW_AND_JPEG if is_raw else GroupKind.HEIC_AND_JPEG
        # The JPEG shows what a raw picture only holds; of a HEIC it is a copy.
        yield Group(kind, tuple(members if is_raw else members[::-1]))


def _differ(one: MediaFacts, other: MediaFacts) -> bool:
    """Return whether two pictures are certainly not of one shot."""
    if one.camera and other.camera and one.camera != other.camera:
        return True
    return _near(one, other, _SAME_SHOT) is False


def _bursts(shots: _Shots) -> Iterator[Group]:
    """Yield pictures that follow each other, by identifier, else by name."""
    seen: set[str] = set()
    for key in (lambda name: shots.files[name].burst_id, _burst_of):
        rest = [name for name in shots.stills if name not in seen]
        for names in shots.together(rest, key):
            if len(names) > 1:
                seen.update(names)
                cover = sorted(names, key=lambda name: (not _is_cover(name), name))
                yield Group(GroupKind.BURST, tuple(cover))


def _burst_of(name: str) -> str | None:
    """Return what the names of a burst have in common."""
    for pattern in _BURSTS:
        if match := pattern.fullmatch(_stem(name)):
            return match["key"].casefold()
    return None


def _is_cover(name: str) -> bool:
    """Return whether a picture is the one that its phone chose of a burst."""
    return _stem(name).upper().endswith("_COVER")


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
    extension = _extension(name)
    return any(extension in kind for kind in (_HEIC, _JPEG, _RAW, _OTHER_STILLS))


def _extension(name: str) -> str:
    """Return the extension in lower case, with its dot."""
    return "." + name.rpartition(".")[2].lower()


def _stem(name: str) -> str:
    """Return a name without its extension."""
    return name.rpartition(".")[0] or name


def _shot(name: str) -> str:
    """Return what the names of one shot's files have in common."""
    return _SHOT.sub("", _stem(name))
