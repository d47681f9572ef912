"""Fix flows: what a person's word settles."""

import asyncio

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import probatio

from .const import CONF_DETECTION, DOMAIN
from .engine import Detection, Engine
from .engine.ledger import LedgerError
from .engine.model import Reason
from .issues import Issue
from .manager import ImmichBackupConfigEntry

# Seconds to wait for a scan to end, which goes on by itself.
_PATIENCE = 5.0


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow for an issue that was raised by issues.py."""
    assert data is not None
    issue = Issue(str(data["issue"]))
    if issue is Issue.PROOFS_LOST:
        # There is nothing to do but to know it.
        return ConfirmRepairFlow()
    entry = hass.config_entries.async_get_known_entry(str(data["entry_id"]))
    folder_id = data["subentry_id"]
    return FixFlow(issue, entry, None if folder_id is None else str(folder_id))


class FixFlow(RepairsFlow):
    """Asks a person to confirm, then does what that means."""

    def __init__(
        self, issue: Issue, entry: ImmichBackupConfigEntry, folder_id: str | None
    ) -> None:
        """Be about an issue of an account, or of a folder of it."""
        self._issue = issue
        self._entry = entry
        self._folder_id = folder_id
        self._make_again = False

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin with the only step."""
        if self._issue is Issue.ALBUMS_DELETED:
            return await self.async_step_albums()
        return await self.async_step_confirm()

    async def async_step_albums(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask what it means that someone deleted albums."""
        return self.async_show_menu(
            step_id="albums",
            menu_options=["make_again", "leave_out"],
            description_placeholders=self._placeholders(),
        )

    async def async_step_make_again(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Make the albums again."""
        self._make_again = True
        return await self._confirmed()

    async def async_step_leave_out(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Let the albums stay away."""
        return await self._confirmed()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Say what happened, and act once the person agrees."""
        if user_input is not None:
            return await self._confirmed()
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str] | None:
        """Return what the issue's texts are filled in with."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        assert issue is not None
        return issue.translation_placeholders

    async def _confirmed(self) -> RepairsFlowResult:
        """Do what was agreed to; the issue stays if that is not possible now."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        engine = self._entry.runtime_data.engine
        try:
            if self._folder_id is None:
                await self._fix_account(engine)
            elif self._folder_id in engine.folders:
                await self._fix_folder(engine, self._folder_id)
            else:
                return self.async_abort(reason="not_loaded")
        except LedgerError as err:
            return self.async_abort(
                reason="ledger_failed", description_placeholders={"error": str(err)}
            )
        return self.async_create_entry(data={})

    async def _fix_account(self, engine: Engine) -> None:
        """Do what a person's word about an account means; raises LedgerError."""
        if self._issue is Issue.OTHER_USER:
            await engine.adopt_user()
        elif self._issue is Issue.ALBUMS_DELETED:
            await engine.answer_deleted_albums(make_again=self._make_again)
        else:
            await engine.retry_parked(Reason.TOO_LARGE)

    async def _fix_folder(self, engine: Engine, folder_id: str) -> None:
        """Do what a person's word about a folder means; raises LedgerError."""
        if self._issue is Issue.POLLING:
            subentry = self._entry.subentries[folder_id]
            self.hass.config_entries.async_update_subentry(
                self._entry,
                subentry,
                data={**subentry.data, CONF_DETECTION: Detection.POLLING.value},
            )
            return
        # The folder is right as it is now. The scan that follows may take long; it
        # goes on after the form is closed.
        scan = self._entry.async_create_background_task(
            self.hass, engine.accept_root(folder_id), f"{DOMAIN} accept {folder_id}"
        )
        done, _ = await asyncio.wait({scan}, timeout=_PATIENCE)
        for task in done:
            task.result()
