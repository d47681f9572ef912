"""The ledger's rows as the engine sees them."""

from dataclasses import dataclass

from ..model import Fate, FileState, Proof


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a changed file from an unchanged one: bytes and nanoseconds."""

    size: int
    mtime_ns: int
    ctime_ns: int

    def as_tuple(self) -> tuple[int, int, int]:
        """Return size, mtime_ns and ctime_ns."""
        return self.size, self.mtime_ns, self.ctime_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file on its way; ``path`` is relative to its folder, in raw bytes."""

    id: int
    folder: int
    path: bytes
    stamp: Stamp
    sha1: bytes | None
    state: FileState
    existing: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRow:
    """One content of this account; ``proof_at`` in epoch seconds."""

    sha1: bytes
    size: int
    asset_id: str
    fate: Fate
    proof: Proof
    proof_at: float | None

    @property
    def proven(self) -> bool:
        """Return whether the server certainly held it, and nobody removed it since."""
        return self.proof is not Proof.NONE and self.fate is Fate.STORED


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRow:
    """What is remembered of a folder's root."""

    id: int
    root: str | None
    identity: str | None
    baseline: bool
    accepted: bool
