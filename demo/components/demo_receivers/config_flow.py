"""Adds the receivers: there is nothing to choose."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult


class ReceiversConfigFlow(ConfigFlow, domain="demo_receivers"):
    """Asks whether to add them."""

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add them once a person agrees."""
        if user_input is None:
            return self.async_show_form(step_id="user")
        return self.async_create_entry(title="Demonstration receivers", data={})
