"""What the engine tells whoever listens, as typed events."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
import logging

from .model import FolderTrouble, Halt, RunReport

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began."""

    run: RunReport


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run stored more files; at most one every 10 s."""

    run: RunReport


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run ended; its report holds the outcome."""

    run: RunReport


@dataclass(frozen=True, slots=True)
class FolderChanged:
    """A folder became unavailable (``trouble``) or available again (None)."""

    folder: str
    trouble: FolderTrouble | None


@dataclass(frozen=True, slots=True)
class FolderOverdue:
    """A folder became ``overdue`` for a backup, or is not any more."""

    folder: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class PollingFallback:
    """A folder that wanted file system events is polled, and why."""

    folder: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoldersOverlap:
    """Two folders have files in common: one lies in the other, maybe by a mount."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class ServerChanged:
    """The server became unreachable (``error``) or answers again (None)."""

    error: str | None


@dataclass(frozen=True, slots=True)
class Halted:
    """Uploads stopped until a person acts, or go on again (None)."""

    halt: Halt | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class FileTooLarge:
    """Something between us and the server refused a body of this many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class ProofsLost:
    """The server no longer holds this many contents; their files wait again."""

    count: int


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Something countable changed; ask the engine for the numbers."""


type Event = (
    RunStarted
    | RunProgress
    | RunFinished
    | FolderChanged
    | FolderOverdue
    | PollingFallback
    | FoldersOverlap
    | ServerChanged
    | Halted
    | FileTooLarge
    | ProofsLost
    | StatusChanged
)


class Listeners:
    """Those whom the engine tells; one that fails keeps nothing from the others."""

    def __init__(self) -> None:
        """Begin with none."""
        self._listeners: list[Callable[[Event], None]] = []

    def add(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call a function for every event, in the loop; returns how to end it."""
        self._listeners.append(listener)

        def remove() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return remove

    def tell(self, event: Event) -> None:
        """Tell all listeners; what one of them raises is logged."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                _LOGGER.exception("Unexpected error in a listener")
