"""The engine's vocabulary: folders, states, reasons and what is reported of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from .organise.arrangement import Arrangement
from .rules import MediaKind, RuleSet


class Detection(StrEnum):
    """How a folder learns of new files."""

    AUTO = "auto"
    EVENTS = "events"
    POLLING = "polling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A watched folder as its owner configured it.

    ``path`` is absolute and without links; ``settle_seconds`` is how long a file must
    stay unchanged. ``new_media`` starts a run when wanted files arrive. It is overdue
    when no run succeeded for ``overdue_seconds``; unless its runs have a fixed time
    (``scheduled``), it is not as long as there is nothing to do. None: never.
    ``arrangement`` is what its stored files get on the server, ``rule_arrangements``
    what those get beside it that a rule (its name) wanted.
    """

    id: str
    name: str
    path: str
    rules: RuleSet
    recursive: bool = True
    detection: Detection = Detection.AUTO
    include_existing: bool = True
    new_media: bool = True
    settle_seconds: float = 10.0
    scheduled: bool = False
    overdue_seconds: float | None = None
    arrangement: Arrangement = Arrangement()
    rule_arrangements: Mapping[str, Arrangement] = field(default_factory=dict)

    @property
    def arranged(self) -> bool:
        """Return whether some of its files are organised."""
        return bool(self.arrangement) or any(self.rule_arrangements.values())

    @property
    def decides_by_sidecars(self) -> bool:
        """Return whether its rules may ask for what sidecars say."""
        return self.arrangement.sidecars and self.rules.looks_beside

    @property
    def rules_version(self) -> str:
        """Return a word that changes exactly when a decision about a file might."""
        only = self.arrangement.only
        kept = (f"{kind}={only[kind].first}" for kind in sorted(only))
        return " ".join((self.rules.version, *kept))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a folder's files are read, and by which version of its rules it is tended.

    ``rules_version`` is None where no rules decide.
    """

    root: bytes
    rules_version: str | None


class FileState(StrEnum):
    """Where a file is on its way; each is described in the README."""

    SETTLING = "settling"
    UNWANTED = "unwanted"
    WAITING = "waiting"
    FAILED = "failed"
    PARKED = "parked"
    PROTECTED = "protected"
    DECLINED = "declined"
    GONE = "gone"


# The states of a present file that its owner wants backed up.
WANTED_STATES = frozenset(
    (
        FileState.WAITING,
        FileState.FAILED,
        FileState.PARKED,
        FileState.PROTECTED,
        FileState.DECLINED,
    )
)


class Fate(StrEnum):
    """What became of a content on the server."""

    STORED = "stored"
    DECLINED = "declined"


class Proof(StrEnum):
    """How we know that the server holds a content."""

    NONE = "none"
    CONFIRMED = "confirmed"


class Reason(StrEnum):
    """Why a file is in its state; the sentence for people is in ``texts``."""

    NEW = "new"
    CHANGED = "changed"
    RULE = "rule"
    KIND = "kind"
    EXTENSION = "extension"
    SIDECAR = "sidecar"
    EXISTING = "existing"
    UNDECIDED = "undecided"
    OTHER_KEPT = "other_kept"
    OTHER_AWAITED = "other_awaited"
    QUEUED = "queued"
    ON_SERVER = "on_server"
    UPLOADED = "uploaded"
    TRASHED = "trashed"
    DELETED = "deleted"
    PROOF_LOST = "proof_lost"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    READ_ERROR = "read_error"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    SERVER_ERROR = "server_error"
    CONNECTION = "connection"
    NOT_VERIFIED = "not_verified"
    MISSING = "missing"


class FolderStatus(StrEnum):
    """What a folder is doing or waiting for."""

    IDLE = "idle"
    SCANNING = "scanning"
    BACKING_UP = "backing_up"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"


class FolderTrouble(StrEnum):
    """Why a folder is unavailable."""

    MISSING = "missing"
    NOT_A_DIRECTORY = "not_a_directory"
    NOT_ALLOWED = "not_allowed"
    UNREADABLE = "unreadable"
    SUDDENLY_EMPTY = "suddenly_empty"
    OTHER_FILE_SYSTEM = "other_file_system"


class EngineStatus(StrEnum):
    """What the whole account is doing or waiting for."""

    IDLE = "idle"
    SCANNING = "scanning"
    BACKING_UP = "backing_up"
    WAITING = "waiting"
    PAUSED = "paused"
    OFFLINE = "offline"
    ERROR = "error"


class Halt(StrEnum):
    """Why nothing can be uploaded until a person does something."""

    UNAUTHORISED = "unauthorised"
    PERMISSION = "permission"
    QUOTA = "quota"
    SERVER_TOO_OLD = "server_too_old"
    OTHER_USER = "other_user"
    LEDGER = "ledger"


class RunTrigger(StrEnum):
    """What started a run."""

    NEW_MEDIA = "new_media"
    SCHEDULE = "schedule"
    TRIGGER = "trigger"
    MANUAL = "manual"
    RETRY = "retry"
    UPLOAD = "upload"


class RunOutcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    STOPPED = "stopped"
    # Nothing more could be done until its conditions are true, or a pause is over.
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Files and bytes by state."""

    files: Mapping[FileState, int] = field(default_factory=dict)
    bytes: Mapping[FileState, int] = field(default_factory=dict)

    def count(self, *states: FileState) -> int:
        """Return the number of files in these states."""
        return sum(self.files.get(state, 0) for state in states)

    def size(self, *states: FileState) -> int:
        """Return the bytes of the files in these states."""
        return sum(self.bytes.get(state, 0) for state in states)

    @property
    def present(self) -> int:
        """Return the number of files that are there."""
        return sum(n for state, n in self.files.items() if state is not FileState.GONE)

    @property
    def wanted(self) -> int:
        """Return the number of files that a rule wants, the declined ones included."""
        return self.count(*WANTED_STATES)

    @property
    def protected_share(self) -> float | None:
        """Return protected / (present, wanted, not declined) in percent, or None."""
        total = self.wanted - self.count(FileState.DECLINED)
        if total == 0:
            return None
        return 100 * self.count(FileState.PROTECTED) / total


