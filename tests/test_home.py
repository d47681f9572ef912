"""What the home is asked for: calendars, zones and templates, by real ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from homeassistant.components.local_calendar.const import CONF_CALENDAR_NAME
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.immich_backup.const import (
    CONF_NEW_MEDIA,
    CONF_ORGANISE,
    CONF_RULES,
)
from custom_components.immich_backup.engine.context import UnknownToHomeError
from custom_components.immich_backup.home import HomeContext

from .support.actions import act
from .support.home import Home, folder_data
from .support.media import jpeg, place, tiff

CALENDAR = "calendar.family"
ENDLESS = (
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
)


@pytest.fixture
async def calendar(hass: HomeAssistant) -> None:
    """Set up a calendar, in a home that is five hours behind UTC in summer."""
    await hass.config.async_set_time_zone("America/New_York")
    # Where Home Assistant keeps it.
    Path(hass.config.path(".storage")).mkdir(parents=True, exist_ok=True)
    entry = MockConfigEntry(
        domain="local_calendar",
        title="Family",
        data={CONF_CALENDAR_NAME: "Family", "storage_key": "family"},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def note(hass: HomeAssistant, summary: str, start: str, end: str) -> None:
    """Enter an event into the calendar: between times, or on days."""
    kind = "date_time" if "T" in start else "date"
    await hass.services.async_call(
        "calendar",
        "create_event",
        {
            "entity_id": CALENDAR,
            "summary": summary,
            f"start_{kind}": start.replace("T", " "),
            f"end_{kind}": end.replace("T", " "),
        },
        blocking=True,
    )


def photo(home: Home, name: str, moment: str, **gps: float) -> None:
    """Write a photo that was taken at a moment, by the clock of the home."""
    at = datetime.fromisoformat(moment)
    where = place(gps["latitude"], gps["longitude"]) if gps else None
    data = tiff(exif={0x9003: f"{at:%Y:%m:%d %H:%M:%S}"}, gps=where)
    (home.folder() / name).write_bytes(jpeg(data, appended=name.encode()))


async def albums(home: Home) -> dict[str, int]:
    """Do a run and return the albums and how many photos each has."""
    answer = await act(home.hass, "run")
    assert answer["outcome"] == "completed"
    found = await home.entry.runtime_data.client.albums()
    return {album.name: album.asset_count for album in found}


async def test_events_of_a_calendar(home: Home, calendar: None) -> None:
    """The shortest event wins, whole days are local days, and others go by the date."""
    for event in (
        ("Holiday", "2024-07-12", "2024-07-15"),
        ("Party", "2024-07-13T20:00:00", "2024-07-13T23:30:00"),
        ("Cake", "2024-07-13T21:00:00", "2024-07-13T22:00:00"),
    ):
        await note(home.hass, *event)
    for name, moment in (
        ("before.jpg", "2024-07-11T23:59:59"),
        ("first.jpg", "2024-07-12T00:00:00"),
        ("party.jpg", "2024-07-13T20:30:00"),
        ("cake.jpg", "2024-07-13T21:30:00"),
        ("end.jpg", "2024-07-13T23:30:00"),
        ("last.jpg", "2024-07-14T23:59:59"),
        ("after.jpg", "2024-07-15T00:00:00"),
        ("old.jpg", "1999-01-01T00:00:00"),
    ):
        photo(home, name, moment)
    organise = {"album": "calendar", "album_calendars": [CALENDAR]}
    await home.set_up(
        folder_data(
            home.folder(),
            **{
                CONF_NEW_MEDIA: False,
                CONF_ORGANISE: {**organise, "album_otherwise": "year"},
            },
        )
    )
    assert await albums(home) == {
        "Holiday": 3,
        "Party": 1,
        "Cake": 1,
        "2024": 2,
        "1999": 1,
    }
    explained = await act(home.hass, "explain", path=str(home.folder() / "cake.jpg"))
    assert explained["organised"]["event"] == "Cake"
    assert explained["organised"]["captured_at"] == "2024-07-13T21:30:00-04:00"
    assert explained["organised"]["captured_by"] == "exif"
    assert explained["organised"]["text"] == (
        "Its album is “Cake”, by what was in the calendar when it was taken. Taken"
        " 2024-07-13 21:30:00, as its EXIF data say."
    )
    explained = await act(home.hass, "explain", path=str(home.folder() / "old.jpg"))
    assert explained["organised"]["text"].startswith(
        "Its album is “1999”, by the year in which it was taken, as it belongs to"
    )


async def test_a_calendar_that_is_gone(home: Home) -> None:
    """A photo waits for the calendar: the backup is done, explain says what lacks."""
    photo(home, "one.jpg", "2024-07-13T20:30:00")
    organise = {"album": "calendar", "album_calendars": [CALENDAR], "tags": ["x"]}
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False, CONF_ORGANISE: organise})
    )
    assert await albums(home) == {}
    explained = await act(home.hass, "explain", path=str(home.folder() / "one.jpg"))
    assert explained["organised"]["done"] is False
    assert CALENDAR in explained["organised"]["problem"]
    assert explained["state"] == "protected"


async def test_events_in_templates(home: Home, calendar: None) -> None:
    """A name of one's own can tell the event too, and so can tags."""
    await note(home.hass, "Party", "2024-07-13T20:00:00", "2024-07-13T23:30:00")
    photo(home, "party.jpg", "2024-07-13T20:30:00")
    photo(home, "other.jpg", "2024-07-14T20:30:00")
    organise = {
        "album": "name",
        "album_name": "{{ media.captured_at.year }} {{ media.event or 'Everyday' }}",
        "album_calendars": [CALENDAR],
        "tags": ["{{ 'Event/' ~ media.event if media.event else '' }}"],
    }
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False, CONF_ORGANISE: organise})
    )
    assert await albums(home) == {"2024 Party": 1, "2024 Everyday": 1}
    explained = await act(home.hass, "explain", path=str(home.folder() / "party.jpg"))
    assert explained["organised"]["event"] == "Party"
    assert explained["organised"]["tags"] == ["Event/Party"]
    explained = await act(home.hass, "explain", path=str(home.folder() / "other.jpg"))
    assert explained["organised"]["tags"] == []


