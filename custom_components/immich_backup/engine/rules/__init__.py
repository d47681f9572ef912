"""The user's rules: which files are backed up, and which rule and criterion decided."""

from .criterion import Answer, Criterion, HomeCriterion
from .media import Media, MediaKind
from .parse import RuleError, parse_rule
from .ruleset import Decision, Rule, RuleAction, RuleSet

__all__ = [
    "Answer",
    "Criterion",
    "Decision",
    "HomeCriterion",
    "Media",
    "MediaKind",
    "Rule",
    "RuleAction",
    "RuleError",
    "RuleSet",
    "parse_rule",
]
