"""Schedules and repair issues of an account at work."""

import asyncio
import logging
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.immich_backup import coordinator, issue_keeper
from custom_components.immich_backup.const import (
    CONF_DETECTION,
    CONF_NEW_MEDIA,
    CONF_ORGANISE,
    CONF_RULES,
    CONF_SCHEDULE_TIME,
    DOMAIN,
    PERMISSIONS,
)
from custom_components.immich_backup.engine.detect import folder_watch, watch
from custom_components.immich_backup.engine.events import Halted
from custom_components.immich_backup.engine.ledger import LedgerError
from custom_components.immich_backup.engine.model import Halt
from custom_components.immich_backup.issues import Issue
from simulator import Action, Fault

from .support.home import (
    API_KEY,
    ENTRY_ID,
    OTHER,
    Home,
    folder_data,
    permission_lost,
    until,
)
from .support.instances import inotify_instances


def issue(
    hass: HomeAssistant, kind: Issue, folder: str | None = None
) -> ir.IssueEntry | None:
    """Return an issue about the account or about a folder, if it is raised."""
    issue_id = "_".join(filter(None, (kind.value, ENTRY_ID, folder)))
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


def raised(hass: HomeAssistant) -> set[str]:
    """Return what is raised at present."""
    return {
        entry.translation_key or ""
        for entry in ir.async_get(hass).issues.values()
        if entry.domain == DOMAIN
    }


async def until_raised(home: Home, *kinds: Issue) -> None:
    """Wait until exactly these issues are raised."""
    try:
        await until(lambda: raised(home.hass) == set(kinds))
    except AssertionError as err:
        raise AssertionError(f"Raised are {raised(home.hass)}") from err


def too_large() -> Fault:
    """Return what a proxy does that refuses large bodies."""
    return Fault(
        action=Action.RESPOND,
        canned="too-large",
        method="POST",
        path="/api/assets",
        body_over=100_000,
    )


# Schedules


@pytest.mark.freeze_time("2026-11-21T10:00:00+00:00", tick=True, real_asyncio=True)
async def test_scheduled_run(home: Home, freezer: FrozenDateTimeFactory) -> None:
    """A folder that waits for its time is backed up then, as often as it comes."""
    folder = home.folder()
    await home.set_up(
        folder_data(folder, **{CONF_SCHEDULE_TIME: "12:00:00", CONF_NEW_MEDIA: False})
    )
    await home.hass.config.async_set_time_zone("UTC")
    await home.hass.config_entries.async_reload(ENTRY_ID)
    for day, count in ((21, 1), (22, 2)):
        (folder / f"{day}.jpg").write_bytes(b"%d" % day)
        await home.until_state("sensor", "waiting_files", "1")
        assert len(home.immich.assets()) == count - 1
        freezer.move_to(f"2026-11-{day}T12:00:01+00:00")
        async_fire_time_changed(home.hass)
        await home.until_stored(count)
        await home.until_state("binary_sensor", "running", "off")
        await home.until_state("sensor", "waiting_files", "0")
    runs = await home.engine.recent_runs(10)
    assert [run.trigger for run in runs] == ["schedule", "schedule"]


@pytest.mark.freeze_time("2026-11-21T10:00:00+00:00", tick=True, real_asyncio=True)
async def test_no_scheduled_run_while_switched_off(
    home: Home, freezer: FrozenDateTimeFactory
) -> None:
    """The clock starts nothing while nothing is to start by itself."""
    await home.hass.config.async_set_time_zone("UTC")
    folder = home.folder()
    await home.set_up(folder_data(folder, **{CONF_SCHEDULE_TIME: "12:00:00"}))
    await home.engine.controls.set_automatic(False)
    freezer.move_to("2026-11-21T12:00:01+00:00")
    async_fire_time_changed(home.hass)
    await home.hass.async_block_till_done()
    await home.engine.controls.set_automatic(True)
    await home.until_state("sensor", "next_run", "2026-11-22T12:00:00+00:00")
    assert await home.engine.recent_runs(10) == []


# Folders


