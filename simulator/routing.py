"""The table of endpoints: method, path, permission, and what a handler is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .auth import Auth, Need
from .body import Body
from .errors import ApiError
from .faults import Fault
from .validation import UNDEFINED, Check, fields, uuid, validate

if TYPE_CHECKING:
    from .backend import Backend

PREFIX = "/api"
_UUID = uuid()


@dataclass(slots=True, kw_only=True)
class Call:
    """A request on its way through a handler."""

    backend: Backend
    request: web.BaseRequest
    body: Body
    params: dict[str, str] = field(default_factory=dict)
    lies: list[Fault] = field(default_factory=list)
    json: Any = UNDEFINED
    signed_in: Auth | None = None

    @property
    def auth(self) -> Auth:
        """Return who asks; 401 where nobody signed in."""
        if self.signed_in is None:
            raise ApiError(401, "Authentication required")
        return self.signed_in

    def id(self, name: str = "id") -> str:
        """Return a path parameter that must be a UUID."""
        checked: dict[str, str] = validate(self.params, fields(**{name: _UUID}))
        return checked[name]

    def dto(self, check: Check) -> Any:
        """Return the checked JSON body."""
        return validate(self.json, check)

    def query(self, check: Check) -> Any:
        """Return the checked query; a repeated parameter is a list."""
        values: dict[str, Any] = {}
        for name in self.request.query:
            found = self.request.query.getall(name)
            values[name] = found[0] if len(found) == 1 else found
        return validate(values, check)


type Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table."""

    handler: Handler
    status: int
    public: bool
    admin: bool
    need: Need


class Routes:
    """Endpoints by method and path; `{name}` in a path stands for one segment."""

    def __init__(self) -> None:
        """Start with an empty table."""
        self._fixed: dict[tuple[str, str], Endpoint] = {}
        self._open: dict[tuple[str, int], list[tuple[list[str], Endpoint]]] = {}

    def add(
        self,
        method: str,
        path: str,
        *,
        need: Need = "all",
        status: int | None = None,
        admin: bool = False,
        public: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register a handler; need is the permission that an API key must have."""

        def register(handler: Handler) -> Handler:
            endpoint = Endpoint(
                handler=handler,
                status=status or (201 if method == "POST" else 200),
                public=public,
                admin=admin,
                need=need,
            )
            full = PREFIX + path
            if "{" in path:
                parts = full.split("/")
                self._open.setdefault((method, len(parts)), []).append(
                    (parts, endpoint)
                )
            else:
                self._fixed[method, full] = endpoint
            return handler

        return register

    def include(self, other: Routes) -> None:
        """Take over all endpoints of another table."""
        self._fixed.update(other._fixed)
        for key, entries in other._open.items():
            self._open.setdefault(key, []).extend(entries)

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Return the endpoint for a request with its path parameters."""
        if method == "HEAD":
            method = "GET"
        if endpoint := self._fixed.get((method, path)):
            return endpoint, {}
        parts = path.split("/")
        for pattern, endpoint in self._open.get((method, len(parts)), ()):
            params: dict[str, str] = {}
            for want, have in zip(pattern, parts, strict=True):
                if want.startswith("{"):
                    params[want[1:-1]] = have
                elif want != have:
                    break
            else:
                return endpoint, params
        return None
