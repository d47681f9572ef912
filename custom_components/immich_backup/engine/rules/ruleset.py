"""The ordered rules of one folder, and the decision that they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
import hashlib

from .criterion import Answer, Criterion
from .media import Media, MediaKind


class RuleAction(StrEnum):
    """What a rule does with a file that it matches."""

    BACK_UP = "back_up"
    SKIP = "skip"


@dataclass(frozen=True)
class Rule:
    """All criteria must match; a rule without any matches every file."""

    name: str
    action: RuleAction
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a file is wanted, and who decided.

    ``rule`` is a rule's name, or None for the folder's own choice of kinds.
    ``criterion`` names what decided. ``unknown`` names criteria which the file did not
    answer, and ``problem`` says why if a name does not. ``until`` is when the decision
    may change by itself (epoch seconds). ``pending`` is whether it is to wait for an
    answer which the home can't give at present.
    """

    wanted: bool
    rule: str | None
    criterion: str | None
    unknown: tuple[str, ...] = ()
    until: float | None = None
    problem: str | None = None
    pending: bool = False


@dataclass(slots=True)
class _Asked:
    """What came of the questions that were asked about a file."""

    unknown: dict[str, None] = field(default_factory=dict)
    until: list[float] = field(default_factory=list)
    problem: str | None = None
    pending: bool = False

    def note(self, criterion: Criterion, answer: Answer) -> None:
        """Note an answer."""
        if answer.until is not None:
            self.until.append(answer.until)
        if answer.matches is None:
            self.unknown[criterion.name] = None
            self.problem = self.problem or answer.problem
            self.pending |= answer.later

    def decision(
        self, *, wanted: bool, rule: str | None, criterion: str | None
    ) -> Decision:
        """Return a decision that these answers led to."""
        return Decision(
            wanted=wanted,
            rule=rule,
            criterion=criterion,
            unknown=tuple(self.unknown),
            until=min(self.until, default=None),
            problem=self.problem,
            pending=self.pending,
        )


# The criterion that is named when the server does not take such files at all.
NOT_MEDIA = "extension"
KINDS = "type"
EXISTING = "existing"


@dataclass(frozen=True)
class RuleSet:
    """What a folder wants: rules in order, else all files of these kinds."""

    kinds: frozenset[MediaKind] = frozenset(MediaKind)
    rules: tuple[Rule, ...] = ()
    include_existing: bool = True
    extensions: Mapping[str, MediaKind] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Return a word that changes exactly when a decision might."""
        text = repr(
            (
                sorted(self.kinds),
                [_stable(rule) for rule in self.rules],
                self.include_existing,
                sorted(self.extensions.items()),
            )
        )
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def looks_beside(self) -> bool:
        """Return whether it may matter what lies beside a file."""
        return any(one.looks_beside for rule in self.rules for one in rule.criteria)

    def kind_of(self, extension: str) -> MediaKind | None:
        """Return photo or video for an extension; None if the server takes neither."""
        return self.extensions.get(extension)

    def decide(self, media: Media, now: float) -> Decision:
        """Return the decision; may read the file (blocking) if a rule needs to.

        It is final once the file has no open ``questions`` to the home.
        """
        if media.kind is None:
            return Decision(wanted=False, rule=None, criterion=NOT_MEDIA)
        if media.existing and not self.include_existing:
            return Decision(wanted=False, rule=None, criterion=EXISTING)
        asked = _Asked()
        for rule in self.rules:
            if decided_by := _match(rule, media, now, asked):
                return asked.decision(
                    wanted=rule.action is RuleAction.BACK_UP,
                    rule=rule.name,
                    criterion=decided_by,
                )
        return asked.decision(
            wanted=media.kind in self.kinds, rule=None, criterion=KINDS
        )


def _match(rule: Rule, media: Media, now: float, asked: _Asked) -> str | None:
    """Return the criteria that matched, joined; None if one did not.

    The times at which an answer changes count only as far as the answers were asked.
    """
    for criterion in sorted(rule.criteria, key=lambda c: (c.reads_file, c.asks_home)):
        answer = criterion.ask(media, now)
        asked.note(criterion, answer)
        if not answer.matches:
            return None
    return ", ".join(dict.fromkeys(c.name for c in rule.criteria)) or "every file"


def _stable(rule: Rule) -> tuple[object, ...]:
    """Return a rule as values whose repr is the same in every process."""
    return (
        rule.name,
        rule.action.value,
        [
            (
                criterion.name,
                [_stable_value(criterion, f.name) for f in fields(criterion)],
            )
            for criterion in rule.criteria
        ],
    )


def _stable_value(criterion: Criterion, name: str) -> str:
    """Return the text of a criterion's field; sets have no order of their own."""
    value = getattr(criterion, name)
    return repr(sorted(map(str, value)) if isinstance(value, frozenset) else value)
