"""Adding and changing a notification: who is told what, when and how."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry, SubentryFlowResult
from homeassistant.const import CONF_NAME

from ..const import CONF_FOLDERS, CONF_TTS, SUBENTRY_FOLDER, SUBENTRY_NOTIFICATION
from ..notifications import Notification, notification_of
from ..wording import VARIABLES
from .notification_form import (
    SECTION_SPEECH,
    check_notification,
    choices_of,
    data_of,
    derived_name,
    form_of,
    notification_schema,
    shown_form,
    used_sections,
)
from .receivers import default_engine
from .saving import SavingFlow
from .telling import example_text, telling_text
from .texts import load_texts

# What templates look like, which the texts themselves may not say.
_EXAMPLES = {
    "variables": ", ".join(VARIABLES),
    "title_example": "`{{ account }}: {{ event }}`",
    "message_example": "`{{ uploaded }} new, {{ failed }} failed`",
}


class NotificationSubentryFlow(SavingFlow):
    """Asks whom to tell what, and tells what that means before it is saved."""

    def __init__(self) -> None:
        """Begin with nothing entered."""
        self._form: Mapping[str, Any] = form_of({})

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a notification."""
        if (engine := default_engine(self.hass)) is not None:
            self._form = {**self._form, SECTION_SPEECH: {CONF_TTS: engine}}
        return await self.async_step_notification()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a notification."""
        subentry = self._get_reconfigure_subentry()
        form = form_of(subentry.data)
        if subentry.title != derived_name(self.hass, subentry.data):
            form[CONF_NAME] = subentry.title
        self._form = form
        return await self.async_step_notification()

    async def async_step_notification(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask who is told what, until nothing in it is wrong."""
        errors: dict[str, str] = {}
        details: dict[str, str] = {}
        if user_input is not None:
            self._form = user_input
            errors, details = await check_notification(
                self.hass,
                user_input,
                await load_texts(self.hass),
                folders=self._example_folders(),
                account=self._get_entry().title,
            )
            if not errors:
                return await self.async_step_confirm()
        choices = choices_of(self.hass, self._folders(), self._form)
        opened = errors.keys() | used_sections(data_of(self._form))
        return self.async_show_form(
            step_id="notification",
            data_schema=self.add_suggested_values_to_schema(
                notification_schema(choices, opened), shown_form(self._form, choices)
            ),
            errors=errors,
            description_placeholders={**_EXAMPLES, **details},
            last_step=False,
        )

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell who is told what, with an example, and go on to save, or back."""
        name, data = self._entered()
        notification = _notification(name, data)
        account = self._get_entry().title
        return self.async_show_menu(
            step_id="confirm",
            menu_options=["save", "notification"],
            description_placeholders={
                "name": name,
                "telling": telling_text(
                    self.hass,
                    await load_texts(self.hass),
                    notification,
                    data,
                    folders=self._chosen_folders(),
                    account=account,
                ),
                "example": await example_text(
                    self.hass,
                    notification,
                    folders=self._example_folders(),
                    account=account,
                ),
            },
        )

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Store the notification; the account goes on as it is."""
        return self._save(*self._entered())

    def _entered(self) -> tuple[str, dict[str, Any]]:
        """Return what the notification is called, and what is stored of it."""
        data = data_of(self._form)
        name = self._form.get(CONF_NAME, "").strip()
        return name or derived_name(self.hass, data), data

    def _folders(self) -> dict[str, str]:
        """Return the names of the account's folders by their ids."""
        return {
            subentry.subentry_id: subentry.title
            for subentry in self._get_entry().get_subentries_of_type(SUBENTRY_FOLDER)
        }

    def _chosen_folders(self) -> list[str]:
        """Return the names of the folders that were chosen."""
        folders = self._folders()
        chosen = self._form.get(CONF_FOLDERS, ())
        return [folders[one] for one in chosen if one in folders]

    def _example_folders(self) -> list[str]:
        """Return the name of a folder that is told of, if there is one."""
        return (self._chosen_folders() or list(self._folders().values()))[:1]


def _notification(name: str, data: Mapping[str, Any]) -> Notification:
    """Return what would be stored as it is understood."""
    return notification_of(
        ConfigSubentry(
            data=MappingProxyType(data),
            subentry_type=SUBENTRY_NOTIFICATION,
            title=name,
            unique_id=None,
        )
    )
