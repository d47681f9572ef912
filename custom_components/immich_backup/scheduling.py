"""When a folder's runs start and what they wait for: clock, home, missed runs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_time
from homeassistant.util import dt as dt_util

from .const import CONF_CONDITIONS
from .engine import RunTrigger
from .gate import FolderGate
from .home_triggers import attach_triggers, missing_persons
from .scheduled_times import last_scheduled, next_scheduled
from .turns import Turns


class FolderScheduling:
    """Starts one folder's runs, and lets its files wait, as its owner chose."""

    def __init__(
        self,
        hass: HomeAssistant,
        name: str,
        data: Mapping[str, Any],
        *,
        start: Callable[[RunTrigger], None],
        wait_for: Callable[[Sequence[str]], None],
        turns: Turns,
    ) -> None:
        """Take what was chosen; nothing starts yet.

        ``start`` is called when a run is to start, ``wait_for`` with what must become
        true first, in words.
        """
        self._hass = hass
        self._name = name
        self._data = data
        self._start = start
        self._next: CALLBACK_TYPE | None = None
        self._detach: CALLBACK_TYPE | None = None
        self._broken: Sequence[str] = ()
        self.gate = FolderGate(hass, data.get(CONF_CONDITIONS, ()), wait_for, turns)

    async def begin(self) -> None:
        """Follow the clock and the home from now on."""
        await self.gate.begin()
        self._detach, self._broken = await attach_triggers(
            self._hass, self._name, self._data, lambda: self._start(RunTrigger.TRIGGER)
        )
        self.plan()

    @property
    def problems(self) -> Sequence[str]:
        """Return what of it can't be used, in words."""
        missing = missing_persons(self._hass, self._data)
        return [*self._broken, *missing, *self.gate.problems]

    @callback
    def plan(self) -> None:
        """Wait for the next moment, in the time zone of the home as it is now.

        A time trigger would not do: in the night in which the clocks go forward it
        skips a time that does not exist, in the other it fires twice.
        """
        if self._next is not None:
            self._next()
        moment = next_scheduled(self._data, dt_util.utcnow())
        self._next = (
            None
            if moment is None
            else async_track_point_in_time(self._hass, self._fire, moment)
        )

    @callback
    def catch_up(self, followed_until: float | None) -> bool:
        """Start a run if one was missed since then (epoch seconds); return whether.

        However many were missed, it is one.
        """
        last = last_scheduled(self._data, dt_util.utcnow())
        if last is None or followed_until is None or last.timestamp() <= followed_until:
            return False
        self._start(RunTrigger.SCHEDULE)
        return True

    @callback
    def end(self) -> None:
        """Follow nothing any more."""
        for remove in (self._next, self._detach):
            if remove is not None:
                remove()
        self._next = self._detach = None
        self.gate.end()

    @callback
    def _fire(self, _now: datetime) -> None:
        """Start a run by the clock."""
        self._next = None
        self.plan()
        self._start(RunTrigger.SCHEDULE)
