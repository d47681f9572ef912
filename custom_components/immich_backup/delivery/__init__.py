"""How a message reaches its targets: one module for each kind."""

from .message import Message, Skipped, SkipReason

__all__ = ["Message", "SkipReason", "Skipped"]
