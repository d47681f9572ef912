"""Checks of what clients send, with the errors that zod reports."""

from collections.abc import Callable, Sequence
import json
import math
import re
from typing import Any, Final, override

from .errors import ApiError
from .times import ISO_DATETIME_PATTERN, is_iso_datetime

type Path = tuple[str | int, ...]
type Issue = dict[str, Any]
type Check = Callable[[Any, Path, list[Issue]], Any]


class _Undefined:
    """The type of a value that was not sent at all."""

    @override
    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()
MAX_SAFE_INTEGER = 2**53 - 1

UUID_PATTERN = (
    r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-"
    r"[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"
)
EMAIL_PATTERN = (
    r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@"
    r"([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
)
_UUID = re.compile(UUID_PATTERN, re.ASCII)
_EMAIL = re.compile(EMAIL_PATTERN, re.ASCII)


def validate(value: Any, check: Check) -> Any:
    """Return the checked value, or raise the answer 400 with all issues."""
    issues: list[Issue] = []
    result = check(value, (), issues)
    if issues:
        raise ApiError(400, "Validation failed", extra={"errors": issues})
    return result


def type_name(value: Any) -> str:
    """Return what JavaScript and zod call the type of a JSON value."""
    match value:
        case _Undefined():
            return "undefined"
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "NaN" if isinstance(value, float) and math.isnan(value) else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def invalid_type(expected: str, value: Any, path: Path) -> Issue:
    """Return the issue of a value of the wrong type."""
    return {
        "expected": expected,
        "code": "invalid_type",
        "path": list(path),
        "message": f"Invalid input: expected {expected}, received {type_name(value)}",
    }


def _invalid_format(name: str, pattern: str, path: Path, message: str) -> Issue:
    return {
        "origin": "string",
        "code": "invalid_format",
        "format": name,
        "pattern": f"/{pattern}/",
        "path": list(path),
        "message": message,
    }


def _bound(
    origin: str, limit: str, bound: float, path: Path, message: str, *, low: bool
) -> Issue:
    return {
        "origin": origin,
        "code": "too_small" if low else "too_big",
        limit: bound,
        "inclusive": True,
        "path": list(path),
        "message": message,
    }


def string(*, min_length: int = 0) -> Check:
    """Accept a text."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, str):
            issues.append(invalid_type("string", value, path))
        elif len(value) < min_length:
            issues.append(
                _bound(
                    "string",
                    "minimum",
                    min_length,
                    path,
                    f"Too small: expected string to have >={min_length} characters",
                    low=True,
                )
            )
        return value

    return check


def uuid() -> Check:
    """Accept a version 4 UUID; the result is in lower case."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, str):
            issues.append(invalid_type("string", value, path))
        elif not _UUID.fullmatch(value):
            issues.append(_invalid_format("uuid", UUID_PATTERN, path, "Invalid UUID"))
        else:
            return value.lower()
        return value

    return check


def email() -> Check:
    """Accept an e-mail address; the result is in lower case."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, str):
            issues.append(invalid_type("string", value, path))
        elif not _EMAIL.fullmatch(value):
            issues.append(
                _invalid_format("email", EMAIL_PATTERN, path, "Invalid email address")
            )
        else:
            return value.lower()
        return value

    return check


def iso_datetime() -> Check:
    """Accept an ISO 8601 date and time with a zone; the result is the text."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        message = (
            "Invalid input: expected ISO 8601 datetime string, received "
            f"{type_name(value)}"
        )
        if not isinstance(value, str):
            issues.append(
                {
                    "expected": "string",
                    "code": "invalid_type",
                    "path": list(path),
                    "message": message,
                }
            )
        elif not is_iso_datetime(value):
            issues.append(
                _invalid_format("datetime", ISO_DATETIME_PATTERN, path, message)
            )
        return value

    return check


def boolean() -> Check:
    """Accept a JSON boolean."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, bool):
            issues.append(invalid_type("boolean", value, path))
        return value

    return check


def string_boolean() -> Check:
    """Accept exactly the texts `true` and `false` (query and form fields)."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if value is True or value is False:
            return value
        if value not in ("true", "false"):
            issues.append(
                {
                    "code": "invalid_value",
                    "expected": "stringbool",
                    "values": ["true", "false"],
                    "path": list(path),
                    "message": 'Invalid option: expected one of "true"|"false"',
                }
            )
        return value == "true"

    return check


