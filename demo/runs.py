"""The runs of a folder, as its event entity tells of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
import time
from typing import Any, Final

from .api import HomeSocket, Json

# How runs end that nothing interrupted.
_ENDS: Final = frozenset(
    ("completed", "completed_with_errors", "failed", "stopped", "waiting")
)
# What an event tells of every run, and no other event entity does.
_RUN: Final = frozenset(("event_type", "run_id", "trigger", "started"))
# What starts a run, in words.
_CAUSES: Final = {
    "manual": "the action immich_backup.run",
    "new_media": "new files",
    "schedule": "the clock",
    "trigger": "a trigger",
    "retry": "another try",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: ``started`` in seconds since the epoch, no ``outcome`` while it goes on."""

    id: str
    trigger: str
    started: float
    outcome: str | None
    uploaded: int
    duplicates: int
    failed: int
    error: str | None

    @classmethod
    def of(cls, values: Mapping[str, Any], outcome: str | None) -> Run:
        """Take the attributes of an event, or the response of the action."""
        return cls(
            id=values["run_id"],
            trigger=values["trigger"],
            started=datetime.fromisoformat(values["started"]).timestamp(),
            outcome=outcome,
            uploaded=values.get("uploaded", 0),
            duplicates=values.get("duplicates", 0),
            failed=values.get("failed", 0),
            error=values.get("error"),
        )

    @property
    def cause(self) -> str:
        """Return what started it, for people."""
        return _CAUSES.get(self.trigger, self.trigger)


class RunLog:
    """Notes the runs that begin from now on.

    When Home Assistant starts, or an account is loaded again, the last run before is
    shown again.
    """

    def __init__(self, since: float | None = None) -> None:
        """Begin with none, now or at a time (seconds since the epoch)."""
        self._since = time.time() if since is None else since
        self._runs: dict[str, dict[str, Run]] = {}
        self._changed = asyncio.Event()

    async def listen(self, socket: HomeSocket) -> None:
        """Follow all event entities: that of a new folder is not known yet."""
        await socket.subscribe(self._hear, "state_changed")

    def of(self, entity_id: str) -> list[Run]:
        """Return the runs of a folder by its event entity, the first one first."""
        return list(self._runs.get(entity_id, {}).values())

    def add(self, entity_id: str, run: Run) -> None:
        """Note what is known of a run."""
        if run.started >= self._since:
            self._runs.setdefault(entity_id, {})[run.id] = run
            self._changed.set()

    async def wait_for(self, entity_id: str, trigger: str, since: float) -> Run:
        """Return a folder's first run with a trigger since then, once it has begun."""
        while True:
            for run in self.of(entity_id):
                if run.trigger == trigger and run.started >= since:
                    return run
            self._changed.clear()
            await self._changed.wait()

    async def wait_for_end(self, entity_id: str, run_id: str) -> Run:
        """Return a run once it has ended."""
        while (run := self._runs[entity_id][run_id]).outcome is None:
            self._changed.clear()
            await self._changed.wait()
        return run

    def _hear(self, message: Json) -> None:
        """Take a change of any state."""
        entity_id: str = message["data"]["entity_id"]
        values = (message["data"]["new_state"] or {}).get("attributes", {})
        if entity_id.startswith("event.") and values.keys() >= _RUN:
            event = values["event_type"]
            self.add(entity_id, Run.of(values, event if event in _ENDS else None))
