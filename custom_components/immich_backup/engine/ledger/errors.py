"""What can go wrong with the ledger as a whole."""


class LedgerError(Exception):
    """The ledger can't be used (disk full, read-only, closed); nothing was recorded."""


class LedgerBusyError(LedgerError):
    """Another engine has this ledger open."""
