"""What a home remembers between demonstrations, in a file that only its owner reads."""

from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path

# Goes up when a demonstration wants more in a home than the one before it: such a home is
# made anew.
_FORMAT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The user of the home."""

    username: str
    password: str


@dataclass(slots=True, kw_only=True)
class Account:
    """A config entry that the demonstration made.

    ``key`` is the SHA-256 of the API key; ``folders`` leads from paths to subentries,
    ``notification`` is the subentry that tells those in ``told``.
    """

    entry_id: str
    url: str
    key: str
    folders: dict[str, str] = field(default_factory=dict)
    notification: str | None = None
    told: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class HomeState:
    """The memory of one home; ``complete`` is the format of it once all was there.

    ``server_port`` and ``server_key`` belong to the simulated server, ``phone_port`` and
    ``phone_webhook`` to the phone, ``tv_host`` to the TV; ``accounts`` are known by the
    ids of their Immich users.
    """

    path: Path
    complete: int = 0
    login: Login | None = None
    port: int | None = None
    server_port: int | None = None
    server_key: str | None = None
    phone_port: int | None = None
    phone_webhook: str | None = None
    tv_host: str | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> HomeState:
        """Return what is remembered, or nothing of a new home."""
        if not path.exists():
            return cls(path=path)
        data = json.loads(path.read_text(encoding="utf-8"))
        login = data.pop("login")
        accounts = data.pop("accounts")
        return cls(
            path=path,
            login=Login(**login) if login else None,
            accounts={user: Account(**account) for user, account in accounts.items()},
            **data,
        )

    @property
    def is_complete(self) -> bool:
        """Return whether the home has everything that this demonstration wants."""
        return self.complete == _FORMAT

    def note_complete(self) -> None:
        """Remember that the home has everything."""
        self.complete = _FORMAT
        self.save()

    def forget_home(self) -> None:
        """Forget what was known of a home that is no more; the server's data stays."""
        self.accounts.clear()
        self.phone_webhook = None

    def save(self) -> None:
        """Write everything; a crash leaves the old or the new file, never half of one."""
        data = asdict(self)
        del data["path"]
        new = self.path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
        new.replace(self.path)

    def folders(self) -> set[Path]:
        """Return all folders that were added."""
        return {
            Path(path) for account in self.accounts.values() for path in account.folders
        }
