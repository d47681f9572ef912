"""What is stored of folders survives a restart, and keeps nobody else from being stored."""

from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntries,
    ConfigEntryState,
    SubentryFlowContext,
)
from homeassistant.data_entry_flow import FlowResult
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    flush_store,
    mock_integration,
)

from custom_components.immich_backup.const import (
    CONF_CONDITIONS,
    CONF_NEW_MEDIA,
    CONF_TRIGGERS,
    SUBENTRY_FOLDER,
)
from custom_components.immich_backup.flows.when_form import (
    SECTION_ADVANCED,
    SECTION_CONDITIONS,
)

from .support.flows import folder_form, suggested, when_form
from .support.home import ENTRY_ID, Home

# As the editors of the browser give them, with what Home Assistant makes objects of
# when it checks them: times and templates, which fit into no JSON.
TRIGGERS = [
    {
        "trigger": "state",
        "entity_id": ["binary_sensor.card"],
        "to": "on",
        "for": {"hours": 0, "minutes": 0, "seconds": 10},
    },
    {
        "trigger": "numeric_state",
        "entity_id": ["sensor.battery"],
        "above": 80,
        "for": "00:01:00",
        "value_template": "{{ state.state | int }}",
    },
    {"trigger": "template", "value_template": "{{ false }}", "for": {"minutes": 5}},
]
CONDITIONS = [
    {"condition": "template", "value_template": "{{ is_state('sun.sun', 'set') }}"}
]
WHEN = when_form(
    **{
        CONF_NEW_MEDIA: False,
        SECTION_CONDITIONS: {CONF_CONDITIONS: CONDITIONS},
        SECTION_ADVANCED: {CONF_TRIGGERS: TRIGGERS},
    }
)


async def submit(home: Home, form: Any, values: dict[str, Any]) -> FlowResult[Any, Any]:
    """Return what comes after a form of a folder was submitted."""
    result: FlowResult[
        Any, Any
    ] = await home.hass.config_entries.subentries.async_configure(
        form["flow_id"], values
    )
    await home.hass.async_block_till_done()
    return result


async def begin(home: Home, **context: Any) -> FlowResult[Any, Any]:
    """Return the form of a folder."""
    result: FlowResult[Any, Any] = await home.hass.config_entries.subentries.async_init(
        (ENTRY_ID, SUBENTRY_FOLDER), context=SubentryFlowContext(**context)
    )
    return result


async def restart(home: Home, storage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Restart Home Assistant with what is stored of its integrations; return that."""
    hass = home.hass
    await flush_store(hass.config_entries._store)
    stored = storage["core.config_entries"]["data"]["entries"]
    await hass.config_entries.async_unload(ENTRY_ID)
    hass.config_entries = ConfigEntries(hass, {})
    await hass.config_entries.async_initialize()
    entry = hass.config_entries.async_get_entry(ENTRY_ID)
    assert entry is not None
    home.entry = entry  # type: ignore[assignment]
    await hass.config_entries.async_setup(ENTRY_ID)
    await hass.async_block_till_done()
    return {entry["entry_id"]: entry for entry in stored}


async def test_raw_triggers_and_templates(
    home: Home, hass_storage: dict[str, Any]
) -> None:
    """Triggers with a duration and templates are stored, work and are shown again."""
    hass = home.hass
    mock_integration(hass, MockModule("neighbour"))
    neighbour = MockConfigEntry(domain="neighbour", data={"value": 1})
    neighbour.add_to_hass(hass)
    await home.set_up()
    form = await begin(home, source=SOURCE_USER)
    confirm = await submit(home, form, folder_form(home.folder()))
    when = await submit(home, confirm, {"next_step_id": "when"})
    await submit(home, await submit(home, when, WHEN), {"next_step_id": "save"})
    (subentry,) = home.entry.subentries.values()
    # What another integration stores afterwards is written in the same file.
    hass.config_entries.async_update_entry(neighbour, data={"value": 2})

    stored = await restart(home, hass_storage)
    assert stored[neighbour.entry_id]["data"] == {"value": 2}
    (written,) = stored[ENTRY_ID]["subentries"]
    assert written["data"][CONF_TRIGGERS] == TRIGGERS
    assert written["data"][CONF_CONDITIONS] == CONDITIONS
    assert written["data"] == dict(subentry.data)

    assert home.entry.state is ConfigEntryState.LOADED
    assert home.entry.subentries[subentry.subentry_id].data == subentry.data
    form = await begin(
        home, source=SOURCE_RECONFIGURE, subentry_id=subentry.subentry_id
    )
    confirm = await submit(home, form, suggested(form))
    when = await submit(home, confirm, {"next_step_id": "when"})
    assert suggested(when) == WHEN
    # Storing it unchanged changes nothing, and can be written once more.
    confirm = await submit(home, when, suggested(when))
    await submit(home, confirm, {"next_step_id": "save"})
    again = await restart(home, hass_storage)
    assert again[ENTRY_ID]["subentries"][0]["data"] == written["data"]
