"""The ledger: one SQLite file that knows every file, content and run."""

from .errors import LedgerBusyError, LedgerError
from .opening import remove_ledger
from .store import Ledger

__all__ = ["Ledger", "LedgerBusyError", "LedgerError", "remove_ledger"]