@pytest.mark.usefixtures("quick_checks")
async def test_folder_vanishes(home: Home) -> None:
    """A folder that is gone is told, and no longer when it is back."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    folder.rename(home.root / "away")
    await until_raised(home, Issue.FOLDER_MISSING)
    entry = issue(home.hass, Issue.FOLDER_MISSING, "folder1")
    assert entry is not None
    assert entry.translation_placeholders == {"folder": "Camera", "path": str(folder)}
    assert not entry.is_fixable
    (home.root / "away").rename(folder)
    await until_raised(home)
    assert len(home.immich.assets()) == 1


@pytest.mark.usefixtures("quick_checks")
async def test_folder_is_emptied(home: Home) -> None:
    """A folder that is suddenly empty is not believed until a person says so."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    (folder / "one.jpg").unlink()
    await home.press("back_up_now")
    await until_raised(home, Issue.FOLDER_EMPTY)
    entry = issue(home.hass, Issue.FOLDER_EMPTY, "folder1")
    assert entry is not None
    assert entry.is_fixable
    assert home.state("sensor", "protected_files").state == "1"
    await home.engine.accept_root("folder1")
    await until_raised(home)
    await home.until_state("sensor", "protected_files", "0")


@pytest.mark.usefixtures("quick_checks")
async def test_folder_is_not_allowed(home: Home, tmp_path: Path) -> None:
    """A folder that Home Assistant may not read is left alone until it may."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.FOLDER_NOT_ALLOWED)
    assert home.state("sensor", "waiting_files").state == "0"
    home.hass.config.allowlist_external_dirs.add(str(folder))
    await until_raised(home)
    await home.until_stored(1)


async def test_broken_rules(home: Home) -> None:
    """A folder whose rules can't be read is not tended until they can."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder, **{CONF_RULES: [{"action": "unheard of"}]}))
    await until_raised(home, Issue.FOLDER_RULES)
    entry = issue(home.hass, Issue.FOLDER_RULES, "folder1")
    assert entry is not None
    assert entry.translation_placeholders == {"folder": "Camera", "field": "action"}
    subentry = home.entry.subentries["folder1"]
    home.hass.config_entries.async_update_subentry(
        home.entry, subentry, data={**subentry.data, CONF_RULES: []}
    )
    await home.hass.async_block_till_done()
    await until_raised(home)
    await home.until_stored(1)


async def test_rules_break(home: Home) -> None:
    """A folder whose rules can't be read any more goes by none, not by the old ones."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    subentry = home.entry.subentries["folder1"]
    home.hass.config_entries.async_update_subentry(
        home.entry,
        subentry,
        data={**subentry.data, CONF_RULES: [{"action": "unheard of"}]},
    )
    await home.hass.async_block_till_done()
    await until_raised(home, Issue.FOLDER_RULES)
    assert set(home.engine.folders) == set()
    # Not even a restart forgets what is known of it.
    await home.hass.config_entries.async_reload(ENTRY_ID)
    reports, _ = await home.engine.list_files()
    assert [report.state for report in reports] == ["protected"]
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.async_block_till_done()
    await until_raised(home)


@pytest.mark.usefixtures("quick_checks")
async def test_polling(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that can't be watched is told until it can, or is polled by choice."""

    def exhausted(*_args: object, **_options: object) -> None:
        raise watch.WatchError("limit")

    # A watch that failed is soon tried again.
    monkeypatch.setattr(folder_watch, "_RETRY", 0.2)
    folder = home.folder()
    with monkeypatch.context() as patch:
        patch.setattr(watch.Watcher, "add", exhausted)
        await home.set_up(folder_data(folder, **{CONF_DETECTION: "events"}))
        await until_raised(home, Issue.POLLING)
        subentry = home.entry.subentries["folder1"]
        home.hass.config_entries.async_update_subentry(
            home.entry, subentry, data={**subentry.data, CONF_DETECTION: "polling"}
        )
        await home.hass.async_block_till_done()
        await until_raised(home)
        home.hass.config_entries.async_update_subentry(
            home.entry, subentry, data={**subentry.data, CONF_DETECTION: "events"}
        )
        await home.hass.async_block_till_done()
        await until_raised(home, Issue.POLLING)
    await until_raised(home)


