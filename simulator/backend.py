"""Everything the simulated server is made of, apart from its listener."""

import asyncio
from pathlib import Path
import shutil
import tempfile

from .auth import Accounts
from .external import import_file
from .faults import Faults
from .files import Files
from .jobs import Jobs
from .records import RequestLog
from .store import Store


class Backend:
    """Database, files, users, misbehaviour and the log of one server."""

    def __init__(self, data_dir: Path | None) -> None:
        """Open a data folder, or a temporary one that close() removes."""
        self._temporary = data_dir is None
        self.data_dir = (
            data_dir or Path(tempfile.mkdtemp(prefix="immich-simulator-"))
        ).absolute()
        self.faults = Faults()
        self.requests = RequestLog()
        self.store = Store(self.data_dir)
        self.files = Files(self.data_dir, self.faults)
        self.accounts = Accounts(self.store)
        self.jobs = Jobs(self)

    def set_quota(self, user_id: str, quota: int | None) -> None:
        """Limit what a user may store, in bytes; None lifts the limit."""
        self.store.db.execute(
            "UPDATE users SET quota_size = ? WHERE id = ?", (quota, user_id)
        )

    def import_file(self, owner_id: str, path: Path, *, offline: bool) -> str:
        """Show a file of this machine as an external asset; return its id."""
        asset_id = import_file(self.store, owner_id, path, offline=offline)
        self.jobs.wake()
        return asset_id

    async def close(self) -> None:
        """Stop the jobs, close files and database."""
        await self.jobs.stop()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.files.close()
        self.store.close()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)
