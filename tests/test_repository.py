"""The repository meets the rules of Home Assistant's hassfest and of HACS.

hassfest is part of Home Assistant's repository, and the HACS action asks GitHub;
both run in the workflows. What they check of the files is checked here as well.
"""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform, __version__ as tested_version
from homeassistant.util.yaml import load_yaml_dict
from PIL import Image
import probatio
import pytest

ROOT = Path(__file__).resolve().parent.parent
INTEGRATION = ROOT / "custom_components" / "immich_backup"
DOMAIN = INTEGRATION.name

# Parts of the repository that are not under version control.
GENERATED = {".git", ".venv", ".python", ".demo", "__pycache__", "htmlcov"}

# hassfest: integrations that may be used without being a declared dependency.
FREE_TO_USE = {
    *(platform.value for platform in Platform),
    *("alert", "automation", "conversation", "device_automation", "frontend"),
    *("group", "homeassistant", "input_boolean", "input_button", "input_datetime"),
    *("input_number", "input_select", "input_text", "media_source", "onboarding"),
    *("panel_custom", "persistent_notification", "person", "script", "sun"),
    *("system_health", "system_log", "timer", "webhook", "websocket_api", "zone"),
}

BRONZE = """
    action-setup appropriate-polling brands common-modules config-flow
    config-flow-test-coverage dependency-transparency docs-actions docs-conditions
    docs-high-level-description docs-installation-instructions
    docs-removal-instructions docs-triggers entity-event-setup entity-unique-id
    has-entity-name runtime-data test-before-configure test-before-setup
    unique-config-entry
"""
SILVER = """
    action-exceptions config-entry-unloading docs-configuration-parameters
    docs-installation-parameters entity-unavailable integration-owner
    log-when-unavailable parallel-updates reauthentication-flow test-coverage
"""
GOLD = """
    devices diagnostics discovery discovery-update-info docs-data-update docs-examples
    docs-known-limitations docs-supported-devices docs-supported-functions
    docs-troubleshooting docs-use-cases dynamic-devices entity-category
    entity-device-class entity-disabled-by-default entity-translations
    exception-translations icon-translations reconfiguration-flow repair-issues
    stale-devices
"""
PLATINUM = "async-dependency inject-websession strict-typing"
QUALITY_RULES = set(f"{BRONZE} {SILVER} {GOLD} {PLATINUM}".split())


def web_address(value: str) -> str:
    """Accept the address of a page of this project."""
    if not value.startswith("https://") or "www.home-assistant.io" in value:
        raise probatio.Invalid("not a page of this project")
    return value


def version(value: str) -> str:
    """Accept what Home Assistant accepts as the version of a custom integration."""
    AwesomeVersion(
        value,
        ensure_strategy=[
            AwesomeVersionStrategy.CALVER,
            AwesomeVersionStrategy.SEMVER,
            AwesomeVersionStrategy.SIMPLEVER,
            AwesomeVersionStrategy.BUILDVER,
            AwesomeVersionStrategy.PEP440,
        ],
    )
    return value


MANIFEST_SCHEMA = probatio.Schema(
    {
        probatio.Required("domain"): DOMAIN,
        probatio.Required("name"): str,
        probatio.Optional("after_dependencies"): [str],
        probatio.Required("codeowners"): [probatio.Match(r"^@[\w-]+(/[\w-]+)?$")],
        probatio.Required("config_flow"): True,
        probatio.Optional("dependencies"): [str],
        probatio.Required("documentation"): web_address,
        probatio.Required("integration_type"): probatio.In(
            ["device", "hub", "service", "helper"]
        ),
        probatio.Required("iot_class"): probatio.Match(
            r"^(assumed_state|calculated|(cloud|local)_(polling|push))$"
        ),
        probatio.Required("issue_tracker"): web_address,
        probatio.Optional("loggers"): [str],
        probatio.Optional("requirements"): [probatio.Match(r"^[\w.-]+==[\w.]+$")],
        probatio.Required("version"): version,
    },
    extra=probatio.PREVENT_EXTRA,
)

HACS_SCHEMA = probatio.Schema(
    {
        probatio.Required("name"): str,
        **{
            probatio.Optional(key): bool
            for key in ("content_in_root", "hide_default_branch", "zip_release")
        },
        **{
            probatio.Optional(key): str
            for key in ("filename", "hacs", "homeassistant", "persistent_directory")
        },
    },
    extra=probatio.PREVENT_EXTRA,
)

QUALITY_SCHEMA = probatio.Schema(
    {
        probatio.Required("rules"): {
            probatio.In(QUALITY_RULES): probatio.Any(
                probatio.In(["todo", "done"]),
                {
                    probatio.Required("status"): probatio.In(["todo", "done"]),
                    probatio.Optional("comment"): str,
                },
                {
                    probatio.Required("status"): "exempt",
                    probatio.Required("comment"): str,
                },
            )
        }
    }
)


