"""Texts, icons and the descriptions of building blocks fit the code and each other.

The schemas are those that hassfest checks; what is checked beyond them is that no text
is missing, unused, or short of a placeholder.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

from homeassistant.util.yaml import load_yaml_dict
import probatio
import pytest

from .support.schemas import (
    BLOCKS_SCHEMA,
    ICONS_SCHEMA,
    TEXTS_SCHEMA,
    placeholders,
    text,
)
from .support.source import Source, TextUse, read_source

INTEGRATION = Path(__file__).parent.parent / "custom_components" / "immich_backup"
TRANSLATIONS = INTEGRATION / "translations"
BLOCKS = ("services", "triggers", "conditions")

# Reasons that the base classes of Home Assistant's flows give by themselves.
REASONS_OF_BASE_CLASSES = {
    "already_configured",
    "already_in_progress",
    "reauth_successful",
    "reconfigure_successful",
    "unique_id_mismatch",
}
# Attributes of an entity that are not the integration's own.
ATTRIBUTES_OF_BASE_CLASSES = {"event_type"}


def read_json(file: Path) -> dict[str, Any]:
    """Return the content of a JSON file, empty when there is none."""
    data: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return data


@pytest.fixture(scope="module")
def source() -> Source:
    """Return what the code says about texts."""
    return read_source(sorted(INTEGRATION.rglob("*.py")))


@pytest.fixture(scope="module")
def texts() -> dict[str, Any]:
    """Return the English texts, which are the only complete ones."""
    return read_json(TRANSLATIONS / "en.json")


@pytest.fixture(scope="module")
def icons() -> dict[str, Any]:
    """Return the icons."""
    return read_json(INTEGRATION / "icons.json")


@pytest.fixture(scope="module")
def blocks() -> dict[str, dict[str, Any]]:
    """Return the descriptions of actions, triggers and conditions."""
    return {
        block: load_yaml_dict(str(file)) if file.exists() else {}
        for block in BLOCKS
        for file in (INTEGRATION / f"{block}.yaml",)
    }


def flatten(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield every text with its place, like ``config.error.unknown``."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from flatten(value, (*path, name))
    else:
        yield ".".join(path), node


def flows(texts: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the texts of every flow with its name."""
    for name in ("config", "options"):
        if name in texts:
            yield name, texts[name]
    for name, flow in texts.get("config_subentries", {}).items():
        yield f"config_subentries.{name}", flow
    for name, issue in texts.get("issues", {}).items():
        if "fix_flow" in issue:
            yield f"issues.{name}.fix_flow", issue["fix_flow"]


