"""The evaluate step: what a settled file is to become, by its owner's rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import os

from .access import AccessError, VanishedError, look_at, open_unchanged
from .ledger.files import Verdict
from .ledger.rows import FileRow, Stamp
from .media import MediaFacts, Trouble, read_facts
from .model import FileState, Reason
from .rules import Decision, Media, RuleSet
from .rules.media import extension_of
from .rules.ruleset import EXISTING, NOT_MEDIA


@dataclass(slots=True)
class Evaluation:
    """The outcome for a batch of files.

    ``changed`` are still being written, ``vanished`` are not there any more.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    changed: list[tuple[FileRow, Stamp]] = field(default_factory=list)
    vanished: list[FileRow] = field(default_factory=list)


def evaluate(
    root: bytes,
    files: Sequence[FileRow],
    rules: RuleSet,
    now: float,
    *,
    on_disk: bool,
) -> Evaluation:
    """Decide for a batch of files of one folder; blocking.

    With ``on_disk`` each file must still be as it was seen; without it the ledger's
    facts are taken as they are (rules that changed need no walk).
    """
    outcome = Evaluation()
    for file in files:
        if on_disk:
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
        outcome.verdicts.append(_verdict(root, file, rules, now))
    return outcome


def media_of(
    path: bytes,
    stamp: Stamp,
    rules: RuleSet,
    *,
    root: bytes,
    existing: bool,
) -> Media:
    """Return a file as the rules see it; what is inside is read when asked for."""
    text = os.fsdecode(path)

    def read() -> MediaFacts:
        # What can't be read is unknown; the rules then say so.
        try:
            with open_unchanged(root, path, stamp) as file:
                return read_facts(file, text)
        except AccessError:
            return MediaFacts(trouble=Trouble.UNREADABLE)

    return Media(
        path=text,
        size=stamp.size,
        modified=stamp.mtime_ns / 1e9,
        kind=rules.kind_of(extension_of(text)),
        existing=existing,
        read=read,
    )


def reason_of(decision: Decision) -> Reason:
    """Return why a file is (not) wanted."""
    if decision.rule is not None:
        return Reason.RULE
    if decision.criterion == NOT_MEDIA:
        return Reason.EXTENSION
    if decision.criterion == EXISTING:
        return Reason.EXISTING
    return Reason.KIND


def _verdict(root: bytes, file: FileRow, rules: RuleSet, now: float) -> Verdict:
    """Decide for one file."""
    media = media_of(file.path, file.stamp, rules, root=root, existing=file.existing)
    decision = rules.decide(media, now)
    unknown = ", ".join(decision.unknown) or None
    if not decision.wanted:
        state, reason = FileState.UNWANTED, reason_of(decision)
    elif file.stamp.size == 0:
        state, reason = FileState.UNWANTED, Reason.EMPTY
    else:
        state, reason = FileState.WAITING, Reason.QUEUED
    return Verdict(
        file=file,
        state=state,
        reason=reason,
        detail=unknown,
        rule=decision.rule,
        criterion=decision.criterion,
        until=decision.until,
    )