def all_watched(home: Home) -> bool:
    """Return whether all folders of the account are watched by events."""
    folders = home.engine._folders
    return bool(folders) and all(each._watch.watching for each in folders.values())


async def test_many_folders_take_one_inotify_instance(home: Home) -> None:
    """Of these a user has few, which others need too; a folder may come and go."""
    before = inotify_instances()
    paths = [home.folder(f"camera {number}") for number in range(20)]
    await home.set_up(
        *(folder_data(path, title=path.name, subentry_id=path.name) for path in paths)
    )
    await until(lambda: all_watched(home))
    assert inotify_instances() == before + 1
    home.hass.config_entries.async_remove_subentry(home.entry, paths[7].name)
    await home.hass.async_block_till_done()
    await until(lambda: len(home.engine.folders) == 19)
    await home.add_folder(paths[7], title="Again", subentry_id="again")
    await until(lambda: len(home.engine.folders) == 20 and all_watched(home))
    assert inotify_instances() == before + 1
    for path in paths:
        (path / "x.jpg").write_bytes(path.name.encode())
    await home.until_stored(20)
    await home.hass.config_entries.async_unload(ENTRY_ID)
    assert inotify_instances() == before


async def test_accounts_share_an_inotify_instance(two: Home) -> None:
    """One account more takes none more, and the last one that goes gives it back."""
    other = two.hass.config_entries.async_get_entry(OTHER)
    assert other is not None
    folders = other.runtime_data.engine._folders
    await until(lambda: all(each._watch.watching for each in folders.values()))
    await until(lambda: all_watched(two))
    assert inotify_instances() == 1
    await two.hass.config_entries.async_unload(OTHER)
    assert inotify_instances() == 1
    (two.folder("camera") / "new.jpg").write_bytes(b"new")
    await two.until_state("sensor", "protected_files", "2")
    await two.hass.config_entries.async_unload(ENTRY_ID)
    assert inotify_instances() == 0


async def test_overlap(home: Home) -> None:
    """Folders that have files in common are told until they have none."""
    outer = home.folder("outer")
    inner = outer / "inner"
    inner.mkdir()
    (inner / "one.jpg").write_bytes(b"one")
    await home.set_up(
        folder_data(outer, title="Outer", subentry_id="outer"),
        folder_data(inner, title="Inner", subentry_id="inner"),
    )
    await until_raised(home, Issue.FOLDERS_OVERLAP)
    entry = issue(home.hass, Issue.FOLDERS_OVERLAP, "inner_outer")
    assert entry is not None
    assert entry.translation_placeholders == {"first": "Inner", "second": "Outer"}
    await home.until_state("sensor", "protected_files", "2")
    assert len(home.immich.assets()) == 1
    assert await home.hass.config_entries.async_unload(ENTRY_ID)
    assert raised(home.hass) == set()
    await home.hass.config_entries.async_setup(ENTRY_ID)
    await until_raised(home, Issue.FOLDERS_OVERLAP)
    home.hass.config_entries.async_remove_subentry(home.entry, "inner")
    await home.hass.async_block_till_done()
    await until_raised(home)


async def test_removed_folder_takes_its_issues_along(home: Home) -> None:
    """Nothing is told about a folder that is no longer backed up."""
    await home.set_up(folder_data(home.root / "missing"))
    await until_raised(home, Issue.FOLDER_MISSING)
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.async_block_till_done()
    await until_raised(home)


async def test_folder_removed_while_the_ledger_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder is let go of even if the ledger can't forget it now."""
    await home.set_up(folder_data(home.folder()))
    await home.until_state("sensor", "status", "idle", "folder1")

    async def broken(*_job: object) -> None:
        raise LedgerError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(home.engine.ledger, "run", broken)
        home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
        await home.hass.async_block_till_done()
    assert "disk full" in caplog.text
    assert set(home.engine.folders) == set()
    await home.add_folder(home.folder("other"), title="Other", subentry_id="other")
    assert home.state("sensor", "status", "other")


