"""An Immich server that fits in one process, for tests, demo and benchmarks."""

from .faults import Action, Damage, Fault, Faults, When
from .inventory import AssetRecord, User
from .records import RequestLog, RequestRecord
from .server import Simulator

__all__ = [
    "Action",
    "AssetRecord",
    "Damage",
    "Fault",
    "Faults",
    "RequestLog",
    "RequestRecord",
    "Simulator",
    "User",
    "When",
]
