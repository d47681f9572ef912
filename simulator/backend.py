"""Everything the simulated server is made of, apart from its listener."""

from pathlib import Path
import shutil
import tempfile

from .auth import Accounts
from .faults import Faults
from .files import Files
from .records import RequestLog
from .store import Store


class Backend:
    """Database, files, users, misbehaviour and the log of one server."""

    def __init__(self, data_dir: Path | None) -> None:
        """Open a data folder, or a temporary one that close() removes."""
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="immich-simulator-"))
        self.faults = Faults()
        self.requests = RequestLog()
        self.store = Store(self.data_dir)
        self.files = Files(self.data_dir, self.faults)
        self.accounts = Accounts(self.store)

    def set_quota(self, user_id: str, quota: int | None) -> None:
        """Limit what a user may store, in bytes; None lifts the limit."""
        self.store.db.execute(
            "UPDATE users SET quota_size = ? WHERE id = ?", (quota, user_id)
        )

    def close(self) -> None:
        """Close files and database."""
        self.files.close()
        self.store.close()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)