def files(*suffixes: str) -> Iterator[Path]:
    """Yield the repository's files with these suffixes; all files without any."""
    for folder, folders, names in ROOT.walk():
        folders[:] = sorted(
            name
            for name in folders
            if name not in GENERATED and not name.endswith("_cache")
        )
        for name in sorted(names):
            if not suffixes or name.endswith(suffixes):
                yield folder / name


def lines_with(pattern: str, *suffixes: str) -> list[str]:
    """Return where a pattern occurs in the repository's text files."""
    expression = re.compile(pattern)
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files(*suffixes)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if expression.search(line)
    ]


def manifest() -> dict[str, Any]:
    """Return the integration's manifest."""
    data: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())
    return data


def functions_of(file: Path) -> set[str]:
    """Return the names of a module's functions; none when there is no module."""
    if not file.exists():
        return set()
    return {
        node.name
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def components_used_by(file: Path) -> Iterator[str]:
    """Yield the integrations of Home Assistant that a module imports at run time."""
    tree = ast.parse(file.read_bytes())
    skipped = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "homeassistant.components.http.auth.async_sign_path":
                continue
            if name.startswith("homeassistant.components."):
                yield name.split(".")[2]


def test_one_integration() -> None:
    """HACS takes the first folder, so there is exactly one."""
    folders = [
        entry.name
        for entry in INTEGRATION.parent.iterdir()
        if entry.is_dir() and entry.name not in GENERATED
    ]
    assert folders == [DOMAIN]


def test_manifest() -> None:
    """The manifest is complete, has no unknown key, and is in hassfest's order."""
    data = manifest()
    MANIFEST_SCHEMA(data)
    first = ["domain", "name"]
    assert list(data) == first + sorted(key for key in data if key not in first)


def test_requirements() -> None:
    """Nothing has to be installed beside Home Assistant."""
    assert "requirements" not in manifest()


def test_version_is_in_the_changelog() -> None:
    """The version of the manifest is the newest one that the changelog describes."""
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("no changelog")
    described = re.findall(r"^## \[?(\d[\w.]*)", changelog.read_text(), re.MULTILINE)
    assert described[:1] == [manifest()["version"]]


def test_hacs_json() -> None:
    """What HACS and the Marketplace read, and a version that the tests cover."""
    data = json.loads((ROOT / "hacs.json").read_text())
    HACS_SCHEMA(data)
    assert data["name"] == manifest()["name"]
    assert AwesomeVersion(data["homeassistant"]) <= AwesomeVersion(tested_version)


def test_license() -> None:
    """GitHub recognises the licence by its text."""
    words = " ".join((ROOT / "LICENSE").read_text().split())
    assert words.startswith("MIT License Copyright (c) ")
    assert "Permission is hereby granted, free of charge, to any person" in words
    assert words.endswith("OTHER DEALINGS IN THE SOFTWARE.")


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand_images(name: str, size: int) -> None:
    """Home Assistant shows the icons of the integration's own folder."""
    with Image.open(INTEGRATION / "brand" / name) as image:
        assert (image.format, image.size) == ("PNG", (size, size))
        assert image.mode == "RGBA"
        # The picture reaches every edge, and its corners are transparent.
        assert image.getbbox() == (0, 0, size, size)
        assert image.getpixel((0, 0)) == (0, 0, 0, 0)


def test_config_flow_exists() -> None:
    """An integration with entries has the flow that the manifest announces."""
    if "async_setup_entry" in functions_of(INTEGRATION / "__init__.py"):
        assert (INTEGRATION / "config_flow.py").exists()


def test_config_schema() -> None:
    """Setting up without an entry means that YAML configuration is refused clearly."""
    if "async_setup" in functions_of(INTEGRATION / "__init__.py"):
        source = (INTEGRATION / "__init__.py").read_text()
        assert "CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)" in source


def test_parallel_updates() -> None:
    """Every platform says how many updates may run at once."""
    platforms = [INTEGRATION / f"{platform.value}.py" for platform in Platform]
    silent = [
        file.name
        for file in platforms
        if file.exists() and "\nPARALLEL_UPDATES = " not in file.read_text()
    ]
    assert silent == []


def test_dependencies() -> None:
    """Integrations that are used are declared, unless they are always there."""
    data = manifest()
    dependencies = set(data.get("dependencies", []))
    after = set(data.get("after_dependencies", []))
    assert not dependencies & after
    undeclared = [
        f"{file.relative_to(INTEGRATION)} uses {component}"
        for file in sorted(INTEGRATION.rglob("*.py"))
        for component in components_used_by(file)
        if component not in FREE_TO_USE | dependencies | after
        # A module named like an integration is a platform of it.
        and not (INTEGRATION / f"{component}.py").exists()
    ]
    assert undeclared == []


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("from homeassistant.components.recorder import history", ["recorder"]),
        ("from homeassistant.components import recorder", ["recorder"]),
        ("import homeassistant.components.recorder.util", ["recorder"]),
        ("from homeassistant.components.http.auth import async_sign_path", []),
        ("from homeassistant.core import HomeAssistant", []),
        ("if TYPE_CHECKING:\n    from homeassistant.components import recorder", []),
    ],
)
def test_dependencies_are_found(tmp_path: Path, source: str, used: list[str]) -> None:
    """Imports of integrations are seen in every form."""
    file = tmp_path / "module.py"
    file.write_text(source)
    assert list(components_used_by(file)) == used