def one_of(values: Sequence[str]) -> Check:
    """Accept one of these texts."""
    listed = "|".join(f'"{value}"' for value in values)
    allowed = frozenset(values)

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, str) or value not in allowed:
            issues.append(
                {
                    "code": "invalid_value",
                    "values": list(values),
                    "path": list(path),
                    "message": f"Invalid option: expected one of {listed}",
                }
            )
        return value

    return check


def number(
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    integer: bool = False,
    coerce: bool = False,
) -> Check:
    """Accept a number; with coerce also a text that JavaScript's Number() takes."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if coerce and isinstance(value, str):
            value = _js_number(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            issues.append(invalid_type("number", value, path))
            return value
        if isinstance(value, float) and math.isnan(value):
            issue = invalid_type("number", value, path)
            issues.append(
                {
                    "expected": issue["expected"],
                    "code": issue["code"],
                    "received": "NaN",
                    "path": issue["path"],
                    "message": issue["message"],
                }
            )
            return value
        if integer:
            if not float(value).is_integer():
                issues.append(
                    {
                        "expected": "int",
                        "format": "safeint",
                        "code": "invalid_type",
                        "path": list(path),
                        "message": "Invalid input: expected int, received number",
                    }
                )
                return value
            value = int(value)
        if minimum is not None and value < minimum:
            message = f"Too small: expected number to be >={minimum}"
            issues.append(_bound("number", "minimum", minimum, path, message, low=True))
        if maximum is not None and value > maximum:
            message = f"Too big: expected number to be <={maximum}"
            issues.append(
                _bound("number", "maximum", maximum, path, message, low=False)
            )
        return value

    return check


def _js_number(text: str) -> float:
    """Return what JavaScript's Number() makes of a text."""
    stripped = text.strip()
    if not stripped:
        return 0
    if re.fullmatch(r"[+-]?\d+", stripped, re.ASCII):
        return int(stripped)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", stripped, re.ASCII):
        return float(stripped)
    return math.nan


def array(item: Check, *, min_items: int = 0, unique: bool = False) -> Check:
    """Accept a list whose items pass; unique drops repeated items."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, list):
            issues.append(invalid_type("array", value, path))
            return value
        result = [
            item(entry, (*path, index), issues) for index, entry in enumerate(value)
        ]
        if len(value) < min_items:
            message = f"Too small: expected array to have >={min_items} items"
            issues.append(
                _bound("array", "minimum", min_items, path, message, low=True)
            )
        return list(dict.fromkeys(result)) if unique and not issues else result

    return check


def record() -> Check:
    """Accept any JSON object."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, dict):
            issues.append(invalid_type("object", value, path))
        return value

    return check


def optional(inner: Check, *, nullable: bool = False) -> Check:
    """Accept a value that was not sent, and with nullable also null."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if value is UNDEFINED or (nullable and value is None):
            return value
        return inner(value, path, issues)

    return check


def json_text(inner: Check) -> Check:
    """Accept a text that holds JSON which passes inner."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                message = "Invalid input: expected JSON string, received string"
                issues.append(
                    {"code": "custom", "message": message, "path": list(path)}
                )
                return value
        return inner(value, path, issues)

    return check


def query_list(inner: Check) -> Check:
    """Accept a query parameter that may be repeated."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        return inner([value] if isinstance(value, str) else value, path, issues)

    return check


def fields(**checks: Check) -> Check:
    """Accept an object with these fields; unknown fields are dropped silently."""

    def check(value: Any, path: Path, issues: list[Issue]) -> Any:
        if not isinstance(value, dict):
            issues.append(invalid_type("object", value, path))
            return value
        result: dict[str, Any] = {}
        for name, field in checks.items():
            entry = field(value.get(name, UNDEFINED), (*path, name), issues)
            if entry is not UNDEFINED:
                result[name] = entry
        return result

    return check
