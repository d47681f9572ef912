"""What the source code of the integration says about texts: keys, strings, functions."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from homeassistant import const as ha_const
from homeassistant.const import Platform

PLATFORMS = {platform.value for platform in Platform}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextUse:
    """One place in the code that asks for a translated text.

    ``section`` is the part of the translations where the text is, ``entity`` followed
    by the platform for entities, or empty when the code does not tell. ``placeholders``
    is None when they are not written out there.
    """

    section: tuple[str, ...]
    key: str
    placeholders: frozenset[str] | None
    where: str


@dataclass(slots=True)
class Source:
    """The integration's source code, as far as texts are concerned."""

    strings: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    steps_shown: set[str] = field(default_factory=set)
    uses: list[TextUse] = field(default_factory=list)


def read_source(files: Iterable[Path]) -> Source:
    """Return what the modules say."""
    source = Source()
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            source.strings.update(_strings_of(node))
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    source.functions.add(name)
                case ast.Call():
                    source.uses.extend(_uses_of(node, file))
                    step = _keyword(node, "step_id")
                    if isinstance(step, ast.Constant):
                        source.steps_shown.add(str(step.value))
                case ast.Assign(
                    targets=[ast.Name(id="_attr_translation_key")],
                    value=ast.Constant(value=str(key)),
                ):
                    source.uses.append(_entity_use(key, None, file, node.lineno))
    return source


def _strings_of(node: ast.AST) -> Iterator[str]:
    """Yield the strings that a piece of code stands for."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        # A member of an enumeration that takes its value from its name.
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="auto"))
        ):
            yield name.lower()
        case ast.ImportFrom(module="homeassistant.const", names=names):
            for alias in names:
                value = getattr(ha_const, alias.name)
                values = value if isinstance(value, list) else [value]
                yield from (value for value in values if isinstance(value, str))


def _uses_of(call: ast.Call, file: Path) -> Iterator[TextUse]:
    """Yield the text that a call asks for by a key that is written out."""
    key = _keyword(call, "translation_key")
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return
    callee = ast.unparse(call.func).rpartition(".")[2]
    placeholders = _placeholders(_keyword(call, "translation_placeholders"))
    if callee.endswith("EntityDescription"):
        yield _entity_use(key.value, placeholders, file, call.lineno)
        return
    section: tuple[str, ...] = ()
    if callee == "async_create_issue":
        section = ("issues",)
    elif _keyword(call, "translation_domain") is not None:
        section = ("exceptions",)
    elif callee.endswith("SelectorConfig"):
        section, placeholders = ("selector",), None
    elif callee in ("DeviceInfo", "async_get_or_create"):
        section = ("device",)
    yield TextUse(
        section=section,
        key=key.value,
        placeholders=placeholders,
        where=f"{file.name}:{call.lineno}",
    )


def _entity_use(
    key: str, placeholders: frozenset[str] | None, file: Path, line: int
) -> TextUse:
    """Return the use of an entity's text; entities have placeholders of their own."""
    section = ("entity", file.stem) if file.stem in PLATFORMS else ()
    return TextUse(
        section=section,
        key=key,
        placeholders=placeholders or None,
        where=f"{file.name}:{line}",
    )


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument, None when it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return None


def _placeholders(value: ast.expr | None) -> frozenset[str] | None:
    """Return the names of placeholders, None when they are computed."""
    if value is None:
        return frozenset()
    if not isinstance(value, ast.Dict):
        return None
    names = [key.value for key in value.keys if isinstance(key, ast.Constant)]
    if len(names) != len(value.keys):
        return None
    return frozenset(str(name) for name in names)
