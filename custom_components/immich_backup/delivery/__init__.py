"""How a message reaches its targets: one module for each kind."""

from .message import GoneError, Message, Progress, Skipped, SkipReason

__all__ = ["GoneError", "Message", "Progress", "SkipReason", "Skipped"]
