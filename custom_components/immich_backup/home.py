"""What the engine asks Home Assistant: implements the engine's Context."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from itertools import batched
from typing import Any, override

from homeassistant.components.calendar.const import (
    DOMAIN as CALENDAR_DOMAIN,
    EVENT_END_DATETIME,
    EVENT_START_DATETIME,
    SERVICE_GET_EVENTS,
)
from homeassistant.components.zone import async_active_zone, in_zone
from homeassistant.components.zone.const import DOMAIN as ZONE_DOMAIN
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_GPS_ACCURACY,
    ATTR_LATITUDE,
    ATTR_LONGITUDE,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, TemplateError
from homeassistant.helpers.importlib import async_import_module
from homeassistant.helpers.recorder import DATA_INSTANCE
from homeassistant.helpers.template import Template
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .engine import Context
from .engine.context import CalendarEvent, Fix, Place, Rendered, UnknownToHomeError

# Seconds that a template has for one file.
_PATIENCE = 1.0
# So many places are looked at in one go: less than ten milliseconds.
_AT_ONCE = 50
# Characters of what a template makes, and of an error that is shown.
_LONGEST = 5000
_LONGEST_ERROR = 200


class HomeContext(Context):
    """Answers from this Home Assistant."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Answer from this instance."""
        self._hass = hass

    @override
    def is_allowed(self, path: str) -> bool:
        """Return whether a path is in one of Home Assistant's allowed folders."""
        return self._hass.config.is_allowed_path(path)

    @property
    @override
    def time_zone(self) -> tzinfo:
        return dt_util.get_default_time_zone()

    @override
    async def render(
        self, template: str, media: Sequence[Mapping[str, object]]
    ) -> Sequence[Rendered]:
        """Return what a template makes of each of these files.

        In Home Assistant's sandbox, with a second for each file: in a thread first, so
        that one that never ends holds up nothing.
        """
        parsed = Template(template, self._hass)
        rendered: list[Rendered] = []
        too_slow = False
        for one in media:
            if too_slow:
                rendered.append(Rendered(None, f"Takes too long: {template}"))
                continue
            variables = {"media": one}
            try:
                parsed.ensure_valid()
                too_slow = await parsed.async_render_will_timeout(_PATIENCE, variables)
                if too_slow:
                    rendered.append(Rendered(None, f"Takes too long: {template}"))
                    continue
                text = str(parsed.async_render(variables, parse_result=False))
            except TemplateError as err:
                rendered.append(Rendered(None, str(err)[:_LONGEST_ERROR]))
                continue
            rendered.append(Rendered(text[:_LONGEST].strip()))
        return rendered

    @override
    async def zones(self, places: Sequence[Place]) -> Sequence[str | None]:
        """Return the name of the smallest zone around each place; passive ones count not."""
        found: list[str | None] = []
        for part in batched(places, _AT_ONCE, strict=False):
            zones = (async_active_zone(self._hass, *place) for place in part)
            found += [None if zone is None else zone.name for zone in zones]
            # Let others work in between.
            await asyncio.sleep(0)
        return found

    @override
    async def within(self, zone: str, places: Sequence[Place]) -> Sequence[bool]:
        """Return which places lie in a zone, a passive one too; UnknownToHomeError."""
        state = self._zone(zone)
        if state is None:
            raise UnknownToHomeError(f"There is no zone {zone} at present")

        def look() -> list[bool]:
            return [in_zone(state, *place) for place in places]

        # A few hundred distances take a while.
        return await self._hass.async_add_executor_job(look)

    def _zone(self, zone: str) -> State | None:
        """Return a zone by its entity id or its name, in any case."""
        states = self._hass.states.async_all(ZONE_DOMAIN)
        for state in states:
            if state.entity_id == zone.strip().lower():
                return _placed(state)
        for state in states:
            if state.name.casefold() == zone.strip().casefold():
                return _placed(state)
        return None

    @override
    async def calendar_events(
        self, calendar: str, start: datetime, end: datetime
    ) -> Sequence[CalendarEvent]:
        """Return what a calendar has between two moments; UnknownToHomeError."""
        try:
            answer = await self._hass.services.async_call(
                CALENDAR_DOMAIN,
                SERVICE_GET_EVENTS,
                {
                    ATTR_ENTITY_ID: calendar,
                    EVENT_START_DATETIME: start,
                    EVENT_END_DATETIME: end,
                },
                blocking=True,
                return_response=True,
            )
        except (HomeAssistantError, vol.Invalid) as err:
            raise UnknownToHomeError(f"{calendar} can't be asked: {err}") from err
        found: Any = (answer or {}).get(calendar)
        if found is None:
            raise UnknownToHomeError(f"There is no calendar {calendar} at present")
        events = (_event(values) for values in found["events"])
        return [event for event in events if event is not None]

    @override
    async def fixes(
        self, entity_id: str, start: datetime, end: datetime
    ) -> Sequence[Fix]:
        """Return where someone was, by the recorder's history; UnknownToHomeError."""
        if DATA_INSTANCE not in self._hass.data:
            raise UnknownToHomeError("Home Assistant records no history")
        recorder = self._hass.data[DATA_INSTANCE]
        oldest = recorder.states_manager.oldest_ts
        if oldest is None or end.timestamp() < oldest:
            return []
        # Where nothing is recorded its database is not installed either.
        history = await async_import_module(
            self._hass, "homeassistant.components.recorder.history"
        )
        states: Mapping[str, Sequence[State]] = await recorder.async_add_executor_job(
            partial(
                history.get_significant_states,
                self._hass,
                start,
                end,
                [entity_id],
                # Else the ways between two zones are missing,
                significant_changes_only=False,
                # and what was long before seems to be of the start.
                include_start_time_state=False,
            )
        )
        fixes = (_fix(state) for state in states.get(entity_id, ()))
        return [fix for fix in fixes if fix is not None]


def _fix(state: State) -> Fix | None:
    """Return where someone was by a state of theirs; None if it does not say."""
    try:
        accuracy = state.attributes.get(ATTR_GPS_ACCURACY)
        return Fix(
            state.last_updated,
            (
                float(state.attributes[ATTR_LATITUDE]),
                float(state.attributes[ATTR_LONGITUDE]),
            ),
            None if accuracy is None else float(accuracy),
        )
    except KeyError, TypeError, ValueError:
        return None


def _placed(zone: State) -> State | None:
    """Return a zone of which it is known where it is."""
    return None if zone.state == STATE_UNAVAILABLE else zone


def _event(values: Mapping[str, str]) -> CalendarEvent | None:
    """Return an event as the action tells it: a time, or a day without one."""
    start, end = (
        dt_util.parse_datetime(text)
        if (day := dt_util.parse_date(text)) is None
        else dt_util.start_of_local_day(day)
        for text in (values["start"], values["end"])
    )
    if start is None or end is None:
        return None
    # In one zone times would be compared by their clocks.
    return CalendarEvent(
        values.get("summary") or "", dt_util.as_utc(start), dt_util.as_utc(end)
    )
