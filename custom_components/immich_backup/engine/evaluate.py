"""The evaluate step: what a settled file is to become, by its owner's rules."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
import os

from .access import AccessError, VanishedError, look_at, open_unchanged
from .beside import Surroundings
from .enquiry import Enquiry
from .ledger.files import Verdict
from .ledger.rows import FileRow, Stamp
from .media import MediaFacts, Trouble, read_facts
from .media.companions import tells_of_others
from .model import FileState, Folder, Reason
from .rules import Decision, Media, RuleSet
from .rules.media import extension_of
from .rules.ruleset import EXISTING, NOT_MEDIA

type _Seen = tuple[FileRow, Media]


@dataclass(slots=True)
class Evaluation:
    """The outcome for a batch of files.

    ``changed`` are still being written, ``vanished`` are not there any more.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    changed: list[tuple[FileRow, Stamp]] = field(default_factory=list)
    vanished: list[FileRow] = field(default_factory=list)


async def evaluate(
    folder: Folder,
    root: bytes,
    files: Sequence[FileRow],
    now: float,
    *,
    on_disk: bool,
    pool: Executor,
    enquiry: Enquiry,
    beside: Surroundings | None = None,
) -> Evaluation:
    """Decide for a batch of files of one folder, in threads of a pool.

    With ``on_disk`` each file must still be as it was seen; without it the ledger's
    facts are taken as they are (rules that changed need no walk). What rules ask the
    home is asked once for all of the files. ``beside`` reads what lies beside them,
    where that counts.
    """
    run = asyncio.get_running_loop().run_in_executor
    outcome = Evaluation()
    zone, rules = enquiry.time_zone, folder.rules

    def begin() -> list[_Seen]:
        seen = _look(root, files, outcome) if on_disk else files
        return _decide(
            (
                (
                    file,
                    media_of(
                        file.path,
                        file.stamp,
                        rules,
                        root=root,
                        existing=file.existing,
                        folder=folder.name,
                        zone=zone,
                        beside=beside,
                    ),
                )
                for file in seen
            ),
            rules,
            now,
            outcome,
        )

    asking = await run(pool, begin)
    while asking:
        await enquiry.answer([media for _, media in asking])
        asking = await run(pool, _decide, asking, rules, now, outcome)
    return outcome


def media_of(
    path: bytes,
    stamp: Stamp,
    rules: RuleSet,
    *,
    root: bytes,
    existing: bool,
    folder: str = "",
    zone: tzinfo = UTC,
    beside: Surroundings | None = None,
) -> Media:
    """Return a file as the rules see it.

    What is inside, and beside it, is read when asked for.
    """
    text = os.fsdecode(path)

    def read() -> MediaFacts:
        # What can't be read is unknown; the rules then say so.
        try:
            with open_unchanged(root, path, stamp) as file:
                return read_facts(file, text)
        except AccessError:
            return MediaFacts(trouble=Trouble.UNREADABLE)

    def look_beside() -> tuple[MediaFacts | None, MediaFacts | None]:
        if beside is None:
            return None, None
        sidecar, takeout = beside.of(path)
        return None if sidecar is None else sidecar.facts, takeout

    return Media(
        path=text,
        size=stamp.size,
        modified=stamp.mtime_ns / 1e9,
        kind=rules.kind_of(extension_of(text)),
        existing=existing,
        folder=folder,
        zone=zone,
        read=read,
        look_beside=look_beside,
    )


def reason_of(decision: Decision, path: str) -> Reason:
    """Return why a file (by its path) is not wanted, or not yet."""
    if decision.wanted and decision.pending:
        return Reason.UNDECIDED
    if decision.rule is not None:
        return Reason.RULE
    if decision.criterion == NOT_MEDIA:
        return Reason.SIDECAR if tells_of_others(path) else Reason.EXTENSION
    if decision.criterion == EXISTING:
        return Reason.EXISTING
    return Reason.KIND


def _look(
    root: bytes, files: Iterable[FileRow], outcome: Evaluation
) -> Iterable[FileRow]:
    """Yield the files that are as they were seen; blocking."""
    for file in files:
        try:
            stamp = look_at(root, file.path)
        except VanishedError:
            outcome.vanished.append(file)
            continue
        except AccessError:
            # Reading it will say what is wrong; a rule may not want it anyway.
            stamp = file.stamp
        if stamp != file.stamp:
            outcome.changed.append((file, stamp))
            continue
        yield file


def _decide(
    seen: Iterable[_Seen], rules: RuleSet, now: float, outcome: Evaluation
) -> list[_Seen]:
    """Decide for files; return those about which the home must be asked first.

    Blocking.
    """
    asking: list[_Seen] = []
    for file, media in seen:
        decision = rules.decide(media, now)
        if media.questions:
            asking.append((file, media))
        else:
            outcome.verdicts.append(_verdict(file, decision))
    return asking


def _verdict(file: FileRow, decision: Decision) -> Verdict:
    """Return what a decision makes of a file."""
    if not decision.wanted or decision.pending:
        state, reason = FileState.UNWANTED, reason_of(decision, os.fsdecode(file.path))
    elif file.stamp.size == 0:
        state, reason = FileState.UNWANTED, Reason.EMPTY
    else:
        state, reason = FileState.WAITING, Reason.QUEUED
    return Verdict(
        file=file,
        state=state,
        reason=reason,
        detail=unknown_text(decision),
        rule=decision.rule,
        criterion=decision.criterion,
        until=decision.until,
    )


def unknown_text(decision: Decision) -> str | None:
    """Return what was not known of a file: criteria, and a sentence about why."""
    names = ", ".join(decision.unknown)
    return f"{names}; {decision.problem}" if decision.problem else names or None
