"""Misbehaviour on demand: what may go wrong between a client and a server."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
import random
import re
from typing import Any, Final


class Action(StrEnum):
    """What a fault does to a request."""

    LATENCY = "latency"  # wait for `seconds`, then go on
    THROTTLE = "throttle"  # read the body with `rate` bytes per second
    CLOSE = "close"  # close the connection
    RESET = "reset"  # reset the connection (RST)
    HANG = "hang"  # never answer
    RESPOND = "respond"  # give another answer
    CUT_ANSWER = "cut_answer"  # close after `at_byte` bytes of the answer's body
    FORGET = "forget"  # upload: 201, nothing is stored
    DUPLICATE = "duplicate"  # upload: 200 duplicate of `asset_id`, which is unknown
    ALTER = "alter"  # upload: other bytes are stored, see `damage`


class When(StrEnum):
    """When a fault strikes."""

    BEFORE = "before"  # as soon as the headers are there, or at `at_byte` of the body
    BODY = "body"  # when the whole body was received; it is thrown away
    AFTER = "after"  # when everything was done and committed, instead of the answer


class Damage(StrEnum):
    """How ALTER damages the bytes of an upload."""

    FLIP = "flip"  # one bit differs
    TAIL = "tail"  # the last byte is missing


LIES: Final = frozenset({Action.FORGET, Action.DUPLICATE, Action.ALTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """An answer as a proxy or a broken server gives it."""

    status: int
    headers: Mapping[str, str]
    body: str


def _html(status: int, title: str) -> Canned:
    """Return an error page as nginx writes it."""
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return Canned(
        status=status,
        headers={"Server": "nginx", "Content-Type": "text/html"},
        body=page,
    )


_JSON = {"Content-Type": "application/json; charset=utf-8"}

CANNED: Final[Mapping[str, Canned]] = {
    "too-large": _html(413, "413 Request Entity Too Large"),
    "bad-gateway": _html(502, "502 Bad Gateway"),
    "unavailable": _html(503, "503 Service Temporarily Unavailable"),
    "gateway-timeout": _html(504, "504 Gateway Time-out"),
    "rate-limited": Canned(
        status=429,
        headers={"Server": "nginx", "Content-Type": "text/html", "Retry-After": "1"},
        body=_html(429, "429 Too Many Requests").body,
    ),
    "internal-error": Canned(
        status=500, headers=_JSON, body='{"message":"Internal server error"}'
    ),
    "html-page": Canned(
        status=200,
        headers={"Content-Type": "text/html; charset=utf-8"},
        body="<!doctype html><title>Welcome</title><p>Please log in.</p>",
    ),
    "invalid-json": Canned(status=200, headers=_JSON, body='{"id":"0b7d'),
    "redirect": Canned(status=302, headers={"Location": "/"}, body=""),
}


def _check_pattern(pattern: str) -> None:
    """Raise ValueError for what is no regular expression."""
    try:
        re.compile(pattern)
    except re.PatternError as err:
        raise ValueError(f"{pattern!r} is no pattern: {err}") from err


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of misbehaviour, for the requests that match.

    A request matches when method, path and header do; `path` is a prefix,
    `path_regex` is searched in the path, `header` is a pair of a name and a regular
    expression. Of the matching requests `skip` are spared, then each is struck with
    `probability` (drawn from `seed`) until `times` were struck.
    """

    action: Action
    when: When = When.BEFORE
    method: str | None = None
    path: str | None = None
    path_regex: str | None = None
    header: tuple[str, str] | None = None
    body_over: int | None = None  # only requests that announce a larger body, bytes
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    rate: int = 0  # bytes per second
    at_byte: int = 0
    canned: str | None = None
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    keep_alive: bool = True
    asset_id: str | None = None
    damage: Damage = Damage.FLIP
    on_disk: bool = False  # ALTER after hashing: the checksum is right, the bytes not
    seen: int = 0
    struck: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        """Normalise what came from JSON; ValueError says what is wrong."""
        self.action = Action(self.action)
        self.when = When(self.when)
        self.damage = Damage(self.damage)
        if self.header is not None:
            name, pattern = self.header
            _check_pattern(pattern)
            self.header = (name, pattern)
        if self.path_regex is not None:
            _check_pattern(self.path_regex)
        if self.canned is not None and self.canned not in CANNED:
            raise ValueError(f"canned must be one of {', '.join(CANNED)}")
        if self.action is Action.THROTTLE and self.rate <= 0:
            raise ValueError("throttle needs a rate in bytes per second")
        self._random = random.Random(self.seed)

    def strikes(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        """Count this request if it matches, and say whether the fault strikes it."""
        if not self._matches(method, path, headers):
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def _matches(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        if self.method is not None and method != self.method.upper():
            return False
        if self.path is not None and not path.startswith(self.path):
            return False
        if self.path_regex is not None and not re.search(self.path_regex, path):
            return False
        if self.header is not None:
            name, pattern = self.header
            value = headers.get(name)
            if value is None or not re.search(pattern, value):
                return False
        if self.body_over is not None:
            return int(headers.get("Content-Length") or 0) > self.body_over
        return True

    @property
    def cuts_body(self) -> bool:
        """Say whether the connection breaks while the body is being read."""
        return (
            self.action in (Action.CLOSE, Action.RESET)
            and self.when is When.BEFORE
            and self.at_byte > 0
        )

    def answer(self) -> Canned:
        """Return the answer that RESPOND gives."""
        if self.canned is None:
            return Canned(status=self.status, headers=self.headers, body=self.body)
        canned = CANNED[self.canned]
        return Canned(
            status=canned.status,
            headers={**canned.headers, **self.headers},
            body=self.body or canned.body,
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields with the counters."""
        values = asdict(self)
        del values["_random"]
        return values


_FAULT_FIELDS = frozenset(
    entry.name for entry in fields(Fault) if not entry.name.startswith("_")
) - {"seen", "struck"}


def fault_from_json(values: Mapping[str, Any]) -> Fault:
    """Return the fault that a JSON object describes; ValueError if it does not."""
    if unknown := values.keys() - _FAULT_FIELDS:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    try:
        return Fault(**values)
    except TypeError as err:
        raise ValueError(str(err)) from err


@dataclass(slots=True, kw_only=True)
class Faults:
    """All misbehaviour that is switched on at present."""

    active: list[Fault] = field(default_factory=list)
    maintenance: bool = False
    database_down: bool = False
    disk_full: bool = False
    version: str = "3.0.3"
    _released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on; several may strike one request."""
        self.active.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Switch one fault off."""
        self.active.remove(fault)

    def clear(self) -> None:
        """Switch everything off and let hanging requests go."""
        self.active.clear()
        self.maintenance = self.database_down = self.disk_full = False
        self.version = "3.0.3"
        self.release()

    def match(self, method: str, path: str, headers: Mapping[str, str]) -> list[Fault]:
        """Return the faults that strike this request, in the order of the list."""
        return [fault for fault in self.active if fault.strikes(method, path, headers)]

    async def hang(self) -> None:
        """Wait until the faults are cleared or the server stops."""
        await self._released.wait()

    def release(self) -> None:
        """Let the requests go that hang at present; their connections close."""
        self._released.set()
        self._released = asyncio.Event()

    def state(self) -> dict[str, Any]:
        """Return what is switched on, for the hidden endpoint."""
        return {
            "faults": [fault.as_json() for fault in self.active],
            "maintenance": self.maintenance,
            "databaseDown": self.database_down,
            "diskFull": self.disk_full,
            "version": self.version,
        }
