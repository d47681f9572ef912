"""How a message reaches its targets: one module for each kind."""

from .message import Message, Progress, Skipped, SkipReason

__all__ = ["Message", "Progress", "SkipReason", "Skipped"]