def forms(flow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the steps of a flow and the sections in them."""
    for name, step in flow["step"].items():
        yield name, step
        for section, part in step.get("sections", {}).items():
            yield f"{name}.{section}", part


def fields(block: dict[str, Any] | None) -> dict[str, Any]:
    """Return the fields of an action, trigger or condition, also those in sections."""
    found: dict[str, Any] = {}
    for name, value in (block or {}).get("fields", {}).items():
        found |= value.get("fields", {name: value})
    return found


def sections(block: dict[str, Any] | None) -> set[str]:
    """Return the names of the sections of an action."""
    given = (block or {}).get("fields", {})
    return {name for name, value in given.items() if "fields" in value}


def meanings(texts: dict[str, Any], use: TextUse) -> list[Any]:
    """Return the texts that a place in the code may mean, none when it is missing."""
    parts = [texts.get(name, {}) for name in ("exceptions", "issues", "device")]
    parts += [*texts.get("entity", {}).values(), texts.get("selector", {})]
    if use.section:
        part = texts
        for name in use.section:
            part = part.get(name, {})
        parts = [part]
    return [part[use.key] for part in parts if use.key in part]


def misfits(
    texts: dict[str, Any], icons: dict[str, Any], uses: list[TextUse]
) -> list[str]:
    """Return the places in the code whose text is missing or has other placeholders."""
    found = []
    for use in uses:
        # An entity may get its name from its device and only its icon by the key.
        if use.section[:1] == ("entity",) and meanings(icons, use):
            continue
        meant = meanings(texts, use)
        wanted = [
            {name for _, value in flatten(part) for name in placeholders(value)}
            for part in meant
        ]
        if not meant:
            found.append(f"{use.where}: {use.key} has no text")
        elif use.placeholders is not None and use.placeholders not in wanted:
            found.append(f"{use.where}: {use.key} has placeholders {wanted}")
    return found


def test_texts_schema(texts: dict[str, Any]) -> None:
    """The texts have the form that Home Assistant reads."""
    TEXTS_SCHEMA(texts)
    assert not (INTEGRATION / "strings.json").exists()


@pytest.mark.parametrize(
    "value",
    [
        "See https://example.org for more",
        "<b>bold</b>",
        "[%key:common::state::on%]",
        "The folder '{folder}'",
        "{not a name}",
        " blank",
        "",
    ],
)
def test_unshowable_texts_are_refused(value: str) -> None:
    """What Home Assistant would not show as meant is not accepted."""
    with pytest.raises(probatio.Invalid):
        TEXTS_SCHEMA({"exceptions": {"broken": {"message": value}}})


def test_fields_are_explained(texts: dict[str, Any]) -> None:
    """Every field of every form has a label and an explanation."""
    unexplained = [
        f"{name}.{form}: {sorted(set(part.get('data', {})) ^ explained)}"
        for name, flow in flows(texts)
        for form, part in forms(flow)
        if (explained := set(part.get("data_description", {})))
        != set(part.get("data", {}))
    ]
    assert unexplained == []


def test_texts_exist(
    texts: dict[str, Any], icons: dict[str, Any], source: Source
) -> None:
    """Every text that the code asks for exists, with the placeholders it is given."""
    assert misfits(texts, icons, source.uses) == []


def test_texts_are_used(texts: dict[str, Any], source: Source) -> None:
    """No text is left over that the code does not ask for."""
    keys = [
        (section, name)
        for section in ("exceptions", "issues", "device", "selector")
        for name in texts.get(section, {})
    ]
    for platform, entities in texts.get("entity", {}).items():
        for name, entity in entities.items():
            keys.append((f"entity.{platform}", name))
            keys += [
                (f"entity.{platform}.{name}", part)
                for states in ("state", "state_attributes")
                for part in entity.get(states, {})
            ]
    keys += [
        (f"selector.{name}", option)
        for name, select in texts.get("selector", {}).items()
        for part in ("options", "fields")
        for option in select.get(part, {})
    ]
    for name, flow in flows(texts):
        keys += [
            (f"{name}.{part}", reason)
            for part in ("error", "abort")
            for reason in flow.get(part, {})
        ]
        keys += [
            (f"{name}.{form}", field)
            for form, part in forms(flow)
            for field in part.get("data", {})
        ]
    keys += [("config_subentries", name) for name in texts.get("config_subentries", {})]
    yaml = "\n".join(file.read_text() for file in INTEGRATION.glob("*.yaml"))
    known = source.strings | REASONS_OF_BASE_CLASSES | ATTRIBUTES_OF_BASE_CLASSES
    known |= set(re.findall(r"[\w-]+", yaml))
    assert [f"{section}.{name}" for section, name in keys if name not in known] == []


def test_steps(texts: dict[str, Any], source: Source) -> None:
    """Every step that is shown has texts, and every text belongs to a step."""
    described = {step for _, flow in flows(texts) for step in flow["step"]}
    assert {
        name for name in described if f"async_step_{name}" not in source.functions
    } == set()
    assert source.steps_shown - described == set()


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_fit_texts(
    texts: dict[str, Any],
    blocks: dict[str, dict[str, Any]],
    source: Source,
    block: str,
) -> None:
    """Actions, triggers and conditions and their fields have a name each."""
    BLOCKS_SCHEMA(blocks[block])
    described = texts.get(block, {})
    assert set(described) == set(blocks[block])
    for name, content in blocks[block].items():
        assert name in source.strings
        assert set(described[name].get("fields", {})) == set(fields(content))
        assert set(described[name].get("sections", {})) == sections(content)


def test_options_of_blocks_have_texts(
    texts: dict[str, Any], blocks: dict[str, dict[str, Any]]
) -> None:
    """The options that a select shows are translated."""
    missing = [
        f"{block}.{name}.{field}.{option}"
        for block, contents in blocks.items()
        for name, content in contents.items()
        for field, value in fields(content).items()
        if "translation_key" in (select := value["selector"].get("select") or {})
        for option in select["options"]
        if option
        not in texts.get("selector", {})
        .get(select["translation_key"], {})
        .get("options", {})
    ]
    assert missing == []


def test_icons(icons: dict[str, Any], source: Source) -> None:
    """Icons have the form that Home Assistant reads, and none is left over."""
    ICONS_SCHEMA(icons)
    for entities in icons.get("entity", {}).values():
        assert set(entities) <= source.strings
        for name, entity in entities.items():
            states = entity.get("state", {})
            assert set(states) <= source.strings
            assert entity.get("default") not in states.values(), name


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_have_icons(
    icons: dict[str, Any], blocks: dict[str, dict[str, Any]], block: str
) -> None:
    """Every action, trigger and condition has an icon, every section as well."""
    shown = icons.get(block, {})
    assert set(shown) == set(blocks[block])
    for name, content in blocks[block].items():
        assert set(shown[name].get("sections", {})) <= sections(content)


def test_other_languages(texts: dict[str, Any]) -> None:
    """Translations have no text of their own, and the placeholders of the English."""
    english = dict(flatten(texts))
    for file in TRANSLATIONS.glob("*.json"):
        for place, value in flatten(read_json(file)):
            assert place in english, file.name
            assert placeholders(text(value)) == placeholders(english[place]), place


CODE = """
raise HomeAssistantError(
    translation_domain=DOMAIN,
    translation_key="{key}",
    translation_placeholders={{"{name}": path}},
)
ir.async_create_issue(hass, DOMAIN, "gone", translation_key="{key}")
SensorEntityDescription(key="x", translation_key="{key}")
"""
TEXTS: dict[str, Any] = {
    "exceptions": {"not_found": {"message": "There is no {path}"}},
    "issues": {"not_found": {"title": "Gone", "description": "Look for it"}},
    "entity": {"sensor": {"not_found": {"name": "Not found"}}},
}


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        ("not_found", "path", 0),
        ("not_found", "file", 1),
        ("missing", "path", 3),
    ],
)
def test_misfits_are_found(tmp_path: Path, key: str, name: str, found: int) -> None:
    """A missing text and a wrong placeholder are noticed, wherever they are used."""
    file = tmp_path / "sensor.py"
    file.write_text(CODE.format(key=key, name=name))
    source = read_source([file])
    assert len(source.uses) == 3
    assert len(misfits(TEXTS, {}, source.uses)) == found