async def test_templates_wait_for_a_calendar(home: Home) -> None:
    """While it can't be asked nothing is made of nothing; the rest does not wait."""
    photo(home, "one.jpg", "2024-07-13T20:30:00")
    organise = {
        "album": "name",
        "album_name": "Card",
        "album_calendars": [CALENDAR],
        "tags": ["x", "{{ media.event or 'Everyday' }}"],
    }
    await home.set_up(
        folder_data(home.folder(), **{CONF_NEW_MEDIA: False, CONF_ORGANISE: organise})
    )
    assert await albums(home) == {"Card": 1}
    path = str(home.folder() / "one.jpg")
    organised = (await act(home.hass, "explain", path=path))["organised"]
    assert organised["text"].startswith("Its album is “Card”")
    assert organised["tags"] == ["x"]
    assert organised["done"] is False
    assert CALENDAR in organised["problem"]


async def test_calendar_questions(home: Home, calendar: None) -> None:
    """Events come with aware times; a calendar that is not there is an error."""
    await note(home.hass, "Day", "2024-03-10", "2024-03-11")
    context = HomeContext(home.hass)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    (event,) = await context.calendar_events(
        CALENDAR, start, start + timedelta(days=30)
    )
    assert event.start == datetime(2024, 3, 10, 5, tzinfo=UTC)
    # The night in which the clocks change has 23 hours.
    assert event.end - event.start == timedelta(hours=23)
    with pytest.raises(UnknownToHomeError, match="calendar.gone"):
        await context.calendar_events("calendar.gone", start, start)


