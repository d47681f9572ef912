"""The action organise, and what explain says of it."""

import pytest

from custom_components.immich_backup.const import (
    CONF_ALBUM,
    CONF_ALBUM_NAME,
    CONF_DESCRIPTION,
    CONF_NEW_MEDIA,
    CONF_ORGANISE,
    CONF_RULES,
    CONF_TAGS,
)
from tests.support.actions import act
from tests.support.home import Home, folder_data
from tests.support.media import jpeg, xmp

TEMPLATE = "{{ media.type }} {{ media.captured_at.strftime('%Y') }} {{ media.folder }}"


async def test_templates_and_dry_run(home: Home) -> None:
    """Templates make names, tags and descriptions; a dry run says so first."""
    folder = home.folder()
    (folder / "trip").mkdir()
    (folder / "trip" / "one.jpg").write_bytes(b"one")
    data = folder_data(folder, **{CONF_NEW_MEDIA: False})
    entry = await home.set_up(data)
    await act(home.hass, "run")
    assert await act(home.hass, "organise") == {
        "dry_run": False,
        "text": "1 file looked at, and nothing is left to do.",
        "files": 1,
        "albums": {},
        "tags": {},
        "favourites": 0,
        "visibility": 0,
        "descriptions": 0,
        "dates": 0,
        "places": 0,
        "ratings": 0,
        "live_photos": 0,
        "stacks": 0,
        "problems": {},
    }
    (subentry,) = entry.subentries.values()
    home.hass.config_entries.async_update_subentry(
        entry,
        subentry,
        data={
            **subentry.data,
            CONF_ORGANISE: {
                CONF_ALBUM: "name",
                CONF_ALBUM_NAME: TEMPLATE,
                CONF_TAGS: ["{{ media.folders | join('/') }}, All", "{{ 1 / 0 }}"],
                CONF_DESCRIPTION: "{{ media.name }}",
            },
        },
    )
    await home.hass.async_block_till_done()
    plan = await act(home.hass, "organise", dry_run=True)
    (album,) = plan["albums"]
    assert album.startswith("photo 20")
    assert album.endswith(" Camera")
    assert plan["tags"] == {"trip": 1, "All": 1}
    assert plan["descriptions"] == 1
    assert list(plan["problems"].values()) == [1]
    assert "division by zero" in next(iter(plan["problems"]))
    assert plan["text"].startswith(
        "Would do: 1 file into 1 album, 2 tags to at least 1 file, 1 description."
    )
    done = await act(home.hass, "organise")
    assert {**done, "dry_run": True, "text": plan["text"]} == plan
    assert done["text"].startswith("Done: ")
    explained = await act(home.hass, "explain", path=str(folder / "trip" / "one.jpg"))
    organised = explained["organised"]
    assert organised["album"] == album
    assert organised["tags"] == ["trip", "All"]
    assert organised["description"] == "one.jpg"
    assert organised["captured_by"] == "modified"
    assert organised["done"] is True
    again = await act(home.hass, "organise")
    assert (again["albums"], again["tags"], again["descriptions"]) == ({}, {}, 0)
    assert "nothing else could be done. Problems: " in again["text"]


async def test_what_nobody_has_to_choose(home: Home) -> None:
    """With only the path chosen, sidecars and the dates of names reach Immich."""
    folder = home.folder()
    photo = folder / "IMG-20230715-WA0001.jpg"
    photo.write_bytes(jpeg())
    (folder / "IMG-20230715-WA0001.xmp").write_text(xmp('xmp:Rating="4"'))
    await home.set_up(folder_data(folder, **{CONF_NEW_MEDIA: False}))
    await act(home.hass, "run")
    await home.immich.idle()
    (asset,) = home.immich.assets()
    assert asset.sidecar_path is not None
    assert asset.local_date_time == "2023-07-15T12:00:00.000Z"
    explained = await act(home.hass, "explain", path=str(photo))
    assert explained["organised"]["captured_by"] == "name"
    assert explained["organised"]["captured_at"].startswith("2023-07-15T12:00:00")
    assert explained["organised"]["done"] is True


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{{ media.nothing.at_all }}",
    ],
)
async def test_templates_that_fail(home: Home, template: str) -> None:
    """A template that never ends or fails costs the file its album, nothing else."""
    folder = home.folder()
    for name in ("one.jpg", "two.jpg"):
        (folder / name).write_bytes(name.encode())
    await home.set_up(
        folder_data(
            folder,
            **{
                CONF_NEW_MEDIA: False,
                CONF_ORGANISE: {
                    CONF_ALBUM: "name",
                    CONF_ALBUM_NAME: template,
                    CONF_TAGS: ["Card"],
                },
            },
        )
    )
    answer = await act(home.hass, "run")
    assert (answer["outcome"], answer["uploaded"]) == ("completed", 2)
    explained = await act(home.hass, "explain", path=str(folder / "one.jpg"))
    assert explained["organised"]["album"] is None
    assert explained["organised"]["tags"] == ["Card"]
    assert explained["organised"]["problem"]


async def test_rules_say_more(home: Home) -> None:
    """What a rule names goes to its files, and explain says so."""
    folder = home.folder()
    (folder / "bell_1.jpg").write_bytes(b"bell")
    rule = {
        "name": "Bell",
        "action": "back_up",
        "paths": ["bell_*"],
        CONF_ALBUM: "Front door",
        CONF_TAGS: ["Home/Doorbell"],
    }
    await home.set_up(
        folder_data(folder, **{CONF_NEW_MEDIA: False, CONF_RULES: [rule]})
    )
    await act(home.hass, "run")
    explained = await act(home.hass, "explain", path=str(folder / "bell_1.jpg"))
    assert explained["rule"] == "Bell"
    assert explained["organised"]["album"] == "Front door"
    assert explained["organised"]["tags"] == ["Home/Doorbell"]
    assert explained["organised"]["done"] is True


async def test_nothing_is_made_of_what_is_not_known(home: Home) -> None:
    """A template that makes None makes no album, no tag and no description."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(
        folder_data(
            folder,
            **{
                CONF_NEW_MEDIA: False,
                CONF_ORGANISE: {
                    CONF_ALBUM: "name",
                    CONF_ALBUM_NAME: "{{ media.event }}",
                    CONF_TAGS: ["{{ media.zone }}", "Card"],
                    CONF_DESCRIPTION: "{{ media.camera }}",
                },
            },
        )
    )
    await act(home.hass, "run")
    explained = await act(home.hass, "explain", path=str(folder / "one.jpg"))
    assert explained["organised"]["album"] is None
    assert explained["organised"]["tags"] == ["Card"]
    assert explained["organised"]["description"] is None
    assert explained["organised"]["done"] is True


async def test_problems_are_told_where_nothing_else_is_done(home: Home) -> None:
    """Where a template fails for all files it is not said that nothing is left to do."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(
        folder_data(
            folder,
            **{
                CONF_NEW_MEDIA: False,
                CONF_ORGANISE: {CONF_ALBUM: "name", CONF_ALBUM_NAME: "{{ 1 / 0 }}"},
            },
        )
    )
    await act(home.hass, "run")
    answer = await act(home.hass, "organise")
    assert answer["text"].startswith("1 file looked at, and nothing else could be done")
    assert "division by zero" in answer["text"]
