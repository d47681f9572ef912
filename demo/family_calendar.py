"""A calendar of the home, of the integration Local calendar, with what was in it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from . import flows
from .api import HomeApi, HomeSocket
from .errors import DemoError

_INTEGRATION: Final = "local_calendar"
_NAME: Final = "Family"
# Seconds until the calendar can be used.
_PATIENCE = 30.0
_INTERVAL = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Whole days in the calendar, as ISO dates; ``end`` is the day after the last."""

    summary: str
    start: str
    end: str


async def set_up_calendar(
    api: HomeApi, socket: HomeSocket, events: Iterable[Event]
) -> str:
    """Return the calendar (its entity), added if need be, with these events in it.

    Raises DemoError.
    """
    if await _find(socket) is None:
        await flows.add_entry(api, _INTEGRATION, {"calendar_name": _NAME})
    calendar = await _wait_for(socket)
    for event in events:
        answer = await socket.action(
            "calendar",
            "get_events",
            entity_id=calendar,
            start_date_time=f"{event.start} 00:00:00",
            end_date_time=f"{event.end} 00:00:00",
        )
        found = answer[calendar]["events"]
        if event.summary not in (one["summary"] for one in found):
            await socket.command(
                "call_service",
                domain="calendar",
                service="create_event",
                service_data={
                    "entity_id": calendar,
                    "summary": event.summary,
                    "start_date": event.start,
                    "end_date": event.end,
                },
            )
    return calendar


async def _find(socket: HomeSocket) -> str | None:
    """Return the calendar's entity; None if there is none."""
    for entity in await socket.command("config/entity_registry/list"):
        if entity["platform"] == _INTEGRATION:
            entity_id: str = entity["entity_id"]
            return entity_id
    return None


async def _wait_for(socket: HomeSocket) -> str:
    """Return the calendar's entity once it can be used. Raises DemoError."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                states = await socket.command("get_states")
                usable = {s["entity_id"] for s in states if s["state"] != "unavailable"}
                if (calendar := await _find(socket)) in usable and calendar:
                    return calendar
                await asyncio.sleep(_INTERVAL)
    except TimeoutError:
        raise DemoError("There is no calendar") from None
