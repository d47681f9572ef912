"""The ledger: one SQLite file that knows every file, content and run."""

from .store import Ledger, LedgerBusyError, LedgerError, remove_ledger

__all__ = ["Ledger", "LedgerBusyError", "LedgerError", "remove_ledger"]
