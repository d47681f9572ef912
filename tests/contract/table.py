"""The table of the contract: its cases, how they are written down, how they refer to each other.

Notation of an expected JSON value: a scalar stands for itself, an object for an object
with at least these keys, a list for a list of exactly these elements, and

- `"~string"`, `"~number"`, `"~boolean"`, `"~list"`, `"~object"`, `"~uuid"`, `"~time"`
  for any value of that type; with `?` at the end also for null; `"~any"` for anything,
  as long as the key is there;
- `{"~each": e, "~length": n, "~ids": [..]}` for a list in any order whose elements
  all look like e, of that length and with exactly those ids (the last two may be
  missing);
- `{"~set": [..]}` for a list of these scalars in any order.

References stand inside strings, also of requests:

- `{{case#/pointer}}` is the value at that place of an earlier answer, where `*` in the
  pointer takes all elements of a list; `{{case#header:name}}` and `{{case#cookie}}` are
  a header and the first cookie of it;
- `{{sha1hex:content}}`, `sha1HEX`, `sha1b64`, `sha1b64url` and `sha1b64nopad` are ways
  to write the checksum of a sample;
- `{{key:name}}` is an API key, `{{admin.email}}` and the like an account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
from typing import Any, Self

from .samples import Sample

REFERENCE = re.compile(r"\{\{((?:(?!\{\{).)+?)\}\}(?!\})", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent.

    `key` names an entry of `Table.keys`, None sends no credentials. `body` is one of
    {"json": ..}, {"parts": [[field, text or file], ..], "boundary": ..?},
    {"text": ..}, {"checksums": n}, {"uuids": n}, {"filler": bytes}. `send` changes how it
    goes over the wire: {"chunked": true}, {"first": n} (only so many bytes of the
    body), {"drop": n} (without the last n), {"declare": "sent"} (Content-Length of what
    is sent, not of the whole), {"half_close": true}, {"keep_open": true},
    {"parallel": n} (so many at once).
    """

    method: str
    path: str
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    send: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must come back.

    `status` None means that no answer comes. `body` is one of {"json": notation},
    {"content": sample, "range": [first, last]?}, {"zip": [sample, ..]}, {"text": ..},
    {"empty": true}, {"bytes": true} (anything but nothing). `size` is the length of the
    answer as compact JSON, `partial` that only some keys were recorded. `early` tells whether the answer comes before the whole body
    was sent, `continued` whether 100 Continue comes first, `statuses` are those of
    parallel requests.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    size: int | None = None
    partial: bool = False
    early: bool | None = None
    continued: bool | None = None
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One exchange.

    A `step` is not part of the contract: it prepares what the recordings do not show,
    and an `optional` one may fail. `wait` is how many seconds the case is asked again
    until the answer is right, because the server processes asynchronously.
    """

    name: str
    group: str
    request: Request
    expect: Expectation
    step: bool = False
    optional: bool = False
    wait: float = 0.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the case that a line of the table describes."""
        values = dict(data)
        expect = dict(values["expect"])
        expect["statuses"] = tuple(expect.get("statuses", ()))
        values["request"] = Request(**values["request"])
        values["expect"] = Expectation(**expect)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Return the case as the table writes it, without what is not set."""
        request = _set_fields(self.request, Request(method="", path=""))
        expect = {"status": self.expect.status}
        expect |= _set_fields(self.expect, Expectation(status=0))
        values: dict[str, Any] = {"name": self.name, "group": self.group}
        values |= {"request": request, "expect": expect}
        for key in ("step", "optional", "wait"):
            if value := getattr(self, key):
                values[key] = value
        return values


def _set_fields(value: Request | Expectation, default: object) -> dict[str, Any]:
    return {
        name: list(item) if isinstance(item, tuple) else item
        for name in type(value).__dataclass_fields__
        if (item := getattr(value, name)) != getattr(default, name)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All cases in order, the samples they send and the keys they use.

    A key is the reference to the secret in an earlier answer, `bearer` the names of
    those that are session tokens.
    """

    samples: Mapping[str, Sample]
    keys: Mapping[str, str]
    bearer: frozenset[str]
    cases: tuple[Case, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a table; raises OSError, ValueError or KeyError if it is not one."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            samples={n: Sample.from_json(s) for n, s in data["samples"].items()},
            keys=data["keys"],
            bearer=frozenset(data["bearer"]),
            cases=tuple(Case.from_json(case) for case in data["cases"]),
        )

    def dump(self) -> str:
        """Return the table as JSON with one sample and one case per line."""
        samples = {name: sample.as_json() for name, sample in self.samples.items()}
        return (
            "{\n"
            f'"keys": {_compact(self.keys)},\n'
            f'"bearer": {_compact(sorted(self.bearer))},\n'
            f'"samples": {{\n{_lines(f"{_compact(n)}: {_compact(s)}" for n, s in samples.items())}\n}},\n'
            f'"cases": [\n{_lines(_compact(case.as_json()) for case in self.cases)}\n]\n'
            "}\n"
        )


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _lines(items: Iterable[str]) -> str:
    return ",\n".join(items)


def find(value: Any, pointer: str) -> Any:
    """Return what stands at a JSON pointer; `*` takes all elements of a list.

    Raises LookupError if nothing stands there.
    """
    steps = [step for step in pointer.split("/")[1:] if step]
    for index, step in enumerate(steps):
        match value:
            case list() if step == "*":
                rest = "".join(f"/{later}" for later in steps[index + 1 :])
                return [find(element, rest) for element in value]
            case list():
                value = value[int(step)]
            case dict():
                value = value[step]
            case _:
                raise LookupError(pointer)
    return value
