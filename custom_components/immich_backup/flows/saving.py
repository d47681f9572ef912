"""How a form of an account stores what was entered, new or changed."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowResult,
)


class SavingFlow(ConfigSubentryFlow):
    """A form whose account takes over what was entered without being reloaded."""

    def _save(
        self, name: str, data: Mapping[str, Any], unique_id: str | None = None
    ) -> SubentryFlowResult:
        """Store it as a new subentry, or in place of the one that is changed."""
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=name,
                data=data,
                unique_id=unique_id,
            )
        return self.async_create_entry(title=name, data=data, unique_id=unique_id)
