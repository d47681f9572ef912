"""Whether a form's rules can be used, and mean what somebody could want."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant

from ..engine import RuleAction, RuleError, parse_rule
from ..engine.organise.arrangement import (
    Arrangement,
    ArrangementError,
    parse_arrangement,
)
from ..engine.rules.glob import GlobCriterion
from ..engine.rules.template import TemplateCriterion, answer_of
from ..home import HomeContext
from .organise_form import check_templates, sample_variables
from .texts import Texts

# What is wrong with what a rule says of its files; other texts fit as they are.
_MISTAKES = {
    "name_missing": "unknown",
    "too_long": "rule_too_long",
    "not_a_tag": "rule_not_a_tag",
    "locked_album": "rule_locked_album",
}


class RuleMistake(Exception):
    """A rule that was hardly meant so: ``reason`` is the key of the text about it."""

    def __init__(self, reason: str, **details: str) -> None:
        """Keep the reason and the placeholders of its text."""
        super().__init__(reason)
        self.reason = reason
        self.details = details


async def check_rules(
    hass: HomeAssistant,
    texts: Texts,
    rules: Sequence[Mapping[str, Any]],
    folders: Collection[str],
    arrangement: Arrangement,
) -> None:
    """Raise RuleMistake for the first rule that can't be what was meant.

    ``folders`` are the names by which the folder itself is known, ``arrangement`` is
    what all of its files get.
    """
    for number, data in enumerate(rules, 1):
        name = str(data.get(CONF_NAME, number))
        try:
            rule = parse_rule(data, number)
            wanted = parse_arrangement(data)
        except ArrangementError as err:
            field = "album" if err.field.startswith("album") else err.field
            raise RuleMistake(
                _MISTAKES.get(err.reason, err.reason),
                rule=name,
                field=texts.rule_field(field),
            ) from err
        except RuleError as err:
            raise RuleMistake(
                err.reason, rule=name, field=texts.rule_field(err.field)
            ) from err
        if rule.action is RuleAction.SKIP and not rule.criteria:
            raise RuleMistake("fits_everything", rule=name)
        if arrangement.locks_album_of(wanted):
            raise RuleMistake("folder_locked", rule=name)
        _, details = await check_templates(hass, wanted)
        if details:
            raise RuleMistake("rule_template", rule=name, **details)
        for criterion in rule.criteria:
            if isinstance(criterion, GlobCriterion):
                for pattern in criterion.patterns:
                    _check_pattern(texts, name, pattern, folders)
            if isinstance(criterion, TemplateCriterion):
                await _check_template(hass, name, criterion.template)


async def _check_template(hass: HomeAssistant, rule: str, template: str) -> None:
    """Raise RuleMistake for a template that says nothing of a photo."""
    (made,) = await HomeContext(hass).render(template, [sample_variables()])
    if problem := answer_of(made).problem:
        raise RuleMistake("rule_template", rule=rule, problem=problem)


def _check_pattern(
    texts: Texts, rule: str, pattern: str, folders: Collection[str]
) -> None:
    """Raise RuleMistake for a pattern that begins with the folder's own path."""
    for folder in folders:
        if not f"{pattern}/".startswith(f"{folder.rstrip('/')}/"):
            continue
        better = pattern[len(folder) :].strip("/")
        # Without a dot or a star it is a folder, to all appearances.
        if pattern.endswith("/") or not any(sign in better for sign in ".*?["):
            better += "/"
        raise RuleMistake(
            "full_path",
            rule=rule,
            field=texts.rule_field("paths"),
            better="*" if better == "/" else better,
        )
