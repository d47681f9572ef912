"""Fix flows: what a person is told, and what happens once they agree."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.issue_registry import IssueEntry
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.immich_backup import issues, repairs
from custom_components.immich_backup.const import CONF_DETECTION, CONF_ORGANISE, DOMAIN
from custom_components.immich_backup.engine.detect import watch
from custom_components.immich_backup.engine.events import ProofsLost
from custom_components.immich_backup.engine.ledger import LedgerError
from custom_components.immich_backup.issues import Issue
from simulator import Action, Fault

from .support.actions import act
from .support.flows import english
from .support.home import ENTRY_ID, Home, folder_data, until
from .support.mounting import mounted

TEXTS = english()["issues"]


class Repairs:
    """The repairs as a person sees them in the browser."""

    def __init__(self, hass: HomeAssistant, client: Any) -> None:
        """Ask by this client."""
        self._hass = hass
        self._client = client

    async def issue(self, issue: Issue, folder_id: str | None = None) -> IssueEntry:
        """Wait until an issue is there, and return it."""
        issue_id = "_".join(filter(None, (issue, ENTRY_ID, folder_id)))
        registry = ir.async_get(self._hass)
        found = await until(lambda: registry.async_get_issue(DOMAIN, issue_id))
        assert found is not None
        values = found.translation_placeholders or {}
        assert "{" not in TEXTS[issue]["title"].format(**values)
        return found

    def is_there(self, issue: IssueEntry) -> bool:
        """Return whether an issue is still there."""
        registry = ir.async_get(self._hass)
        found = registry.async_get_issue(DOMAIN, issue.issue_id)
        return found is not None and found.active

    async def open(self, issue: IssueEntry) -> dict[str, Any]:
        """Begin to fix an issue and return the form."""
        form = await self._post(
            "/api/repairs/issues/fix",
            {"handler": DOMAIN, "issue_id": issue.issue_id},
        )
        texts = TEXTS[issue.translation_key]["fix_flow"]["step"][form["step_id"]]
        if form["type"] == "menu":
            assert form["menu_options"] == list(texts["menu_options"])
        else:
            assert form["type"] == "form"
            assert form["step_id"] == "confirm"
        for text in (texts["title"], texts["description"]):
            assert "{" not in text.format(**form["description_placeholders"] or {})
        return form

    async def submit(
        self, form: dict[str, Any], choice: str | None = None
    ) -> dict[str, Any]:
        """Agree, or choose from a menu."""
        return await self._post(
            f"/api/repairs/issues/fix/{form['flow_id']}",
            {} if choice is None else {"next_step_id": choice},
        )

    async def fix(self, issue: IssueEntry) -> None:
        """Open an issue, agree, and check that it is gone."""
        result = await self.submit(await self.open(issue))
        assert result["type"] == "create_entry"
        assert not self.is_there(issue)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        response = await self._client.post(path, json=body)
        assert response.status == HTTPStatus.OK
        answer: dict[str, Any] = await response.json()
        return answer


@pytest.fixture
async def fixes(home: Home, hass_client: ClientSessionGenerator) -> Repairs:
    """Return the repairs of a home."""
    assert await async_setup_component(home.hass, "repairs", {})
    assert await async_setup_component(home.hass, "http", {})
    return Repairs(home.hass, await hass_client())


@pytest.fixture
async def emptied(home: Home, fixes: Repairs, quick_checks: None) -> IssueEntry:
    """Return the issue of a folder that became empty after its file was proven."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    (folder / "one.jpg").unlink()
    await home.press("back_up_now")
    return await fixes.issue(Issue.FOLDER_EMPTY, "folder1")


def test_texts() -> None:
    """Every issue has a text, and those that can be fixed have a form."""
    assert set(TEXTS) == set(Issue)
    for issue in Issue:
        assert ("fix_flow" in TEXTS[issue]) is (issue in issues._FIXABLE)


async def test_emptied_folder(home: Home, fixes: Repairs, emptied: IssueEntry) -> None:
    """The word that a folder is meant to be empty is taken."""
    await fixes.fix(emptied)
    await home.until_state("sensor", "protected_files", "0")
    overview = await home.engine.overview()
    assert overview.folders["folder1"].trouble is None
    assert len(home.immich.assets()) == 1


@pytest.mark.parametrize(
    ("choice", "albums"), [("make_again", ["Card"]), ("leave_out", [])]
)
async def test_deleted_albums(
    home: Home, fixes: Repairs, choice: str, albums: list[str]
) -> None:
    """Whether deleted albums are made again is a person's choice."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(
        folder_data(
            folder,
            **{CONF_ORGANISE: {"album": "name", "album_name": "Card"}},
        )
    )
    client = home.entry.runtime_data.client
    await act(home.hass, "run")
    (album,) = await client.albums()
    await client.delete_album(album.id)
    (folder / "two.jpg").write_bytes(b"two")
    issue = await fixes.issue(Issue.ALBUMS_DELETED)
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["albums"] == "“Card”"
    result = await fixes.submit(await fixes.open(issue), choice)
    assert result["type"] == "create_entry"
    assert not fixes.is_there(issue)
    await act(home.hass, "run")
    assert [found.name for found in await client.albums()] == albums


@pytest.fixture
async def exchanged(
    home: Home, fixes: Repairs, quick_checks: None
) -> AsyncIterator[IssueEntry]:
    """Return the issue of a folder in whose place another disk was mounted."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    with mounted(folder, "-t", "tmpfs", "other"):
        (folder / "two.jpg").write_bytes(b"two")
        yield await fixes.issue(Issue.FOLDER_ELSEWHERE, "folder1")
        await home.hass.config_entries.async_unload(ENTRY_ID)


