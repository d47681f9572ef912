"""Diagnostics and system health."""

import json
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.immich_backup.const import (
    CONF_CONDITIONS,
    CONF_DIGEST_MINUTES,
    CONF_EVENTS,
    CONF_HEADERS,
    CONF_MESSAGE,
    CONF_NOTIFY_ACTIONS,
    CONF_OVERDUE_HOURS,
    CONF_PERSONS,
    CONF_PRESENCE,
    CONF_RULES,
    CONF_SCHEDULE_TIME,
    CONF_TRIGGERS,
    CONF_ZONE,
    DOMAIN,
    SUBENTRY_NOTIFICATION,
)
from custom_components.immich_backup.engine.ledger import LedgerError
from simulator import Action, Fault

from .support.home import API_KEY, ENTRY_ID, Home, folder_data, permission_lost, until

HEADER = "canaryHeaderValue77"
RULE = {
    "name": "No drafts of Berta",
    "action": "skip",
    "paths": ["drafts/berta/*"],
    "min_size_mb": 1,
}

NOTIFICATION = ConfigSubentryDataWithId(
    data={
        CONF_NOTIFY_ACTIONS: ["notify.mobile_app_bertas_phone"],
        CONF_MESSAGE: "Dear Berta, {{ uploaded }}",
        CONF_DIGEST_MINUTES: 5,
        CONF_EVENTS: ["failed"],
    },
    subentry_id="notification1",
    subentry_type=SUBENTRY_NOTIFICATION,
    title="Berta",
    unique_id=None,
)


async def diagnostics(hass: HomeAssistant, client: ClientSessionGenerator) -> Any:
    """Return an account's diagnostics as they are downloaded."""
    assert await async_setup_component(hass, "diagnostics", {})
    await hass.async_block_till_done()
    http = await client()
    response = await http.get(f"/api/diagnostics/config_entry/{ENTRY_ID}")
    assert response.status == 200
    return (await response.json())["data"]


async def test_diagnostics(home: Home, hass_client: ClientSessionGenerator) -> None:
    """They tell how the account works, and not whose it is."""
    folder = home.folder("holidays of anna")
    (folder / "anna and berta.jpg").write_bytes(b"one")
    home.immich.faults.add(
        Fault(
            action=Action.RESPOND,
            canned="too-large",
            method="POST",
            path="/api/assets",
            body_over=100_000,
        )
    )
    (folder / "secret film.mp4").write_bytes(bytes(200_000))
    await home.set_up(
        folder_data(
            folder,
            title="Anna's camera",
            **{
                CONF_RULES: [RULE],
                CONF_SCHEDULE_TIME: "03:00:00",
                CONF_OVERDUE_HOURS: 12,
                CONF_PERSONS: ["person.anna", "person.berta"],
                CONF_PRESENCE: "arrives",
                CONF_ZONE: "zone.annas_office",
                CONF_CONDITIONS: [
                    "{{ not is_state('person.anna', 'home') }}",
                    {"condition": "state", "entity_id": "person.anna", "state": "x"},
                ],
                CONF_TRIGGERS: [{"trigger": "event", "event_type": "annas_card"}],
                "album": "Berta's wedding",
            },
        ),
        NOTIFICATION,
        **{CONF_HEADERS: {"X-Proxy-Token": HEADER}},
    )
    await home.until_state("sensor", "failed_files", "1")
    await home.until_state("sensor", "protected_files", "1")
    await home.until_state("binary_sensor", "running", "off")
    await home.press("send_test")
    data = await diagnostics(home.hass, hass_client)

    assert data["account"] == {
        "scheme": "http",
        "verify_ssl": True,
        "headers": 1,
        "version": "1.1",
    }
    assert data["server"] == {"version": "3.0.3", "missing_permissions": []}
    assert data["overview"]["status"] == "idle"
    assert data["overview"]["files"] == {"protected": 1, "parked": 1}
    assert data["overview"]["bytes"] == {"protected": 3, "parked": 200_000}
    assert data["overview"]["next_run"]
    assert set(data["folders"]) == {"folder1"}
    shown = data["folders"]["folder1"]
    assert shown["options"] == {
        "path": REDACTED,
        "settle_seconds": 0.1,
        "schedule_time": "03:00:00",
        "overdue_hours": 12,
        "persons": 2,
        "presence": "arrives",
        "presence_zone": REDACTED,
        "conditions": ["template", "state"],
        "triggers": ["event"],
        "album": REDACTED,
        "rules": [
            {"name": REDACTED, "paths": REDACTED, "action": "skip", "min_size_mb": 1}
        ],
    }
    assert shown["detection"] in ("events", "polling")
    assert shown["file_system"]
    assert shown["files"] == {"protected": 1, "parked": 1}
    assert data["notifications"]["options"] == {
        "notification1": {
            "notify_actions": 1,
            "message": REDACTED,
            "digest_minutes": 5,
            "events": ["failed"],
        }
    }
    (delivery,) = data["notifications"]["deliveries"]
    assert delivery.pop("at")
    assert delivery == {
        "kind": "notify",
        "event": "test",
        "ok": False,
        "failed": True,
        "skipped": None,
    }
    assert data["runs"][-1]["folders"] == ["folder1"]
    assert sum(run["uploaded"] for run in data["runs"]) == 1
    assert data["ledger"]["bytes"] > 0
    assert not data["ledger"]["quarantined"]

    text = json.dumps(data).lower()
    secrets = (
        *(API_KEY, HEADER, "X-Proxy-Token", str(home.root), home.immich.admin().id),
        *(home.immich.admin().email, "anna", "berta", "film", "drafts", "127.0.0.1"),
    )
    assert [secret for secret in secrets if secret.lower() in text] == []


