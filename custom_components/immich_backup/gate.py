"""What a folder's files wait for: the conditions that its owner set."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from homeassistant.const import CONF_ALIAS, CONF_CONDITION
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import condition, config_validation as cv
import probatio

from .home_triggers import missing_entities
from .turns import Turns


async def validated_conditions(
    hass: HomeAssistant, raw: Sequence[Any]
) -> tuple[list[Any], list[str]]:
    """Return the conditions that can be used, and why the others can't."""
    usable: list[Any] = []
    problems: list[str] = []
    for number, one in enumerate(raw, 1):
        try:
            usable += await condition.async_validate_conditions_config(
                hass, cv.CONDITIONS_SCHEMA([deepcopy(one)])
            )
        except (probatio.Invalid, HomeAssistantError) as err:
            problems.append(f"{number}: {err}")
    return usable, problems


class _Condition:
    """One condition that can be tested, with what it is called."""

    def __init__(
        self, hass: HomeAssistant, config: Any, checker: condition.ConditionChecker
    ) -> None:
        """Take what was made of its configuration."""
        self._hass = hass
        self._checker = checker
        self.entities = sorted(condition.async_extract_entities(config))
        self.broken: str | None = None
        self.name = _name(hass, config, self.entities)

    @property
    def needs_polling(self) -> bool:
        """Return whether it may change without telling."""
        return self._checker.needs_polling

    async def follow(self, changed: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function when it may have changed."""
        return await self._checker.async_track_changes(changed)

    def holds(self) -> bool:
        """Return whether it is true; one that can't be tested counts as true.

        Nobody would notice for months that a backup waits for an entity that is gone.
        """
        self.broken = None
        if missing := missing_entities(self._hass, self.entities):
            self.broken = ", ".join(missing)
            return True
        if any(self._hass.states.get(entity_id) is None for entity_id in self.entities):
            # Its integration is still starting.
            return False
        try:
            # None is one that is switched off.
            return self._checker.async_check(variables={}) is not False
        except HomeAssistantError as err:
            self.broken = f"{self.name}: {err}"
            return True

    def unload(self) -> None:
        """Let go of it."""
        self._checker.async_unload()


class FolderGate:
    """Tells what a folder waits for, whenever that changes."""

    def __init__(
        self,
        hass: HomeAssistant,
        raw: Sequence[Any],
        tell: Callable[[Sequence[str]], None],
        turns: Turns,
    ) -> None:
        """Take the conditions as they were entered; ``tell`` gets those not true."""
        self._hass = hass
        self._raw = raw
        self._tell = tell
        self._turns = turns
        self._looking = self._ended = False
        self._conditions: list[_Condition] = []
        self._invalid: list[str] = []
        self._removes: list[CALLBACK_TYPE] = []
        self.needs_polling = False

    async def begin(self) -> None:
        """Test them now, and whenever they may have changed."""
        usable, self._invalid = await validated_conditions(self._hass, self._raw)
        for config in usable:
            try:
                checker = await condition.async_from_config(self._hass, config)
            except HomeAssistantError as err:
                self._invalid.append(str(err))
                continue
            one = _Condition(self._hass, config, checker)
            self._conditions.append(one)
            self._removes.append(await one.follow(self._changed))
        # What can't be tested now may be testable later.
        self.needs_polling = any(
            one.needs_polling or one.entities for one in self._conditions
        )
        self.look()

    @property
    def problems(self) -> Sequence[str]:
        """Return which conditions can't be used or tested, in words."""
        broken = [one.broken for one in self._conditions if one.broken is not None]
        return [*self._invalid, *broken]

    @callback
    def look(self) -> None:
        """Test all conditions."""
        self._tell([one.name for one in self._conditions if not one.holds()])

    @callback
    def _changed(self) -> None:
        """Test all when it is our turn: many folders may wait for the same."""
        if not self._looking:
            self._looking = True
            self._turns.add(self._look_in_turn)

    @callback
    def _look_in_turn(self) -> None:
        """Test all, once for all that changed."""
        self._looking = False
        if not self._ended:
            self.look()

    @callback
    def end(self) -> None:
        """Test them no longer."""
        self._ended = True
        for remove in self._removes:
            remove()
        self._removes.clear()
        for one in self._conditions:
            one.unload()
        self._conditions.clear()


def _name(hass: HomeAssistant, config: Any, entities: Sequence[str]) -> str:
    """Return what a condition is called: its alias, else what it is about."""
    if not isinstance(config, Mapping):
        return "template"
    if alias := config.get(CONF_ALIAS):
        return str(alias)
    kind = str(config.get(CONF_CONDITION, "")).replace("_", " ")
    names = [
        state.name if (state := hass.states.get(entity_id)) else entity_id
        for entity_id in entities
    ]
    return f"{', '.join(names)} ({kind})" if names else kind
