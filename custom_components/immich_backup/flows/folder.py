"""Adding and changing a watched folder."""

import asyncio
from collections.abc import Mapping
from functools import partial
import time
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, CONF_PATH
import probatio

from ..const import (
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_SCHEDULE_TIME,
    CONF_SCHEDULE_WEEKDAYS,
    CONF_TYPES,
    SUBENTRY_FOLDER,
)
from ..engine import Engine, Folder, RuleAction, RuleError, parse_rule
from ..engine.detect.root import Root
from ..engine.preview import Preview, preview
from ..folders import build_folder
from .folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    SECTION_WHEN,
    data_of,
    folder_schema,
    form_of,
    name_of,
)
from .outlook import found_text, starts_text
from .paths import PathError, check_folder, offered_folders
from .texts import load_texts

# Seconds after which a folder counts as not answering: a network share that hangs must
# not hold up the form.
_PATIENCE = 5.0
# Seconds in which a folder is looked through, as far as that goes.
_PREVIEW_SECONDS = 5.0


class FolderSubentryFlow(ConfigSubentryFlow):
    """Asks for a folder, checks it, and tells what would happen before it is saved."""

    def __init__(self) -> None:
        """Begin with nothing entered."""
        self._form: Mapping[str, Any] = {}
        self._root: Root | None = None

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a folder."""
        return await self.async_step_folder()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a folder."""
        subentry = self._get_reconfigure_subentry()
        self._form = form_of(subentry.title, subentry.data)
        return await self.async_step_folder()

    async def async_step_folder(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which folder, and what of it is wanted when."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        if user_input is not None:
            self._form = user_input
            errors, details = await self._check(user_input)
            if not errors:
                return await self.async_step_confirm()
        return self.async_show_form(
            step_id="folder",
            data_schema=self.add_suggested_values_to_schema(
                folder_schema(await self._offered(), errors), self._form
            ),
            errors=errors,
            description_placeholders=details,
            last_step=False,
        )

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell what would happen, and save once that is what was meant."""
        assert self._root is not None
        assert self._root.location is not None
        name = name_of(self._form, self._root.path)
        data = data_of(self._form, self._root.path)
        if user_input is not None:
            return self._save(name, data)
        texts = await load_texts(self.hass)
        folder = build_folder("", name, data)
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "name": name,
                "path": self._root.path,
                "found": found_text(texts, folder, await self._look_through(folder)),
                "starts": starts_text(texts, folder, data, self._root.location.mount),
            },
            last_step=True,
        )

    def _save(self, name: str, data: dict[str, Any]) -> SubentryFlowResult:
        """Store the folder; the account takes it over without being reloaded."""
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=name,
                data=data,
                unique_id=data[CONF_PATH],
            )
        return self.async_create_entry(title=name, data=data, unique_id=data[CONF_PATH])

    async def _check(
        self, form: Mapping[str, Any]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the errors in a form by field, and the details that they name."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                self._root = await self.hass.async_add_executor_job(
                    partial(
                        check_folder,
                        form[CONF_PATH],
                        self.hass.config,
                        self._others(),
                        recursive=form[SECTION_DETAILS][CONF_RECURSIVE],
                    )
                )
        except PathError as err:
            errors[CONF_PATH] = err.reason
            details |= err.details
        except TimeoutError:
            errors[CONF_PATH] = "not_answering"
        what, when = form[SECTION_WHAT], form[SECTION_WHEN]
        rules = what.get(CONF_RULES, [])
        for number, rule in enumerate(rules, 1):
            try:
                parse_rule(rule, number)
            except RuleError as err:
                # A section shows no errors of its fields, only its own.
                errors[SECTION_WHAT] = err.reason
                details["rule"] = str(rule.get(CONF_NAME, number))
                details["field"] = (await load_texts(self.hass)).rule_field(err.field)
                break
        else:
            actions = {rule.get("action") for rule in rules}
            if not what[CONF_TYPES] and RuleAction.BACK_UP not in actions:
                errors[SECTION_WHAT] = "nothing_wanted"
        if when.get(CONF_SCHEDULE_WEEKDAYS) and not when.get(CONF_SCHEDULE_TIME):
            errors[SECTION_WHEN] = "time_missing"
        return errors, details

    def _others(self) -> list[ConfigSubentry]:
        """Return the account's other folders."""
        own = self.context.get("subentry_id")
        return [
            subentry
            for subentry in self._get_entry().get_subentries_of_type(SUBENTRY_FOLDER)
            if subentry.subentry_id != own
        ]

    async def _offered(self) -> list[str]:
        """Return folders of the home to choose from; none if they can't be listed."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self.hass.async_add_executor_job(
                    offered_folders, self.hass.config
                )
        except TimeoutError:
            return []

    async def _look_through(self, folder: Folder) -> Preview | None:
        """Return what would happen in a folder; None if it is too slow to tell."""
        entry = self._get_entry()
        try:
            async with asyncio.timeout(_PREVIEW_SECONDS + _PATIENCE):
                if entry.state is ConfigEntryState.LOADED:
                    engine: Engine = entry.runtime_data.engine
                    return await engine.preview(folder, _PREVIEW_SECONDS)
                return await self.hass.async_add_executor_job(_preview, folder)
        except TimeoutError:
            return None


def _preview(folder: Folder) -> Preview:
    """Return what would happen in a folder of an account that is not loaded; blocking."""
    end = time.monotonic() + _PREVIEW_SECONDS
    return preview(folder, now=time.time(), expired=lambda: time.monotonic() > end)
