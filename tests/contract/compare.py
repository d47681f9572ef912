"""Tells in words where an answer differs from what the table expects."""

from collections.abc import Iterator
from datetime import datetime
import math
import re
from typing import Any
from uuid import UUID

UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
COORDINATE_TOLERANCE = 1e-4
SHOWN = 120


def differences(
    expected: Any, actual: Any, *, strict: bool = False, at: str = ""
) -> Iterator[str]:
    """Yield one line per difference between the notation and a JSON value.

    References must have been resolved before. Moments are equal if they are the same
    instant; `strict` also reports another way to write it and keys that are too many,
    except in the elements of a list of which only what they have in common is known.
    """
    match expected:
        case str() if expected.startswith("~"):
            if not _is_a(actual, expected[1:]):
                yield f"{_place(at)}: expected {expected[1:]}, got {_show(actual)}"
        case {"~each": _}:
            yield from _each(expected, actual, at)
        case {"~set": wanted}:
            if not isinstance(actual, list) or sorted(map(str, actual)) != sorted(
                map(str, wanted)
            ):
                yield f"{_place(at)}: {_set_difference(wanted, actual)}"
        case dict():
            yield from _object(expected, actual, strict, at)
        case list():
            if not isinstance(actual, list):
                yield f"{_place(at)}: expected a list, got {_show(actual)}"
                return
            if len(actual) != len(expected):
                yield f"{_place(at)}: {len(actual)} elements, expected {len(expected)}"
            for index, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
                yield from differences(wanted, got, strict=strict, at=f"{at}/{index}")
        case _:
            if not _same(expected, actual, strict):
                yield f"{_place(at)}: expected {_show(expected)}, got {_show(actual)}"


def _object(
    expected: dict[str, Any], actual: Any, strict: bool, at: str
) -> Iterator[str]:
    if not isinstance(actual, dict):
        yield f"{_place(at)}: expected an object, got {_show(actual)}"
        return
    for key, wanted in expected.items():
        if key in actual:
            yield from differences(wanted, actual[key], strict=strict, at=f"{at}/{key}")
        else:
            yield f"{_place(at)}: key {key!r} is missing"
    if strict and (extra := sorted(actual.keys() - expected.keys())):
        yield f"{_place(at)}: too many keys {extra}"


def _each(expected: dict[str, Any], actual: Any, at: str) -> Iterator[str]:
    if not isinstance(actual, list):
        yield f"{_place(at)}: expected a list, got {_show(actual)}"
        return
    length = expected.get("~length")
    if length is not None and len(actual) != length:
        yield f"{_place(at)}: {len(actual)} elements, expected {length}"
    for index, element in enumerate(actual):
        yield from differences(expected["~each"], element, at=f"{at}/{index}")
    if "~ids" in expected:
        ids = [element.get("id") for element in actual if isinstance(element, dict)]
        if sorted(map(str, ids)) != sorted(expected["~ids"]):
            yield f"{_place(at)}: ids: {_set_difference(expected['~ids'], ids)}"


def _is_a(value: Any, kind: str) -> bool:
    if kind.endswith("?"):
        return value is None or _is_a(value, kind[:-1])
    match kind:
        case "any":
            return True
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "uuid":
            return isinstance(value, str) and _is_uuid(value)
        case "time":
            return isinstance(value, str) and TIME_TEXT.fullmatch(value) is not None
        case _:
            raise ValueError(f"unknown kind {kind!r}")


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _same(expected: Any, actual: Any, strict: bool) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, abs_tol=COORDINATE_TOLERANCE)
    if isinstance(expected, str) and isinstance(actual, str) and not strict:
        return expected == actual or _same_instant(expected, actual)
    return bool(expected == actual)


def _same_instant(expected: str, actual: str) -> bool:
    if TIME_TEXT.fullmatch(expected) is None or TIME_TEXT.fullmatch(actual) is None:
        return False
    return datetime.fromisoformat(expected) == datetime.fromisoformat(actual)


def _set_difference(expected: list[Any], actual: Any) -> str:
    if not isinstance(actual, list):
        return f"expected a list, got {_show(actual)}"
    missing = [item for item in expected if item not in actual]
    extra = [item for item in actual if item not in expected]
    return f"missing {_show(missing)}, too many {_show(extra)}"


def _place(at: str) -> str:
    return at or "/"


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
