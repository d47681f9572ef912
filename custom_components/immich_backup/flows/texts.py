"""The sentences that forms are put together from, in Home Assistant's language."""

from collections.abc import Mapping

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN


class Texts:
    """Texts of the category `selector`, which is the one that may hold any."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the texts as Home Assistant knows them."""
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence about a folder with its values filled in."""
        return self._text("outlook", "options", key).format(**values)

    def hint(self, key: str, **values: object) -> str:
        """Return a sentence that a form has only sometimes."""
        return self._text("hint", "options", key).format(**values)

    def telling(self, key: str, **values: object) -> str:
        """Return a sentence about a notification with its values filled in."""
        return self._text("telling", "options", key).format(**values)

    def occasion(self, key: str) -> str:
        """Return what something that people are told of is called."""
        return self._text("occasion", "options", key)

    def album(self, key: str) -> str:
        """Return what a way to find albums is called."""
        return self._text("album", "options", key)

    def weekday(self, key: str) -> str:
        """Return the name of a day of the week."""
        return self._text("weekdays", "options", key)

    def rule_field(self, key: str) -> str:
        """Return the name of a field of a rule."""
        return self._text("rule", "fields", key, "name")

    def _text(self, *keys: str) -> str:
        """Return one text as it is."""
        return self._texts[".".join(("component", DOMAIN, "selector", *keys))]


async def load_texts(hass: HomeAssistant) -> Texts:
    """Return the sentences in the language of this Home Assistant."""
    return Texts(
        await async_get_translations(hass, hass.config.language, "selector", [DOMAIN])
    )
