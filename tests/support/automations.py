"""Automations in a home: what triggers them, and what their conditions say."""

from dataclasses import dataclass, field
from typing import Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component

from .home import until

HEARD = "heard"


@dataclass
class Heard:
    """What automations told, in its order: variables by the name of the automation."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return what an automation told."""
        return [values for told, values in self.told if told == name]

    async def until(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until an automation has told so often; return what it told last."""
        await until(lambda: len(self.of(name)) >= count)
        return self.of(name)[-1]


async def automate(
    hass: HomeAssistant, **automations: dict[str, Any] | list[dict[str, Any]]
) -> Heard:
    """Set up automations that tell the values of their trigger.

    Each has a trigger, or several, or what else an automation is made of.
    """
    heard = Heard()

    @callback
    def listen(event: Event) -> None:
        heard.told.append((event.data["name"], event.data["values"]))

    hass.bus.async_listen(HEARD, listen)
    tell = {
        "event": HEARD,
        "event_data": {"name": "{{ name }}", "values": "{{ values }}"},
    }
    configs = []
    for name, content in automations.items():
        config = content if isinstance(content, dict) else {"triggers": content}
        if "triggers" not in config:
            config = {"triggers": config}
        configs.append(
            {
                "id": name,
                "alias": name,
                "mode": "queued",
                "max": 100,
                "variables": {"name": name, "values": "{{ dict(trigger) }}"},
                "actions": [tell],
                **config,
            }
        )
    assert await async_setup_component(hass, "automation", {"automation": configs})
    await hass.async_block_till_done()
    assert len(hass.states.async_entity_ids("automation")) == len(configs)
    assert not hass.states.async_entity_ids("automation") or all(
        state.state == "on" for state in hass.states.async_all("automation")
    )
    return heard