async def test_reload_forgets_what_no_longer_holds(home: Home) -> None:
    """An issue whose cause went away while the account was not loaded is gone."""
    folder = home.root / "late"
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.FOLDER_MISSING)
    assert await home.hass.config_entries.async_unload(ENTRY_ID)
    assert raised(home.hass) == set()
    folder.mkdir()
    await home.hass.config_entries.async_setup(ENTRY_ID)
    await home.until_state("sensor", "status", "idle", "folder1")
    assert raised(home.hass) == set()


# The server


async def test_permission_lost(home: Home) -> None:
    """A permission that is missing is told until an upload works again."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    fault = home.immich.faults.add(permission_lost())
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.PERMISSIONS)
    entry = issue(home.hass, Issue.PERMISSIONS)
    assert entry is not None
    assert entry.severity is ir.IssueSeverity.ERROR
    assert entry.translation_placeholders == {
        "account": "Anna Example",
        "url": home.immich.url,
        "permissions": "asset.upload",
    }
    await home.until_state("sensor", "waiting_files", "1")

    # Another try that fails neither takes it back nor tells it anew.
    struck = fault.struck
    await home.press("back_up_now")
    await until(lambda: fault.struck > struck)
    await home.until_state("binary_sensor", "running", "off")
    await home.until_state("sensor", "status", "error")
    again = issue(home.hass, Issue.PERMISSIONS)
    assert again is not None
    assert again.created == entry.created
    assert home.state("binary_sensor", "problem").state == "on"

    # The server says that the key may upload; this is tried, and true.
    home.immich.faults.remove(fault)
    await home.manager.server.async_refresh()
    await home.until_stored(1)
    await until_raised(home)
    await home.until_state("binary_sensor", "problem", "off")


async def test_all_missing_permissions(home: Home) -> None:
    """One issue names every permission that is missing, whichever was refused first."""
    key = await home.immich.add_api_key(
        home.immich.admin(), ["user.read", "album.read", "tag.create"]
    )
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder), api_key=key)
    await home.until_state("sensor", "status", "error")
    await until_raised(home, Issue.PERMISSIONS)
    entry = issue(home.hass, Issue.PERMISSIONS)
    assert entry is not None
    assert entry.translation_placeholders is not None
    assert entry.translation_placeholders["permissions"] == (
        "album.create\nalbum.delete\nalbum.update\nalbumAsset.create\nasset.read\n"
        "asset.update\nasset.upload\nstack.create\ntag.asset"
    )
    # Added; but whether it works shows only when something is uploaded.
    home.manager.issues.permissions_told(frozenset())
    await until_raised(home, Issue.PERMISSIONS)


async def test_missing_album_permissions(home: Home) -> None:
    """Permissions for albums and tags keep nothing from being backed up."""
    key = await home.immich.add_api_key(
        home.immich.admin(), ["user.read", "asset.upload", "album.read", "tag.create"]
    )
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder), api_key=key)
    await home.until_state("sensor", "protected_files", "1")
    await until_raised(home, Issue.FEATURE_PERMISSIONS)
    entry = issue(home.hass, Issue.FEATURE_PERMISSIONS)
    assert entry is not None
    assert entry.severity is ir.IssueSeverity.WARNING
    assert entry.translation_placeholders is not None
    assert entry.translation_placeholders["permissions"] == (
        "album.create\nalbum.delete\nalbum.update\nalbumAsset.create\nasset.read\n"
        "asset.update\nstack.create\ntag.asset"
    )
    assert home.state("binary_sensor", "problem").state == "off"
    assert home.manager.issues.permissions_told(frozenset()) is True
    assert home.manager.issues.permissions_told(frozenset()) is False
    assert raised(home.hass) == set()


async def test_permissions_that_come_later(home: Home) -> None:
    """What could not be organised is made up for once the key may."""
    allowed = ["user.read", "asset.upload"]
    key = await home.immich.add_api_key(home.immich.admin(), allowed)
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    organise = {"album": "name", "album_name": "Card"}
    await home.set_up(folder_data(folder, **{CONF_ORGANISE: organise}), api_key=key)
    await home.until_state("sensor", "protected_files", "1")
    await until_raised(home, Issue.FEATURE_PERMISSIONS)
    # In Immich somebody adds them to the key.
    key_id = (await home.manager.client.api_key()).id
    async with async_get_clientsession(home.hass).put(
        f"{home.immich.url}/api/api-keys/{key_id}",
        json={"permissions": ["all"]},
        headers={"x-api-key": API_KEY},
    ) as response:
        response.raise_for_status()
    await home.manager.server.async_refresh()
    async with asyncio.timeout(20):
        while not await home.manager.client.albums():
            await asyncio.sleep(0.05)
    assert issue(home.hass, Issue.FEATURE_PERMISSIONS) is None


async def test_refused_without_a_name(home: Home) -> None:
    """When the server does not say which permission is missing, all are named."""
    await home.set_up()
    home.manager.issues.handle(Halted(Halt.PERMISSION, "Forbidden resource"))
    entry = issue(home.hass, Issue.PERMISSIONS)
    assert entry is not None
    assert entry.translation_placeholders is not None
    listed = entry.translation_placeholders["permissions"].splitlines()
    assert listed == sorted(PERMISSIONS)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return what was logged at info and above, but what every account logs."""
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name.startswith("custom_components.immich_backup")
        and record.levelno >= logging.INFO
    ]


