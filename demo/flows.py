"""Fills in the forms of integrations through Home Assistant's API, as a person would."""

from collections.abc import Mapping, Sequence
from typing import Any

from .api import HomeApi, Json
from .errors import DemoError

DOMAIN = "immich_backup"
_ENTRY_FLOW = "/api/config/config_entries/flow"
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"


async def add_entry(api: HomeApi, domain: str, answers: Mapping[str, Any]) -> Json:
    """Fill in the form that adds an integration, and return what it created."""
    step = await api.post(_ENTRY_FLOW, {"handler": domain})
    return _created(await _fill_in(api, _ENTRY_FLOW, step, answers))


async def change_entry(
    api: HomeApi, domain: str, entry_id: str, answers: Mapping[str, Any]
) -> None:
    """Fill in the form that changes what was added."""
    step = await api.post(_ENTRY_FLOW, {"handler": domain, "entry_id": entry_id})
    _changed(await _fill_in(api, _ENTRY_FLOW, step, answers))


async def add_subentry(
    api: HomeApi,
    entry_id: str,
    kind: str,
    answers: Mapping[str, Any],
    flow_id: str | None = None,
    *,
    detours: Sequence[str] = (),
) -> None:
    """Fill in the form of a new folder or notification, or one that is open.

    ``detours`` are steps that are offered and taken once before it goes on.
    """
    if flow_id is None:
        step = await api.post(_SUBENTRY_FLOW, {"handler": [entry_id, kind]})
    else:
        step = await api.get(f"{_SUBENTRY_FLOW}/{flow_id}")
    _created(await _fill_in(api, _SUBENTRY_FLOW, step, answers, detours))


async def change_subentry(
    api: HomeApi,
    entry_id: str,
    kind: str,
    subentry_id: str,
    answers: Mapping[str, Any],
) -> None:
    """Fill in the form that changes a folder or a notification."""
    step = await api.post(
        _SUBENTRY_FLOW, {"handler": [entry_id, kind], "subentry_id": subentry_id}
    )
    _changed(await _fill_in(api, _SUBENTRY_FLOW, step, answers))


def _created(result: Json) -> Json:
    """Return a flow's result; raises DemoError when it created nothing."""
    if result["type"] != "create_entry":
        raise DemoError(f"Home Assistant added nothing: {result.get('reason')}")
    return result


def _changed(result: Json) -> None:
    """Raise DemoError when a flow changed nothing."""
    if result.get("reason") != "reconfigure_successful":
        raise DemoError(f"Home Assistant changed nothing: {result.get('reason')}")


async def _fill_in(
    api: HomeApi,
    path: str,
    step: Json,
    answers: Mapping[str, Any],
    detours: Sequence[str] = (),
) -> Json:
    """Answer each form until the flow ends; raises DemoError when one is refused.

    Of what can be chosen in between, the first is what goes on.
    """
    left = list(detours)
    while (kind := step["type"]) in ("form", "menu"):
        if kind == "menu":
            options = step["menu_options"]
            chosen = next((option for option in options if option in left), options[0])
            if chosen in left:
                left.remove(chosen)
            name, filled = step["step_id"], {"next_step_id": chosen}
        else:
            name, filled = step["step_id"], _fill(step["data_schema"] or (), answers)
        step = await api.post(f"{path}/{step['flow_id']}", filled)
        if errors := step.get("errors"):
            raise DemoError(f"Home Assistant refuses the form {name}: {errors}")
    return step


def _fill(schema: Sequence[Json], answers: Mapping[str, Any]) -> Json:
    """Return a form's values: our answers, else what the form suggests."""
    filled: Json = {}
    for field in schema:
        name = field["name"]
        if field.get("type") == "expandable":
            filled[name] = _fill(field["schema"], answers)
        elif name in answers:
            filled[name] = answers[name]
        elif (suggested := _suggested(field)) is not None:
            filled[name] = suggested
    return filled


def _suggested(field: Json) -> Any:
    """Return what a field shows before anybody touched it."""
    suggested = (field.get("description") or {}).get("suggested_value")
    return field.get("default") if suggested is None else suggested
