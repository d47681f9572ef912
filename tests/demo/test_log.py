"""What the demonstration reads from Home Assistant's log."""

import pytest

from demo.log import complaints

STANDARD = (
    "2026-11-21 10:02:07.707 WARNING (SyncWorker_0) [homeassistant.loader] We found a"
    " custom integration immich_backup which has not been tested by Home Assistant."
)


@pytest.mark.parametrize(
    "time", ["2026-11-21 08:22:16.971", "2026-11-21 08:22:16.971+00:00"]
)
@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_complaints_of_the_integration(time: str, level: str) -> None:
    """Both ways to write the time are understood."""
    line = f"{time} {level} (MainThread) [custom_components.immich_backup] Trouble"
    assert complaints([STANDARD, f"{line}\n"]) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21 08:22:16.971 INFO (MainThread) [custom_components.immich_backup] Hi",
        "2026-11-21 08:22:16.971 ERROR (MainThread) [homeassistant.components.met] No",
        STANDARD,
    ],
)
def test_what_is_no_complaint(line: str) -> None:
    """Neither news, nor the trouble of others, nor what every integration gets."""
    assert complaints([line]) == []


def test_a_traceback_belongs_to_its_record() -> None:
    """The integration may be named below the first line of a record."""
    record = [
        "2026-11-21 08:22:16.971 ERROR (MainThread) [homeassistant] Error doing job",
        "Traceback (most recent call last):",
        '  File "custom_components/immich_backup/manager.py", line 1, in start',
        "KeyError: 'x'",
    ]
    news = (
        "2026-11-21 08:22:17.000 INFO (MainThread) [homeassistant.core] immich_backup"
    )
    assert complaints([news, *record, news]) == ["\n".join(record)]