@pytest.mark.parametrize(
    ("yaml", "registration"),
    [
        ("services.yaml", r"services\.async_register\(|async_register_\w+_service\("),
        ("triggers.yaml", r"def async_get_triggers\("),
        ("conditions.yaml", r"def async_get_conditions\("),
    ],
)
def test_what_is_registered_is_described(yaml: str, registration: str) -> None:
    """Actions, triggers and conditions come with the file that describes them."""
    registers = any(
        re.search(registration, file.read_text()) for file in INTEGRATION.rglob("*.py")
    )
    assert registers == (INTEGRATION / yaml).exists()


def test_quality_scale() -> None:
    """Every rule of the quality scale is answered."""
    assert len(QUALITY_RULES) == 54
    file = INTEGRATION / "quality_scale.yaml"
    if not file.exists():
        pytest.skip("no quality scale")
    data = load_yaml_dict(str(file))
    QUALITY_SCHEMA(data)
    assert set(data["rules"]) == QUALITY_RULES


def test_readme() -> None:
    """The README tells how to try the integration and how to test it."""
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README")
    text = readme.read_text()
    for command in ("scripts/demo", "scripts/test"):
        assert command in text
        assert ROOT.joinpath(command).stat().st_mode & 0o100


@pytest.mark.parametrize("yaml", ["services.yaml", "triggers.yaml", "conditions.yaml"])
def test_building_blocks_are_documented(yaml: str) -> None:
    """The documentation names every action, trigger and condition."""
    if not (INTEGRATION / yaml).exists() or not (ROOT / "README.md").exists():
        pytest.skip("nothing to compare")
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    text = "\n".join(page.read_text() for page in pages)
    names = load_yaml_dict(str(INTEGRATION / yaml))
    assert [name for name in names if f"{DOMAIN}.{name}" not in text] == []


@pytest.mark.parametrize("yaml", ["triggers.yaml", "conditions.yaml"])
def test_options_are_documented(yaml: str) -> None:
    """The README names every option in the section about triggers and conditions."""
    readme = (ROOT / "README.md").read_text()
    _, found, text = readme.partition("\n## Automations: triggers and conditions\n")
    assert found
    section = text.partition("\n## ")[0]
    for name, block in load_yaml_dict(str(INTEGRATION / yaml)).items():
        (row,) = re.findall(rf"^\| `{DOMAIN}\.{name}` \|.*$", section, re.MULTILINE)
        for option in block["fields"]:
            # All triggers have this one, which is explained above them.
            assert f"`{option}`" in (section if option == "folders" else row)


def test_workflows() -> None:
    """Workflows have the least rights and name the version of what they use."""
    workflows = sorted(ROOT.glob(".github/workflows/*.yml"))
    assert workflows
    for workflow in workflows:
        data = load_yaml_dict(str(workflow))
        assert data["permissions"] == {}
        for job in data["jobs"].values():
            assert job["permissions"] in ({}, {"contents": "read"})
            for step in job["steps"]:
                if "uses" in step:
                    assert re.search(r"@(v\d+|[0-9a-f]{40}|master|main)", step["uses"])
                    assert "checkout" not in step["uses"] or (
                        step["with"]["persist-credentials"] is False
                    )


def test_modules_say_what_they_are_for() -> None:
    """The first line of every module is one sentence."""
    silent = []
    for file in files(".py"):
        docstring = ast.get_docstring(ast.parse(file.read_bytes())) or ""
        if not re.fullmatch(r"\S.+\.", docstring.partition("\n")[0]):
            silent.append(str(file.relative_to(ROOT)))
    assert silent == []


def test_nothing_is_left_open() -> None:
    """What is in the repository is finished."""
    # The brackets keep this line from finding itself.
    words = r"\b(T[O]DO|F[I]XME|X[X]X|HA[C]K)\b"
    assert lines_with(words, ".py", ".yaml", ".yml", ".sh") == []


def test_no_path_of_a_machine() -> None:
    """Nothing depends on where somebody keeps the repository."""
    here = f"{re.escape(str(ROOT))}\\b|" if len(ROOT.parts) > 2 else ""
    texts = (".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", "run", "setup")
    pattern = here + r"(?<![\w./<}-])/(root|work|Users/\w+|home/\w+)/"
    assert lines_with(pattern, *texts) == []