async def test_controls(home: Home, hass_client: ClientSessionGenerator) -> None:
    """They tell what keeps files from going up, but not in words of people."""
    folder = home.folder()
    await home.set_up(folder_data(folder))
    data = await diagnostics(home.hass, hass_client)
    assert data["overview"]["paused"] is False
    assert data["overview"]["paused_until"] is None
    assert data["overview"]["limit"] == 0
    assert data["folders"]["folder1"]["overdue"] is False
    assert data["folders"]["folder1"]["waiting_for"] == 0
    await home.engine.controls.pause()
    await home.engine.controls.set_limit(2_500_000)
    home.engine.set_waiting_for("folder1", ["Berta is home", "Only at night"])
    await until(lambda: home.manager.overview.data.paused_until)
    await until(lambda: home.manager.overview.data.folders["folder1"].waiting_for)
    data = await diagnostics(home.hass, hass_client)
    assert data["overview"]["paused"] is True
    assert data["overview"]["paused_until"] is None
    assert data["overview"]["limit"] == 2_500_000
    assert data["folders"]["folder1"]["waiting_for"] == 2
    assert "Berta" not in json.dumps(data)


async def test_offline(
    home: Home, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are there without server and ledger; errors tell no address."""
    await home.immich.stop()
    await home.set_up(folder_data(home.folder()))
    await home.until_state("binary_sensor", "connected", "off")
    await home.press("back_up_now")

    async def broken(_limit: int) -> None:
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(home.engine, "recent_runs", broken)
    data = await diagnostics(home.hass, hass_client)
    assert data["server"] == {"version": None, "missing_permissions": None}
    assert data["runs"] == []
    assert not data["overview"]["connected"]
    assert REDACTED in data["overview"]["error"]
    text = json.dumps(data)
    assert "127.0.0.1" not in text
    assert home.immich.url.rpartition(":")[2] not in text


async def test_unreadable_rules(
    home: Home, hass_client: ClientSessionGenerator
) -> None:
    """A folder that is not tended shows its options only."""
    await home.set_up(
        folder_data(home.folder(), **{CONF_RULES: [{"action": "unheard of"}]})
    )
    data = await diagnostics(home.hass, hass_client)
    assert "status" not in data["folders"]["folder1"]
    assert data["folders"]["folder1"]["options"]["rules"] == [{"action": "unheard of"}]


async def test_halt(home: Home, hass_client: ClientSessionGenerator) -> None:
    """What a key may not do is told."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    home.immich.faults.add(permission_lost())
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "status", "error")
    data = await diagnostics(home.hass, hass_client)
    assert data["overview"]["halt"] == "permission"
    assert data["overview"]["halt_detail"] == "asset.upload"


async def test_system_health(home: Home, hass_ws_client: WebSocketGenerator) -> None:
    """The system information counts accounts and files."""
    assert await async_setup_component(home.hass, "system_health", {})
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    await home.set_up(folder_data(folder))
    await home.until_state("sensor", "protected_files", "1")
    client = await hass_ws_client(home.hass)
    await client.send_json_auto_id({"type": "system_health/info"})
    assert (await client.receive_json())["success"]
    initial = (await client.receive_json())["event"]["data"]
    assert initial[DOMAIN]["info"] == {
        "accounts": 1,
        "connected_accounts": 1,
        "protected_files": 1,
        "waiting_files": 0,
    }
    assert json_bytes(initial)
