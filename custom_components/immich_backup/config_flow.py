"""The account: adding it, a new key for it, and changing it."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .const import (
    CONF_HEADERS,
    DOMAIN,
    PERMISSIONS,
    SUBENTRY_FOLDER,
    SUBENTRY_NOTIFICATION,
)
from .flows.account import (
    AccountError,
    account_title,
    check_key,
    find_server,
    headers_of,
)
from .flows.folder import CONF_WELCOME, FolderSubentryFlow
from .flows.notification import NotificationSubentryFlow
from .flows.texts import load_texts
from .immich import User

SECTION_ADVANCED = "advanced"
# Whether another Immich user's account takes the place of the one that was set up.
CONF_TAKE_OVER = "take_over"

# What an address looks like, which the texts themselves may not say.
_EXAMPLES = {
    "example": "https://photos.example.com",
    "local_example": "http://192.168.1.5:2283",
}
# What is entered instead of headers to have none any more.
_NO_HEADERS = "-"
_PASSWORD = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)


class ImmichBackupConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds an Immich account, and keeps it usable."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        """Begin with nothing entered."""
        self._data: dict[str, Any] = {CONF_API_KEY: ""}
        self._error: AccountError | None = None

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to an account."""
        return {
            SUBENTRY_FOLDER: FolderSubentryFlow,
            SUBENTRY_NOTIFICATION: NotificationSubentryFlow,
        }

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the server and the key of a new account."""
        if user_input is None or (user := await self._check(user_input)) is None:
            return await self._show("user", self._account_form())
        await self.async_set_unique_id(user.id)
        return self.async_create_entry(
            title=account_title(user, self._data[CONF_URL]), data=self._data
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on with the first folder: an account alone does nothing."""
        flow = await self.hass.config_entries.subentries.async_init(
            (result["result"].entry_id, SUBENTRY_FOLDER),
            context=SubentryFlowContext(source=SOURCE_USER),
            data={CONF_WELCOME: True},
        )
        result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"])
        return result

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Begin to ask for another key: the server refuses the one that it got."""
        self._data = {**entry_data, CONF_API_KEY: ""}
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another key."""
        entry = self._get_reauth_entry()
        if user_input is None or (user := await self._check(user_input, entry)) is None:
            return await self._show("reauth_confirm", self._key_form(), entry)
        return self._update(entry, user)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for another address, key or way to connect."""
        entry = self._get_reconfigure_entry()
        if user_input is None:
            self._data = dict(entry.data)
        if user_input is None or (user := await self._check(user_input, entry)) is None:
            return await self._show("reconfigure", self._account_form(), entry)
        return self._update(entry, user)

    async def _check(
        self, user_input: Mapping[str, Any], entry: ConfigEntry | None = None
    ) -> User | None:
        """Take what was entered and ask the server; None with the error kept."""
        self._error = None
        try:
            self._take(user_input)
            self._data[CONF_URL] = await find_server(self.hass, self._data)
            user = await check_key(self.hass, self._data)
            self._check_owner(user, entry, user_input.get(CONF_TAKE_OVER, False))
        except AccountError as err:
            self._error = err
            if err.field == CONF_API_KEY:
                self._data[CONF_API_KEY] = ""
            if err.address is not None:
                self._data[CONF_URL] = err.address
            return None
        return user

    def _take(self, user_input: Mapping[str, Any]) -> None:
        """Take over what was entered; what was left empty stays as it was."""
        if key := user_input.get(CONF_API_KEY, "").strip():
            self._data[CONF_API_KEY] = key
        if CONF_URL not in user_input:
            return
        advanced = user_input[SECTION_ADVANCED]
        self._data[CONF_VERIFY_SSL] = advanced[CONF_VERIFY_SSL]
        self._data[CONF_URL] = user_input[CONF_URL].strip()
        headers = advanced.get(CONF_HEADERS, "").strip()
        if headers == _NO_HEADERS:
            self._data.pop(CONF_HEADERS, None)
        elif headers:
            self._data[CONF_HEADERS] = headers_of(headers, SECTION_ADVANCED)

    def _check_owner(
        self, user: User, entry: ConfigEntry | None, take_over: bool
    ) -> None:
        """Raise AccountError if the account is set up already, or is not the same."""
        other = self.hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, user.id
        )
        if other is not None and other is not entry:
            reason = "already_configured" if entry is None else "key_of_other"
            raise AccountError(CONF_API_KEY, reason, other=other.title)
        if entry is not None and user.id != entry.unique_id and not take_over:
            raise AccountError("base", "other_account", user=user.name or user.email)

    def _update(self, entry: ConfigEntry, user: User) -> ConfigFlowResult:
        """Store what was checked; the account starts again with it."""
        listened = entry.update_listeners and self._data != entry.data
        title = entry.title
        if user.id != entry.unique_id or title == account_title(
            user, entry.data[CONF_URL]
        ):
            # Not one that was given by hand.
            title = account_title(user, self._data[CONF_URL])
        result = self.async_update_and_abort(
            entry, unique_id=user.id, title=title, data=self._data
        )
        if not listened:
            # The set-up had failed, or the server refused a key that was right.
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    def _account_form(self) -> probatio.Schema:
        """Return the form of all that leads to an account, without its secrets."""
        error = self._error
        open_advanced = error is not None and (
            error.field == SECTION_ADVANCED or error.reason == "tls_failed"
        )
        advanced = {
            probatio.Required(
                CONF_VERIFY_SSL, default=self._data.get(CONF_VERIFY_SSL, True)
            ): BooleanSelector(),
            probatio.Optional(probatio.Secret(CONF_HEADERS)): TextSelector(
                TextSelectorConfig(multiline=True)
            ),
        }
        return probatio.Schema(
            {
                probatio.Required(
                    CONF_URL, description={"suggested_value": self._data.get(CONF_URL)}
                ): TextSelector(
                    TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url")
                ),
                **self._key_form().schema,
                probatio.Required(SECTION_ADVANCED): section(
                    probatio.Schema(advanced), {"collapsed": not open_advanced}
                ),
            }
        )

    def _key_form(self) -> probatio.Schema:
        """Return the form of the key; an entered one that is not wrong is kept."""
        required = (
            probatio.Optional if self._data.get(CONF_API_KEY) else probatio.Required
        )
        fields: dict[Any, Any] = {required(probatio.Secret(CONF_API_KEY)): _PASSWORD}
        if self._error is not None and self._error.reason == "other_account":
            fields[probatio.Required(CONF_TAKE_OVER, default=False)] = BooleanSelector()
        return probatio.Schema(fields)

    async def _show(
        self, step_id: str, schema: probatio.Schema, entry: ConfigEntry | None = None
    ) -> ConfigFlowResult:
        """Show a form, with the error and where it belongs."""
        texts = await load_texts(self.hass)
        headers = ", ".join(self._data.get(CONF_HEADERS, {}))
        placeholders = {
            **_EXAMPLES,
            "permissions": "\n".join(sorted(PERMISSIONS)),
            # What can stay empty is told once there is something that is kept.
            "key_kept": texts.hint("key_kept") if self._data[CONF_API_KEY] else "",
            "headers_kept": (
                texts.hint("headers_kept", headers=headers) if headers else ""
            ),
            "account": "" if entry is None else entry.title,
            "url": self._data.get(CONF_URL, ""),
        }
        errors = {}
        if (error := self._error) is not None:
            errors[error.field if error.field in schema.schema else "base"] = (
                error.reason
            )
            placeholders |= error.details
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders=placeholders,
        )
