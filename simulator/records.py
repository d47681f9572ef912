"""What clients asked: a log of the latest requests and counts of all of them."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_KEPT = 20_000


@dataclass(slots=True, kw_only=True)
class RequestRecord:
    """One request; status is None as long as it was not answered."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    received: int = 0  # bytes of the body that the server has read
    status: int | None = None


@dataclass(slots=True)
class RequestLog:
    """The latest requests, oldest first, with the number of all."""

    count: int = 0
    _latest: deque[RequestRecord] = field(
        default_factory=lambda: deque(maxlen=_KEPT), repr=False
    )

    def __iter__(self) -> Iterator[RequestRecord]:
        """Go through the latest requests."""
        return iter(tuple(self._latest))

    def __len__(self) -> int:
        """Return how many of the latest requests are kept."""
        return len(self._latest)

    def add(self, record: RequestRecord) -> None:
        """Keep a request that has just arrived."""
        self.count += 1
        self._latest.append(record)

    def clear(self) -> None:
        """Forget everything."""
        self.count = 0
        self._latest.clear()

    def matching(self, method: str, path: str) -> list[RequestRecord]:
        """Return the kept requests of one method and path."""
        return [r for r in self._latest if r.method == method and r.path == path]

    def summary(self) -> list[dict[str, Any]]:
        """Return count, bytes and statuses of the kept requests per method and path."""
        counts: Counter[tuple[str, str]] = Counter()
        received: Counter[tuple[str, str]] = Counter()
        statuses: dict[tuple[str, str], Counter[str]] = {}
        for record in self._latest:
            key = (record.method, record.path)
            counts[key] += 1
            received[key] += record.received
            statuses.setdefault(key, Counter())[str(record.status)] += 1
        return [
            {
                "method": method,
                "path": path,
                "count": count,
                "bytesReceived": received[method, path],
                "statuses": dict(statuses[method, path]),
            }
            for (method, path), count in sorted(counts.items())
        ]