async def test_server_away_is_logged_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is merely away, or in maintenance, is one line and no error."""
    await home.set_up(folder_data(home.folder()))
    await home.until_state("binary_sensor", "connected", "on")
    home.immich.faults.maintenance = True
    for _ in range(3):
        await home.manager.server.async_refresh()
    assert told(caplog) == [
        (
            "INFO",
            (
                "Anna Example: the Immich server can't be used: The server is in"
                " maintenance mode"
            ),
        )
    ]
    assert home.manager.server.data is None
    caplog.clear()
    home.immich.faults.maintenance = False
    await home.until_state("binary_sensor", "connected", "on")
    await until(lambda: home.manager.server.data is not None)
    assert told(caplog) == [("INFO", "Anna Example: the Immich server answers again")]


async def test_old_server_is_logged_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """What needs a person is one warning, in a sentence, however often it is met."""
    home.immich.faults.version = "2.7.0"
    await home.set_up(folder_data(home.folder()))
    await until_raised(home, Issue.SERVER_TOO_OLD)
    for _ in range(3):
        home.engine.resume()
        await home.manager.server.async_refresh()
    assert told(caplog) == [
        (
            "WARNING",
            (
                "Anna Example: nothing can be backed up now: The server runs Immich 2.7.0;"
                " 3.0 or later is needed"
            ),
        )
    ]
    entry = issue(home.hass, Issue.SERVER_TOO_OLD)
    assert entry is not None
    assert entry.translation_placeholders == {
        "account": "Anna Example",
        "url": home.immich.url,
        "version": "2.7.0",
    }


async def test_quota(home: Home) -> None:
    """A full quota is told until there is room."""
    folder = home.folder()
    home.immich.set_quota(home.immich.admin(), 10)
    (folder / "one.jpg").write_bytes(bytes(1000))
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.QUOTA)
    entry = issue(home.hass, Issue.QUOTA)
    assert entry is not None
    assert entry.translation_placeholders == {
        "account": "Anna Example",
        "url": home.immich.url,
    }
    home.immich.set_quota(home.immich.admin(), None)
    await home.press("back_up_now")
    await home.until_stored(1)
    await until_raised(home)


async def test_cause_goes_with_the_file(home: Home) -> None:
    """What stopped uploads is no longer told when nothing waits for it."""
    folder = home.folder()
    home.immich.set_quota(home.immich.admin(), 10)
    (folder / "keep.jpg").write_bytes(b"keep")
    await home.set_up(folder_data(folder))
    await home.until_stored(1)
    (folder / "one.jpg").write_bytes(bytes(1000))
    await until_raised(home, Issue.QUOTA)
    (folder / "one.jpg").unlink()
    await home.until_state("sensor", "waiting_files", "0")
    home.engine.resume()
    await until_raised(home)


async def test_server_too_old(home: Home) -> None:
    """A server that is too old is told until it is updated."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.immich.faults.version = "2.9.9"
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.SERVER_TOO_OLD)
    await home.until_state("binary_sensor", "connected", "off")
    home.immich.faults.version = "3.0.3"
    await home.manager.server.async_refresh()
    await home.until_stored(1)
    await until_raised(home)


