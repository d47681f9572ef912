"""Files on their way through a run: which they are, and what is kept of them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .hashing import Hashed
from .ledger.rows import FileRow
from .model import Reason

# The bytes of small files that are kept from their hashing to their upload, so that a
# slow disk or network share is read once; what is beyond that is read again.
_KEPT_BYTES = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Item:
    """A content on its way to the server, with the files that have it."""

    file: FileRow
    sha1: bytes
    # All of its bytes, if they are kept.
    content: bytes | None = field(default=None, repr=False)
    # The relative path of its XMP sidecar.
    sidecar: bytes | None = None
    # Other files that turned out to have the same bytes; they go where it goes.
    twins: list[FileRow] = field(default_factory=list)
    # What is to be recorded once the server has it.
    reason: Reason = Reason.UPLOADED
    # What the server calls it, once it has it.
    asset_id: str | None = None

    @property
    def files(self) -> Sequence[FileRow]:
        """Return all files that have this content."""
        return [self.file, *self.twins]


class InFlight:
    """The files that a run has claimed and not yet let go."""

    def __init__(self, released: Callable[[], None]) -> None:
        """Begin with none; ``released`` is told whenever some are let go."""
        self._released = released
        self._claimed: set[int] = set()
        self._items: dict[bytes, Item] = {}
        self._kept = 0

    def __len__(self) -> int:
        """Return how many files there are."""
        return len(self._claimed)

    @property
    def claimed(self) -> Collection[int]:
        """Return the ledger's numbers of the files, as they are now."""
        return frozenset(self._claimed)

    def claim(self, batch: Sequence[FileRow]) -> None:
        """Take files."""
        self._claimed.update(file.id for file in batch)

    def enter(self, file: FileRow, hashed: Hashed) -> Item | None:
        """Return a claimed file as an item; None if its content is on its way already."""
        if (item := self._items.get(hashed.sha1)) is not None:
            item.twins.append(file)
            return None
        item = Item(file, hashed.sha1, sidecar=hashed.sidecar)
        self._items[hashed.sha1] = item
        if hashed.content and self._kept + len(hashed.content) <= _KEPT_BYTES:
            item.content = hashed.content
            self._kept += len(hashed.content)
        return item

    def forget_content(self, item: Item) -> None:
        """Keep an item's bytes no longer."""
        if item.content is not None:
            self._kept -= len(item.content)
            item.content = None

    def release(self, item: Item) -> None:
        """Let an item's files go."""
        self.forget_content(item)
        del self._items[item.sha1]
        self._claimed.difference_update(file.id for file in item.files)
        self._released()

    def release_file(self, file: FileRow) -> None:
        """Let a claimed file go that did not become an item."""
        self._claimed.discard(file.id)
        self._released()