async def test_exchanged_folder(
    home: Home, fixes: Repairs, exchanged: IssueEntry
) -> None:
    """The word that another disk is the right one is taken; its files go up."""
    assert len(home.immich.assets()) == 1
    await fixes.fix(exchanged)
    await home.until_stored(2)


async def test_long_scan(
    home: Home,
    fixes: Repairs,
    emptied: IssueEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits in front of the form until a large folder is scanned."""
    monkeypatch.setattr(repairs, "_PATIENCE", 0.01)
    scanned = asyncio.Event()

    async def accept(folder_id: str) -> None:
        await scanned.wait()

    monkeypatch.setattr(home.engine, "accept_root", accept)
    await fixes.fix(emptied)
    scanned.set()


async def test_polling(
    home: Home, fixes: Repairs, set_ups: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word that polling is fine becomes the folder's choice, without a reload."""

    def exhausted(*_args: object, **_options: object) -> None:
        raise watch.WatchError("limit")

    monkeypatch.setattr(watch.Watcher, "add", exhausted)
    folder = home.folder()
    await home.set_up(folder_data(folder))
    await fixes.fix(await fixes.issue(Issue.POLLING, "folder1"))
    await home.hass.async_block_till_done()
    assert home.entry.subentries["folder1"].data == {
        **folder_data(folder)["data"],
        CONF_DETECTION: "polling",
    }
    await until(lambda: home.engine.folders["folder1"].detection == "polling")
    assert set_ups == [ENTRY_ID]


async def test_other_user(home: Home, fixes: Repairs) -> None:
    """The word that another user is meant uploads all to that user."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    ada = await home.immich.add_user("ada@example.com", "Ada")
    key = await home.immich.add_api_key(ada, ["all"])
    home.hass.config_entries.async_update_entry(
        home.entry, data={**home.entry.data, CONF_API_KEY: key}
    )
    issue = await fixes.issue(Issue.OTHER_USER)
    assert len(home.immich.assets()) == 1
    await fixes.fix(issue)
    assets = await home.until_stored(2)
    assert assets[1].owner_id == ada.id
    await home.until_state("sensor", "protected_files", "1")
    assert not fixes.is_there(issue)


async def test_large_file(home: Home, fixes: Repairs) -> None:
    """The word that the way is wider now tries again; if it is not, that is told."""
    fault = home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path_regex="/assets$",
        )
    )
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"1" * 2_000_000)
    await home.set_up(folder_data(folder))
    issue = await fixes.issue(Issue.FILE_TOO_LARGE)
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["file"] == "one.jpg"

    struck = fault.struck
    await fixes.submit(await fixes.open(issue))
    await until(lambda: fault.struck > struck)
    issue = await fixes.issue(Issue.FILE_TOO_LARGE)

    home.immich.faults.clear()
    await fixes.fix(issue)
    await home.until_stored(1)
    await home.until_state("sensor", "protected_files", "1")
    assert not fixes.is_there(issue)


async def test_lost_proofs(home: Home, fixes: Repairs) -> None:
    """What is only to be known is dismissed, also while the account is not loaded."""
    await home.set_up()
    home.manager.issues.handle(ProofsLost(12))
    await home.hass.config_entries.async_unload(ENTRY_ID)
    issue = await fixes.issue(Issue.PROOFS_LOST)
    assert issue.translation_placeholders == {"account": "Anna Example", "count": "12"}
    await fixes.fix(issue)


async def test_not_loaded(home: Home, fixes: Repairs, emptied: IssueEntry) -> None:
    """Without the account nothing can be done."""
    form = await fixes.open(emptied)
    await home.hass.config_entries.async_unload(ENTRY_ID)
    result = await fixes.submit(form)
    assert result["type"] == "abort"
    assert result["reason"] == "not_loaded"


async def test_folder_gone(home: Home, fixes: Repairs, emptied: IssueEntry) -> None:
    """Without the folder nothing can be done."""
    form = await fixes.open(emptied)
    home.hass.config_entries.async_remove_subentry(home.entry, "folder1")
    await home.hass.async_block_till_done()
    result = await fixes.submit(form)
    assert result["type"] == "abort"
    assert result["reason"] == "not_loaded"


async def test_ledger_fails(
    home: Home,
    fixes: Repairs,
    emptied: IssueEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the ledger can't be written the issue stays, and can be fixed later."""

    async def broken(*_args: object) -> None:
        raise LedgerError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(home.engine.ledger, "run", broken)
        result = await fixes.submit(await fixes.open(emptied))
    assert result["type"] == "abort"
    assert result["reason"] == "ledger_failed"
    text = TEXTS[Issue.FOLDER_EMPTY]["fix_flow"]["abort"]["ledger_failed"]
    assert "disk full" in text.format(**result["description_placeholders"])
    assert fixes.is_there(emptied)
    await fixes.fix(emptied)