async def test_other_user(home: Home) -> None:
    """A key of another user is not used before a person says that this is meant."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    other = await home.immich.add_user("other@example.com", "Other")
    key = await home.immich.add_api_key(other, ["all"])
    home.hass.config_entries.async_update_entry(
        home.entry, data={**home.entry.data, "api_key": key}
    )
    await until_raised(home, Issue.OTHER_USER)
    entry = issue(home.hass, Issue.OTHER_USER)
    assert entry is not None
    assert entry.translation_placeholders == {
        "account": "Anna Example",
        "url": home.immich.url,
        "before": home.immich.admin().name,
        "user": "Other",
        "folders": "Camera",
    }
    await home.hass.async_block_till_done()
    assert len(home.immich.assets()) == 1
    await home.engine.adopt_user()
    await home.until_stored(2)
    await until_raised(home)
    assert {asset.owner_id for asset in home.immich.assets()} == {
        home.immich.admin().id,
        other.id,
    }


async def test_file_too_large(home: Home) -> None:
    """A file that a proxy refuses is told until it went up, also after a restart."""
    folder = home.folder()
    fault = home.immich.faults.add(too_large())
    (folder / "large.mp4").write_bytes(bytes(2_500_000))
    (folder / "small.jpg").write_bytes(b"small")
    await home.set_up(folder_data(folder))
    await until_raised(home, Issue.FILE_TOO_LARGE)
    entry = issue(home.hass, Issue.FILE_TOO_LARGE)
    assert entry is not None
    assert entry.translation_placeholders == {
        "account": "Anna Example",
        "file": "large.mp4",
        "path": str(folder / "large.mp4"),
        "size": "2",
    }
    await home.until_stored(1)
    await home.hass.config_entries.async_reload(ENTRY_ID)
    await until_raised(home, Issue.FILE_TOO_LARGE)
    await home.until_state("sensor", "protected_files", "1", "folder1")
    home.immich.faults.remove(fault)
    await home.press("retry_failed")
    await home.until_stored(2)
    await until_raised(home)


async def test_large_files_while_the_ledger_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can't be asked takes nothing back."""
    await home.set_up()

    async def broken(_reason: object) -> None:
        raise LedgerError("disk full")

    issue_keeper.raise_issue(home.hass, Issue.FILE_TOO_LARGE, ENTRY_ID)
    monkeypatch.setattr(home.engine, "largest_parked", broken)
    await home.manager.issues.look_for_large_files()
    assert raised(home.hass) == {Issue.FILE_TOO_LARGE}


async def test_proofs_lost(home: Home) -> None:
    """That the server lost files is told until a person has read it."""
    folder = home.folder()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(b"%d" % number)
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "12")
    for asset in home.immich.assets():
        await home.delete(asset, force=True)
    await until(lambda: home.immich.assets() == [])
    await home.hass.config_entries.async_reload(ENTRY_ID)
    await until_raised(home, Issue.PROOFS_LOST)
    entry = issue(home.hass, Issue.PROOFS_LOST)
    assert entry is not None
    assert entry.is_persistent
    assert entry.translation_placeholders == {"account": "Anna Example", "count": "12"}
    await home.until_stored(12)
    await home.hass.config_entries.async_reload(ENTRY_ID)
    assert raised(home.hass) == {Issue.PROOFS_LOST}


# Numbers


async def test_numbers_during_a_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a run goes on without an event, the numbers are asked for all the same."""
    monkeypatch.setattr(
        coordinator, "_RUN_INTERVAL", coordinator.timedelta(seconds=0.2)
    )
    folder = home.folder()
    await home.set_up(folder_data(folder))
    home.immich.faults.add(Fault(action=Action.THROTTLE, rate=8_000_000, method="POST"))
    (folder / "large.mp4").write_bytes(bytes(16_000_000))
    await until(lambda: home.manager.overview.data.rate > 0)
    await home.until_state("sensor", "protected_files", "1")
    assert home.manager.overview.data.rate == 0
