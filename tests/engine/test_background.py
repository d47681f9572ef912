"""Work in the background that fails, and listeners that do."""

import asyncio

import pytest

from custom_components.immich_backup.engine import background
from custom_components.immich_backup.engine.background import Background
from custom_components.immich_backup.engine.events import (
    Event,
    Listeners,
    StatusChanged,
)


async def test_work_that_fails_begins_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error is logged and ends neither the work nor anything beside it."""
    monkeypatch.setattr(background, "_RESTART", 0.0)
    begun: list[str] = []
    goes_on = asyncio.Event()

    async def fragile() -> None:
        begun.append("fragile")
        if len(begun) < 4:
            raise ValueError("broken")
        goes_on.set()
        await asyncio.Event().wait()

    async def sound() -> None:
        begun.append("sound")
        await asyncio.Event().wait()

    work = Background()
    work.start(fragile, "fragile")
    work.start(sound, "sound")
    async with asyncio.timeout(10):
        await goes_on.wait()
    assert sorted(begun) == ["fragile"] * 3 + ["sound"]
    assert caplog.text.count("Unexpected error in the background (fragile)") == 2
    await work.stop()
    assert [
        task.get_name()
        for task in asyncio.all_tasks()
        if task.get_name().startswith("immich_backup")
    ] == []
    await work.stop()


def test_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The others are told all the same; each until it no longer wants to be."""
    told: list[Event] = []
    listeners = Listeners()

    def broken(event: Event) -> None:
        raise ValueError("broken")

    end_broken, end = listeners.add(broken), listeners.add(told.append)
    listeners.tell(StatusChanged())
    assert told == [StatusChanged()]
    assert "Unexpected error in a listener" in caplog.text
    caplog.clear()
    end_broken()
    end_broken()
    listeners.tell(StatusChanged())
    assert (len(told), caplog.text) == (2, "")
    end()
    listeners.tell(StatusChanged())
    assert len(told) == 2