async def test_zones(home: Home) -> None:
    """The smallest zone around the place gives the album; passive ones do not."""
    assert await async_setup_component(
        home.hass,
        "zone",
        {
            "zone": [
                {"name": "City", "latitude": 48.85, "longitude": 2.35, "radius": 9000},
                {"name": "Office", "latitude": 48.86, "longitude": 2.35, "radius": 99},
                {
                    "name": "Hidden",
                    "latitude": 48.86,
                    "longitude": 2.35,
                    "radius": 50,
                    "passive": True,
                },
            ]
        },
    )
    context = HomeContext(home.hass)
    assert await context.within("zone.hidden", [(48.86, 2.35)]) == [True]
    assert await context.within("Office", [(48.86, 2.35), (0.0, 0.0)]) == [True, False]
    with pytest.raises(UnknownToHomeError, match="Nowhere"):
        await context.within("Nowhere", [(48.86, 2.35)])
    photo(home, "office.jpg", "2024-07-13T20:30:00", latitude=48.86, longitude=2.35)
    photo(home, "city.jpg", "2024-07-13T20:30:00", latitude=48.83, longitude=2.35)
    photo(home, "sea.jpg", "2024-07-13T20:30:00", latitude=0.0, longitude=-30.0)
    photo(home, "unknown.jpg", "2024-07-13T20:30:00")
    await home.set_up(
        folder_data(
            home.folder(),
            **{
                CONF_NEW_MEDIA: False,
                CONF_ORGANISE: {
                    "album": "zone",
                    "tags": ["{{ media.zone or 'Away' }}"],
                },
            },
        )
    )
    assert await albums(home) == {"Office": 1, "City": 1}
    assert dt_util.get_default_time_zone() == HomeContext(home.hass).time_zone


async def test_rules_that_ask_the_home(home: Home, calendar: None) -> None:
    """A zone, a calendar and a template of this home decide; a form would say so."""
    assert await async_setup_component(
        home.hass,
        "zone",
        {
            "zone": [
                {"name": "Office", "latitude": 48.86, "longitude": 2.35, "radius": 99}
            ]
        },
    )
    await note(home.hass, "Night out", "2024-07-13T20:00:00", "2024-07-13T23:30:00")
    await note(home.hass, "Dentist", "2024-07-14T20:00:00", "2024-07-14T21:00:00")
    home.hass.states.async_set("input_boolean.guests", "on")
    photo(home, "office.jpg", "2024-07-13T20:30:00", latitude=48.86, longitude=2.35)
    photo(home, "out.jpg", "2024-07-13T20:30:00")
    photo(home, "dentist.jpg", "2024-07-14T20:30:00")
    photo(home, "guests.jpg", "2024-07-15T20:30:00")
    photo(home, "none.jpg", "2024-07-16T20:30:00")
    rules = [
        {"name": "Work", "action": "skip", "zones": ["zone.office"]},
        {
            "name": "Out",
            "action": "skip",
            "calendars": [CALENDAR],
            "event": "night",
        },
        {
            "name": "Guests",
            "action": "skip",
            "template": "{{ is_state('input_boolean.guests', 'on')"
            " and media.captured_at.day == 15 and media.folder == 'Camera' }}",
        },
        # Never ends, and never matches.
        {"name": "Endless", "action": "skip", "template": ENDLESS},
    ]
    options = {CONF_NEW_MEDIA: False, CONF_RULES: rules}
    await home.set_up(folder_data(home.folder(), **options))
    plan = await act(home.hass, "run", dry_run=True)
    assert plan["folders"][0]["left_out"] == {
        "Work": 1,
        "Out": 1,
        "Guests": 1,
    }
    assert (await act(home.hass, "run"))["outcome"] == "completed"
    assert {asset.original_file_name for asset in home.immich.assets()} == {
        "dentist.jpg",
        "none.jpg",
    }
    explained = await act(home.hass, "explain", path=str(home.folder() / "out.jpg"))
    assert (explained["rule"], explained["criterion"]) == ("Out", "calendar")


async def test_rule_with_a_calendar_that_is_gone(home: Home) -> None:
    """The file waits, and explain says for what."""
    photo(home, "one.jpg", "2024-07-13T20:30:00")
    rules = [{"name": "Out", "action": "skip", "calendars": [CALENDAR]}]
    await home.set_up(folder_data(home.folder(), **{CONF_RULES: rules}))
    path = str(home.folder() / "one.jpg")
    while (await act(home.hass, "explain", path=path))["state"] != "unwanted":
        await home.hass.async_block_till_done()
    explained = await act(home.hass, "explain", path=path)
    assert explained["reason"] == "undecided"
    assert CALENDAR in explained["reason_text"]
    assert home.immich.assets() == []
