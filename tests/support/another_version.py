"""Let the test plugin load with another Home Assistant than the one it belongs to.

Loaded before the plugin, when scripts/test is asked for another version.
"""

# First, because it puts httpx2 in the place of httpx, which the plugin's own imports
# would load otherwise.
import homeassistant  # noqa: F401, I001

# Home Assistant is only to be imported once these have changed it.
from pytest_homeassistant_custom_component import (
    patch_json,  # noqa: F401
    patch_recorder,  # noqa: F401
    patch_time,  # noqa: F401
)

from homeassistant.components import logger
from homeassistant.components.logger import helpers

# The plugin imports this from the package, where 2026.11 no longer has it.
if not hasattr(logger, "_clear_logger_overwrites"):
    logger._clear_logger_overwrites = helpers._clear_logger_overwrites
