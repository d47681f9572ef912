"""One of them only: pictures that are left out, as another one of their shot is kept.

Nobody else may have what is left out here. So it must be certain that two pictures show
one shot, and the other one must be on its way to the server, or there.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from enum import Enum, auto
from itertools import permutations, product
import os

from .access import AccessError, open_unchanged
from .evaluate import Evaluation
from .ledger import Ledger
from .ledger.files import Verdict
from .ledger.rows import Stamp
from .ledger.siblings import Sibling, siblings
from .media import Format, GroupKind, MediaFacts, Trouble, groups, read_facts
from .media.pairs import (
    burst_of,
    format_of,
    has_cover,
    is_cover,
    is_video,
    shot_of,
    told_by_camera,
)
from .model import FileState, Folder, Reason
from .organise.together import Together
from .texts import readable

REASONS = (Reason.OTHER_KEPT, Reason.OTHER_AWAITED)
# Seconds from a picture's arrival for which it waits for the one that would be kept.
PATIENCE = 60.0
# Seconds until it is looked again whether that one is proven: the older, the later.
_AGAIN_SOONEST = 5 * 60.0
AGAIN_LATEST = 6 * 3600.0
# So often may it fail before it is no longer counted on.
_TRIES = 3

type _Only = Mapping[GroupKind, Together]


class _Standing(Enum):
    """How far a picture is that would be kept."""

    LOST = auto()
    OPEN = auto()
    WANTED = auto()
    PROVEN = auto()


async def leave_out(
    folder: Folder,
    root: bytes,
    outcome: Evaluation,
    now: float,
    *,
    ledger: Ledger,
    pool: Executor,
) -> None:
    """Leave out what the rules want of a batch, if another of its shot is kept.

    Files are read in threads of a pool, and only those that may be left out and what
    has their name. ``now`` is epoch seconds. Raises LedgerError.
    """
    if not (only := folder.arrangement.only):
        return
    asked = [
        verdict.file
        for verdict in outcome.verdicts
        if verdict.state is FileState.WAITING and _may_go(_name(verdict), only)
    ]
    if not asked:
        return
    beside = await ledger.ask(siblings, asked)
    choice = _Choice(folder, root, outcome, beside, now)
    outcome.verdicts = await asyncio.get_running_loop().run_in_executor(
        pool, choice.verdicts
    )


def kept_instead(
    files: Mapping[str, Callable[[], MediaFacts]], wanted: Collection[str], only: _Only
) -> Mapping[str, str]:
    """Return which of the wanted files of a directory are left out, and for which.

    ``files`` are names, with what reads their facts if that is needed; blocking.
    """
    shots: dict[str, list[str]] = {}
    for name in files:
        shots.setdefault(key_of(name), []).append(name)
    found: dict[str, str] = {}
    for names in shots.values():
        leaving = [name for name in names if _may_go(name, only)]
        if not any(_gives_way(*pair, only) for pair in product(leaving, names)):
            continue
        others = replaceable({name: files[name]() for name in names}, only)
        for name in others.keys() & wanted:
            kept = [other for other in others[name] if _is_kept(other, others, wanted)]
            if kept:
                found[name] = kept[0]
    return found


def _is_kept(
    name: str, others: Mapping[str, Sequence[str]], wanted: Collection[str]
) -> bool:
    """Return whether a picture is wanted and none is kept instead of it."""
    return name in wanted and not any(
        _is_kept(other, others, wanted) for other in others.get(name, ())
    )


def replaceable(
    files: Mapping[str, MediaFacts], only: _Only
) -> Mapping[str, Sequence[str]]:
    """Return the pictures that may be left out, each with those to be kept instead.

    ``files`` are all of a directory that have the name of a shot, and the cover of a
    burst. They lead in no circle: where HEIC gives way to JPEG, JPEG does not to HEIC.
    """
    found: dict[str, list[str]] = {}
    stills = {
        group.names[0] for group in groups(files) if group.kind is GroupKind.LIVE_PHOTO
    }
    for group in groups(files, certain=True):
        is_burst = group.kind is GroupKind.BURST
        by = {
            kind: only[kind] for kind in only if (kind is GroupKind.BURST) is is_burst
        }
        first, *rest = group.names
        pairs = product(rest, [first]) if is_burst else permutations(group.names, 2)
        for name, other in pairs:
            if (
                _gives_way(name, other, by)
                and _keeps_video(name, other, files, stills)
                and not _has_more(name, files[name], other, files[other])
            ):
                found.setdefault(name, []).append(other)
    return found


def key_of(name: str) -> str:
    """Return what the names of a shot or a burst have in common."""
    return burst_of(name) or shot_of(name).casefold()


def _may_go(name: str, only: _Only) -> bool:
    """Return whether a picture may be left out, by its name."""
    if GroupKind.BURST in only and has_cover(name) and not is_cover(name):
        return True
    kind = format_of(name)
    return kind is not None and any(chosen.other is kind for chosen in only.values())


def _gives_way(name: str, other: str, only: _Only) -> bool:
    """Return whether a picture may be left out for another one, by their names."""
    if GroupKind.BURST in only and has_cover(name) and not is_cover(name):
        if is_cover(other) and burst_of(other) == burst_of(name):
            return True
    formats = format_of(other), format_of(name)
    return _is_same_shot(name, other) and any(
        chosen.first is not None and (chosen.first, chosen.other) == formats
        for chosen in only.values()
    )


def _is_same_shot(name: str, other: str) -> bool:
    """Return whether two files are called as those of one shot are."""
    return shot_of(name).casefold() == shot_of(other).casefold()


def _keeps_video(
    name: str, other: str, files: Iterable[str], stills: Collection[str]
) -> bool:
    """Return whether a video beside a picture is whole without it.

    It is if there is none, or if it is certain that its still is the one that is kept.
    """
    if not any(is_video(file) and _is_same_shot(file, name) for file in files):
        return True
    return name not in stills and other in stills


def _has_more(name: str, facts: MediaFacts, other: str, others: MediaFacts) -> bool:
    """Return whether something would be lost with a picture of which another is kept."""
    if facts.is_motion_photo:
        return True
    if facts.content_identifier and not (
        # A live photo's video may still come. Only the HEIC is certainly its still.
        facts.content_identifier == others.content_identifier
        and format_of(other) is Format.HEIC
        and format_of(name) is not Format.HEIC
    ):
        return True
    if format_of(other) is Format.RAW:
        return False
    if others.pixels is None:
        return True
    # Programs write small previews beside what they show.
    return facts.pixels is not None and 2 * max(others.pixels) < max(facts.pixels)


class _Choice:
    """Chooses among the pictures of a batch and what lies beside them; blocking."""

    def __init__(
        self,
        folder: Folder,
        root: bytes,
        outcome: Evaluation,
        beside: Mapping[int, Sequence[Sibling]],
        now: float,
    ) -> None:
        """Take what the rules made of the batch; nothing is read yet."""
        self._only = folder.arrangement.only
        self._version = folder.rules_version
        self._root = root
        self._beside = beside
        self._now = now
        self._verdicts = {verdict.file.id: verdict for verdict in outcome.verdicts}
        self._changed = {file.id for file, _ in outcome.changed}
        self._vanished = {file.id for file in outcome.vanished}
        self._made: dict[int, Verdict] = {}
        self._read: dict[int, MediaFacts] = {}

    def verdicts(self) -> list[Verdict]:
        """Return the verdicts about the batch, in their order."""
        return [self._final(verdict) for verdict in self._verdicts.values()]

    def _final(self, verdict: Verdict) -> Verdict:
        """Return what becomes of a file, beside which others may be kept."""
        number = verdict.file.id
        if number not in self._made:
            beside = self._beside.get(number, ())
            own = next((one for one in beside if one.id == number), None)
            self._made[number] = (
                verdict if own is None else self._choose(verdict, own, beside)
            )
        return self._made[number]

    def _choose(
        self, verdict: Verdict, own: Sibling, beside: Sequence[Sibling]
    ) -> Verdict:
        """Return what becomes of a file that may be left out."""
        directory = os.path.dirname(verdict.file.path)
        facts = self._facts(directory, own.id, own.name, verdict.file.stamp)
        if facts.is_motion_photo or not told_by_camera(facts):
            # Nothing can be certain of it.
            return verdict
        by_name = {one.name: one for one in beside}
        standing = {
            name: self._standing(by_name[name])
            for name in by_name
            if _gives_way(own.name, name, self._only)
        }
        if not {_Standing.WANTED, _Standing.PROVEN}.isdisjoint(standing.values()):
            read = {
                one.name: self._facts(directory, one.id, one.name, one.stamp)
                for one in beside
                if format_of(one.name) is not None or is_video(one.name)
            }
            others = replaceable(read, self._only).get(own.name, ())
            for least in (_Standing.PROVEN, _Standing.WANTED):
                for other in others:
                    if standing[other] is least:
                        return self._left_out(verdict, other, least)
        if standing and _Standing.OPEN not in standing.values():
            return verdict
        return self._awaiting(verdict, own, is_there=bool(standing))

    def _facts(
        self, directory: bytes, number: int, name: str, stamp: Stamp
    ) -> MediaFacts:
        """Return what a file says, if it is as it was seen; each is read once."""
        if number not in self._read:
            path = os.path.join(directory, os.fsencode(name))
            try:
                with open_unchanged(self._root, path, stamp) as file:
                    self._read[number] = read_facts(file, os.fsdecode(path))
            except AccessError:
                self._read[number] = MediaFacts(trouble=Trouble.UNREADABLE)
        return self._read[number]

    def _standing(self, other: Sibling) -> _Standing:
        """Return how far a file is that may be kept instead of another."""
        state, attempts = other.state, other.attempts
        if other.id in self._vanished:
            return _Standing.LOST
        if other.id in self._changed:
            return _Standing.OPEN
        if (verdict := self._verdicts.get(other.id)) is not None:
            verdict = self._final(verdict)
            if verdict.reason is Reason.OTHER_AWAITED:
                return _Standing.OPEN
            if verdict.state is FileState.UNWANTED:
                return _Standing.LOST
            if state in (FileState.SETTLING, FileState.UNWANTED):
                state = verdict.state
        elif state in (FileState.WAITING, FileState.FAILED, FileState.UNWANTED):
            soon = other.again is not None and other.again <= self._now + PATIENCE
            if other.rules_version != self._version or soon:
                # It is about to be decided anew.
                return _Standing.OPEN
        match state:
            case FileState.PROTECTED:
                return _Standing.PROVEN
            case FileState.SETTLING:
                return _Standing.OPEN
            case FileState.WAITING:
                return _Standing.WANTED
            case FileState.FAILED if attempts < _TRIES:
                return _Standing.WANTED
            case _:
                return _Standing.LOST

    def _left_out(self, verdict: Verdict, other: str, standing: _Standing) -> Verdict:
        """Return that a file is left out; for good once the other one is proven."""
        until = verdict.until
        if standing is not _Standing.PROVEN:
            age = self._now - verdict.file.stamp.ctime_ns / 1e9
            until = _sooner(
                until, self._now + min(max(age, _AGAIN_SOONEST), AGAIN_LATEST)
            )
        return replace(
            verdict,
            state=FileState.UNWANTED,
            reason=Reason.OTHER_KEPT,
            detail=readable(other),
            rule=None,
            criterion=None,
            until=until,
        )

    def _awaiting(self, verdict: Verdict, own: Sibling, *, is_there: bool) -> Verdict:
        """Return that a file waits for the one that would be kept, if it still may.

        For one that ``is_there`` and is not decided yet also an old file waits, but
        only once: what keeps changing must not keep others from being backed up.
        """
        arrived = verdict.file.stamp.ctime_ns / 1e9
        if 0 <= self._now - arrived < PATIENCE:
            until = arrived + PATIENCE
        elif is_there and own.reason is not Reason.OTHER_AWAITED:
            until = self._now + PATIENCE
        else:
            return verdict
        return replace(
            verdict,
            state=FileState.UNWANTED,
            reason=Reason.OTHER_AWAITED,
            detail=None,
            rule=None,
            criterion=None,
            until=_sooner(verdict.until, until),
        )


def _sooner(one: float | None, other: float) -> float:
    """Return the earlier of two times of which the first may be none."""
    return other if one is None else min(one, other)


def _name(verdict: Verdict) -> str:
    """Return a file's name without its directory."""
    return os.fsdecode(verdict.file.path.rpartition(b"/")[2])