@dataclass(slots=True, kw_only=True)
class RunCounts:
    """What happened in a run: files, and bytes sent."""

    uploaded: int = 0
    duplicates: int = 0
    declined: int = 0
    failed: int = 0
    superseded: int = 0
    uploaded_bytes: int = 0

    def add(self, other: RunCounts) -> None:
        """Add what another part of the run counted."""
        for count in fields(self):
            name = count.name
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True, kw_only=True)
class Stored:
    """What was newly stored: files, bytes, and the last few files, the newest last."""

    files: int = 0
    bytes: int = 0
    latest: list[str] = field(default_factory=list)

    def copy(self) -> Stored:
        """Return a copy that does not change with this one."""
        return replace(self, latest=[*self.latest])


@dataclass(slots=True, kw_only=True)
class RunPart:
    """What happened in one folder; the first few files by their relative paths.

    ``stored`` says what was newly stored of each kind of media, None being a kind that
    is not known. Once the run ended, ``failed`` counts all files that are wanted and
    could not be stored, in this run or before, ``trouble`` says why none could be read,
    and ``waiting_for`` what must become true before those that wait are sent.
    """

    counts: RunCounts = field(default_factory=RunCounts)
    trouble: FolderTrouble | None = None
    waiting_for: Sequence[str] = ()
    stored: dict[MediaKind | None, Stored] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    # The assets (their ids) of the files that were stored last.
    assets: list[str] = field(default_factory=list)

    def copy(self) -> RunPart:
        """Return a copy that does not change with this one.

        A run may have hundreds of parts, which are copied every few seconds.
        """
        return replace(
            self,
            counts=replace(self.counts),
            stored={kind: stored.copy() for kind, stored in self.stored.items()},
            examples=[*self.examples],
            failing=[*self.failing],
            assets=[*self.assets],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run, finished or not; times are seconds since the epoch.

    ``parts`` holds the folders in which something happened; a run that is read from the
    ledger has none.
    """

    id: str
    trigger: RunTrigger
    folders: tuple[str, ...]
    started: float
    finished: float | None
    outcome: RunOutcome | None
    counts: RunCounts
    examples: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    error: str | None = None
    parts: Mapping[str, RunPart] = field(default_factory=dict)

    def part(self, folder_id: str) -> RunPart:
        """Return what happened in one folder, maybe nothing."""
        return self.parts.get(folder_id) or RunPart()

    @property
    def waiting_for(self) -> Sequence[str]:
        """Return what must become true before the files that wait are sent."""
        return list(
            dict.fromkeys(
                reason for part in self.parts.values() for reason in part.waiting_for
            )
        )

    @property
    def unavailable(self) -> Sequence[str]:
        """Return the folders (their ids) that could not be read."""
        return [key for key, part in self.parts.items() if part.trouble is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """All that the ledger knows of one file; times are seconds since the epoch."""

    folder: str
    path: str
    size: int
    modified: float
    state: FileState
    reason: Reason
    detail: str | None
    rule: str | None
    criterion: str | None
    sha1: str | None
    asset_id: str | None
    proof: Proof | None
    proof_at: float | None
    attempts: int
    next_try: float | None
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An album's name and tags (`Home/Doorbell`) for one upload."""

    album: str | None = None
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return self.album is not None or bool(self.tags)
