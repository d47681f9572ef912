"""Adding and changing a watched folder."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentry,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, CONF_PATH
from homeassistant.util import dt as dt_util

from ..account import client_of
from ..const import (
    CONF_ALBUM_SHARE,
    CONF_ORGANISE,
    CONF_RECURSIVE,
    CONF_RULES,
    CONF_TYPES,
    SUBENTRY_FOLDER,
)
from ..engine import Engine, Folder, RuleAction
from ..engine.clock import SystemClock
from ..engine.detect.root import Root
from ..engine.enquiry import Enquiry
from ..engine.ledger import LedgerError
from ..engine.organise.arrangement import AlbumBy, parse_arrangement
from ..engine.preview import Preview, preview
from ..folders import build_folder
from ..home import HomeContext
from ..immich.errors import ImmichError
from .folder_form import (
    SECTION_DETAILS,
    SECTION_WHAT,
    data_of,
    folder_schema,
    form_of,
    name_of,
    shown_form,
)
from .organise_form import (
    EXAMPLE,
    album_form_of,
    album_schema,
    check_organise,
    chosen_album,
    opened_sections,
    organise_data_of,
    organise_form_of,
    organise_schema,
)
from .outlook import begins_text, found_text, organised_text, starts_text
from .paths import PathError, check_folder, offered_folders
from .rules import RuleMistake, check_rules
from .saving import SavingFlow
from .texts import Texts, load_texts
from .when_form import (
    check_when,
    used_sections,
    when_data_of,
    when_form_of,
    when_schema,
)

# Whether the form is the first one of a new account.
CONF_WELCOME = "welcome"

# Seconds after which a folder counts as not answering: a network share that hangs must
# not hold up the form.
_PATIENCE = 5.0
# Seconds in which a folder is looked through, as far as that goes.
_PREVIEW_SECONDS = 5.0


class FolderSubentryFlow(SavingFlow):
    """Asks for a folder, checks it, and tells what would happen before it is saved."""

    def __init__(self) -> None:
        """Begin with nothing entered."""
        self._form: Mapping[str, Any] = {}
        self._when: Mapping[str, Any] = when_form_of({})
        self._organise: Mapping[str, Any] = organise_form_of({})
        self._album: Mapping[str, Any] = {}
        self._root: Root | None = None
        self._welcome = False

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a folder."""
        self._welcome = bool(user_input and user_input[CONF_WELCOME])
        return await self.async_step_folder()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a folder."""
        subentry = self._get_reconfigure_subentry()
        self._form = form_of(subentry.title, subentry.data)
        self._when = when_form_of(subentry.data)
        organise = subentry.data.get(CONF_ORGANISE, {})
        self._organise = organise_form_of(organise)
        self._album = album_form_of(organise)
        return await self.async_step_change()

    async def async_step_folder(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which folder, and what of it is wanted."""
        return await self._ask("folder", user_input)

    async def async_step_change(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask the same of a folder that is there."""
        return await self._ask("change", user_input)

    async def async_step_when(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask when runs start and what they wait for."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        if user_input is not None:
            self._when = user_input
            errors, details = await check_when(self.hass, user_input)
            if not errors:
                return await self._tell()
        opened = errors.keys() | used_sections(when_data_of(self._when))
        return self.async_show_form(
            step_id="when",
            data_schema=self.add_suggested_values_to_schema(
                when_schema(opened), self._when
            ),
            errors=errors,
            description_placeholders={"name": self._entered()[0], **details},
            last_step=False,
        )

    async def async_step_organise(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which albums, tags and more the stored files get."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        if user_input is not None:
            self._organise = user_input
            errors, details = await self._check_organise(None)
            if not errors:
                return await self.async_step_album()
        opened = errors.keys() | opened_sections(user_input or self._organise)
        return self.async_show_form(
            step_id="organise",
            data_schema=self.add_suggested_values_to_schema(
                organise_schema(opened), self._organise
            ),
            errors=errors,
            description_placeholders={"name": self._entered()[0], **details},
            last_step=False,
        )

    async def async_step_album(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what is needed for the way in which albums are found, if anything is."""
        by = chosen_album(self._organise)
        schema = album_schema(by, await self._users())
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        if by is AlbumBy.NONE or not schema.schema:
            return await self._tell()
        if user_input is not None:
            self._album = user_input
            errors, details = await self._check_organise(self._album)
            if not errors:
                return await self._tell()
        texts = await load_texts(self.hass)
        return self.async_show_form(
            step_id="album",
            data_schema=self.add_suggested_values_to_schema(schema, self._album),
            errors=errors,
            description_placeholders={
                "choice": texts.album(by),
                "example": EXAMPLE,
                **details,
            },
            last_step=False,
        )

    async def _check_organise(
        self, album: Mapping[str, Any] | None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the errors of how files are organised, and the details they name."""
        rules = self._form[SECTION_WHAT].get(CONF_RULES, ())
        return await check_organise(self.hass, self._organise, album, rules)

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell what would happen, and go on to save, or back to the form."""
        return self.async_show_menu(
            step_id="confirm",
            menu_options=["save", "organise", "when", "folder"],
            description_placeholders=await self._outlook(),
        )

    async def async_step_confirm_change(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell the same of a folder that is there."""
        return self.async_show_menu(
            step_id="confirm_change",
            menu_options=["save", "organise", "when", "change"],
            description_placeholders=await self._outlook(),
        )

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Store the folder; the account takes it over without being reloaded."""
        name, data = self._entered()
        return self._save(name, data, unique_id=data[CONF_PATH])

    async def _ask(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        """Show the form until nothing in it is wrong."""
        errors: dict[str, str] = {}
        texts = await load_texts(self.hass)
        details = {"name": self._form.get(CONF_NAME, ""), "welcome": ""}
        if self._welcome:
            account = self._get_entry().title
            details["welcome"] = texts.hint("welcome", account=account) + "\n\n"
        if user_input is not None:
            self._form = user_input
            errors, mistakes = await self._check(user_input, texts)
            if not errors:
                return await self._tell()
            details |= mistakes
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                folder_schema(await self._offered(), errors), shown_form(self._form)
            ),
            errors=errors,
            description_placeholders=details,
            last_step=False,
        )

    async def _tell(self) -> SubentryFlowResult:
        """Tell what would happen by what was entered."""
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_confirm_change()
        return await self.async_step_confirm()

    def _entered(self) -> tuple[str, dict[str, Any]]:
        """Return what the folder is called, and what is stored of it."""
        assert self._root is not None
        data = data_of(self._form, self._root.path) | when_data_of(self._when)
        if organise := organise_data_of(self._organise, self._album):
            data[CONF_ORGANISE] = organise
        return name_of(self._form, self._root.path), data

    async def _outlook(self) -> dict[str, str]:
        """Return what the texts tell of what would happen."""
        assert self._root is not None
        assert self._root.location is not None
        name, data = self._entered()
        account = self._get_entry().title
        texts = await load_texts(self.hass)
        folder = build_folder(self.context.get("subentry_id", ""), name, data)
        found = await self._look_through(folder)
        return {
            "account": account,
            "name": name,
            "path": self._root.path,
            "found": found_text(texts, folder, found),
            "starts": starts_text(
                self.hass, texts, folder, data, self._root.location.mount
            ),
            "organised": organised_text(texts, folder),
            "begins": begins_text(
                texts,
                data,
                found,
                dt_util.utcnow(),
                account=account,
                obstacle=_obstacle(self._engine()),
            ),
        }

    async def _check(
        self, form: Mapping[str, Any], texts: Texts
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the errors in a form by field, and the details that they name."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        names = {form[CONF_PATH].strip()}
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
            names.add(self._root.path)
        except PathError as err:
            errors[CONF_PATH] = err.reason
            details |= err.details
        except TimeoutError:
            errors[CONF_PATH] = "not_answering"
        what = form[SECTION_WHAT]
        rules = what.get(CONF_RULES, [])
        arrangement = parse_arrangement(organise_data_of(self._organise, self._album))
        try:
            await check_rules(self.hass, texts, rules, names, arrangement)
        except RuleMistake as err:
            # A section shows no errors of its fields, only its own.
            errors[SECTION_WHAT] = err.reason
            details |= err.details
        else:
            actions = {rule.get("action") for rule in rules}
            if not what[CONF_TYPES] and RuleAction.BACK_UP not in actions:
                errors[SECTION_WHAT] = "nothing_wanted"
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
                    offered_folders, self.hass.config, self._others()
                )
        except TimeoutError:
            return []

    async def _look_through(self, folder: Folder) -> Preview | None:
        """Return what would happen in a folder; None if it is too slow to tell."""
        try:
            async with asyncio.timeout(_PREVIEW_SECONDS + _PATIENCE):
                if (engine := self._engine()) is not None:
                    with suppress(LedgerError):
                        return await engine.preview(folder, _PREVIEW_SECONDS)
                clock = SystemClock()
                return await preview(
                    folder,
                    None,
                    clock,
                    Enquiry(HomeContext(self.hass), clock),
                    seconds=_PREVIEW_SECONDS,
                )
        except TimeoutError:
            return None

    async def _users(self) -> dict[str, str]:
        """Return the names of the server's other users, and of those chosen, by id."""
        entry = self._get_entry()
        chosen = self._album.get(CONF_ALBUM_SHARE, ())
        users = {user_id: user_id for user_id in chosen}
        with suppress(ImmichError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                found = await client_of(self.hass, entry.data).users()
            users |= {
                user.id: user.name or user.email
                for user in found
                if user.id != entry.unique_id
            }
        return users

    def _engine(self) -> Engine | None:
        """Return what does the account's work; None if it is not loaded."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return None
        engine: Engine = entry.runtime_data.engine
        return engine


def _obstacle(engine: Engine | None) -> str | None:
    """Return the key of the text about what keeps files from going up by themselves."""
    if engine is None:
        return "begins_later"
    if not engine.controls.automatic:
        return "begins_off"
    return "begins_paused" if engine.controls.paused else None
