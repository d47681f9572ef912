"""Fixtures and settings for all tests."""

import os

from homeassistant.core import HomeAssistant
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from hypothesis import HealthCheck, settings
import pytest
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

# Imported before Home Assistant starts: the test plugin has a package of the same name,
# which would otherwise hide this one.
import custom_components

from .support.home import all_enabled, home, immich, quick_checks, set_ups, two  # noqa: F401
from .support.telling import disk, phone  # noqa: F401

assert custom_components.__file__

# Reproducible by default; HYPOTHESIS_PROFILE=explore looks for new examples.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", parent=settings.get_profile("ci"), derandomize=False, max_examples=2000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def allow_loopback(socket_enabled: None) -> None:
    """Let tests open sockets; connections stay limited to 127.0.0.1."""


@pytest.fixture
def hass(hass: HomeAssistant) -> HomeAssistant:
    """Return a Home Assistant that finds the integrations of this repository.

    The test plugin starts it with an empty list of custom integrations; without a list
    it looks for them.
    """
    hass.data.pop(DATA_CUSTOM_COMPONENTS)
    return hass


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return the snapshots in the form in which Home Assistant keeps them.

    Without what an entity was once called, which only Home Assistant 2026.11 notes.
    """
    return snapshot.with_defaults(
        extension_class=HomeAssistantSnapshotExtension, exclude=props("compat_name")
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the counts once more, alone on the last line, for scripts to read."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or reporter.verbosity < -1 or hasattr(config, "workerinput"):
        return
    passed, failed, errors, skipped = (
        len(reporter.stats.get(outcome, ()))
        for outcome in ("passed", "failed", "error", "skipped")
    )
    reporter.write_line(f"{passed} passed, {failed + errors} failed, {skipped} skipped")
