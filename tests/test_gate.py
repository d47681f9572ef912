"""What folders wait for, when many of them wait for the same."""

from collections.abc import Sequence

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.immich_backup.gate import FolderGate
from custom_components.immich_backup.turns import Turns

from .support.home import until

LAMP = "input_boolean.lamp"
CONDITION = {"condition": "state", "entity_id": LAMP, "state": "on"}


async def test_many_gates_open_a_little_at_a_time(hass: HomeAssistant) -> None:
    """None is tested in the turn of the change, and each once for several changes."""
    assert await async_setup_component(hass, "homeassistant", {})
    hass.states.async_set(LAMP, "off", {"friendly_name": "Lamp"})
    turns, told = Turns(hass.loop), dict[int, list[Sequence[str]]]()
    gates = []
    for number in range(20):
        told[number] = []
        gates.append(FolderGate(hass, [CONDITION], told[number].append, turns))
        await gates[-1].begin()
        assert told[number] == [["Lamp (state)"]]
    for state in ("on", "off", "on"):
        hass.states.async_set(LAMP, state, {"friendly_name": "Lamp"})
    assert all(len(tells) == 1 for tells in told.values())
    # Whoever follows a folder no longer is not told that it need not wait.
    gates[7].end()
    await until(lambda: told[19] == [["Lamp (state)"], []])
    assert told.pop(7) == [["Lamp (state)"]]
    assert all(tells == [["Lamp (state)"], []] for tells in told.values())
    for gate in gates:
        gate.end()
